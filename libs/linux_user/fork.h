// SPDX-License-Identifier: MIT
// clone(): a host thread for a guest thread, fork for a guest process.
#pragma once
#include "linux_user/syscall.h"

namespace emu::linux_user {

struct CloneRequest {
    u64 flags = 0; ///< CLONE_*, the same in all ABIs
    int exit_signal = 0;
    u64 stack = 0; ///< 0: the parent's
    u64 parent_tid = 0, child_tid = 0, tls = 0, pidfd = 0;
};
s64 clone_guest(Call& call, const CloneRequest& request);

} // namespace emu::linux_user
