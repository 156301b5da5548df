// SPDX-License-Identifier: MIT
// What the log says of a guest's threads (-d int, guest_errors, unimp, cpu_reset). Nothing is printed, and little done, where the
// item is off.
#pragma once
#include "common/log.h"
#include "cpu/vcpu.h"
#include "linux_user/signal_types.h"

namespace emu::linux_user {

class Thread;

/// The registers that a program or a thread begins with.
void log_reset(Thread& thread);
/// An instruction did not complete, for this reason, and the signal is the consequence.
void log_fault(Thread& thread, const cpu::Stop& stop, const SignalInfo& info);
/// What becomes of a signal.
void log_signal(Thread& thread, const SignalInfo& info, const SignalAction& action);
/// The memory for a signal frame is not there; or what sigreturn found is no frame.
void log_bad_frame(Thread& thread, int signal, u64 stack_pointer);
void log_bad_return(Thread& thread);

/// What the guest asked for is not in any of our tables: it may be the guest's error or ours.
template <class... T> void log_unknown(fmt::format_string<T...> format, T&&... arguments) {
    if (log::enabled(log::Item::unimp, log::Item::guest_errors)) log::print(format, arguments...);
}

} // namespace emu::linux_user
