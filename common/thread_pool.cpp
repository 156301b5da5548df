// SPDX-License-Identifier: MIT
#include "common/thread_pool.h"

#include <algorithm>
#include <atomic>

namespace emu {

ThreadPool::ThreadPool(unsigned threads) {
    if (!threads) threads = std::max(1u, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < threads; i++) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
}

void ThreadPool::submit(std::function<void()> job) {
    {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(job));
    }
    wake_.notify_one();
}

void ThreadPool::wait() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return queue_.empty() && !busy_; });
}

void ThreadPool::for_each_index(usize count, const std::function<void(usize)>& fn) {
    std::atomic<usize> next{0};
    std::mutex done_mutex;
    std::condition_variable done;
    usize running = std::min<usize>(size(), count);
    const usize jobs = running;
    for (usize i = 0; i < jobs; i++)
        submit([&] {
            for (usize index; (index = next.fetch_add(1)) < count;) fn(index);
            std::lock_guard lock(done_mutex);
            if (--running == 0) done.notify_all();
        });
    std::unique_lock lock(done_mutex);
    done.wait(lock, [&] { return running == 0; });
}

void ThreadPool::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        auto job = std::move(queue_.front());
        queue_.pop_front();
        busy_++;
        lock.unlock();
        job();
        lock.lock();
        busy_--;
        if (queue_.empty() && !busy_) idle_.notify_all();
    }
}

} // namespace emu
