// SPDX-License-Identifier: MIT
// The front: where units begin and end, and what they leave by.
#include "run.h"

#include <doctest/doctest.h>

using namespace emu;
using ir::ExitKind;
using isa::Trap;
using test::A64;

namespace {
constexpr u64 at = A64::origin;
constexpr u32 nop = 0xd503201f, add_x0 = 0x91000400, ret = 0xd65f03c0;

bool is_trap(const ir::Exit& exit, Trap trap) { return exit.kind == ExitKind::trap && exit.code == u32(trap); }
} // namespace

TEST_CASE("a64: a unit goes on past a conditional branch that is not taken") {
    A64 cpu;
    cpu->x[1] = 1;
    CHECK(cpu.run({add_x0, 0xb4000041 /* cbz x1, .+8 */, add_x0, ret}).kind == ExitKind::ret);
    CHECK(cpu->x[0] == 2);
    CHECK(cpu.unit().insns == 4);
    CHECK(cpu.wrong() == "");
}

TEST_CASE("a64: the taken side of a conditional branch leaves, backward too") {
    A64 cpu;
    CHECK(cpu.run({add_x0, 0xb4ffffe1 /* cbz x1, .-4 */, add_x0, ret}) == ir::Exit{ExitKind::jump, 0, at, 0});
    CHECK(cpu->x[0] == 1);
    CHECK(cpu->pc == at);
}

TEST_CASE("a64: a short branch ahead is followed, its gap is not part of the unit") {
    A64 cpu;
    CHECK(cpu.run({0x14000003 /* b .+12 */, add_x0, add_x0, add_x0, ret}).kind == ExitKind::ret);
    CHECK(cpu->x[0] == 1);
    CHECK(cpu.unit().ranges == std::vector<std::pair<u64, u64>>{{at, at + 4}, {at + 12, at + 20}});
    CHECK(cpu.unit().end == at + 20);
}

TEST_CASE("a64: calls leave with the address they return to") {
    A64 cpu;
    CHECK(cpu.run({0x94000010 /* bl .+64 */}) == ir::Exit{ExitKind::call, 0, at + 64, at + 4});
    CHECK(cpu->x[30] == at + 4);
    cpu->pc = at;
    cpu->x[30] = 0x1234; // blr through the link register reads it before it writes it
    CHECK(cpu.run({0xd63f03c0}) == ir::Exit{ExitKind::call_indirect, 0, 0, at + 4});
    CHECK(cpu->pc == 0x1234);
    CHECK(cpu->x[30] == at + 4);
}

TEST_CASE("a64: max_insns ends a unit with a jump to the next instruction") {
    A64 cpu;
    CHECK(cpu.run({add_x0, add_x0, ret}, 1) == ir::Exit{ExitKind::jump, 0, at + 4, 0});
    CHECK(cpu.unit().insns == 1);
}

TEST_CASE("a64: code that cannot be read ends the unit before it, or is the fault if it comes first") {
    A64 cpu;
    CHECK(cpu.run({add_x0}) == ir::Exit{ExitKind::jump, 0, at + 4, 0});
    CHECK(is_trap(cpu.run({add_x0}), Trap::fetch_fault));
    CHECK(cpu->pc == at + 4);
    CHECK(cpu->exit_value == at + 4);
}

TEST_CASE("a64: a misaligned pc is refused") {
    A64 cpu;
    cpu->pc = at + 2;
    CHECK(is_trap(cpu.run({nop, nop}), Trap::misaligned));
}

TEST_CASE("a64: unallocated words trap with their own pc and bits, after what came before") {
    A64 cpu;
    CHECK(is_trap(cpu.run({add_x0, 0x00000007, add_x0}), Trap::undefined));
    CHECK(cpu->pc == at + 4);
    CHECK(cpu->exit_value == 7);
    CHECK(cpu->x[0] == 1);
}

TEST_CASE("a64: svc completes, brk does not") {
    A64 cpu;
    CHECK(is_trap(cpu.run({0xd40000a1}), Trap::syscall));
    CHECK(cpu->pc == at + 4);
    CHECK(cpu->exit_value == 5);
    cpu->pc = at;
    CHECK(is_trap(cpu.run({0xd42000e0}), Trap::breakpoint));
    CHECK(cpu->pc == at);
    CHECK(cpu->exit_value == 7);
}

TEST_CASE("a64: what EL0 may not do is undefined") {
    for (u32 word : {0xd69f03e0u /* eret */, 0xd50342dfu /* msr daifset */, 0xd5382000u /* mrs ttbr0_el1 */, 0xd53be020u /* cntpct */,
                     0xd4000002u /* hvc */, 0xd4400000u /* hlt */, 0xd50c871fu /* tlbi */}) {
        A64 cpu;
        CAPTURE(word);
        CHECK(is_trap(cpu.run({word}), Trap::undefined));
    }
}

TEST_CASE("a64: instructions beyond the CPU model are undefined, its hints are nops") {
    A64 old("cortex-a53");
    CHECK(is_trap(old.run({0xb8e10002 /* ldaddal */}), Trap::undefined));
    A64 hints("cortex-a53");
    hints->x[30] = 0x4000;
    CHECK(hints.run({0xd503233f /* paciasp */, ret}).kind == ExitKind::ret);
    CHECK(hints->pc == 0x4000);
}

TEST_CASE("a64: an FPCR write ends the unit and chooses another mode") {
    A64 cpu;
    const u32 before = isa::a64::a64_isa.mode(*cpu);
    cpu->x[0] = 0x03c00000 | 0x8000'0000'0000; // DN, FZ, toward zero, and a bit that does not exist
    CHECK(cpu.run({0xd51b4400, add_x0}).kind == ExitKind::sync);
    CHECK(cpu->pc == at + 4);
    CHECK(isa::a64::a64_isa.mode(*cpu) != before);
    const fp::Env env = isa::a64::a64_isa.fp_env(isa::a64::a64_isa.mode(*cpu));
    CHECK(env.round == fp::Round::toward_zero);
    CHECK(env.flush_outputs);
    CHECK(env.default_nan);
    CHECK((cpu->mxcsr >> 13 & 3) == 3);
    cpu->pc = at;
    cpu.run({0xd53b4401 /* mrs x1, fpcr */, ret});
    CHECK(cpu->x[1] == 0x03c00000);
}
