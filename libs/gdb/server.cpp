// SPDX-License-Identifier: MIT
#include "gdb/server.h"

#include <arpa/inet.h>
#include <cstdlib>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace emu::gdb {
namespace {

bool is_number(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == text.npos; }

Result<Fd> listen_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, path + ": too long for a socket");
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return fail_errno(errno, "socket");
    ::unlink(path.c_str());
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || ::listen(fd.get(), 1) < 0)
        return fail_errno(errno, path);
    return fd;
}

/// Addresses are numbers here: programs without shared libraries cannot look names up.
Result<Fd> listen_tcp(std::string host, const std::string& port) {
    if (host == "localhost") host = "127.0.0.1";
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    const unsigned long number = std::strtoul(port.c_str(), nullptr, 10);
    if (port.size() > 5 || number > 65535) return fail(EINVAL, port + " is no port");
    sockaddr_storage address{};
    socklen_t size;
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    if (host.empty() || ::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(u16(number));
        size = sizeof v4;
    } else if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(u16(number));
        size = sizeof v6;
    } else {
        return fail(EINVAL, host + " is no address");
    }
    Fd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return fail_errno(errno, "socket");
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) < 0 || ::listen(fd.get(), 1) < 0)
        return fail_errno(errno, "port " + port);
    return fd;
}

} // namespace

Result<Fd> listen_at(const std::string& where) {
    if (is_number(where)) return listen_tcp("127.0.0.1", where);
    const usize colon = where.rfind(':');
    if (colon != where.npos && where.find('/') == where.npos && is_number(where.substr(colon + 1)))
        return listen_tcp(where.substr(0, colon), where.substr(colon + 1));
    return listen_unix(where);
}

Result<Fd> accept_at(Fd listener) {
    int fd;
    do fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return fail_errno(errno, "accept");
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return Fd(fd);
}

bool Server::send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(connection_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(usize(n));
    }
    return true;
}

bool Server::send(std::string_view payload) {
    last_sent_ = packet(payload);
    return send_raw(last_sent_);
}

bool Server::take(const PacketReader::Item& item) {
    using Kind = PacketReader::Kind;
    switch (item.kind) {
    case Kind::acknowledged: return true;
    case Kind::refused: return send_raw(last_sent_);
    case Kind::broken: return !session_.acknowledges() || send_raw("-");
    case Kind::interrupt:
        if (session_.running()) target_.interrupt();
        return true;
    case Kind::packet: break;
    }
    if (session_.acknowledges() && !send_raw("+")) return false;
    const auto reply = session_.handle(item.payload);
    if (reply && !send(*reply)) return false;
    if (std::string_view(item.payload).starts_with("vKill")) target_.kill();
    if (session_.over()) return false;
    return report();
}

/// Tell a stop that gdb waits for.
bool Server::report() {
    if (!held_) held_ = target_.take_event();
    if (!held_) return true;
    const bool farewell = held_->kind == StopEvent::Kind::exited || held_->kind == StopEvent::Kind::killed;
    if (!session_.running() && !farewell) return true;
    const StopEvent event = *std::exchange(held_, std::nullopt);
    const bool sent = send(session_.stop_reply(event));
    target_.event_sent(event);
    return sent && !farewell;
}

bool Server::receive() {
    u8 bytes[4096];
    const ssize_t n = ::recv(connection_.get(), bytes, sizeof bytes, 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (n <= 0) return false;
    reader_.feed(ConstBytes(bytes, usize(n)));
    while (auto item = reader_.next())
        if (!take(*item)) return false;
    return true;
}

void Server::run() {
    for (;;) {
        pollfd watched[] = {{connection_.get(), POLLIN, 0}, {target_.event_descriptor(), POLLIN, 0}};
        if (::poll(watched, 2, -1) < 0 && errno != EINTR) break;
        if (watched[1].revents && !report()) break;
        if (watched[0].revents && !receive()) break;
    }
    if (!session_.over()) target_.detach();
}

} // namespace emu::gdb
