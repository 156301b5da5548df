// SPDX-License-Identifier: MIT
// Going to the background as servers do: a child in a session of its own, with /dev/null for its standard streams, while the
// parent waits until the child is ready (or has failed) and exits with the matching status.
#pragma once
#include "common/fd.h"
#include "common/result.h"

#include <string>

namespace emu {

class Daemon {
public:
    /// Fork. Returns in the child only; the parent exits 0 when ready() is called, 1 when the child ends before.
    static Result<Daemon> start();
    /// Write the PID file (if the name is not empty), change to the root directory, let go of the terminal and of the parent.
    Result<void> ready(const std::string& pid_file);

private:
    explicit Daemon(Fd parent) : parent_(std::move(parent)) {}
    Fd parent_;
};

/// Create `path` holding our PID and a newline.
Result<void> write_pid_file(const std::string& path);

} // namespace emu
