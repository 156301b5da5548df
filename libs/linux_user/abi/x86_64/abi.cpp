// SPDX-License-Identifier: MIT
#include "linux_user/abi/x86_64/abi.h"
#include "linux_user/abi/x86_64/fp_image.h"

#include "isa/x86/debug.h"
#include "isa/x86/x86.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <algorithm>
#include <asm/prctl.h>
#include <cerrno>
#include <cstring>

namespace emu::linux_user::x86_64 {
namespace {

using namespace isa::x86;
State& regs(ir::StateHeader& state) { return static_cast<State&>(state); }
const State& regs(const ir::StateHeader& state) { return static_cast<const State&>(state); }

constexpr SyscallNumber numbers[] = {
#define EMU_NUMBER(number, name) {number, Sys::name},
#include "linux_user/abi/x86_64/numbers.def"
#undef EMU_NUMBER
};

// arch/x86/include/uapi/asm/stat.h, struct stat of 64-bit programs.
constexpr StatLayout stat_layout{
    .size = 144,
    .dev = {0, 8},
    .ino = {8, 8},
    .ino_low = {},
    .mode = {24, 4},
    .nlink = {16, 8},
    .uid = {28, 4},
    .gid = {32, 4},
    .rdev = {40, 8},
    .size_field = {48, 8},
    .blksize = {56, 8},
    .blocks = {64, 8},
    .atime = {72, 8},
    .atime_nsec = {80, 8},
    .mtime = {88, 8},
    .mtime_nsec = {96, 8},
    .ctime = {104, 8},
    .ctime_nsec = {112, 8},
};
// arch/x86/include/uapi/asm/sembuf.h: a reserved word behind each time.
constexpr SemidLayout semid_layout{.size = 104, .otime = {48, 8}, .ctime = {64, 8}, .nsems = {80, 8}};

// mov $15, %eax (rt_sigreturn); syscall
constexpr u8 trampoline[] = {0xb8, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};

void start(ir::StateHeader& state, u64 entry, u64 stack_pointer) {
    state.pc = entry;
    regs(state).gpr[rsp] = stack_pointer;
}
u64 stack_pointer(const ir::StateHeader& state) { return regs(state).gpr[rsp]; }

u64 arguments(const ir::StateHeader& state, u64 (&arguments)[6]) {
    constexpr Gpr order[] = {rdi, rsi, rdx, r10, r8, r9};
    for (unsigned i = 0; i < 6; i++) arguments[i] = regs(state).gpr[order[i]];
    return u32(regs(state).gpr[rax]);
}
void set_result(ir::StateHeader& state, s64 result) { regs(state).gpr[rax] = u64(result); }
void restart(ir::StateHeader& state, u64 number, u64) {
    state.pc -= 2;
    regs(state).gpr[rax] = number;
}
void fork_child(ir::StateHeader& child, std::optional<u64> stack, std::optional<u64> thread_pointer) {
    regs(child).gpr[rax] = 0;
    if (stack) regs(child).gpr[rsp] = *stack;
    if (thread_pointer) regs(child).fs_base = *thread_pointer;
}
void clone_arguments(const u64 (&a)[6], u64 (&ordered)[5]) { std::copy(std::begin(a), std::begin(a) + 5, std::begin(ordered)); }

s64 arch_prctl(Call& call) {
    State& state = static_cast<State&>(call.thread.state());
    constexpr u64 end_of_user_space = u64(1) << 47;
    switch (call.int_at(0)) {
    case ARCH_SET_FS:
    case ARCH_SET_GS:
        if (call.a[1] >= end_of_user_space) return -EPERM;
        (call.int_at(0) == ARCH_SET_FS ? state.fs_base : state.gs_base) = call.a[1];
        return 0;
    case ARCH_GET_FS: return call.store<u64>(call.a[1], state.fs_base) ? 0 : -EFAULT;
    case ARCH_GET_GS: return call.store<u64>(call.a[1], state.gs_base) ? 0 : -EFAULT;
    case ARCH_GET_CPUID: return 1;
    case ARCH_SET_CPUID: return call.a[1] ? 0 : -ENODEV;
    default: return -EINVAL;
    }
}

s64 own_call(Call& call) { return call.row.name == "arch_prctl" ? arch_prctl(call) : -ENOSYS; }

/// Which of several exceptions is told (fpu__exception_code of the kernel).
int code_of(u32 flags) {
    if (flags & fp::invalid) return FPE_FLTINV;
    if (flags & fp::divide_by_zero) return FPE_FLTDIV;
    if (flags & fp::overflow) return FPE_FLTOVF;
    if (flags & (fp::underflow | fp::denormal_operand)) return FPE_FLTUND;
    return FPE_FLTRES;
}
int x87_code(const State& state) {
    const isa::x86::X87 x = x87_of(state);
    return code_of(fp_flags_of(x.status & ~x.control));
}

} // namespace

void own_trap(const ir::StateHeader& state, u32 trap, u64, SignalInfo& info) {
    auto say = [&](int signal, int code, u64 address) {
        info.si_signo = signal;
        info.si_code = code;
        info.si_addr = reinterpret_cast<void*>(address);
    };
    switch (trap) {
    case trap_general_protection: return say(SIGSEGV, SI_KERNEL, 0);
    case trap_overflow: return say(SIGSEGV, SI_KERNEL, 0);
    case trap_bound: return say(SIGSEGV, SI_KERNEL, 0);
    case trap_fpu: return say(SIGFPE, x87_code(regs(state)), state.pc);
    case trap_simd: return say(SIGFPE, code_of(unmasked_flags(regs(state))), state.pc);
    case trap_debug: return say(SIGTRAP, TRAP_BRKPT, state.pc);
    default: return;
    }
}

namespace {
constexpr CoreNote core_notes[] = {{"CORE", 2 /* NT_PRFPREG */, note_fxsave}, {"LINUX", 0x202 /* NT_X86_XSTATE */, note_xstate}};
} // namespace

extern const Abi abi{
    .name = "x86_64",
    .isa = &x86_64_isa,
    .elf_machine = 62,
    .elf64 = true,
    .model = {Endian::little, 8, 8},
    .machine = "x86_64",
    .platform = "x86_64",
    .library_path = "/usr/x86_64-linux-gnu",
    .min_signal_stack = 2520,
    .numbers = numbers,
    .open_flags = {},
    .stat = &stat_layout,
    .semid = &semid_layout,
    .packed_epoll = true,
    .trampoline = trampoline,
    .hwcap = hwcap,
    .hwcap2 = hwcap2,
    .start = start,
    .stack_pointer = stack_pointer,
    .arguments = arguments,
    .set_result = set_result,
    .restart = restart,
    .fork_child = fork_child,
    .clone_arguments = clone_arguments,
    .own_call = own_call,
    .own_trap = own_trap,
    .debug = &debug_view_64,
    .core_registers = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs",
    .core_notes = core_notes,
    .push_frame = push_frame,
    .pop_frame = pop_frame,
    .faults_without_address = true,
    .illegal_code = ILL_ILLOPN,
    .breakpoint_code = SI_KERNEL,
    .kernel_code = vsyscall,
};

} // namespace emu::linux_user::x86_64
