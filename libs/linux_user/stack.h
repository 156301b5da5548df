// SPDX-License-Identifier: MIT
// The first stack of a program: argc, argv, envp, the auxiliary vector, and what they point to (System V psABI 3.4.1).
#pragma once
#include "linux_user/abi.h"
#include "linux_user/address_space.h"

#include <string>
#include <vector>

namespace emu::linux_user {

struct AuxEntry {
    u64 key, value;
};

struct StackContents {
    std::vector<std::string> argv, environment;
    std::string execfn, platform;
    std::array<u8, 16> random{};
    /// Without those that point into the stack (RANDOM, EXECFN, PLATFORM) and the end.
    std::vector<AuxEntry> aux;
    bool flat = false; ///< bFLT: the addresses of argv and envp behind argc, and no auxiliary vector
};

struct BuiltStack {
    u64 pointer = 0;          ///< of argc
    std::vector<u8> aux;      ///< the vector as written
};

/// Build below `top` in mapped memory of at least `room` bytes.
Result<BuiltStack> build_stack(AddressSpace& space, const DataModel& model, u64 top, u64 room, const StackContents& contents);

} // namespace emu::linux_user
