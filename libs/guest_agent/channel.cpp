// SPDX-License-Identifier: MIT
#include "guest_agent/channel.h"

#include "common/checked.h"
#include "common/sizes.h"

#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

#include <linux/vm_sockets.h> // older ones want sys/socket.h in front of them

namespace emu::guest_agent {

namespace {

constexpr int backlog = 1;
constexpr int first_passed_descriptor = 3; // SD_LISTEN_FDS_START

Result<Fd> open_virtio(const std::string& path) {
    // O_ASYNC is not wanted: the loop polls the port.
    return Fd::open(path, O_RDWR | O_NONBLOCK | O_NOCTTY);
}

/// Raw, 38400 baud, no echo, as a line to another program has to be.
Result<Fd> open_serial(const std::string& path) {
    Fd fd = EMU_TRY(Fd::open(path, O_RDWR | O_NONBLOCK | O_NOCTTY));
    termios line{};
    if (tcgetattr(fd.get(), &line) < 0) return fail_errno(errno, path);
    cfmakeraw(&line);
    line.c_cflag |= CREAD | CLOCAL | CS8;
    line.c_cc[VMIN] = 1;
    line.c_cc[VTIME] = 0;
    cfsetspeed(&line, B38400);
    if (tcsetattr(fd.get(), TCSANOW, &line) < 0) return fail_errno(errno, path);
    tcflush(fd.get(), TCIFLUSH);
    return fd;
}

Result<Fd> listen_on(Fd fd, const sockaddr* address, socklen_t size, const std::string& path) {
    if (bind(fd.get(), address, size) < 0 || listen(fd.get(), backlog) < 0) return fail_errno(errno, path);
    return fd;
}

/// A socket that nobody serves any more is replaced; one that is in use, or any other file, stays.
void remove_stale_socket(const sockaddr_un& address) {
    struct stat status{};
    if (lstat(address.sun_path, &status) < 0 || !S_ISSOCK(status.st_mode)) return;
    Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 && errno == ECONNREFUSED) unlink(address.sun_path);
}

Result<Fd> open_unix(const std::string& path) {
    if (path.empty()) return fail(Error{EINVAL, "unix-listen needs a path", "-path"});
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, path);
    std::memcpy(address.sun_path, path.data(), path.size());
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_errno(errno, "socket");
    remove_stale_socket(address);
    return listen_on(std::move(fd), reinterpret_cast<sockaddr*>(&address), sizeof address, path);
}

Result<Fd> open_vsock(const std::string& path) {
    const VsockAddress wanted = EMU_TRY(parse_vsock(path));
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = wanted.cid;
    address.svm_port = wanted.port;
    Fd fd(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_errno(errno, "vsock");
    return listen_on(std::move(fd), reinterpret_cast<sockaddr*>(&address), sizeof address, path);
}

constexpr Method methods[] = {
    {"virtio-serial", false, false, open_virtio},
    {"isa-serial", false, true, open_serial},
    {"unix-listen", true, false, open_unix},
    {"vsock-listen", true, false, open_vsock},
};

Result<u32> vsock_part(std::string_view text, std::string_view what) {
    auto number = parse_number(text);
    auto narrow = number ? checked_cast<u32>(*number) : std::nullopt;
    if (!narrow) return fail(Error{EINVAL, fmt::format("'{}' is no vsock {}", text, what), "CID:PORT, 4294967295 as CID is any"});
    return *narrow;
}

} // namespace

Result<const Method*> find_method(std::string_view name) {
    for (const Method& method : methods)
        if (method.name == name) return &method;
    return fail(Error{EINVAL, fmt::format("unsupported channel method '{}'", name), "virtio-serial, isa-serial, unix-listen or vsock-listen"});
}

Result<VsockAddress> parse_vsock(std::string_view text) {
    const usize colon = text.find(':');
    const u32 cid = EMU_TRY(vsock_part(text.substr(0, colon), "CID"));
    const u32 port = EMU_TRY(vsock_part(colon == text.npos ? "" : text.substr(colon + 1), "port"));
    return VsockAddress{cid, port};
}

Result<Fd> activation_socket() {
    const char *pid = std::getenv("LISTEN_PID"), *count = std::getenv("LISTEN_FDS");
    if (!pid || !count || std::to_string(getpid()) != pid) return Fd();
    const std::string number = count;
    unsetenv("LISTEN_PID"), unsetenv("LISTEN_FDS"), unsetenv("LISTEN_FDNAMES");
    if (number != "1") return fail(EINVAL, fmt::format("{} sockets were passed, one is wanted", number));
    Fd fd(first_passed_descriptor);
    const int flags = fcntl(fd.get(), F_GETFL);
    if (flags < 0 || fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd.get(), F_SETFD, FD_CLOEXEC) < 0) {
        const int error = errno;
        if (flags < 0) (void)fd.release();
        return fail_errno(error, "the passed socket");
    }
    return fd;
}

} // namespace emu::guest_agent
