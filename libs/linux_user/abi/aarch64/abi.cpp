// SPDX-License-Identifier: MIT
#include "linux_user/abi/aarch64/abi.h"

#include "isa/a64/a64.h"
#include "isa/a64/debug.h"
#include "isa/a64/models.h"

#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>

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
// Names of the HWCAP bits in order (arch/arm64/kernel/cpuinfo.c, Documentation/arm64/elf_hwcaps.rst).
constexpr std::string_view feature_names[] = {
    "fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "atomics", "fphp", "asimdhp", "cpuid", "asimdrdm", "jscvt", "fcma", "lrcpc",
    "dcpop", "sha3", "sm3", "sm4", "asimddp", "sha512", "sve", "asimdfhm", "dit", "uscat", "ilrcpc", "flagm", "ssbs", "sb", "paca", "pacg"};
constexpr std::string_view feature2_names[] = {
    "dcpodp", "sve2", "sveaes", "svepmull", "svebitperm", "svesha3", "svesm4", "flagm2", "frint", "svei8mm", "svef32mm", "svef64mm", "svebf16",
    "i8mm", "bf16", "dgh", "rng", "bti", "mte", "ecv", "afp", "rpres"};

std::string cpuinfo(const isa::CpuModel& model, unsigned cpus) {
    std::string features;
    auto add = [&](u64 caps, std::span<const std::string_view> names) {
        for (usize bit = 0; bit < names.size(); bit++)
            if (caps >> bit & 1) features += " " + std::string(names[bit]);
    };
    add(isa::a64::hwcap(model), feature_names);
    add(isa::a64::hwcap2(model), feature2_names);
    const u64 midr = isa::a64::details(model).midr;
    std::string text;
    for (unsigned i = 0; i < cpus; i++)
        text += fmt::format("processor\t: {}\nBogoMIPS\t: {:.2f}\nFeatures\t:{}\nCPU implementer\t: {:#04x}\nCPU architecture: 8\n"
                            "CPU variant\t: {:#x}\nCPU part\t: {:#05x}\nCPU revision\t: {}\n\n",
                            i, 2e-6 * double(isa::a64::counter_frequency), features, midr >> 24 & 0xff, midr >> 20 & 15, midr >> 4 & 0xfff, midr & 15);
    return text;
}

// struct user_fpsimd_state: the vectors, then FPSR and FPCR; padded to a multiple of 16.
void note_fp(const ir::StateHeader& state, std::vector<u8>& contents) {
    contents.resize(528);
    std::memcpy(contents.data(), regs(state).v, sizeof regs(state).v);
    put_le32(contents, 512, isa::a64::read_fpsr(regs(state)));
    put_le32(contents, 516, regs(state).fpcr);
}
void note_tls(const ir::StateHeader& state, std::vector<u8>& contents) {
    contents.resize(8);
    put_le64(contents, 0, regs(state).tpidr_el0);
}
constexpr CoreNote core_notes[] = {{"CORE", 2 /* NT_PRFPREG */, note_fp}, {"LINUX", 0x401 /* NT_ARM_TLS */, note_tls}};

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
    .cpuinfo = cpuinfo,
    .debug = &isa::a64::debug_view,
    .core_registers = "x0 x1 x2 x3 x4 x5 x6 x7 x8 x9 x10 x11 x12 x13 x14 x15 x16 x17 x18 x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29 x30 sp pc cpsr",
    .core_notes = core_notes,
    .push_frame = push_frame,
    .pop_frame = pop_frame,
};

} // namespace emu::linux_user::aarch64
