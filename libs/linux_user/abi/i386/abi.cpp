// SPDX-License-Identifier: MIT
#include "linux_user/abi/i386/abi.h"

#include "isa/x86/debug.h"
#include "isa/x86/x86.h"
#include "linux_user/abi/x86_64/abi.h"
#include "linux_user/abi/x86_64/fp_image.h"
#include "linux_user/abi32.h"
#include "linux_user/process.h"
#include "linux_user/thread.h"

namespace emu::linux_user::i386 {
namespace {

using namespace isa::x86;
State& regs(ir::StateHeader& state) { return static_cast<State&>(state); }
const State& regs(const ir::StateHeader& state) { return static_cast<const State&>(state); }

constexpr SyscallNumber numbers[] = {
#define EMU_NUMBER(number, name) {number, Sys::name},
#include "linux_user/abi/i386/numbers.def"
#undef EMU_NUMBER
};

// pop %eax; mov $119, %eax (sigreturn); int $0x80 -- and from rt_trampoline_at on: mov $173, %eax (rt_sigreturn); int $0x80
constexpr u8 trampoline[] = {0x58, 0xb8, 0x77, 0, 0, 0, 0xcd, 0x80, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                             0xb8, 0xad, 0,    0, 0, 0xcd, 0x80, 0x90};
static_assert(sizeof trampoline > rt_trampoline_at);

void start(ir::StateHeader& state, u64 entry, u64 stack_pointer) {
    state.pc = entry;
    regs(state).gpr[rsp] = stack_pointer;
    regs(state).ldt = shared_ldt();
}
u64 stack_pointer(const ir::StateHeader& state) { return u32(regs(state).gpr[rsp]); }

u64 arguments(const ir::StateHeader& state, u64 (&arguments)[6]) {
    constexpr Gpr order[] = {rbx, rcx, rdx, rsi, rdi, rbp};
    for (unsigned i = 0; i < 6; i++) arguments[i] = u32(regs(state).gpr[order[i]]);
    return u32(regs(state).gpr[rax]);
}
void set_result(ir::StateHeader& state, s64 result) { regs(state).gpr[rax] = u32(result); }
void restart(ir::StateHeader& state, u64 number, u64) {
    state.pc = u32(state.pc - 2);
    regs(state).gpr[rax] = number;
}
void fork_child(ir::StateHeader& child, std::optional<u64> stack, std::optional<u64> thread_pointer) {
    regs(child).gpr[rax] = 0;
    if (stack) regs(child).gpr[rsp] = *stack;
    if (thread_pointer) set_child_tls(child, Thread::current()->process().space(), *thread_pointer);
}
/// clone()'s own order is flags, stack, parent_tid, tls, child_tid.
void clone_arguments(const u64 (&a)[6], u64 (&ordered)[5]) {
    ordered[0] = a[0], ordered[1] = a[1], ordered[2] = a[2];
    ordered[3] = a[4], ordered[4] = a[3];
}

} // namespace

namespace {
constexpr CoreNote core_notes[] = {{"LINUX", 0x46e62b7f /* NT_PRXFPREG */, x86_64::note_fxsave}, {"LINUX", 0x202 /* NT_X86_XSTATE */, x86_64::note_xstate}};
} // namespace

extern const Abi abi{
    .name = "i386",
    .isa = &i386_isa,
    .elf_machine = 3,
    .elf64 = false,
    .model = {Endian::little, 4, 4},
    .machine = "i686",
    .platform = "i686",
    .library_path = "/usr/i686-linux-gnu",
    .min_signal_stack = 2048,
    .numbers = numbers,
    .open_flags = {},
    .stat = &stat_layout_32,
    .semid = &semid_layout_32,
    .stat64 = &stat64_layout_32,
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
    .own_trap = x86_64::own_trap,
    .debug = &debug_view_32,
    .core_registers = "ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss",
    .core_notes = core_notes,
    .push_frame = push_frame,
    .pop_frame = pop_rt_frame,
    .pop_old_frame = pop_frame,
    .faults_without_address = true,
    .illegal_code = ILL_ILLOPN,
    .breakpoint_code = SI_KERNEL,
};

} // namespace emu::linux_user::i386
