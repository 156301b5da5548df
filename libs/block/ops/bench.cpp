// SPDX-License-Identifier: MIT
#include "block/ops/bench.h"

#include "common/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>

namespace emu::block {
namespace {

class Bench {
public:
    Bench(Node& node, const BenchOptions& options) : node_(node), o_(options), places_((node.size() - options.size) + 1) {}
    void work();
    std::optional<Error> error;

private:
    u64 place(u64 number) const;
    Result<void> one(u64 number, Bytes buffer);

    Node& node_;
    const BenchOptions& o_;
    u64 places_;
    std::atomic<u64> next_{0};
    std::atomic<bool> stop_{false};
    std::shared_mutex running_; ///< exclusive while a flush waits for the writes before it
    std::mutex error_mutex_;
};

/// Requests go round at the end of the image.
u64 Bench::place(u64 number) const {
    return (o_.offset % places_ + number % places_ * (o_.step % places_)) % places_;
}

Result<void> Bench::one(u64 number, Bytes buffer) {
    {
        std::shared_lock running(running_);
        auto done = o_.write ? node_.write(place(number), buffer) : node_.read(place(number), buffer);
        if (!done) return done;
    }
    if (!o_.flush_interval || (number + 1) % o_.flush_interval) return {};
    if (!o_.drain) return node_.flush();
    std::unique_lock running(running_);
    return node_.flush();
}

void Bench::work() {
    std::vector<u8> buffer(o_.size, o_.pattern);
    while (!stop_) {
        const u64 number = next_++;
        if (number >= o_.count) return;
        auto done = one(number, buffer);
        if (done) continue;
        std::lock_guard lock(error_mutex_);
        if (!error) error = std::move(done.error());
        stop_ = true;
    }
}

} // namespace

Result<double> run_bench(Node& node, const BenchOptions& options) {
    Bench bench(node, options);
    // Where the bytes come out of the page cache, more threads than processors only get into each other's way.
    const bool cached = node.limits().request_alignment == 1;
    const u64 most = cached ? std::max(1u, std::thread::hardware_concurrency()) : 64;
    const unsigned threads = unsigned(std::min({options.depth, most, std::max<u64>(options.count, 1)}));
    const auto start = std::chrono::steady_clock::now();
    if (threads <= 1) bench.work();
    else ThreadPool(threads).for_each_index(threads, [&](usize) { bench.work(); });
    if (bench.error) return fail(std::move(*bench.error));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace emu::block
