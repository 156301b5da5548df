// SPDX-License-Identifier: MIT
// Which host file a guest's file name means: the -L prefix first, and the guest itself behind /proc/self.
#pragma once
#include "common/types.h"

#include <string>
#include <string_view>

namespace emu::linux_user {

class PathMap {
public:
    PathMap() = default;
    explicit PathMap(std::string prefix) : prefix_(std::move(prefix)) {}

    const std::string& prefix() const { return prefix_; }
    /// The guest program's own file, for /proc/self/exe.
    void set_program(std::string path) { program_ = std::move(path); }
    const std::string& program() const { return program_; }

    /// An absolute name as the host must be asked. `raw`: the name is to be made or removed, so the prefix does not count.
    std::string resolve(std::string path, bool raw = false) const;
    /// The file below the prefix, or "" where there is none.
    std::string below_prefix(std::string_view path) const;

    /// The part of "/proc/self/NAME" (or /proc/thread-self, or our own pid) that names one of our files, else "".
    static std::string_view own_proc_file(std::string_view path);

private:
    std::string prefix_, program_;
};

} // namespace emu::linux_user
