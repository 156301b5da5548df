// SPDX-License-Identifier: MIT
// Signals in the guest's terms, independent of layout. Signal numbers are the guest's; masks have bit (number - 1).
#pragma once
#include "common/types.h"

#include <csignal>

namespace emu::linux_user {

inline constexpr int signal_count = 64;
constexpr u64 signal_bit(int signal) { return u64(1) << (signal - 1); }
/// The two that cannot be caught, blocked or ignored.
inline constexpr u64 unblockable = signal_bit(SIGKILL) | signal_bit(SIGSTOP);

inline constexpr u64 handler_default = 0, handler_ignore = 1;

struct SignalAction {
    u64 handler = handler_default; ///< guest address, or one of the two above
    u64 flags = 0, restorer = 0, mask = 0;
};

inline constexpr u32 autodisarm = 1u << 31; ///< SS_AUTODISARM

struct AltStack {
    u64 base = 0, size = 0;
    u32 flags = SS_DISABLE;
    bool on(u64 stack_pointer) const { return !(flags & SS_DISABLE) && stack_pointer > base && stack_pointer - base <= size; }
};

/// siginfo_t: the host's structure, whose 64-bit layout is everybody's; addresses in it are the guest's.
using SignalInfo = siginfo_t;

} // namespace emu::linux_user
