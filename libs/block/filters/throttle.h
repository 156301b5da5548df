// SPDX-License-Identifier: MIT
// Groups of images that share limits on bytes and requests a second; the object type "throttle-group".
#pragma once
#include "objects/table.h"

#include <chrono>
#include <mutex>

namespace emu::block {

class ThrottleGroup {
public:
    /// limits.bps-total, iops-read-max ... or the same with "x-" in front.
    static Result<std::shared_ptr<ThrottleGroup>> create(KeyValues& options);
    /// Wait until a request of `bytes` may go.
    void wait(bool write, u64 bytes);

private:
    using Clock = std::chrono::steady_clock;
    /// A bucket that leaks at `rate` a second and may be filled up to `burst` at once.
    struct Bucket {
        double rate = 0, burst = 0, level = 0;
        Clock::time_point last = Clock::now();
        double delay(double units);
    };
    std::mutex mutex_;
    Bucket buckets_[2][3]; ///< bytes, requests; total, read, write
    u64 request_size_ = 0; ///< larger requests count as several; 0: every request counts once
};

/// To be added to the table of objects.
std::span<const objects::Type> throttle_types();

} // namespace emu::block
