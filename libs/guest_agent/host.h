// SPDX-License-Identifier: MIT
// The machine the agent works on: its system files, programs and clock. Tests point `root` to a tree of their own and put
// functions that only take notes in the place of those that act.
#pragma once
#include "guest_agent/subprocess.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace emu::guest_agent {

struct Host {
    /// Put in front of /sys, /proc, /etc, /dev and /run.
    std::string root;
    /// Run a program to its end, `input` on its standard input.
    std::function<Result<Finished>(const std::vector<std::string>& command, std::string_view input)> run = run_program;
    /// Set the system clock to nanoseconds since the epoch.
    std::function<Result<void>(s64 nanoseconds)> set_clock = set_system_clock;

    std::string path(std::string_view system_path) const { return root + std::string(system_path); }
    /// A whole (small) file, at most a few MiB of it.
    Result<std::string> read(std::string_view system_path) const;
    /// The same without surrounding white space, or "" where it cannot be read.
    std::string read_word(std::string_view system_path) const;
    Result<u64> read_number(std::string_view system_path) const;
    /// One write(2), as sysfs wants it.
    Result<void> write(std::string_view system_path, std::string_view text) const;
    /// Names in a directory, sorted; empty if there is none.
    std::vector<std::string> list(std::string_view system_path) const;
    bool exists(std::string_view system_path) const;
    /// Where links lead, without `root`; "" if nowhere.
    std::string resolve(std::string_view system_path) const;

    /// Run a program that is expected to succeed; its complaint becomes the error.
    Result<void> run_well(const std::vector<std::string>& command, std::string_view input = {}) const;

    static Result<void> set_system_clock(s64 nanoseconds);
};

} // namespace emu::guest_agent
