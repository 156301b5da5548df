// SPDX-License-Identifier: MIT
#include "guest_agent/log.h"

#include <fmt/format.h>
#include <time.h>

namespace emu::guest_agent {

Result<Log> Log::open(const std::string& file, bool verbose) {
    Log log;
    log.verbose_ = verbose;
    if (!file.empty()) log.file_ = EMU_TRY(Fd::open(file, O_WRONLY | O_CREAT | O_APPEND, 0644));
    return log;
}

void Log::write(Level level, std::string_view text) {
    static constexpr std::string_view names[] = {"critical", "warning", "info", "debug"};
    if (paused_ || (level >= Level::info && !verbose_)) return;
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const std::string line = fmt::format("{}.{:06}: {}: {}\n", s64(now.tv_sec), now.tv_nsec / 1000, names[usize(level)], text);
    (void)!::write(file_ ? file_.get() : STDERR_FILENO, line.data(), line.size());
}

} // namespace emu::guest_agent
