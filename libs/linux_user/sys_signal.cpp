// SPDX-License-Identifier: MIT
// The signal calls. Masks and actions have the same 64-bit layout everywhere but for the width of words.
#include "linux_user/guest_log.h"
#include "linux_user/process.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <sys/syscall.h>

namespace emu::linux_user {
namespace {

constexpr u64 mask_size = 8;

bool valid(int signal) { return signal >= 1 && signal <= signal_count; }

/// struct sigaction as the kernel has it (a mask is an array of longs, and aligned as they are), with a restorer (every ABI but a few that come later).
constexpr std::string_view action_format = "wwwt";
struct ActionWords {
    u64 handler, flags, restorer, mask;
};

s64 load_mask(const Call& call, u64 at, u64& mask) { return call.load_struct("t", at, mask) ? 0 : -EFAULT; }

} // namespace

s64 sys_rt_sigaction(Call& call) {
    int signal = call.int_at(0);
    if (call.a[3] != mask_size) return -EINVAL;
    ActionWords wish{};
    if (call.a[1] && !call.load_struct(action_format, call.a[1], wish)) return -EFAULT;
    if (!valid(signal) || (call.a[1] && (unblockable & signal_bit(signal)))) return -EINVAL;
    SignalAction old;
    {
        std::lock_guard lock(call.thread.actions()->mutex);
        SignalAction& action = call.thread.actions()->actions[usize(signal)];
        old = action;
        if (call.a[1]) {
            action = {wish.handler, wish.flags, wish.restorer, wish.mask & ~unblockable};
            follow_action(signal, action);
        }
    }
    ActionWords words{old.handler, old.flags, old.restorer, old.mask};
    return call.a[2] && !call.store_struct(action_format, call.a[2], words) ? -EFAULT : 0;
}

s64 sys_rt_sigprocmask(Call& call) {
    if (call.a[3] != mask_size) return -EINVAL;
    const u64 old = call.thread.signal_mask();
    u64 mask = old, set;
    if (call.a[1]) {
        if (s64 result = load_mask(call, call.a[1], set)) return result;
        switch (call.int_at(0)) {
        case SIG_BLOCK: mask = old | set; break;
        case SIG_UNBLOCK: mask = old & ~set; break;
        case SIG_SETMASK: mask = set; break;
        default: return -EINVAL;
        }
        // Signals that came before are delivered under the old mask.
        if (!call.thread.try_signal_mask(mask)) return interrupted;
    }
    return call.a[2] && !call.store_struct("t", call.a[2], old) ? -EFAULT : 0;
}

s64 sys_rt_sigpending(Call& call) {
    if (call.a[1] > mask_size) return -EINVAL;
    u64 set = 0;
    s64 result = call.pass(host_pointer(&set), mask_size);
    if (result < 0) return result;
    set |= call.thread.held_signals();
    std::array<u8, mask_size> bytes;
    convert_struct("t", {reinterpret_cast<const u8*>(&set), sizeof set}, host_model, bytes, call.abi.model);
    return call.copy_out(call.a[0], bytes.data(), usize(call.a[1])) ? 0 : -EFAULT; // shorter masks are read too
}

s64 sys_rt_sigsuspend(Call& call) {
    u64 mask;
    if (call.a[1] != mask_size) return -EINVAL;
    if (s64 result = load_mask(call, call.a[0], mask)) return result;
    mask &= ~(signal_bit(SIGSEGV) | signal_bit(SIGBUS));
    return call.pass(host_pointer(&mask), mask_size);
}

s64 sys_rt_sigtimedwait(Call& call) {
    u64 set;
    timespec timeout;
    SignalInfo info{};
    if (call.a[3] != mask_size) return -EINVAL;
    if (s64 result = load_mask(call, call.a[0], set)) return result;
    if (call.a[2] && !call.load_struct(call.time_format(), call.a[2], timeout)) return -EFAULT;
    s64 signal = call.thread.fetch_held(set, info) ? info.si_signo
                                                   : call.pass(host_pointer(&set), host_pointer(&info),
                                                               call.a[2] ? host_pointer(&timeout) : 0, mask_size);
    if (signal > 0 && call.a[1] && !call.store_siginfo(call.a[1], info)) return -EFAULT;
    return signal;
}

s64 return_from_signal(Call& call, decltype(Abi::pop_frame) pop_frame) {
    if (call.thread.block_signals()) {
        call.thread.set_signal_mask(call.thread.signal_mask());
        return interrupted;
    }
    FrameRestore restore;
    restore.alt_stack = call.thread.alt_stack;
    if (!pop_frame(call.thread.state(), call.space, restore)) {
        log_bad_return(call.thread);
        SignalInfo info{};
        info.si_signo = SIGSEGV;
        info.si_code = SI_KERNEL;
        call.thread.force(info);
        return registers_set;
    }
    call.thread.alt_stack = restore.alt_stack;
    call.thread.set_signal_mask(restore.mask);
    return registers_set;
}

s64 sys_rt_sigreturn(Call& call) { return return_from_signal(call, call.abi.pop_frame); }

/// With nothing that would have to go on after a stop: the call that was interrupted has returned EINTR.
s64 sys_restart_syscall(Call&) { return -EINTR; }

s64 sys_sigaltstack(Call& call) {
    // stack_t: ss_sp, ss_flags, ss_size.
    struct Words {
        u64 base;
        s32 flags;
        u64 size;
    };
    AltStack& stack = call.thread.alt_stack;
    bool on = stack.on(call.abi.stack_pointer(call.thread.state()));
    Words old{stack.base, s32(on ? u32(SS_ONSTACK) | (stack.flags & autodisarm) : stack.flags), stack.size};
    if (call.a[0]) {
        Words wish;
        if (!call.load_struct("wiw", call.a[0], wish)) return -EFAULT;
        u32 mode = u32(wish.flags) & ~autodisarm;
        if (on) return -EPERM;
        if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE) return -EINVAL;
        if (mode == SS_DISABLE)
            stack = {0, 0, u32(wish.flags)};
        else if (wish.size < call.abi.min_signal_stack)
            return -ENOMEM;
        else
            stack = {wish.base, wish.size, u32(wish.flags) & ~u32(SS_ONSTACK)};
    }
    return call.a[1] && !call.store_struct("wiw", call.a[1], old) ? -EFAULT : 0;
}

