// SPDX-License-Identifier: MIT
// System V semaphores and messages, and keys.
#include "linux_user/process.h"
#include "linux_user/syscall.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <vector>

namespace emu::linux_user {
namespace {

constexpr usize perm_size = 48; // struct ipc64_perm of 64-bit ABIs
#define PERM "6ihh2w"
constexpr int ipc_64 = 0x100; // the modern structures, which are implied

s64 store_semid(const Call& call, u64 to, const semid_ds& host) {
    const SemidLayout& at = *call.abi.semid;
    std::array<u8, 128> bytes{};
    convert_struct(PERM, {reinterpret_cast<const u8*>(&host.sem_perm), perm_size}, host_model, bytes, call.abi.model);
    put_field(bytes, at.otime, u64(host.sem_otime), call.abi.model.order);
    put_field(bytes, at.ctime, u64(host.sem_ctime), call.abi.model.order);
    put_field(bytes, at.nsems, host.sem_nsems, call.abi.model.order);
    return call.copy_out(to, bytes.data(), at.size) ? 0 : -EFAULT;
}

} // namespace

s64 sys_semctl(Call& call) {
    int command = call.int_at(2) & ~ipc_64;
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
        if (!call.load_struct(PERM, argument, about.sem_perm)) return -EFAULT;
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
    u64 timeout[2];
    bool timed = call.row.host_number == SYS_semtimedop && call.a[3];
    if (timed && !call.load_struct(call.time_format(), call.a[3], timeout)) return -EFAULT;
    // struct sembuf is three 16-bit numbers everywhere.
    if (!call.space.contains(call.a[1], u64(u32(call.a[2])) * 6)) return call.pass(call.a[0], nowhere(call.a[1]), call.a[2], 0);
    return call.pass(call.a[0], host_pointer(call.host(call.a[1])), call.a[2], timed ? host_pointer(timeout) : 0);
}

namespace {

/// struct msgbuf: a long for the type, and the text.
struct MessageBuffer {
    std::vector<u8> bytes;
    explicit MessageBuffer(u64 size) : bytes(8 + size) {}
    s64& type() { return *reinterpret_cast<s64*>(bytes.data()); }
    u8* text() { return bytes.data() + 8; }
};
constexpr u64 largest_message = 64 << 20; // kernel.msgmax cannot be more than INT_MAX; nobody sets it that high

s64 msgsnd_converted(Call& call) {
    const unsigned word = call.abi.model.word;
    if (call.a[2] > largest_message) return -EINVAL;
    MessageBuffer buffer(call.a[2]);
    if (!call.load_struct("W", call.a[1], buffer.type()) || !call.copy_in(buffer.text(), call.a[1] + word, call.a[2])) return -EFAULT;
    return call.pass(call.a[0], host_pointer(buffer.bytes.data()), call.a[2], call.a[3]);
}

s64 msgrcv_converted(Call& call) {
    const unsigned word = call.abi.model.word;
    MessageBuffer buffer(std::min(call.a[2], largest_message));
    const s64 size = call.pass(call.a[0], host_pointer(buffer.bytes.data()), std::min(call.a[2], largest_message),
                               u64(s64(s32(call.a[3]))), call.a[4]);
    if (size < 0) return size;
    if (!call.store_struct("W", call.a[1], buffer.type()) || !call.copy_out(call.a[1] + word, buffer.text(), usize(size))) return -EFAULT;
    return size;
}

} // namespace

s64 sys_msgsnd(Call& call) {
    if (call.narrow()) return s32(call.a[2]) < 0 ? -EINVAL : msgsnd_converted(call);
    if (!call.space.contains(call.a[1], call.abi.model.word)) return -EFAULT;
    return call.pass(call.a[0], host_pointer(call.host(call.a[1])), call.a[2], call.a[3]);
}

s64 sys_msgrcv(Call& call) {
    if (call.narrow()) return s32(call.a[2]) < 0 ? -EINVAL : msgrcv_converted(call);
    if (s64(call.a[2]) < 0) return -EINVAL;
    u64 size = call.a[2] + call.abi.model.word;
    if (!call.space.contains(call.a[1], call.abi.model.word)) return -EFAULT;
    call.space.prepare_write(call.a[1], std::min(size, call.space.limit() - call.a[1]));
    return call.pass(call.a[0], host_pointer(call.host(call.a[1])), call.a[2], call.a[3], call.a[4]);
}

namespace {

/// What a command of shmctl or msgctl reads or writes.
struct ControlRow {
    int command;
    bool in;
    std::string_view format;
};
constexpr std::string_view shmid_format = PERM "w3t2i3w", msqid_format = PERM "3t3w2i2w";
constexpr int stat_any = 15, msg_stat_any = 13; // SHM_STAT_ANY, MSG_STAT_ANY
constexpr ControlRow shm_rows[] = {
    {IPC_STAT, false, shmid_format}, {SHM_STAT, false, shmid_format}, {stat_any, false, shmid_format},
    {IPC_SET, true, shmid_format},   {IPC_INFO, false, "9w"},         {SHM_INFO, false, "i5w"}};
constexpr ControlRow msg_rows[] = {
    {IPC_STAT, false, msqid_format}, {MSG_STAT, false, msqid_format}, {msg_stat_any, false, msqid_format},
    {IPC_SET, true, msqid_format},   {IPC_INFO, false, "7ih"},        {MSG_INFO, false, "7ih"}};

s64 control(Call& call, std::span<const ControlRow> rows) {
    const int command = call.int_at(1) & ~ipc_64;
    for (const ControlRow& row : rows) {
        if (row.command != command) continue;
        alignas(8) std::array<u8, 128> bytes{};
        if (row.in && !call.load_struct(row.format, call.a[2], Bytes(bytes))) return -EFAULT;
        const s64 result = call.pass(call.a[0], u64(command), host_pointer(bytes.data()));
        return result >= 0 && !row.in && !call.store_struct(row.format, call.a[2], ConstBytes(bytes)) ? -EFAULT : result;
    }
    return call.pass(call.a[0], u64(command), 0);
}

} // namespace

s64 sys_shmctl(Call& call) { return control(call, shm_rows); }
s64 sys_msgctl(Call& call) { return control(call, msg_rows); }

namespace {

/// The arguments of keyctl's operations (keyctl(2)), by number: n a number, p a pointer.
constexpr std::string_view keyctl_rows[] = {
    "nn", "p", "npn", "n", "nnn", "nn", "npn", "n", "nn", "nn", "nppn", "npn", "npnn", "nnn", "n", "nn", "n", "npn", "", "nnnn",
    "npnn", "n", "nn"};
constexpr usize keyctl_instantiate_iov = 20; // takes iovecs: with 64-bit ones only

} // namespace

s64 sys_keyctl(Call& call) {
    if (call.space.base() == 0) return call.pass(call.a[0], call.a[1], call.a[2], call.a[3], call.a[4]);
    const u32 operation = u32(call.a[0]);
    if (operation >= std::size(keyctl_rows) || (operation == keyctl_instantiate_iov && call.narrow())) return -EOPNOTSUPP;
    u64 a[4] = {call.a[1], call.a[2], call.a[3], call.a[4]};
    const std::string_view row = keyctl_rows[operation];
    for (usize i = 0; i < row.size(); i++) {
        if (row[i] != 'p' || a[i] == 0) continue;
        if (!call.space.contains(a[i], 1)) return -EFAULT;
        call.space.prepare_write(a[i], std::min(call.space.page(), call.space.limit() - a[i]));
        a[i] = host_pointer(call.host(a[i]));
    }
    return call.pass(operation, a[0], a[1], a[2], a[3]);
}

} // namespace emu::linux_user
