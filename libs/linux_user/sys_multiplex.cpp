// SPDX-License-Identifier: MIT
// socketcall() and ipc(): many calls behind one number (net/socket.c, ipc/syscall.c).
#include "linux_user/syscall.h"

#include <cerrno>
#include <utility>

namespace emu::linux_user {
namespace {

struct SocketRow {
    Sys id;
    u8 count; ///< of its arguments
};
// include/uapi/linux/net.h, from SYS_SOCKET = 1 on. send() and recv() are sendto() and recvfrom() without an address.
constexpr SocketRow socket_rows[] = {
    {Sys::socket, 3},      {Sys::bind, 3},        {Sys::connect, 3},    {Sys::listen, 2},     {Sys::accept, 3},
    {Sys::getsockname, 3}, {Sys::getpeername, 3}, {Sys::socketpair, 4}, {Sys::sendto, 4},     {Sys::recvfrom, 4},
    {Sys::sendto, 6},      {Sys::recvfrom, 6},    {Sys::shutdown, 2},   {Sys::setsockopt, 5}, {Sys::getsockopt, 5},
    {Sys::sendmsg, 3},     {Sys::recvmsg, 3},     {Sys::accept4, 4},    {Sys::recvmmsg, 5},   {Sys::sendmmsg, 4},
};

} // namespace

s64 sys_socketcall(Call& call) {
    const u32 which = u32(call.a[0]);
    if (which < 1 || which > std::size(socket_rows)) return -EINVAL;
    const SocketRow& row = socket_rows[which - 1];
    u64 a[6] = {};
    for (unsigned i = 0; i < row.count; i++) {
        auto word = call.load_word(call.a[1] + i * call.abi.model.word);
        if (!word) return -EFAULT;
        a[i] = *word;
    }
    return call.as(row.id, {a[0], a[1], a[2], a[3], a[4], a[5]});
}

namespace {

// include/uapi/linux/ipc.h
enum : u32 { semop = 1, semget, semctl, semtimedop, msgsnd = 11, msgrcv, msgget, msgctl, shmat = 21, shmdt, shmget, shmctl };

s64 receive_message(Call& call, u32 version) {
    u64 kludge[2] = {call.a[4], call.a[5]}; // the old form has pointer and type in memory
    if (version == 0 && !call.load_struct("wW", call.a[4], kludge)) return -EFAULT;
    return call.as(Sys::msgrcv, {call.a[1], kludge[0], call.a[2], kludge[1], call.a[3]});
}

s64 attach(Call& call) {
    const s64 at = call.as(Sys::shmat, {call.a[1], call.a[4], call.a[2]});
    if (at < 0) return at;
    return call.narrow() ? (call.store<u32>(call.a[3], u32(at)) ? 0 : -EFAULT) : (call.store<u64>(call.a[3], u64(at)) ? 0 : -EFAULT);
}

} // namespace

s64 sys_ipc(Call& call) {
    const u64 first = call.a[1], second = call.a[2], third = call.a[3], pointer = call.a[4], fifth = call.a[5];
    switch (call.a[0] & 0xffff) {
    case semop: return call.as(Sys::semop, {first, pointer, second});
    case semtimedop: return call.as(Sys::semtimedop, {first, pointer, second, fifth});
    case semget: return call.as(Sys::semget, {first, second, third});
    case semctl: {
        auto argument = call.load_word(pointer);
        return argument ? call.as(Sys::semctl, {first, second, third, *argument}) : -EFAULT;
    }
    case msgsnd: return call.as(Sys::msgsnd, {first, pointer, second, third});
    case msgrcv: return receive_message(call, u32(call.a[0]) >> 16);
    case msgget: return call.as(Sys::msgget, {first, second});
    case msgctl: return call.as(Sys::msgctl, {first, second, pointer});
    case shmat: return attach(call);
    case shmdt: return call.as(Sys::shmdt, {pointer});
    case shmget: return call.as(Sys::shmget, {first, second, third});
    case shmctl: return call.as(Sys::shmctl, {first, second, pointer});
    default: return -ENOSYS;
    }
}

} // namespace emu::linux_user