// Sending: the numbers are the host's, so the kernel does it all.

s64 sys_kill(Call& call) { return call.pass(call.a[0], call.a[1]); }
s64 sys_tgkill(Call& call) { return call.pass(call.a[0], call.a[1], call.a[2]); }

s64 sys_rt_sigqueueinfo(Call& call) {
    SignalInfo info;
    if (!call.load_siginfo(call.a[2], info)) return -EFAULT;
    return call.pass(call.a[0], call.a[1], host_pointer(&info));
}

s64 sys_rt_tgsigqueueinfo(Call& call) {
    SignalInfo info;
    if (!call.load_siginfo(call.a[3], info)) return -EFAULT;
    return call.pass(call.a[0], call.a[1], call.a[2], host_pointer(&info));
}

s64 sys_pidfd_send_signal(Call& call) {
    SignalInfo info;
    const bool there = call.a[2] && call.load_siginfo(call.a[2], info);
    return call.pass(call.a[0], call.a[1], !call.a[2] ? 0 : there ? host_pointer(&info) : nowhere(call.a[2]), call.a[3]);
}

s64 sys_signalfd4(Call& call) {
    u64 mask;
    if (call.a[2] != mask_size) return -EINVAL;
    if (s64 result = load_mask(call, call.a[1], mask)) return result;
    return call.pass(call.a[0], host_pointer(&mask), mask_size, call.a[3]);
}

} // namespace emu::linux_user
