// SPDX-License-Identifier: MIT
// Calls about the system and the process that 32-bit ABIs have, or have in another form.
#include "linux_user/process.h"
#include "linux_user/syscall.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <vector>

namespace emu::linux_user {

/// Sizes that do not fit are told in larger units.
s64 sys_sysinfo(Call& call) {
    struct sysinfo about {};
    const s64 result = call.pass(host_pointer(&about));
    if (result < 0) return result;
    if (call.narrow()) {
        unsigned long* const sizes[] = {&about.totalram, &about.freeram, &about.sharedram, &about.bufferram, &about.totalswap, &about.freeswap};
        u64 all = about.totalhigh | about.freehigh;
        for (unsigned long* size : sizes) all |= *size;
        unsigned shift = 0;
        while (all >> shift >> 32) shift++;
        for (unsigned long* size : sizes) *size >>= shift;
        about.totalhigh >>= shift, about.freehigh >>= shift;
        about.mem_unit <<= shift;
    }
    return call.store_struct("10whh2wi", call.a[0], about) ? 0 : -EFAULT;
}

/// The kernel's mask is an array of its own words, which may be wider than the guest's.
s64 sys_sched_getaffinity(Call& call) {
    const usize room = std::min<usize>(u32(call.a[1]), 64 << 10);
    if (u32(call.a[1]) % call.abi.model.word) return -EINVAL;
    std::vector<u8> mask((room + 7) / 8 * 8);
    const s64 size = call.pass(call.a[0], mask.size(), host_pointer(mask.data()));
    if (size < 0) return size;
    const usize known = std::min(usize(size), room);
    return call.copy_out(call.a[2], mask.data(), known) ? s64(known) : -EFAULT;
}

s64 sys_old_getrlimit(Call& call) {
    if (s64 result = sys_getrlimit(call)) return result;
    u64 limit[2];
    if (!call.load_struct("ww", call.a[1], limit)) return -EFAULT;
    for (u64& value : limit) value = std::min<u64>(value, 0x7fffffff);
    return call.store_struct("ww", call.a[1], limit) ? 0 : -EFAULT;
}

s64 sys_nice(Call& call) {
    constexpr s64 lowest = 19, highest = -20;
    const s64 now = 20 - call.host_call(SYS_getpriority, PRIO_PROCESS, 0);
    const s64 wish = std::clamp<s64>(now + std::clamp(call.int_at(0), -40, 40), highest, lowest);
    const s64 result = call.pass(PRIO_PROCESS, 0, u64(wish));
    return result == -EACCES ? -EPERM : result;
}

s64 sys_stime(Call& call) {
    s64 seconds;
    if (!call.load_struct("W", call.a[0], seconds)) return -EFAULT;
    const timespec now{seconds, 0};
    return call.pass(CLOCK_REALTIME, host_pointer(&now));
}

namespace {

/// The first five names of struct utsname, cut to `width` bytes each.
s64 store_names(Call& call, usize width) {
    utsname names{};
    if (::uname(&names) < 0) return -errno;
    const std::string& release = call.process.options().uname_release;
    const std::string_view fields[] = {names.sysname, names.nodename, release.empty() ? names.release : release.c_str(), names.version,
                                       call.abi.machine};
    std::vector<u8> bytes(width * std::size(fields));
    for (usize i = 0; i < std::size(fields); i++)
        std::memcpy(bytes.data() + i * width, fields[i].data(), std::min(fields[i].size(), width - 1));
    return call.copy_out(call.a[0], bytes.data(), bytes.size()) ? 0 : -EFAULT;
}

} // namespace

s64 sys_olduname(Call& call) { return store_names(call, 65); }
s64 sys_oldolduname(Call& call) { return store_names(call, 9); }

} // namespace emu::linux_user
