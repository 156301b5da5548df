// SPDX-License-Identifier: MIT
// The agent's log: "seconds.microseconds: level: text" on stderr or in a file, silent while file systems are frozen (a write
// to a frozen file system would never return).
#pragma once
#include "common/fd.h"
#include "common/result.h"

#include <string>
#include <string_view>

namespace emu::guest_agent {

enum class Level : u8 { critical, warning, info, debug };

class Log {
public:
    /// Appends to `file`, or writes to stderr if that is empty. `info` and `debug` only when verbose.
    static Result<Log> open(const std::string& file, bool verbose);
    Log() = default;

    void write(Level level, std::string_view text);
    void critical(std::string_view text) { write(Level::critical, text); }
    void warning(std::string_view text) { write(Level::warning, text); }
    void info(std::string_view text) { write(Level::info, text); }
    void debug(std::string_view text) { write(Level::debug, text); }
    void pause(bool paused) { paused_ = paused; }

private:
    Fd file_;   ///< empty: stderr
    bool verbose_ = false, paused_ = false;
};

} // namespace emu::guest_agent
