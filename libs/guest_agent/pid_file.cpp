// SPDX-License-Identifier: MIT
#include "guest_agent/pid_file.h"

#include <fmt/format.h>

namespace emu::guest_agent {

Result<PidFile> PidFile::create(const std::string& path) {
    Fd fd = EMU_TRY(Fd::open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (lockf(fd.get(), F_TLOCK, 0) < 0) return fail(errno, path + ": another agent holds the lock");
    const std::string text = fmt::format("{}\n", getpid());
    if (ftruncate(fd.get(), 0) < 0 || write(fd.get(), text.data(), text.size()) != ssize_t(text.size())) return fail_errno(errno, path);
    return PidFile(std::move(fd), path);
}

PidFile::~PidFile() {
    if (fd_) unlink(path_.c_str());
}

} // namespace emu::guest_agent
