// SPDX-License-Identifier: MIT
// What random lockstep does not reach: the monitor, changes of the instruction set, IT blocks, big-endian data.
#include "run.h"

#include <doctest/doctest.h>

using namespace emu;
using test::A32;

namespace {
constexpr u32 bx_lr = 0xe12fff1e;
}

TEST_CASE("a32: store-exclusive succeeds once after its load, and fails without one") {
    A32 cpu;
    cpu.data()[0] = 5;
    cpu->r[0] = cpu.data_address();
    cpu->r[3] = 9;
    cpu.arm({0xe1901f9f /* ldrex r1, [r0] */, 0xe1802f93 /* strex r2, r3, [r0] */, bx_lr});
    CHECK(cpu->r[1] == 5);
    CHECK(cpu->r[2] == 0);
    CHECK(cpu.data()[0] == 9);
    cpu->r[3] = 11;
    cpu.arm({0xe1802f93, bx_lr});
    CHECK(cpu->r[2] == 1);
    CHECK(cpu.data()[0] == 9);
    CHECK(cpu.wrong() == "");
}

TEST_CASE("a32: a doubleword is exclusive as a whole") {
    A32 cpu;
    cpu.data()[0] = 1, cpu.data()[1] = 2;
    cpu->r[0] = cpu.data_address();
    cpu->r[4] = 3, cpu->r[5] = 4;
    cpu.arm({0xe1b02f9f /* ldrexd r2, r3, [r0] */, 0xe1a01f94 /* strexd r1, r4, r5, [r0] */, bx_lr});
    CHECK(cpu->r[2] == 1);
    CHECK(cpu->r[3] == 2);
    CHECK(cpu->r[1] == 0);
    CHECK(cpu.data()[0] == 3);
    CHECK(cpu.data()[1] == 4);
}

TEST_CASE("a32: branches to registers change the instruction set by bit 0") {
    A32 cpu;
    cpu->r[0] = 0x20001;
    CHECK(cpu.arm({0xe12fff10 /* bx r0 */}).kind == ir::ExitKind::jump_indirect);
    CHECK(cpu->pc == 0x20001);
    cpu->r[14] = 0x30000;
    CHECK(cpu.thumb({0x4770 /* bx lr */}).kind == ir::ExitKind::ret);
    CHECK(cpu->pc == 0x30000);
    cpu.arm({0xfa000000 /* blx to Thumb code */});
    CHECK(cpu->pc == ((A32::origin + 8) | 1));
    CHECK(cpu->r[14] == A32::origin + 4);
    cpu.thumb({0xf000, 0xe800 /* blx to Arm code */});
    CHECK(cpu->pc == A32::origin + 4);
    CHECK(cpu->r[14] == ((A32::origin + 4) | 1));
}

TEST_CASE("t32: both ways through an IT block") {
    for (u32 value : {0u, 7u}) {
        A32 cpu;
        cpu->r[0] = value;
        cpu.data()[0] = 42;
        cpu->r[3] = cpu.data_address();
        // cmp r0, #0; ite eq; ldreq r1, [r3]; movne r1, #2; bx lr
        for (ir::Exit exit = cpu.thumb({0x2800, 0xbf0c, 0x6819, 0x2102, 0x4770}); exit.kind == ir::ExitKind::jump;) exit = cpu.go();
        CHECK(cpu->r[1] == (value ? 2u : 42u));
        CHECK(cpu.wrong() == "");
    }
}

TEST_CASE("t32: execution can begin inside an IT block") {
    A32 cpu;
    cpu->nzcv = 0;   // ne
    cpu->r[1] = 5;
    // as if "it eq" stood before: mov r1, #2 has no effect, and the flags stay
    for (ir::Exit exit = cpu.thumb({0x2102, 0x4770}, 0x08); exit.kind == ir::ExitKind::jump;) exit = cpu.go();
    CHECK(cpu->r[1] == 5);
}

TEST_CASE("a32: CPSR goes to and from its parts") {
    A32 cpu;
    cpu->pc = 0x1000;
    isa::a32::write_cpsr(*cpu, 0xf80f0c30 | 1u << 25);
    CHECK(cpu->pc == (u64(0x0d) << isa::a32::pc_it_shift | 0x1001));
    CHECK(isa::a32::read_cpsr(*cpu) == (0xf80f0c30 | 1u << 25));
    isa::a32::write_cpsr(*cpu, 0x10);
    CHECK(cpu->pc == 0x1000);
}

TEST_CASE("a32: data is big-endian where CPSR.E says so") {
    A32 cpu;
    cpu.data()[0] = 0x11223344;
    cpu->r[0] = cpu.data_address();
    cpu->big_endian = 1;
    cpu.arm({0xe5901000 /* ldr r1, [r0] */, 0xe1d020b0 /* ldrh r2, [r0] */, bx_lr});
    CHECK(cpu->r[1] == 0x44332211);
    CHECK(cpu->r[2] == 0x4433);
}

TEST_CASE("a32: logical instructions keep the overflow flag") {
    A32 cpu;
    cpu->r[0] = 0x80000000;
    cpu->r[1] = 1;
    // cmp r0, r1 (V set); movs r2, #0; movvs r3, #1; moveq r4, #1
    cpu.arm({0xe1500001, 0xe3b02000, 0x63a03001, 0x03a04001, bx_lr});
    CHECK(cpu->r[3] == 1);
    CHECK(cpu->r[4] == 1);
    CHECK(isa::a32::nzcv_from_token(cpu->nzcv) == 0x70000000);
}

TEST_CASE("a32: what a CPU does not have is undefined on it") {
    A32 cpu("arm926");
    CHECK(cpu.arm({0xe3000001 /* movw */}).code == u32(isa::Trap::undefined));
    CHECK(cpu.arm({0xf2000d40 /* vadd.f32 */}).code == u32(isa::Trap::undefined));
    CHECK(cpu.arm({0xee300b01 /* vadd.f64 */, bx_lr}).kind == ir::ExitKind::ret);
}
