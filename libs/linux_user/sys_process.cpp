// SPDX-License-Identifier: MIT
// Making and ending threads and processes, waiting, futexes.
#include "linux_user/fork.h"
#include "linux_user/process.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace emu::linux_user {

s64 sys_clone(Call& call) {
    u64 ordered[5];
    call.abi.clone_arguments(call.a, ordered);
    CloneRequest request{ordered[0] & ~u64(CSIGNAL), int(ordered[0] & CSIGNAL), ordered[1], ordered[2], ordered[3], ordered[4]};
    request.pidfd = request.flags & CLONE_PIDFD ? request.parent_tid : 0; // the old call has one place for both
    return clone_guest(call, request);
}

/// Some of what these do is refused to processes with several threads: user_namespaces(7), unshare(2), setns(2). The program is
/// asked about its own.
s64 sys_single_threaded(Call& call) {
    if (call.process.thread_count() == 1) call.process.engine().stop_threads();
    return pass_through(call);
}

s64 sys_clone3(Call& call) {
    // struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup
    constexpr u64 least = 64, known = 88;
    std::array<u64, 11> args{};
    if (call.a[1] < least) return -EINVAL;
    if (call.a[1] > known) return -E2BIG;
    for (usize i = 0; i < call.a[1] / 8; i++) {
        auto value = call.load<u64>(call.a[0] + i * 8);
        if (!value) return -EFAULT;
        args[i] = *value;
    }
    if (args[8] || args[9] || (args[0] & 0x200000000 /* CLONE_INTO_CGROUP */)) return -ENOSYS;
    if ((args[0] & CSIGNAL) || args[4] > u64(signal_count) || (args[5] == 0) != (args[6] == 0)) return -EINVAL;
    CloneRequest request{args[0], int(args[4]), args[5] + args[6], args[3], args[2], args[7]};
    request.pidfd = args[0] & CLONE_PIDFD ? args[1] : 0;
    return clone_guest(call, request);
}

s64 sys_exit(Call& call) {
    if (call.thread.is_last()) call.process.ends(call.thread, call.int_at(0), 0);
    if (call.thread.is_last()) return call.host_call(SYS_exit_group, call.a[0]);
    call.thread.end();
    return registers_set;
}

s64 sys_exit_group(Call& call) {
    call.process.ends(call.thread, call.int_at(0), 0);
    ::syscall(SYS_exit_group, call.int_at(0));
    return 0;
}

s64 sys_waitid(Call& call) {
    SignalInfo info{};
    std::array<u64, 18> usage{};
    s64 result = call.pass(call.a[0], call.a[1], call.a[2] ? host_pointer(&info) : 0, call.a[3],
                           call.a[4] ? host_pointer(usage.data()) : 0);
    // The kernel writes this whether there was a child or not.
    if (call.a[2] && !call.store_siginfo(call.a[2], info)) return -EFAULT;
    if (result < 0) return result;
    if (call.a[4] && !call.store_struct("18W", call.a[4], usage)) return -EFAULT;
    return result;
}

s64 sys_set_tid_address(Call& call) {
    call.thread.clear_child_tid = call.a[0];
    return call.thread.tid;
}

s64 sys_set_robust_list(Call& call) {
    if (call.a[1] != 3 * call.abi.model.word) return -EINVAL;
    call.thread.robust_list = call.a[0];
    call.thread.robust_list_size = call.a[1];
    return 0;
}

s64 sys_get_robust_list(Call& call) {
    int tid = call.int_at(0);
    u64 head = call.thread.robust_list, size = call.thread.robust_list_size;
    if (tid != 0 && tid != call.thread.tid) {
        bool found = false;
        call.process.for_each_thread([&](Thread& other) {
            if (other.tid != tid) return;
            found = true;
            head = other.robust_list;
            size = other.robust_list_size;
        });
        // Of other processes only the kernel's own list is known, which is Emu's.
        u64 unused[2];
        if (!found) {
            const s64 result = call.pass(u64(s64(tid)), host_pointer(&unused[0]), host_pointer(&unused[1]));
            return result < 0 ? result : -EPERM;
        }
    }
    return call.store_struct("w", call.a[1], head) && call.store_struct("w", call.a[2], size) ? 0 : -EFAULT;
}

namespace {

bool takes_timeout(int operation) {
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_LOCK_PI:
    case FUTEX_WAIT_REQUEUE_PI:
    case 13 /* FUTEX_LOCK_PI2 */: return true;
    default: return false;
    }
}

} // namespace

s64 sys_futex(Call& call) {
    const bool there = call.space.contains(call.a[0], 4);
    u64 timeout[2], fourth = call.a[3];
    if (takes_timeout(call.int_at(1)) && fourth) {
        if (!call.load_struct(call.time_format(), fourth, timeout)) return -EFAULT;
        fourth = host_pointer(timeout);
    }
    // The second address is looked at by some operations only.
    u64 second = call.space.contains(call.a[4], 4) ? host_pointer(call.host(call.a[4])) : 0;
    return call.pass(there ? host_pointer(call.space.host(call.a[0])) : nowhere(call.a[0]), call.a[1], call.a[2], fourth, second, call.a[5]);
}

s64 sys_futex_waitv(Call& call) {
    // struct futex_waitv: value, address, flags, reserved.
    struct Waiter {
        u64 value, address;
        u32 flags, reserved;
    };
    constexpr u64 most = 128; // FUTEX_WAITV_MAX
    const u32 count = u32(call.a[1]);
    if (u32(call.a[2]) || count == 0 || count > most || call.a[0] == 0) return -EINVAL;
    u64 timeout[2];
    if (call.a[3]) {
        if (call.int_at(4) != CLOCK_REALTIME && call.int_at(4) != CLOCK_MONOTONIC) return -EINVAL;
        if (!call.load_struct("qq", call.a[3], timeout)) return -EFAULT;
    }
    std::array<Waiter, most> waiters;
    for (u64 i = 0; i < count; i++) {
        if (!call.load_struct("qqii", call.a[0] + i * sizeof(Waiter), waiters[i])) return -EFAULT;
        if (!call.space.contains(waiters[i].address, 4)) return -EFAULT;
        waiters[i].address += call.space.base();
    }
    return call.pass(host_pointer(waiters.data()), count, 0, call.a[3] ? host_pointer(timeout) : 0, call.a[4]);
}

} // namespace emu::linux_user
