// SPDX-License-Identifier: MIT
// One thread waiting for descriptors, timers and calls from other threads (epoll(7), eventfd(2)).
#pragma once
#include "common/fd.h"
#include "common/result.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace emu {

class EventLoop {
public:
    using Clock = std::chrono::steady_clock;
    enum Events : u32 { readable = 1, writable = 4, hang_up = 16 }; ///< as EPOLLIN, EPOLLOUT, EPOLLHUP

    static Result<std::unique_ptr<EventLoop>> create();

    /// Call `fn(events)` whenever one of `events` holds on `fd`. The loop does not own the descriptor.
    Result<void> watch(int fd, u32 events, std::function<void(u32)> fn);
    Result<void> change(int fd, u32 events);
    void unwatch(int fd);

    /// Call `fn` once, at `when`. The id cancels it.
    u64 at(Clock::time_point when, std::function<void()> fn);
    u64 after(Clock::duration delay, std::function<void()> fn) { return at(Clock::now() + delay, std::move(fn)); }
    void cancel(u64 timer);

    /// Thread-safe: have the loop's thread call `fn` soon.
    void post(std::function<void()> fn);
    /// Thread-safe: make run() return.
    void stop();

    /// Until stop().
    Result<void> run();
    /// One round: wait at most `timeout` (negative: as long as it takes) and call what is due. True if anything was.
    Result<bool> poll(std::chrono::milliseconds timeout);

private:
    EventLoop(Fd epoll, Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
    bool run_timers();
    bool run_posted();
    int wait_time(std::chrono::milliseconds limit) const;

    Fd epoll_, wake_;
    std::map<int, std::shared_ptr<std::function<void(u32)>>> watches_;
    std::map<std::pair<Clock::time_point, u64>, std::function<void()>> timers_;
    u64 next_timer_ = 1;
    std::mutex mutex_;
    std::vector<std::function<void()>> posted_;
    bool stopping_ = false;
};

} // namespace emu
