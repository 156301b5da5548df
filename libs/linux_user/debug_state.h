// SPDX-License-Identifier: MIT
#pragma once
#include "linux_user/signal_types.h"

namespace emu::linux_user {

/// What the debugger keeps of a thread; under the debugger's lock.
struct DebugState {
    bool holds = false;              ///< waits in the debugger
    bool in_call = false;            ///< in a system call of the host
    bool may_run = true;             ///< has a part in the current resumption
    bool step = false;
    u64 range_start = 0, range_end = 0;
    bool stepped = false;            ///< one step is done, to be told
    int inject = 0;                  ///< signal to deliver first
    int quiet = 0;                   ///< the next such signal is gdb's own doing
    SignalInfo info{};               ///< of the signal that stopped it last
    u64 watches = 0;                 ///< generation of the watchpoints that its vCPU has
};

} // namespace emu::linux_user
