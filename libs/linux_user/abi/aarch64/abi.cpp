// SPDX-License-Identifier: MIT
#include "linux_user/abi/aarch64/abi.h"

#include "isa/a64/a64.h"

#include <fcntl.h>

namespace emu::linux_user::aarch64 {
namespace {

using isa::a64::State;
State& regs(ir::StateHeader& state) { return static_cast<State&>(state); }
const State& regs(const ir::StateHeader& state) { return static_cast<const State&>(state); }

constexpr SyscallNumber numbers[] = {
#define EMU_NUMBER(number, name) {number, Sys::name},
#include "linux_user/abi/aarch64/numbers.def"
#undef EMU_NUMBER
};

// arch/arm64/include/uapi/asm/fcntl.h: four flags trade places with those of other architectures.
constexpr u32 host_largefile = 0100000; // the C library says 0 for it on 64-bit hosts
constexpr FlagPair open_flags[] = {
    {040000, O_DIRECTORY},
    {0100000, O_NOFOLLOW},
    {0200000, O_DIRECT},
    {0400000, host_largefile},
};

// struct stat of asm-generic/stat.h.
constexpr StatLayout stat_layout{
    .size = 128,
    .dev = {0, 8},
    .ino = {8, 8},
    .ino_low = {},
    .mode = {16, 4},
    .nlink = {20, 4},
    .uid = {24, 4},
    .gid = {28, 4},
    .rdev = {32, 8},
    .size_field = {48, 8},
    .blksize = {56, 4},
    .blocks = {64, 8},
    .atime = {72, 8},
    .atime_nsec = {80, 8},
    .mtime = {88, 8},
    .mtime_nsec = {96, 8},
    .ctime = {104, 8},
    .ctime_nsec = {112, 8},
};
constexpr SemidLayout semid_layout{.size = 88, .otime = {48, 8}, .ctime = {56, 8}, .nsems = {64, 8}};

// mov x8, #139 (rt_sigreturn); svc #0 -- what unwinders and debuggers know a signal frame by.
constexpr u8 trampoline[] = {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};

void start(ir::StateHeader& state, u64 entry, u64 stack_pointer) {
    state.pc = entry;
    regs(state).sp = stack_pointer;
}
u64 stack_pointer(const ir::StateHeader& state) { return regs(state).sp; }

u64 arguments(const ir::StateHeader& state, u64 (&arguments)[6]) {
    for (unsigned i = 0; i < 6; i++) arguments[i] = regs(state).x[i];
    return u32(regs(state).x[8]);
}
void set_result(ir::StateHeader& state, s64 result) { regs(state).x[0] = u64(result); }
void restart(ir::StateHeader& state, u64, u64 first_argument) {
    state.pc -= 4;
    regs(state).x[0] = first_argument;
}
void fork_child(ir::StateHeader& child, std::optional<u64> stack, std::optional<u64> thread_pointer) {
    regs(child).x[0] = 0;
    if (stack) regs(child).sp = *stack;
    if (thread_pointer) regs(child).tpidr_el0 = *thread_pointer;
}
/// CONFIG_CLONE_BACKWARDS: flags, stack, parent_tid, tls, child_tid.
void clone_arguments(const u64 (&a)[6], u64 (&ordered)[5]) {
    const u64 in_order[5] = {a[0], a[1], a[2], a[4], a[3]};
    std::copy(std::begin(in_order), std::end(in_order), ordered);
}

void own_trap(const ir::StateHeader& state, u32 trap, u64, SignalInfo& info) {
    if (trap != isa::a64::trap_alignment) return;
    info.si_signo = SIGBUS;
    info.si_code = BUS_ADRALN;
    info.si_addr = reinterpret_cast<void*>(static_cast<const isa::a64::State&>(state).fault_address);
}

} // namespace

extern const Abi abi{
    .name = "aarch64",
    .isa = &isa::a64::a64_isa,
    .elf_machine = 183,
    .elf64 = true,
    .model = {Endian::little, 8, 8},
    .machine = "aarch64",
    .platform = "aarch64",
    .library_path = "/usr/aarch64-linux-gnu",
    .min_signal_stack = 5120,
    .numbers = numbers,
    .open_flags = open_flags,
    .stat = &stat_layout,
    .semid = &semid_layout,
    .trampoline = trampoline,
    .hwcap = isa::a64::hwcap,
    .hwcap2 = isa::a64::hwcap2,
    .start = start,
    .stack_pointer = stack_pointer,
    .arguments = arguments,
    .set_result = set_result,
    .restart = restart,
    .fork_child = fork_child,
    .clone_arguments = clone_arguments,
    .own_trap = own_trap,
    .push_frame = push_frame,
    .pop_frame = pop_frame,
};

} // namespace emu::linux_user::aarch64
