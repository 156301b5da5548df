// SPDX-License-Identifier: MIT
#include "common/signals.h"

#include <csignal>
#include <sys/signalfd.h>

namespace emu {

Result<StopOnSignals> StopOnSignals::create(EventLoop& loop, std::initializer_list<int> more) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    for (int each : more) sigaddset(&set, each);
    if (sigprocmask(SIG_BLOCK, &set, nullptr) < 0) return fail_errno(errno, "sigprocmask");
    Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return fail_errno(errno, "signalfd");
    EMU_CHECK(loop.watch(fd.get(), EventLoop::readable, [&loop](u32) { loop.stop(); }));
    return StopOnSignals(std::move(fd));
}

} // namespace emu
