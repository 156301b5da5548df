// SPDX-License-Identifier: MIT
// A fixed set of worker threads with one queue.
#pragma once
#include "common/types.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace emu {

class ThreadPool {
public:
    /// `threads` = 0: one per host CPU.
    explicit ThreadPool(unsigned threads = 0);
    /// Runs what is queued, then stops.
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;

    unsigned size() const { return unsigned(workers_.size()); }
    /// Queue a job; jobs must not throw.
    void submit(std::function<void()> job);
    /// Wait until the queue is empty and every worker idle.
    void wait();
    /// Call fn(0) ... fn(count - 1) on the workers and wait for all of them.
    void for_each_index(usize count, const std::function<void(usize)>& fn);

private:
    void work();
    std::mutex mutex_;
    std::condition_variable wake_, idle_;
    std::deque<std::function<void()>> queue_;
    unsigned busy_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> workers_;
};

} // namespace emu
