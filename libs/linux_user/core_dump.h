// SPDX-License-Identifier: MIT
// A core file of the guest: what the guest's own kernel would have written when it dies of a signal.
#pragma once
#include "linux_user/signal_types.h"

#include <string>

namespace emu::linux_user {

class Thread;

/// Write "emu_PROGRAM_DATE-TIME_PID.core" into the current directory, as far as RLIMIT_CORE lets. True if it is there.
bool dump_core(Thread& dying, const SignalInfo& info);
std::string core_file_name(const std::string& program, long seconds, int pid);

} // namespace emu::linux_user
