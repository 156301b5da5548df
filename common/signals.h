// SPDX-License-Identifier: MIT
// SIGINT, SIGTERM and the like as events of a loop, so that servers end by returning from run().
#pragma once
#include "common/event_loop.h"

#include <initializer_list>

namespace emu {

/// Blocks SIGINT, SIGTERM and `more`, and calls loop.stop() when one arrives. Lives as long as the loop serves it. Threads that
/// are to leave them alone start after it.
class StopOnSignals {
public:
    static Result<StopOnSignals> create(EventLoop& loop, std::initializer_list<int> more = {});

private:
    explicit StopOnSignals(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

} // namespace emu
