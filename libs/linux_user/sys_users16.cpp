// SPDX-License-Identifier: MIT
// Calls with 16-bit users and groups (kernel/uid16.c): -1 stays -1, and numbers that do not fit are shown as 65534.
#include "linux_user/syscall.h"

#include <cerrno>
#include <sys/types.h>
#include <vector>

namespace emu::linux_user {
namespace {

constexpr u32 overflow_id = 65534, most_groups = 65536;
u64 to_host(u64 id) { return u16(id) == 0xffff ? u64(0xffffffff) : u16(id); }
u16 to_guest(u32 id) { return u16(id > 0xffff ? overflow_id : id); }

} // namespace

s64 sys_get_id16(Call& call) {
    const s64 id = call.pass();
    return id < 0 ? id : to_guest(u32(id));
}
s64 sys_set_ids16(Call& call) {
    const s64 result = call.pass(to_host(call.a[0]), to_host(call.a[1]), to_host(call.a[2]));
    return result > 0 ? to_guest(u32(result)) : result; // setfsuid() returns the old one
}
s64 sys_get_three_ids16(Call& call) {
    u32 ids[3];
    const s64 result = call.pass(host_pointer(&ids[0]), host_pointer(&ids[1]), host_pointer(&ids[2]));
    if (result < 0) return result;
    for (unsigned i = 0; i < 3; i++)
        if (!call.store<u16>(call.a[i], to_guest(ids[i]))) return -EFAULT;
    return 0;
}

s64 sys_getgroups16(Call& call) {
    if (call.int_at(0) < 0) return -EINVAL;
    std::vector<u32> groups(std::min(u32(call.a[0]), most_groups));
    const s64 count = call.pass(groups.size(), host_pointer(groups.data()));
    for (s64 i = 0; i < count && !groups.empty(); i++)
        if (!call.store<u16>(call.a[1] + u64(i) * 2, to_guest(groups[usize(i)]))) return -EFAULT;
    return count;
}
s64 sys_setgroups16(Call& call) {
    if (u32(call.a[0]) > most_groups) return -EINVAL;
    std::vector<u32> groups(u32(call.a[0]));
    for (usize i = 0; i < groups.size(); i++) {
        auto group = call.load<u16>(call.a[1] + i * 2);
        if (!group) return -EFAULT;
        groups[i] = u32(to_host(*group));
    }
    return call.pass(groups.size(), host_pointer(groups.data()));
}

s64 sys_chown16(Call& call) { return call.as(Sys::chown, {call.a[0], to_host(call.a[1]), to_host(call.a[2])}); }
s64 sys_lchown16(Call& call) { return call.as(Sys::lchown, {call.a[0], to_host(call.a[1]), to_host(call.a[2])}); }
s64 sys_fchown16(Call& call) { return call.as(Sys::fchown, {call.a[0], to_host(call.a[1]), to_host(call.a[2])}); }

} // namespace emu::linux_user
