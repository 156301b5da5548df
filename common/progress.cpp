// SPDX-License-Identifier: MIT
#include "common/progress.h"

#include "common/sizes.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu {

Progress::Progress(u64 total, std::FILE* out, bool terminal)
    : total_(total), out_(out), terminal_(terminal), start_(Clock::now()), last_(start_) {}

Progress::~Progress() { finish(); }

double Progress::percent() const {
    const u64 total = total_, done = done_;
    return total ? std::min(100.0, 100.0 * double(done) / double(total)) : 100.0;
}

std::string Progress::line(u64 done, u64 total, double seconds, bool terminal) {
    double percent = total ? std::min(100.0, 100.0 * double(done) / double(total)) : 100.0;
    std::string text = fmt::format("    ({:.2f}/100%)", percent);
    if (terminal && seconds > 0.5 && done) {
        double rate = double(done) / seconds;
        u64 left = u64(double(total - std::min(done, total)) / rate + 0.5);
        text += fmt::format("  {}/s  {}:{:02} left", human_size(u64(rate)), left / 60, left % 60);
    }
    return text;
}

void Progress::add(u64 done) {
    done_ += done;
    if (!out_) return;
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || finished_) return;
    const auto now = Clock::now();
    if (now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    print();
}

void Progress::print() {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    std::string text = line(done_, total_, seconds, terminal_);
    // Spaces cover a longer line before; scripts split at the carriage return.
    fmt::print(out_, "{:<{}}\r", text, terminal_ ? 60 : int(text.size()));
    std::fflush(out_);
}

void Progress::finish() {
    std::lock_guard lock(mutex_);
    if (!out_ || finished_) return;
    finished_ = true;
    print();
    fmt::print(out_, "\n");
    std::fflush(out_);
}

} // namespace emu
