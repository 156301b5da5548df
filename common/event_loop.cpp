// SPDX-License-Identifier: MIT
#include "common/event_loop.h"

#include <algorithm>
#include <array>
#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace emu {

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
    Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return fail_errno(errno, "epoll_create1");
    Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return fail_errno(errno, "eventfd");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = wake.get();
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) < 0) return fail_errno(errno, "epoll_ctl");
    return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wake)));
}

Result<void> EventLoop::watch(int fd, u32 events, std::function<void(u32)> fn) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0) return fail_errno(errno, "epoll_ctl");
    watches_[fd] = std::make_shared<std::function<void(u32)>>(std::move(fn));
    return {};
}

Result<void> EventLoop::change(int fd, u32 events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) < 0) return fail_errno(errno, "epoll_ctl");
    return {};
}

void EventLoop::unwatch(int fd) {
    if (watches_.erase(fd)) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

u64 EventLoop::at(Clock::time_point when, std::function<void()> fn) {
    u64 id = next_timer_++;
    timers_.emplace(std::pair(when, id), std::move(fn));
    return id;
}

void EventLoop::cancel(u64 timer) {
    std::erase_if(timers_, [&](const auto& entry) { return entry.first.second == timer; });
}

void EventLoop::post(std::function<void()> fn) {
    {
        std::lock_guard lock(mutex_);
        posted_.push_back(std::move(fn));
    }
    eventfd_write(wake_.get(), 1);
}

void EventLoop::stop() {
    post([this] { stopping_ = true; });
}

Result<void> EventLoop::run() {
    stopping_ = false;
    while (!stopping_) EMU_CHECK(poll(std::chrono::milliseconds(-1)));
    return {};
}

int EventLoop::wait_time(std::chrono::milliseconds limit) const {
    if (timers_.empty()) return int(limit.count());
    auto until = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - Clock::now());
    until = std::clamp(until, std::chrono::milliseconds(0), std::chrono::milliseconds(60'000));
    return int(limit.count() < 0 ? until.count() : std::min(limit, until).count());
}

Result<bool> EventLoop::poll(std::chrono::milliseconds timeout) {
    std::array<epoll_event, 64> events;
    int count = epoll_wait(epoll_.get(), events.data(), int(events.size()), wait_time(timeout));
    if (count < 0) {
        if (errno == EINTR) return false;
        return fail_errno(errno, "epoll_wait");
    }
    bool any = run_timers();
    for (int i = 0; i < count; i++) {
        if (events[usize(i)].data.fd == wake_.get()) {
            eventfd_t value;
            eventfd_read(wake_.get(), &value);
            continue;
        }
        // A callback may unwatch this descriptor or others: look it up now, and keep it alive while it runs.
        auto at = watches_.find(events[usize(i)].data.fd);
        if (at == watches_.end()) continue;
        auto fn = at->second;
        (*fn)(events[usize(i)].events);
        any = true;
    }
    return run_posted() || any;
}

bool EventLoop::run_timers() {
    if (timers_.empty()) return false;
    bool any = false;
    const auto now = Clock::now();
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
        auto fn = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        fn();
        any = true;
    }
    return any;
}

bool EventLoop::run_posted() {
    std::vector<std::function<void()>> ready;
    {
        std::lock_guard lock(mutex_);
        ready.swap(posted_);
    }
    for (auto& fn : ready) fn();
    return !ready.empty();
}

} // namespace emu
