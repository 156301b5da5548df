// SPDX-License-Identifier: MIT
// What the system and the process are said to be: names, limits, prctl.
#include "linux_user/process.h"
#include "linux_user/syscall.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

namespace emu::linux_user {

s64 sys_uname(Call& call) {
    utsname names{};
    s64 result = call.pass(host_pointer(&names));
    if (result < 0) return result;
    auto set = [](char (&field)[sizeof names.machine], std::string_view text) {
        std::memset(field, 0, sizeof field);
        text.copy(field, sizeof field - 1);
    };
    set(names.machine, call.abi.machine);
    if (const std::string& release = call.process.options().uname_release; !release.empty()) set(names.release, release);
    return call.copy_out(call.a[0], &names, sizeof names) ? 0 : -EFAULT;
}

/// The persona of the guest is its own: PER_LINUX32 of a guest would change what Emu's host calls mean.
s64 sys_personality(Call& call) {
    u32 wanted = u32(call.a[0]);
    if (wanted == 0xffffffff) return call.pass(wanted);
    return call.pass((wanted & ~u32(PER_MASK) & ~u32(READ_IMPLIES_EXEC | ADDR_COMPAT_LAYOUT | ADDR_LIMIT_32BIT)) | PER_LINUX);
}

namespace {

/// Limits on memory would starve Emu itself; the guest's wish is kept and told back.
bool limit_is_kept(int resource) { return resource == RLIMIT_AS || resource == RLIMIT_DATA || resource == RLIMIT_STACK; }

s64 set_limit(Call& call, int resource, u64 current, u64 maximum) {
    if (current > maximum) return -EINVAL;
    std::lock_guard lock(call.process.limits_mutex);
    call.process.limits[resource] = {true, current, maximum};
    return 0;
}

s64 get_limit(Call& call, int resource, u64 (&limit)[2]) {
    if (resource >= 0 && resource < int(std::size(call.process.limits))) {
        std::lock_guard lock(call.process.limits_mutex);
        if (const auto& kept = call.process.limits[resource]; kept.set) {
            limit[0] = kept.current;
            limit[1] = kept.maximum;
            return 0;
        }
    }
    return call.host_call(SYS_prlimit64, 0, u64(resource), 0, host_pointer(limit));
}

/// RLIM_INFINITY of narrower ABIs is all ones of their width.
u64 widened(const Call& call, u64 value) { return call.abi.model.word == 4 && value == 0xffffffff ? RLIM_INFINITY : value; }

} // namespace

s64 sys_getrlimit(Call& call) {
    u64 limit[2];
    if (s64 result = get_limit(call, call.int_at(0), limit)) return result;
    if (call.abi.model.word == 4)
        for (u64& value : limit) value = std::min<u64>(value, 0xffffffff);
    return call.store_struct("ww", call.a[1], limit) ? 0 : -EFAULT;
}

s64 sys_setrlimit(Call& call) {
    u64 limit[2];
    if (!call.load_struct("ww", call.a[1], limit)) return -EFAULT;
    for (u64& value : limit) value = widened(call, value);
    if (limit_is_kept(call.int_at(0))) return set_limit(call, call.int_at(0), limit[0], limit[1]);
    return call.host_call(SYS_prlimit64, 0, call.a[0], host_pointer(limit), 0);
}

s64 sys_prlimit64(Call& call) {
    u64 wish[2], old[2];
    int resource = call.int_at(1);
    if (call.a[2] && !call.load_struct("qq", call.a[2], wish)) return -EFAULT;
    bool own = call.int_at(0) == 0 || call.int_at(0) == ::getpid();
    s64 result;
    if (own && limit_is_kept(resource)) {
        result = get_limit(call, resource, old);
        if (result == 0 && call.a[2]) result = set_limit(call, resource, wish[0], wish[1]);
    } else {
        result = call.pass(call.a[0], call.a[1], call.a[2] ? host_pointer(wish) : 0, host_pointer(old));
    }
    if (result == 0 && call.a[3] && !call.store_struct("qq", call.a[3], old)) return -EFAULT;
    return result;
}

namespace {

/// The arguments of one prctl operation: n numbers, s string in, o buffer out of the given size, a guest address.
struct PrctlRow {
    int operation;
    std::string_view arguments;
    u16 out_size = 0;
};
constexpr int pr_set_vma = 0x53564d41, pr_cap_ambient = 47;
// clang-format off
constexpr PrctlRow prctl_rows[] = {
    {PR_SET_PDEATHSIG, "n"}, {PR_GET_PDEATHSIG, "o", 4}, {PR_GET_DUMPABLE, ""}, {PR_SET_DUMPABLE, "n"},
    {PR_GET_KEEPCAPS, ""}, {PR_SET_KEEPCAPS, "n"}, {PR_GET_TIMING, ""}, {PR_SET_TIMING, "n"},
    {PR_SET_NAME, "s"}, {PR_GET_NAME, "o", 16}, {PR_CAPBSET_READ, "n"}, {PR_CAPBSET_DROP, "n"},
    {PR_GET_SECUREBITS, ""}, {PR_SET_SECUREBITS, "n"}, {PR_SET_TIMERSLACK, "n"}, {PR_GET_TIMERSLACK, ""},
    {PR_MCE_KILL, "nnnn"}, {PR_MCE_KILL_GET, "nnnn"}, {PR_SET_CHILD_SUBREAPER, "n"}, {PR_GET_CHILD_SUBREAPER, "o", 4},
    {PR_SET_NO_NEW_PRIVS, "nnnn"}, {PR_GET_NO_NEW_PRIVS, "nnnn"}, {PR_SET_THP_DISABLE, "nnnn"}, {PR_GET_THP_DISABLE, "nnnn"},
    {pr_cap_ambient, "nnnn"}, {PR_GET_SPECULATION_CTRL, "nnnn"}, {PR_SET_SPECULATION_CTRL, "nnnn"},
    {PR_SET_IO_FLUSHER, "nnnn"}, {PR_GET_IO_FLUSHER, "nnnn"}, {PR_TASK_PERF_EVENTS_DISABLE, ""}, {PR_TASK_PERF_EVENTS_ENABLE, ""},
    {pr_set_vma, "nans"},
};
// clang-format on

} // namespace

/// Operations about registers, filters and layouts of the host's architecture are not in the table: EINVAL, as from a
/// kernel that does not have them.
s64 sys_prctl(Call& call) {
    for (const PrctlRow& row : prctl_rows) {
        if (row.operation != call.int_at(0)) continue;
        u64 host[4] = {};
        std::array<u8, 16> out{};
        for (usize i = 0; i < row.arguments.size(); i++) {
            u64 value = call.a[i + 1];
            char kind = row.arguments[i];
            if ((kind == 's' || kind == 'a') && value && !call.space.contains(value, 1)) return -EFAULT;
            host[i] = kind == 'n' ? value : kind == 'o' ? host_pointer(out.data()) : host_pointer(call.host(value));
        }
        s64 result = call.pass(call.a[0], host[0], host[1], host[2], host[3]);
        if (result >= 0 && row.out_size && !call.copy_out(call.a[1], out.data(), row.out_size)) return -EFAULT;
        return result;
    }
    return -EINVAL;
}

} // namespace emu::linux_user
