// SPDX-License-Identifier: MIT
// Socket calls with structures that hold pointers. Addresses, and most options, have the same layout in all ABIs.
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

/// The message cannot be read. A descriptor that is no socket is worse.
s64 refuse_message(Call& call, s64 error) {
    return error == -EFAULT ? call.pass(call.a[0], nowhere(call.a[1]), call.a[2], call.a[3]) : error;
}
} // namespace

s64 sys_sendmsg(Call& call) {
    Message message;
    if (s64 result = load_message(call, call.a[1], Transfer::from_guest, message)) return refuse_message(call, result);
    return call.pass(call.a[0], host_pointer(&message.header), call.a[2]);
}

s64 sys_recvmsg(Call& call) {
    Message message;
    if (s64 result = load_message(call, call.a[1], Transfer::to_guest, message)) return refuse_message(call, result);
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
        if (s64 result = load_message(call, call.a[1] + i * size, transfer, messages[i])) {
            if (i == 0 && result == -EFAULT) return call.pass(call.a[0], nowhere(call.a[1]), 1, call.a[3]);
            return result;
        }
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
    if (!call.narrow() && call.int_at(3) < 0) return -EINVAL; // MSG_CMSG_COMPAT, the kernel's own
    if (call.a[4] && !call.load_struct(call.time_format(), call.a[4], timeout)) return -EFAULT;
    s64 done = many_messages(call, Transfer::to_guest, call.a[4] ? host_pointer(&timeout) : 0);
    if (done >= 0 && call.a[4] && !call.store_struct(call.time_format(), call.a[4], timeout)) return -EFAULT;
    return done;
}

namespace {

/// Socket options whose structure is not the same everywhere. The *_NEW ones have 64-bit times on all ABIs.
struct OptionRow {
    int option;
    std::string_view format;
};
constexpr OptionRow option_rows[] = {{SO_RCVTIMEO, "WW"}, {SO_SNDTIMEO, "WW"}, {SO_ATTACH_FILTER, "hp"}, {SO_ATTACH_REUSEPORT_CBPF, "hp"}};

std::string_view option_format(const Call& call) {
    if (call.abi.model == host_model && call.space.base() == 0) return {};
    if (call.int_at(1) == SOL_SOCKET)
        for (const OptionRow& row : option_rows)
            if (row.option == call.int_at(2)) return row.format;
    return {};
}

} // namespace

s64 sys_setsockopt(Call& call) {
    if (auto format = option_format(call); !format.empty()) {
        u64 host[2] = {};
        const usize size = struct_size(format, call.abi.model);
        if (u32(call.a[4]) < size) return -EINVAL;
        if (!call.load_struct(format, call.a[3], host)) return -EFAULT;
        return call.pass(call.a[0], call.a[1], call.a[2], host_pointer(host), sizeof host);
    }
    const bool there = s32(u32(call.a[4])) < 0 || call.space.contains(call.a[3], u32(call.a[4]));
    return call.pass(call.a[0], call.a[1], call.a[2], there ? host_pointer(call.host(call.a[3])) : nowhere(call.a[3]), call.a[4]);
}

s64 sys_getsockopt(Call& call) {
    auto size = call.load<u32>(call.a[4]);
    if (!size || (s32(*size) >= 0 && !call.space.contains(call.a[3], *size)))
        return call.pass(call.a[0], call.a[1], call.a[2], nowhere(call.a[3]), nowhere(call.a[4]));
    if (auto format = option_format(call); format == "WW") {
        u64 host[2] = {};
        socklen_t length = sizeof host;
        const u32 narrow = u32(struct_size(format, call.abi.model));
        if (*size < narrow) return -EINVAL;
        const s64 result = call.pass(call.a[0], call.a[1], call.a[2], host_pointer(host), host_pointer(&length));
        if (result < 0) return result;
        return call.store_struct(format, call.a[3], host) && call.store<u32>(call.a[4], narrow) ? result : -EFAULT;
    }
    if (s32(*size) > 0) call.space.prepare_write(call.a[3], *size);
    socklen_t length = *size;
    s64 result = call.pass(call.a[0], call.a[1], call.a[2], host_pointer(call.host(call.a[3])), host_pointer(&length));
    return result >= 0 && !call.store<u32>(call.a[4], length) ? -EFAULT : result;
}

} // namespace emu::linux_user
