// SPDX-License-Identifier: MIT
// Progress of a long operation (-p), for people on a terminal and for scripts that read "(12.34/100%)".
#pragma once
#include "common/types.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>

namespace emu {

/// Counts work done against a total, from any thread, and prints at most every 100 ms. On a terminal the line also carries
/// rate and time left.
class Progress {
public:
    using Clock = std::chrono::steady_clock;
    /// `out` null: count only.
    Progress(u64 total, std::FILE* out, bool terminal);
    ~Progress();
    Progress(const Progress&) = delete;

    void add(u64 done);
    void set_total(u64 total) { total_ = total; }
    /// Print the final state and a newline; nothing is printed afterwards.
    void finish();
    double percent() const;

    /// The text of one line, without the carriage return.
    static std::string line(u64 done, u64 total, double seconds, bool terminal);

private:
    void print();
    std::atomic<u64> done_{0}, total_;
    std::FILE* out_;
    bool terminal_, finished_ = false;
    Clock::time_point start_, last_;
    std::mutex mutex_;
};

} // namespace emu
