// SPDX-License-Identifier: MIT
#include "block/protocols/sheepdog_wire.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace emu::block::sheepdog {
namespace {

Result<Fd> connect_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, fmt::format("the socket's path '{}' is too long", path));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return fail_errno(errno, path);
    return fd;
}

Result<Fd> connect_tcp(const std::string& host, const std::string& port) {
    addrinfo wish{}, *found = nullptr;
    wish.ai_socktype = SOCK_STREAM;
    if (const int status = ::getaddrinfo(host.c_str(), port.c_str(), &wish, &found); status != 0) return fail(EIO, fmt::format("{}: {}", host, ::gai_strerror(status)));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
    int error = ECONNREFUSED;
    for (const addrinfo* at = list.get(); at; at = at->ai_next) {
        Fd fd(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol));
        if (fd && ::connect(fd.get(), at->ai_addr, at->ai_addrlen) == 0) {
            const int on = 1;
            ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return fd;
        }
        error = errno;
    }
    return fail_errno(error, fmt::format("{}:{}", host, port));
}

struct Text {
    u32 code;
    int number;
    std::string_view text;
};
constexpr Text texts[] = {
    {0x02, ENOENT, "no such object"},     {0x03, EIO, "input/output error of the server"}, {0x04, EEXIST, "the disk exists already"},
    {0x05, EINVAL, "invalid parameters"}, {0x06, EIO, "system error of the server"},       {0x07, EBUSY, "the disk is locked by another client"},
    {0x08, ENOENT, "no such disk"},       {0x09, ENOENT, "no base disk"},                  {0x0a, EIO, "the inode cannot be read"},
    {0x0b, EIO, "the inode cannot be written"}, {0x0e, ENOENT, "no such snapshot"},        {0x0f, EAGAIN, "the cluster is starting"},
    {0x11, ESHUTDOWN, "the cluster is shutting down"}, {0x12, ENOMEM, "no memory in the server"}, {0x13, ENOSPC, "there are too many disks"},
    {0x14, EPROTO, "the server speaks another version"}, {0x15, ENOSPC, "no space in the cluster"}, {0x16, EAGAIN, "the cluster has not been formatted"},
    {0x19, EIO, "the cluster has halted"}, {0x1a, EROFS, "the object is read-only"},
};

} // namespace

Error error_of(u32 result, std::string_view what) {
    const auto* at = std::find_if(std::begin(texts), std::end(texts), [&](const Text& t) { return t.code == result; });
    if (at == std::end(texts)) return Error{EIO, fmt::format("{}: error {:#x} of the server", what, result), {}};
    return Error{at->number, fmt::format("{}: {}", what, at->text), {}};
}

Result<std::unique_ptr<Connection>> Connection::open(const Address& a) {
    Fd fd = EMU_TRY(a.path.empty() ? connect_tcp(a.host, a.port) : connect_unix(a.path));
    return std::unique_ptr<Connection>(new Connection(std::move(fd)));
}

Result<void> Connection::send_all(ConstBytes from) {
    while (!from.empty()) {
        const ssize_t put = ::send(socket_.get(), from.data(), from.size(), MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return fail_errno(errno, "the server");
        from = from.subspan(usize(put));
    }
    return {};
}

Result<void> Connection::receive_all(Bytes to) {
    while (!to.empty()) {
        const ssize_t got = ::recv(socket_.get(), to.data(), to.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(errno, "the server");
        if (got == 0) return fail(ECONNRESET, "the server closed the connection");
        to = to.subspan(usize(got));
    }
    return {};
}

Result<Answer> Connection::exchange(Header& h, Op op, u16 flags, ConstBytes from, Bytes to) {
    h[0] = protocol_version;
    h[1] = u8(op);
    put_le16(h, 2, flags);
    const u32 id = next_id_++;
    put_le32(h, 8, id);
    put_le32(h, 12, u32(from.empty() ? to.size() : from.size()));
    EMU_CHECK(send_all(h));
    EMU_CHECK(send_all(from));
    Header answer{};
    EMU_CHECK(receive_all(answer));
    if (le32(answer, 8) != id) return fail(EPROTO, "the server answered another request");
    const u32 length = le32(answer, 12);
    if (length > to.size()) return fail(EPROTO, fmt::format("the server sent {} bytes where {} were asked for", length, to.size()));
    EMU_CHECK(receive_all(to.first(length)));
    const u32 result = le32(answer, 16);
    if (result == ok) std::fill(to.begin() + length, to.end(), u8(0)); // objects are stored without their zero tail
    return Answer{result, le32(answer, 24)};
}

Result<Answer> Connection::object(Op op, u16 flags, const Object& what, ConstBytes from, Bytes to) {
    Header h{};
    put_le64(h, 16, what.id);
    put_le64(h, 24, what.copied_from);
    h[32] = what.copies;
    h[33] = what.copy_policy;
    put_le64(h, 40, what.offset);
    return exchange(h, op, flags, from, to);
}

Result<Answer> Connection::disk(Op op, u16 flags, const Disk& what, ConstBytes from) {
    Header h{};
    put_le64(h, 16, what.size);
    put_le32(h, 24, what.base_id);
    h[28] = what.copies;
    put_le32(h, 32, what.snapshot);
    return exchange(h, op, flags, from, {});
}

} // namespace emu::block::sheepdog
