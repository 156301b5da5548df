// SPDX-License-Identifier: MIT
// System calls that newer architectures do not have any more: each is a newer one with some arguments fixed.
#include "linux_user/descriptor_sets.h"
#include "linux_user/fork.h"
#include "linux_user/process.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <cerrno>
#include <algorithm>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/time.h>

namespace emu::linux_user {
namespace {

constexpr u64 here = u64(s64(AT_FDCWD));

} // namespace

s64 sys_open(Call& call) { return call.as(Sys::openat, {here, call.a[0], call.a[1], call.a[2]}); }
s64 sys_creat(Call& call) { return call.as(Sys::openat, {here, call.a[0], O_CREAT | O_WRONLY | O_TRUNC, call.a[1]}); }
s64 sys_stat(Call& call) { return call.as(Sys::newfstatat, {here, call.a[0], call.a[1], 0}); }
s64 sys_lstat(Call& call) { return call.as(Sys::newfstatat, {here, call.a[0], call.a[1], AT_SYMLINK_NOFOLLOW}); }
s64 sys_readlink(Call& call) { return call.as(Sys::readlinkat, {here, call.a[0], call.a[1], call.a[2]}); }
s64 sys_pipe(Call& call) { return call.as(Sys::pipe2, {call.a[0], 0}); }
s64 sys_epoll_wait(Call& call) { return call.as(Sys::epoll_pwait, {call.a[0], call.a[1], call.a[2], call.a[3], 0, 8}); }
s64 sys_signalfd(Call& call) { return call.as(Sys::signalfd4, {call.a[0], call.a[1], call.a[2], 0}); }
s64 sys_fork(Call& call) { return clone_guest(call, {.flags = 0, .exit_signal = SIGCHLD}); }
s64 sys_vfork(Call& call) { return clone_guest(call, {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD}); }

s64 sys_dup2(Call& call) {
    if (call.int_at(0) == call.int_at(1)) return ::fcntl(call.int_at(0), F_GETFD) < 0 ? -errno : s64(call.int_at(0));
    return call.as(Sys::dup3, {call.a[0], call.a[1], 0});
}

s64 sys_time(Call& call) {
    const s64 now = ::time(nullptr);
    if (!call.a[0]) return now;
    const bool stored = call.abi.model.word == 8 ? call.store<u64>(call.a[0], u64(now)) : call.store<u32>(call.a[0], u32(now));
    return stored ? now : -EFAULT;
}

s64 sys_poll(Call& call) {
    const u64 size = u64(u32(call.a[1])) * sizeof(pollfd);
    if (!call.space.contains(call.a[0], size)) return call.pass(nowhere(call.a[0]), call.a[1], call.a[2]);
    call.space.prepare_write(call.a[0], size);
    return call.pass(host_pointer(call.host(call.a[0])), call.a[1], call.a[2]);
}

s64 sys_select(Call& call) {
    DescriptorSets sets;
    if (s64 result = sets.load(call, call.int_at(0), {call.a[1], call.a[2], call.a[3]})) return result;
    timeval timeout{};
    if (call.a[4] && !call.load_struct("WW", call.a[4], timeout)) return -EFAULT;
    const s64 result = call.pass(call.a[0], sets.host(0), sets.host(1), sets.host(2), call.a[4] ? host_pointer(&timeout) : 0);
    if (call.a[4]) call.store_struct("WW", call.a[4], timeout);
    return result >= 0 && !sets.store(call) ? -EFAULT : result;
}

s64 sys_own(Call& call) { return call.abi.own_call ? call.abi.own_call(call) : -ENOSYS; }

} // namespace emu::linux_user
