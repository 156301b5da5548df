// SPDX-License-Identifier: MIT
// A PID file that stays locked while its process lives (lockf(3)), so that a second agent notices.
#pragma once
#include "common/fd.h"

namespace emu::guest_agent {

class PidFile {
public:
    static Result<PidFile> create(const std::string& path);
    ~PidFile();
    PidFile(PidFile&&) = default;
    PidFile& operator=(PidFile&&) = delete;

private:
    PidFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    Fd fd_;
    std::string path_;
};

} // namespace emu::guest_agent
