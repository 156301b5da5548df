// SPDX-License-Identifier: MIT
// siginfo_t of the guest (include/uapi/asm-generic/siginfo.h): 128 bytes everywhere; on 32-bit ABIs the union starts four
// bytes earlier and its pointers and clocks are narrower.
#pragma once
#include "linux_user/layout.h"
#include "linux_user/signal_types.h"

namespace emu::linux_user {

inline constexpr usize siginfo_size = 128;

void put_siginfo(Bytes to, const SignalInfo& info, const DataModel& model);
SignalInfo get_siginfo(ConstBytes from, const DataModel& model);

} // namespace emu::linux_user
