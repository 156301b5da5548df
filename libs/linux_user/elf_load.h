// SPDX-License-Identifier: MIT
// Putting a program, ELF with its interpreter or bFLT, into the guest's memory.
#pragma once
#include "linux_user/abi.h"
#include "linux_user/address_space.h"
#include "linux_user/elf.h"
#include "linux_user/paths.h"

namespace emu::linux_user {

struct LoadedProgram {
    u64 entry = 0;           ///< where to start: the interpreter's, if there is one
    u64 program_entry = 0;   ///< AT_ENTRY
    u64 headers = 0;         ///< AT_PHDR
    u64 header_size = 0, header_count = 0;
    u64 interpreter_base = 0; ///< AT_BASE; 0: none
    u64 end = 0;             ///< behind the bss: the program break
    u32 flags = 0;           ///< e_flags
    bool executable_stack = false;
    std::optional<u64> flat_data; ///< it is a bFLT file, and its data is there
};

/// Load the program in `fd`. The interpreter is looked for below the prefix first.
Result<LoadedProgram> load_program(int fd, const Abi& abi, AddressSpace& space, const PathMap& paths);

/// One line for a file that is not of this architecture.
Result<void> check_architecture(const ElfHeader& header, const Abi& abi);

} // namespace emu::linux_user
