// SPDX-License-Identifier: MIT
#include "linux_user/host_asm.h"

#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if !defined(__x86_64__)
#error "linux_user has no assembly for this host yet: add a host_<arch>.cpp"
#endif

// safe_copy(to rdi, from rsi, size rdx): rep movsb keeps its progress in the registers, so a fault leaves in rcx how much
// is missing. emu_signal_restorer is rt_sigreturn, which the kernel wants with each handler. safe_syscall(number rdi, arguments rsi, pending rdx): the pending flag is tested right before the call.
__asm__(R"(
    .pushsection .text
    .type emu_safe_copy, @function
emu_safe_copy:
    .cfi_startproc
    mov %rdx, %rcx
emu_safe_copy_begin:
    rep movsb
emu_safe_copy_end:
    mov %rcx, %rax
    ret
    .cfi_endproc
    .size emu_safe_copy, . - emu_safe_copy

    .type emu_safe_syscall, @function
emu_safe_syscall:
    .cfi_startproc
    mov %rdi, %rax
    mov %rsi, %rcx
    mov %rdx, %r11
    mov 0(%rcx), %rdi
    mov 8(%rcx), %rsi
    mov 16(%rcx), %rdx
    mov 24(%rcx), %r10
    mov 32(%rcx), %r8
    mov 40(%rcx), %r9
emu_safe_syscall_begin:
    cmpl $0, (%r11)
    jne emu_safe_syscall_refuse
    syscall
emu_safe_syscall_end:
    ret
emu_safe_syscall_refuse:
    mov $-512, %rax
    ret
    .cfi_endproc
    .size emu_safe_syscall, . - emu_safe_syscall

    .type emu_signal_restorer, @function
emu_signal_restorer:
    mov $15, %eax
    syscall
    .size emu_signal_restorer, . - emu_signal_restorer
    .popsection
)");

extern "C" {
emu::usize emu_safe_copy(void* to, const void* from, emu::usize size);
emu::s64 emu_safe_syscall(emu::u64 number, const emu::u64* arguments, const volatile int* pending);
extern const char emu_safe_copy_begin[] __attribute__((visibility("hidden")));
extern const char emu_safe_copy_end[] __attribute__((visibility("hidden")));
extern const char emu_safe_syscall_begin[] __attribute__((visibility("hidden")));
extern const char emu_safe_syscall_end[] __attribute__((visibility("hidden")));
extern const char emu_signal_restorer[] __attribute__((visibility("hidden")));
extern const char emu_safe_syscall_refuse[] __attribute__((visibility("hidden")));
}

namespace emu::linux_user::host {
namespace {

/// Move a program counter within [begin, end) to `target`.
bool redirect(void* context, const char* begin, const char* end, const char* target) {
    auto& pc = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
    if (u64(pc) < u64(begin) || u64(pc) >= u64(end)) return false;
    pc = greg_t(u64(target));
    return true;
}

/// struct sigaction of the kernel.
struct KernelAction {
    u64 handler, flags, restorer, mask;
};
constexpr u64 sa_restorer = 0x04000000;

void set_action(int signal, KernelAction action) { ::syscall(SYS_rt_sigaction, signal, &action, nullptr, 8); }

} // namespace

void set_signal_handler(int signal, SignalHandler handler, unsigned long flags) {
    set_action(signal, {u64(handler), flags | SA_SIGINFO | SA_ONSTACK | sa_restorer, u64(emu_signal_restorer), ~u64(0)});
}
void set_signal_default(int signal, bool ignore) { set_action(signal, {ignore, 0, 0, 0}); }
bool signal_is_ignored(int signal) {
    KernelAction action{};
    return ::syscall(SYS_rt_sigaction, signal, nullptr, &action, 8) == 0 && action.handler == 1;
}
void set_thread_mask(u64 mask) { ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, 8); }
u64 thread_mask() {
    u64 mask = 0;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, nullptr, &mask, 8);
    return mask;
}
void set_interrupted_mask(void* context, u64 mask) {
    __builtin_memcpy(&static_cast<ucontext_t*>(context)->uc_sigmask, &mask, sizeof mask);
}

usize safe_copy(void* to, const void* from, usize size) { return emu_safe_copy(to, from, size); }
s64 safe_syscall(u64 number, const u64 (&arguments)[6], const volatile int* pending) {
    return emu_safe_syscall(number, arguments, pending);
}
bool repair_copy_fault(void* context) {
    return redirect(context, emu_safe_copy_begin, emu_safe_copy_end, emu_safe_copy_end);
}
bool abandon_system_call(void* context) {
    return redirect(context, emu_safe_syscall_begin, emu_safe_syscall_end, emu_safe_syscall_refuse);
}
u64 program_counter(const void* context) {
    return u64(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
}
bool fault_was_write(const void* context) {
    return (static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR] & 2) != 0;
}

} // namespace emu::linux_user::host
