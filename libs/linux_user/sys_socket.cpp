// SPDX-License-Identifier: MIT
// Socket calls with structures that hold pointers. Addresses and options have the same layout in all ABIs.
#include "linux_user/process.h"
#include "linux_user/vectors.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace emu::linux_user {
namespace {
constexpr unsigned most_messages = 1024; // UIO_MAXIOV, the kernel's bound
}

s64 sys_sendmsg(Call& call) {
    Message message;
    if (s64 result = load_message(call, call.a[1], Transfer::from_guest, message)) return result;
    return call.pass(call.a[0], host_pointer(&message.header), call.a[2]);
}

s64 sys_recvmsg(Call& call) {
    Message message;
    if (s64 result = load_message(call, call.a[1], Transfer::to_guest, message)) return result;
    s64 size = call.pass(call.a[0], host_pointer(&message.header), call.a[2]);
    return size >= 0 && !store_message(call, message) ? -EFAULT : size;
}

namespace {

/// sendmmsg and recvmmsg: struct mmsghdr is a message header and the number of bytes.
s64 many_messages(Call& call, Transfer transfer, u64 timeout_at) {
    const unsigned count = std::min(u32(call.a[2]), most_messages);
    const usize header = message_size(call.abi.model), size = (header + 4 + call.abi.model.word - 1) / call.abi.model.word * call.abi.model.word;
    std::vector<Message> messages(count);
    std::vector<mmsghdr> headers(count);
    for (unsigned i = 0; i < count; i++) {
        if (s64 result = load_message(call, call.a[1] + i * size, transfer, messages[i])) return result;
        headers[i] = {messages[i].header, 0};
    }
    s64 done = call.pass(call.a[0], host_pointer(headers.data()), count, call.a[3], timeout_at);
    for (s64 i = 0; i < done; i++) {
        Message& message = messages[usize(i)];
        message.header = headers[usize(i)].msg_hdr;
        if (transfer == Transfer::to_guest && !store_message(call, message)) return -EFAULT;
        if (!call.store<u32>(message.guest + header, headers[usize(i)].msg_len)) return -EFAULT;
    }
    return done;
}

} // namespace

s64 sys_sendmmsg(Call& call) { return many_messages(call, Transfer::from_guest, 0); }

s64 sys_recvmmsg(Call& call) {
    timespec timeout;
    if (call.a[4] && !call.load_struct("WW", call.a[4], timeout)) return -EFAULT;
    s64 done = many_messages(call, Transfer::to_guest, call.a[4] ? host_pointer(&timeout) : 0);
    if (done >= 0 && call.a[4] && !call.store_struct("WW", call.a[4], timeout)) return -EFAULT;
    return done;
}

s64 sys_setsockopt(Call& call) {
    if (!call.space.contains(call.a[3], u32(call.a[4]))) return -EFAULT;
    return call.pass(call.a[0], call.a[1], call.a[2], host_pointer(call.host(call.a[3])), call.a[4]);
}

s64 sys_getsockopt(Call& call) {
    auto size = call.load<u32>(call.a[4]);
    if (!size) return -EFAULT;
    if (!call.space.contains(call.a[3], *size)) return -EFAULT;
    call.space.prepare_write(call.a[3], *size);
    socklen_t length = *size;
    s64 result = call.pass(call.a[0], call.a[1], call.a[2], host_pointer(call.host(call.a[3])), host_pointer(&length));
    return result >= 0 && !call.store<u32>(call.a[4], length) ? -EFAULT : result;
}

} // namespace emu::linux_user
