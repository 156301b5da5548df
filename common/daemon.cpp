// SPDX-License-Identifier: MIT
#include "common/daemon.h"

#include <array>
#include <cstdlib>
#include <sys/wait.h>

namespace emu {

Result<Daemon> Daemon::start() {
    std::array<int, 2> ends;
    if (pipe2(ends.data(), O_CLOEXEC) < 0) return fail_errno(errno, "pipe");
    Fd reader(ends[0]), writer(ends[1]);
    pid_t child = fork();
    if (child < 0) return fail_errno(errno, "fork");
    if (child > 0) {
        writer.reset();
        char byte;
        ssize_t got;
        do got = read(reader.get(), &byte, 1);
        while (got < 0 && errno == EINTR);
        _exit(got == 1 ? 0 : 1);
    }
    if (setsid() < 0) return fail_errno(errno, "setsid");
    return Daemon(std::move(writer));
}

Result<void> write_pid_file(const std::string& path) {
    Fd fd = EMU_TRY(Fd::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    const std::string text = std::to_string(getpid()) + "\n";
    if (write(fd.get(), text.data(), text.size()) != ssize_t(text.size())) return fail_errno(errno, path);
    return {};
}

Result<void> Daemon::ready(const std::string& pid_file) {
    if (!pid_file.empty()) EMU_CHECK(write_pid_file(pid_file));
    if (chdir("/") < 0) return fail_errno(errno, "/");
    Fd null = EMU_TRY(Fd::open("/dev/null", O_RDWR));
    for (int stream = 0; stream < 3; stream++) dup2(null.get(), stream);
    const char byte = 0;
    if (write(parent_.get(), &byte, 1) != 1) return fail_errno(errno, "pipe");
    parent_.reset();
    return {};
}

} // namespace emu
