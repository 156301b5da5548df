// SPDX-License-Identifier: MIT
// System V semaphores and messages, and keys.
#include "linux_user/process.h"
#include "linux_user/syscall.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>

namespace emu::linux_user {
namespace {

constexpr usize perm_size = 48; // struct ipc64_perm of 64-bit ABIs

s64 store_semid(const Call& call, u64 to, const semid_ds& host) {
    const SemidLayout& at = *call.abi.semid;
    std::array<u8, 128> bytes{};
    std::memcpy(bytes.data(), &host.sem_perm, perm_size);
    put_field(bytes, at.otime, u64(host.sem_otime), call.abi.model.order);
    put_field(bytes, at.ctime, u64(host.sem_ctime), call.abi.model.order);
    put_field(bytes, at.nsems, host.sem_nsems, call.abi.model.order);
    return call.copy_out(to, bytes.data(), at.size) ? 0 : -EFAULT;
}

} // namespace

s64 sys_semctl(Call& call) {
    int command = call.int_at(2) & ~0x100; // IPC_64, which is implied
    u64 argument = call.a[3];
    semid_ds about{};
    switch (command) {
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY: {
        s64 result = call.pass(call.a[0], call.a[1], u64(command), host_pointer(&about));
        if (result >= 0)
            if (s64 error = store_semid(call, argument, about)) return error;
        return result;
    }
    case IPC_SET:
        if (!call.copy_in(&about.sem_perm, argument, perm_size)) return -EFAULT;
        return call.pass(call.a[0], call.a[1], u64(command), host_pointer(&about));
    case GETALL:
    case SETALL:
    case IPC_INFO:
    case SEM_INFO:
        if (!call.space.contains(argument, 1)) return -EFAULT;
        call.space.prepare_write(argument, std::min<u64>(64 << 10, call.space.limit() - argument));
        return call.pass(call.a[0], call.a[1], u64(command), host_pointer(call.host(argument)));
    default: return call.pass(call.a[0], call.a[1], u64(command), argument);
    }
}

s64 sys_semop(Call& call) {
    // struct sembuf is three 16-bit numbers everywhere.
    if (!call.space.contains(call.a[1], u64(u32(call.a[2])) * 6)) return -EFAULT;
    u64 timeout[2];
    bool timed = call.row.host_number == SYS_semtimedop && call.a[3];
    if (timed && !call.load_struct("WW", call.a[3], timeout)) return -EFAULT;
    return call.pass(call.a[0], host_pointer(call.host(call.a[1])), call.a[2], timed ? host_pointer(timeout) : 0);
}

s64 sys_msgsnd(Call& call) {
    if (s64(call.a[2]) < 0) return -EINVAL;
    if (!call.space.contains(call.a[1], call.abi.model.word)) return -EFAULT;
    return call.pass(call.a[0], host_pointer(call.host(call.a[1])), call.a[2], call.a[3]);
}

s64 sys_msgrcv(Call& call) {
    if (s64(call.a[2]) < 0) return -EINVAL;
    u64 size = call.a[2] + call.abi.model.word;
    if (!call.space.contains(call.a[1], call.abi.model.word)) return -EFAULT;
    call.space.prepare_write(call.a[1], std::min(size, call.space.limit() - call.a[1]));
    return call.pass(call.a[0], host_pointer(call.host(call.a[1])), call.a[2], call.a[3], call.a[4]);
}

/// Which of keyctl's arguments are pointers depends on the operation; with base 0 that need not be known.
s64 sys_keyctl(Call& call) {
    if (call.space.base() != 0) return -ENOSYS;
    return call.pass(call.a[0], call.a[1], call.a[2], call.a[3], call.a[4]);
}

} // namespace emu::linux_user
