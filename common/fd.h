// SPDX-License-Identifier: MIT
// A file descriptor that closes itself.
#pragma once
#include "common/result.h"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace emu {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    /// open(2), close-on-exec always, retried when a signal interrupts it. The error names the path.
    static Result<Fd> open(const std::string& path, int flags, mode_t mode = 0666) {
        int fd;
        do fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
        while (fd < 0 && errno == EINTR);
        if (fd < 0) return fail_errno(errno, path);
        return Fd(fd);
    }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    /// Give the descriptor away; the caller closes it.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

/// All of it, however many calls that takes; false: errno says why not.
inline bool write_all(int fd, ConstBytes bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes = bytes.subspan(usize(n));
    }
    return true;
}

} // namespace emu
