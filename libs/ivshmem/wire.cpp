// SPDX-License-Identifier: MIT
#include "ivshmem/wire.h"

#include <cstring>
#include <sys/socket.h>
#include <sys/uio.h>

namespace emu::ivshmem {

namespace {
/// Room for one descriptor, and for a few more so that surplus ones are seen (and closed) instead of cut off.
union Control {
    cmsghdr header;
    char bytes[CMSG_SPACE(8 * sizeof(int))];
};
} // namespace

Result<bool> send_message(int socket, s64 value, int fd) {
    u8 bytes[8];
    for (unsigned i = 0; i < 8; i++) bytes[i] = u8(u64(value) >> (8 * i));
    iovec vector{bytes, sizeof bytes};
    Control control{};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof fd);
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent == ssize_t(sizeof bytes)) return true;
    if (sent >= 0) return fail(EPIPE, "message cut in two"); // 8 bytes always fit a UNIX socket's buffer or not at all
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    return fail_errno(errno, "sendmsg");
}

Result<Message> Receiver::receive(int socket) {
    while (have_ < sizeof bytes_) {
        iovec vector{bytes_ + have_, sizeof bytes_ - have_};
        Control control{};
        msghdr message{};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        ssize_t got;
        do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        while (got < 0 && errno == EINTR);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return fail(ENODATA, "no whole message yet");
        if (got < 0) return fail_errno(errno, "recvmsg");
        if (got == 0) return fail(ECONNRESET, "the server closed the connection");
        have_ += usize(got);
        unsigned surplus = 0;
        for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
            const usize count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (usize i = 0; i < count; i++) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
                if (fd_) surplus++, Fd(fd).reset();
                else fd_ = Fd(fd);
            }
        }
        if (surplus) return fail(EPROTO, "a message with more than one descriptor");
    }
    have_ = 0;
    u64 value = 0;
    for (unsigned i = 0; i < 8; i++) value |= u64(bytes_[i]) << (8 * i);
    return Message{s64(value), std::move(fd_)};
}

Result<void> ring(int eventfd) {
    const u64 one = 1;
    if (write(eventfd, &one, sizeof one) == ssize_t(sizeof one) || errno == EAGAIN) return {};
    return fail_errno(errno, "eventfd");
}

u64 drain(int eventfd) {
    u64 rings = 0;
    return read(eventfd, &rings, sizeof rings) == ssize_t(sizeof rings) ? rings : 0;
}

} // namespace emu::ivshmem
