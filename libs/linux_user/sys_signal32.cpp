// SPDX-License-Identifier: MIT
// The signal calls with masks of 32 bits (kernel/signal.c, CONFIG_COMPAT_OLD_SIGACTION).
#include "linux_user/process.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <cerrno>

namespace emu::linux_user {
namespace {

constexpr u64 low_half = 0xffffffff;
constexpr u64 sa_oneshot = 0x80000000, sa_nomask = 0x40000000;
bool valid(int signal) { return signal >= 1 && signal <= signal_count; }

/// Exchange the action of a signal.
s64 exchange(Call& call, int signal, const SignalAction* wish, SignalAction& old) {
    if (!valid(signal) || (wish && (unblockable & signal_bit(signal)))) return -EINVAL;
    std::lock_guard lock(call.thread.actions()->mutex);
    SignalAction& action = call.thread.actions()->actions[usize(signal)];
    old = action;
    if (!wish) return 0;
    action = *wish;
    follow_action(signal, action);
    return 0;
}

/// Set the mask; signals that came before are delivered under the old one.
s64 change_mask(Call& call, u64 mask, s64 result) { return call.thread.try_signal_mask(mask) ? result : interrupted; }

} // namespace

s64 sys_sigaction(Call& call) {
    // struct old_sigaction: handler, mask, flags, restorer.
    u64 words[4];
    SignalAction wish, old;
    if (call.a[1]) {
        if (!call.load_struct("4w", call.a[1], words)) return -EFAULT;
        wish = {words[0], words[2], words[3], words[1] & ~unblockable};
    }
    if (s64 result = exchange(call, call.int_at(0), call.a[1] ? &wish : nullptr, old)) return result;
    const u64 out[4] = {old.handler, old.mask, old.flags, old.restorer};
    return call.a[2] && !call.store_struct("4w", call.a[2], out) ? -EFAULT : 0;
}

s64 sys_signal(Call& call) {
    const SignalAction wish{call.a[1], sa_oneshot | sa_nomask, 0, 0};
    SignalAction old;
    const s64 result = exchange(call, call.int_at(0), &wish, old);
    return result ? result : s64(old.handler);
}

s64 sys_sigprocmask(Call& call) {
    const u64 old = call.thread.signal_mask();
    if (call.a[1]) {
        auto set = call.load<u32>(call.a[1]);
        if (!set) return -EFAULT;
        u64 mask;
        switch (call.int_at(0)) {
        case SIG_BLOCK: mask = old | *set; break;
        case SIG_UNBLOCK: mask = old & ~u64(*set); break;
        case SIG_SETMASK: mask = (old & ~low_half) | *set; break;
        default: return -EINVAL;
        }
        if (change_mask(call, mask, 0)) return interrupted;
    }
    return call.a[2] && !call.store<u32>(call.a[2], u32(old)) ? -EFAULT : 0;
}

s64 sys_sgetmask(Call& call) { return s64(u32(call.thread.signal_mask())); }
s64 sys_ssetmask(Call& call) { return change_mask(call, u32(call.a[0]), s64(u32(call.thread.signal_mask()))); }

s64 sys_sigpending(Call& call) {
    u64 set = 0;
    const s64 result = call.pass(host_pointer(&set), sizeof set);
    if (result < 0) return result;
    return call.store<u32>(call.a[0], u32(set | call.thread.held_signals())) ? 0 : -EFAULT;
}

s64 sys_sigsuspend(Call& call) {
    const u64 mask = u32(call.a[2]) & ~(signal_bit(SIGSEGV) | signal_bit(SIGBUS));
    return call.pass(host_pointer(&mask), sizeof mask);
}

s64 sys_sigreturn(Call& call) { return return_from_signal(call, call.abi.pop_old_frame ? call.abi.pop_old_frame : call.abi.pop_frame); }

} // namespace emu::linux_user
