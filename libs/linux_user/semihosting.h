// SPDX-License-Identifier: MIT
// Semihosting: what programs for bare processors ask the machine that runs them for (Arm: Semihosting for AArch32 and AArch64,
// release 2.0, "Semihosting operations").
#pragma once
#include "common/types.h"

#include <optional>

namespace emu::linux_user {

class Thread;

/// What the program sees of it from one call to the next.
struct SemihostingState {
    int error = 0;                   ///< SYS_ERRNO
    u64 heap_base = 0, heap_end = 0; ///< 0: not asked for yet
};

/// Carry out an operation with its parameter: the result register; nothing where a signal is to be delivered before it is tried again.
std::optional<u64> semihosting_call(Thread& thread, u64 operation, u64 parameter);

} // namespace emu::linux_user
