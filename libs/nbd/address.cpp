// SPDX-License-Identifier: MIT
#include "nbd/address.h"

#include "common/sizes.h"

#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace emu::nbd {
namespace {

constexpr int first_activated = 3; // sd_listen_fds(3)

Result<Fd> listen_at(const addrinfo& where, bool both_families) {
    Fd fd(::socket(where.ai_family, where.ai_socktype | SOCK_CLOEXEC, where.ai_protocol));
    if (!fd) return fail_errno(errno, "socket");
    const int on = 1, only6 = both_families ? 0 : 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where.ai_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6);
    if (::bind(fd.get(), where.ai_addr, where.ai_addrlen) != 0) return fail_errno(errno, "Failed to bind socket");
    // Two processes can bind one address that nobody listens on; only one can do both.
    if (::listen(fd.get(), 128) != 0) return fail_errno(errno, "Failed to listen on socket");
    return fd;
}

} // namespace

Result<std::vector<Fd>> listen_tcp(const std::string& host, u16 port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const std::string service = std::to_string(port);
    if (const int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &found);
        code != 0)
        return fail(EINVAL, fmt::format("address resolution failed for {}:{}: {}", host, service, gai_strerror(code)));
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, freeaddrinfo);
    std::vector<Fd> out;
    Result<void> worst;
    // "" means both wildcards; the IPv6 one takes IPv4 too, where there is IPv6.
    for (int family : {AF_INET6, AF_INET}) {
        for (const addrinfo* each = found; each; each = each->ai_next) {
            if (each->ai_family != family || (host.empty() && !out.empty())) continue;
            auto fd = listen_at(*each, host.empty());
            if (fd)
                out.push_back(std::move(*fd));
            else
                worst = fail(std::move(fd.error()).in(fmt::format("{}:{}", host.empty() ? "*" : host, service)));
        }
    }
    if (out.empty() && worst) return fail(EADDRNOTAVAIL, fmt::format("no address for {}:{}", host, service));
    if (out.empty()) return fail(std::move(worst.error()));
    return out;
}

Result<Fd> listen_unix(const std::string& path) {
    if (path.empty() || path[0] != '/') return fail(EINVAL, fmt::format("socket path must be absolute: '{}'", path));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(ENAMETOOLONG, fmt::format("UNIX socket path '{}' is too long, at most {} bytes", path,
                                              sizeof address.sun_path - 1));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const auto* plain = reinterpret_cast<const sockaddr*>(&address);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return fail_errno(errno, "socket");
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
        Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (probe && ::connect(probe.get(), plain, sizeof address) != 0 && errno == ECONNREFUSED)
            ::unlink(path.c_str());
    }
    if (::bind(fd.get(), plain, sizeof address) != 0)
        return fail_errno(errno, fmt::format("Failed to bind socket to {}", path));
    if (::listen(fd.get(), 128) != 0) return fail_errno(errno, "Failed to listen on socket");
    return fd;
}

Result<Fd> activated_socket() {
    const char* pid = std::getenv("LISTEN_PID");
    const char* count = std::getenv("LISTEN_FDS");
    if (!pid || !count) return Fd();
    const auto owner = parse_number(pid), number = parse_number(count);
    const bool ours = owner && *owner == u64(::getpid());
    for (const char* each : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(each);
    if (!ours || !number || !*number) return Fd();
    if (*number != 1) return fail(EINVAL, "only one socket is expected from socket activation");
    if (::fcntl(first_activated, F_SETFD, FD_CLOEXEC) != 0) return fail_errno(errno, "socket activation");
    return Fd(first_activated);
}

} // namespace emu::nbd
