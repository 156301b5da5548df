// SPDX-License-Identifier: MIT
#include "linux_user/abi/arm/abi.h"

#include "cpu/engine.h"
#include "isa/a32/a32.h"
#include "isa/a32/debug.h"
#include "linux_user/abi32.h"
#include "linux_user/process.h"
#include "linux_user/semihosting.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <cerrno>
#include <cstring>
#include <csignal>
#include <fcntl.h>

namespace emu::linux_user::arm {

extern const Abi old_abi, old_abi_big_endian;

namespace {

using isa::a32::State;
State& regs(ir::StateHeader& state) { return static_cast<State&>(state); }
const State& regs(const ir::StateHeader& state) { return static_cast<const State&>(state); }

constexpr SyscallNumber numbers[] = {
#define EMU_NUMBER(number, name) {number, Sys::name},
#include "linux_user/abi/arm/numbers.def"
#undef EMU_NUMBER
};
constexpr u32 own_numbers = 0xf0000, own_rows = 1000;
/// The old ABI has the number in the instruction, above this base.
constexpr u32 old_base = 0x900000;

// arch/arm/include/uapi/asm/fcntl.h
constexpr FlagPair open_flags[] = {
    {040000, O_DIRECTORY},
    {0100000, O_NOFOLLOW},
    {0200000, O_DIRECT},
    {0400000, 0100000}, // O_LARGEFILE, which the C library says is 0 on 64-bit hosts
};

// arch/arm/include/uapi/asm/stat.h: struct stat64.
constexpr StatLayout stat64_layout{
    .size = 104,
    .dev = {0, 8},
    .ino = {96, 8},
    .ino_low = {12, 4},
    .mode = {16, 4},
    .nlink = {20, 4},
    .uid = {24, 4},
    .gid = {28, 4},
    .rdev = {32, 8},
    .size_field = {48, 8},
    .blksize = {56, 4},
    .blocks = {64, 8},
    .atime = {72, 4},
    .atime_nsec = {76, 4},
    .mtime = {80, 4},
    .mtime_nsec = {84, 4},
    .ctime = {88, 4},
    .ctime_nsec = {92, 4},
};

// mov r7, #119; svc 0 -- the same in Thumb code -- and both with #173; then all of that for big-endian instructions
constexpr u8 trampoline[] = {0x77, 0x70, 0xa0, 0xe3, 0, 0, 0, 0xef, 0x77, 0x27, 0, 0xdf,
                             0xad, 0x70, 0xa0, 0xe3, 0, 0, 0, 0xef, 0xad, 0x27, 0, 0xdf,
                             0xe3, 0xa0, 0x70, 0x77, 0xef, 0, 0, 0, 0x27, 0x77, 0xdf, 0,
                             0xe3, 0xa0, 0x70, 0xad, 0xef, 0, 0, 0, 0x27, 0xad, 0xdf, 0};

void start(ir::StateHeader& state, u64 entry, u64 stack_pointer) {
    state.pc = entry & 1 ? entry : entry & ~u64(3);
    regs(state).r[13] = u32(stack_pointer);
}
u64 stack_pointer(const ir::StateHeader& state) { return regs(state).r[13]; }

u64 arguments(const ir::StateHeader& state, u64 (&arguments)[6]) {
    for (unsigned i = 0; i < 6; i++) arguments[i] = regs(state).r[i];
    u32 number = regs(state).r[7];
    if (const u32 immediate = u32(state.exit_value); immediate >= old_base) number = immediate - old_base;
    if (number > own_numbers && number < own_numbers + 0x10) number = number - own_numbers + own_rows;
    else if (number >= own_rows && number < own_rows + 0x10) return ~u32(0);
    return number;
}
void set_result(ir::StateHeader& state, s64 result) { regs(state).r[0] = u32(result); }
void restart(ir::StateHeader& state, u64, u64 first_argument) {
    state.pc -= state.pc & isa::a32::pc_thumb ? 2 : 4;
    regs(state).r[0] = u32(first_argument);
}
void fork_child(ir::StateHeader& child, std::optional<u64> stack, std::optional<u64> thread_pointer) {
    regs(child).r[0] = 0;
    if (stack) regs(child).r[13] = u32(*stack);
    if (thread_pointer) regs(child).tpidruro = u32(*thread_pointer);
}
/// CONFIG_CLONE_BACKWARDS: flags, stack, parent_tid, tls, child_tid.
void clone_arguments(const u64 (&a)[6], u64 (&ordered)[5]) {
    const u64 in_order[5] = {a[0], a[1], a[2], a[4], a[3]};
    std::copy(std::begin(in_order), std::end(in_order), ordered);
}

void own_trap(const ir::StateHeader& state, u32 trap, u64, SignalInfo& info) {
    if (trap != isa::a32::trap_alignment) return;
    info.si_signo = SIGBUS;
    info.si_code = BUS_ADRALN;
    info.si_addr = reinterpret_cast<void*>(u64(static_cast<const State&>(state).fault_address));
}

s64 own_call(Call& call) {
    State& state = static_cast<State&>(call.thread.state());
    const std::string_view name = call.row.name;
    if (name == "arm_set_tls") {
        state.tpidruro = u32(call.a[0]);
        return 0;
    }
    if (name == "arm_get_tls") return s64(u64(state.tpidruro));
    if (name == "arm_cacheflush") {
        if (call.a[1] < call.a[0] || call.a[2]) return -EINVAL;
        // What was written through another mapping of the same memory has not been seen.
        call.process.engine().invalidate(call.a[0], call.a[1]);
        return 0;
    }
    if (name == "arm_usr32") return 0;
    if (name == "arm_breakpoint") {
        SignalInfo info{};
        info.si_signo = SIGTRAP;
        info.si_code = TRAP_BRKPT;
        info.si_addr = reinterpret_cast<void*>(u64(isa::a32::code_address(state.pc)));
        call.thread.force(info);
        return registers_set;
    }
    if (name == "send") return call.as(Sys::sendto, {call.a[0], call.a[1], call.a[2], call.a[3], 0, 0});
    if (name == "recv") return call.as(Sys::recvfrom, {call.a[0], call.a[1], call.a[2], call.a[3], 0, 0});
    return -ENOSYS;
}

void note_vfp(const ir::StateHeader& state, std::vector<u8>& contents) {
    const State& s = static_cast<const State&>(state);
    contents.resize(sizeof s.v + 4);
    std::memcpy(contents.data(), s.v, sizeof s.v);
    put_le32(contents, sizeof s.v, isa::a32::read_fpscr(s));
}
constexpr CoreNote core_notes[] = {{"LINUX", 0x400 /* NT_ARM_VFP */, note_vfp}};

/// System calls of the old ABI say so by their number's place.
const Abi* other_abi(const ir::StateHeader& state) {
    if (u32(state.exit_value) < old_base) return nullptr;
    return regs(state).big_endian ? &old_abi_big_endian : &old_abi;
}

/// "Angel" semihosting has supervisor calls of its own (Arm: Semihosting for AArch32 and AArch64, The semihosting interface).
bool host_call(Thread& thread) {
    State& state = static_cast<State&>(thread.state());
    const bool thumb = state.pc & isa::a32::pc_thumb;
    if (u32(state.exit_value) != (thumb ? 0xabu : 0x123456u)) return false;
    if (auto result = semihosting_call(thread, state.r[0], state.r[1])) state.r[0] = u32(*result);
    else restart(state, 0, state.r[0]);
    return true;
}

/// Big-endian programs for processors before Armv6 have big-endian instructions too (ELF for the Arm Architecture, EF_ARM_BE8).
void apply_big_flags(ir::StateHeader& state, u32 flags) {
    constexpr u32 be8 = 0x00800000;
    regs(state).big_code = flags & be8 ? 0 : 1;
}

/// arch/arm/include/asm/processor.h, start_thread: what is compiled with -msingle-pic-base finds its data there.
void start_flat(ir::StateHeader& state, u64 data) { regs(state).r[10] = u32(data); }

constexpr Abi make_abi(bool big) {
    return Abi{
        .name = big ? "armeb" : "arm",
        .isa = big ? &isa::a32::a32_be_isa : &isa::a32::a32_isa,
        .elf_machine = 40,
        .elf64 = false,
        .model = {big ? Endian::big : Endian::little, 4, 8},
        .machine = big ? "armv7b" : "armv7l",
        .platform = big ? "v7b" : "v7l",
        .library_path = big ? "/usr/armeb-linux-gnueabi" : "/usr/arm-linux-gnueabihf",
        .min_signal_stack = 2048,
        .numbers = numbers,
        .open_flags = open_flags,
        .stat = &stat_layout_32,
        .semid = &semid_layout_32,
        .stat64 = &stat64_layout,
        .aligned_pairs = true,
        .trampoline = trampoline,
        .hwcap = isa::a32::hwcap,
        .hwcap2 = isa::a32::hwcap2,
        .other_abi = other_abi,
        .host_call = host_call,
        .apply_flags = big ? apply_big_flags : nullptr,
        .start_flat = start_flat,
        .start = start,
        .stack_pointer = stack_pointer,
        .arguments = arguments,
        .set_result = set_result,
        .restart = restart,
        .fork_child = fork_child,
        .clone_arguments = clone_arguments,
        .prepare = map_user_helpers,
        .own_call = own_call,
        .own_trap = own_trap,
        .debug = &isa::a32::debug_view,
        .core_registers = "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 sp lr pc cpsr -",
        .core_notes = big ? std::span<const CoreNote>() : core_notes,
        .push_frame = push_frame,
        .pop_frame = pop_rt_frame,
        .pop_old_frame = pop_frame,
    };
}

/// The old ABI's system calls: 64-bit arguments in any two registers, 64-bit members at any word.
constexpr Abi make_old_abi(bool big) {
    Abi old = make_abi(big);
    old.model.align64 = 4;
    old.aligned_pairs = false;
    old.packed_epoll = true;
    old.stat64 = &stat64_layout_32;
    return old;
}

} // namespace

extern const Abi abi = make_abi(false);
extern const Abi abi_big_endian = make_abi(true);
const Abi old_abi = make_old_abi(false);
const Abi old_abi_big_endian = make_old_abi(true);

} // namespace emu::linux_user::arm
