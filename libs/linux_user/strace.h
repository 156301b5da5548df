// SPDX-License-Identifier: MIT
// -strace: one line a system call, "pid name(arguments) = result", in the notation of strace(1).
#pragma once
#include "linux_user/syscall.h"

namespace emu::linux_user {

bool strace_enabled();
/// Calls that may not return, or that other threads' lines could overtake, are shown when they begin.
void strace_enter(Call& call);
void strace_leave(Call& call, s64 result);
void strace_refused(Thread& thread, u64 number, const Syscall* row, const u64 (&arguments)[6]);
void strace_signal(Thread& thread, const SignalInfo& info);

/// The arguments as shown, for tests.
std::string strace_arguments(Call& call);
std::string strace_result(const Syscall& row, s64 result);

} // namespace emu::linux_user
