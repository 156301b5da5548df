// SPDX-License-Identifier: MIT
// SIGINT and SIGTERM as events of a loop, so that servers end by returning from run().
#pragma once
#include "common/event_loop.h"

namespace emu {

/// Blocks the two signals and calls loop.stop() when one arrives. Lives as long as the loop serves it.
class StopOnSignals {
public:
    static Result<StopOnSignals> create(EventLoop& loop);

private:
    explicit StopOnSignals(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

} // namespace emu
