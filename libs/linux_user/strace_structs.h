// SPDX-License-Identifier: MIT
// Structures in -strace, member by member, for the calls that programs use most.
#pragma once
#include "linux_user/syscall.h"

namespace emu::linux_user {

/// Argument `index` of the call as text; `done`: the result, if the call is over. Nothing: show it as any other.
std::optional<std::string> strace_struct(Call& call, unsigned index, const s64* done);

} // namespace emu::linux_user
