// SPDX-License-Identifier: MIT
#include "nbd/stream.h"

#include <sys/sendfile.h>
#include <sys/socket.h>

namespace emu::nbd {
namespace {

class PlainStream final : public Stream {
public:
    explicit PlainStream(int fd) : fd_(fd) {}

    Result<std::optional<usize>> read(Bytes to) override {
        return done("recv", [&] { return ::recv(fd_, to.data(), to.size(), 0); });
    }
    Result<std::optional<usize>> write(std::span<const iovec> from, bool more) override {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(from.data());
        message.msg_iovlen = from.size();
        return done("sendmsg", [&] { return ::sendmsg(fd_, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0)); });
    }
    bool sends_files() const override { return true; }
    Result<std::optional<usize>> send_file(int file, u64 at, usize length) override {
        return done("sendfile", [&] {
            off_t place = off_t(at);
            return ::sendfile(fd_, file, &place, length);
        });
    }

private:
    template <class Call> Result<std::optional<usize>> done(const char* what, Call call) {
        ssize_t got;
        do got = call();
        while (got < 0 && errno == EINTR);
        if (got >= 0) return usize(got);
        if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
        return fail_errno(errno, what);
    }
    int fd_;
};

} // namespace

std::unique_ptr<Stream> plain_stream(int fd) { return std::make_unique<PlainStream>(fd); }

} // namespace emu::nbd
