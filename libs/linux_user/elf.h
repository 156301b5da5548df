// SPDX-License-Identifier: MIT
// Reading ELF executables (System V gABI chapters 4 and 5): both classes, both byte orders, every field checked before it is
// used. Nothing is mapped here; elf_load.h does that.
#pragma once
#include "common/bytes.h"
#include "common/result.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace emu::linux_user {

/// Random access to the bytes of a file: fills `to` from `offset`, false where the file does not hold them.
struct ElfSource {
    u64 size = 0;
    std::function<bool(u64 offset, Bytes to)> read;
};
ElfSource elf_source(ConstBytes image);
/// Of an open file; its size is asked once. Fails on what is not a regular file.
Result<ElfSource> elf_source(int fd);

struct ElfHeader {
    bool is64 = false;
    Endian order = Endian::little;
    u8 os_abi = 0;
    u16 type = 0, machine = 0;
    u32 flags = 0;
    u64 entry = 0, program_headers = 0;
    u16 program_header_size = 0, program_header_count = 0;
};

enum : u16 { elf_type_exec = 2, elf_type_dyn = 3 };

struct ElfSegment {
    u64 offset = 0, address = 0, file_size = 0, memory_size = 0;
    int prot = 0; ///< PROT_*
};

struct ElfImage {
    ElfHeader header;
    std::vector<ElfSegment> segments; ///< PT_LOAD, by address
    std::optional<std::string> interpreter;
    bool executable_stack = false;
    u64 low = 0, high = 0;              ///< page-rounded addresses around all segments
    u64 alignment = 0;                  ///< largest p_align
    std::optional<u64> headers_address; ///< where the program headers are in memory, if a segment holds them
};

/// The first bytes of a file, enough to tell whose program it is.
inline constexpr usize elf_header_size = 64;
Result<ElfHeader> parse_elf_header(ByteView head);

/// The whole of what loading needs. `page` is the guest's page size, `limit` the end of its address space.
Result<ElfImage> parse_elf(const ElfSource& source, u64 page, u64 limit);

/// "x86_64", "machine 123": for messages.
std::string elf_machine_name(u16 machine);

} // namespace emu::linux_user
