// SPDX-License-Identifier: MIT
// Clocks are read through the C library, which needs no system call for it; sleeping reports the time left.
#include "linux_user/syscall.h"

#include <cerrno>
#include <ctime>
#include <sys/syscall.h>
#include <sys/time.h>

namespace emu::linux_user {

s64 sys_clock_gettime(Call& call) {
    timespec now;
    if (::clock_gettime(call.int_at(0), &now) < 0) return -errno;
    return call.store_struct(call.time_format(), call.a[1], now) ? 0 : -EFAULT;
}

s64 sys_gettimeofday(Call& call) {
    timeval now;
    struct timezone zone;
    if (::gettimeofday(&now, &zone) < 0) return -errno;
    if (call.a[0] && !call.store_struct("WW", call.a[0], now)) return -EFAULT;
    if (call.a[1] && !call.store_struct("ii", call.a[1], zone)) return -EFAULT;
    return 0;
}

s64 sys_nanosleep(Call& call) {
    timespec wish, left{};
    if (!call.load_struct(call.time_format(), call.a[0], wish)) return -EFAULT;
    s64 result = call.pass(host_pointer(&wish), host_pointer(&left));
    if (result == -EINTR && call.a[1] && !call.store_struct(call.time_format(), call.a[1], left)) return -EFAULT;
    return result;
}

s64 sys_clock_nanosleep(Call& call) {
    timespec wish, left{};
    const bool there = call.load_struct(call.time_format(), call.a[2], wish);
    s64 result = call.pass(call.a[0], call.a[1], there ? host_pointer(&wish) : nowhere(call.a[2]), host_pointer(&left));
    bool relative = !(call.int_at(1) & TIMER_ABSTIME);
    if (result == -EINTR && relative && call.a[3] && !call.store_struct(call.time_format(), call.a[3], left)) return -EFAULT;
    return result;
}

} // namespace emu::linux_user
