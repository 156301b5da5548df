// SPDX-License-Identifier: MIT
// What random lockstep does not reach: faulting order, the monitor, pointer authentication, registers with an answer of our own.
#include "run.h"

#include "isa/a64/models.h"

#include <doctest/doctest.h>

#include <csetjmp>

using namespace emu;
using isa::a64::fpsr::qc;
using test::A64;

namespace {
constexpr u32 ret = 0xd65f03c0;
u64 address_of(const void* p) { return u64(p); }
} // namespace

TEST_CASE("a64: loads are done before the base is written back") {
    // The IR says so: no set of a register stands before the last memory access of its instruction.
    for (u32 word : {0xa8c10801u /* ldp x1, x2, [x0], #16 */, 0xa9bf0801u /* stp x1, x2, [x0, #-16]! */, 0xf8408c00u /* ldr x0, [x0, #8]! */,
                     0xadc10400u /* ldp q0, q1, [x0, #32]! */, 0x48227c04u /* casp */, 0xc8027c03u /* stxr */}) {
        alignas(16) u64 memory[8] = {};
        A64 cpu;
        cpu->x[0] = address_of(memory + 4);
        cpu.run({word, ret});
        bool set_seen = false, late = false;
        for (const ir::Node& n : cpu.unit().nodes) {
            const auto effect = ir::effect_of(n.op);
            if (n.op == ir::Op::set && n.a != isa::a64::slot_fault_address) set_seen = true;
            if (set_seen && (effect == ir::Effect::load || effect == ir::Effect::store)) late = true;
        }
        CAPTURE(word);
        CHECK_FALSE(late);
        CHECK(cpu.wrong() == "");
    }
}

TEST_CASE("a64: store-exclusive succeeds once after its load, and fails without one") {
    alignas(16) u64 memory[2] = {5, 0};
    A64 cpu;
    cpu->x[0] = address_of(memory);
    cpu->x[3] = 9;
    cpu->x[2] = 77;
    cpu.run({0xc85f7c01 /* ldxr x1, [x0] */, 0xc8027c03 /* stxr w2, x3, [x0] */, ret});
    CHECK(cpu->x[1] == 5);
    CHECK(cpu->x[2] == 0);
    CHECK(memory[0] == 9);
    cpu->pc = A64::origin;
    cpu->x[3] = 11;
    cpu.run({0xc8027c03, ret});
    CHECK(cpu->x[2] == 1);
    CHECK(memory[0] == 9);
}

TEST_CASE("a64: store-exclusive fails when memory changed, the address differs, or after clrex") {
    alignas(16) u64 memory[2] = {5, 5};
    A64 cpu;
    cpu->x[0] = address_of(memory);
    cpu->x[3] = 9;
    cpu.run({0xc85f7c01, ret});
    memory[0] = 6;
    cpu->pc = A64::origin;
    cpu.run({0xc8027c03, ret});
    CHECK(cpu->x[2] == 1);
    CHECK(memory[0] == 6);

    cpu->pc = A64::origin;
    cpu.run({0xc85f7c01, 0x91002000 /* add x0, x0, #8 */, 0xc8027c03, ret});
    CHECK(cpu->x[2] == 1);
    CHECK(memory[1] == 5);

    cpu->pc = A64::origin;
    cpu.run({0xc85f7c01, 0xd5033f5f /* clrex */, 0xc8027c03, ret});
    CHECK(cpu->x[2] == 1);
    CHECK(memory[1] == 5);
}

TEST_CASE("a64: pairs of 64 bits are exclusive as a whole") {
    alignas(16) u64 memory[2] = {1, 2};
    A64 cpu;
    cpu->x[0] = address_of(memory);
    cpu->x[3] = 3;
    cpu->x[4] = 4;
    cpu.run({0xc87f0801 /* ldxp x1, x2, [x0] */, 0xc8251003 /* stxp w5, x3, x4, [x0] */, ret});
    CHECK(cpu->x[5] == 0);
    CHECK(cpu->x[2] == 2);
    CHECK(memory[0] == 3);
    CHECK(memory[1] == 4);
}

TEST_CASE("a64: a signed pointer authenticates with its own modifier and key only") {
    A64 cpu;
    const u64 pointer = 0x0000'7fff'1234'5678;
    cpu->x[0] = pointer;
    cpu->x[1] = 42;
    cpu.run({0xdac10020 /* pacia x0, x1 */, ret});
    const u64 signed_pointer = cpu->x[0];
    CHECK((signed_pointer & 0xff80'ffff'ffff'ffff) == pointer);
    auto authenticate = [&](u32 word, u64 modifier) {
        cpu->pc = A64::origin;
        cpu->x[0] = signed_pointer;
        cpu->x[1] = modifier;
        cpu.run({word, ret});
        return cpu->x[0];
    };
    CHECK(authenticate(0xdac11020 /* autia */, 42) == pointer);
    unsigned refused = 0; // the code has seven bits: now and then a wrong modifier has the right one
    for (u64 modifier = 1000; modifier < 1200; modifier++) refused += authenticate(0xdac11020, modifier) != pointer;
    CHECK(refused > 180);
    CHECK(authenticate(0xdac143e0 /* xpaci x0 */, 0) == pointer);
}

TEST_CASE("a64: retaa returns to where paciasp's function was called from") {
    A64 cpu;
    cpu->x[30] = 0x4000;
    cpu->sp = 0x7000;
    CHECK(cpu.run({0xd503233f, 0xd65f0bff}).kind == ir::ExitKind::ret);
    CHECK(cpu->pc == 0x4000);
}

TEST_CASE("a64: FPSR is made of harvested flags and the saturation bit") {
    A64 cpu;
    cpu->fp_flags = fp::invalid | fp::inexact | fp::input_denormal;
    cpu->fpsr_qc.hi = 4;
    cpu.run({0xd53b4421 /* mrs x1, fpsr */, ret});
    CHECK(cpu->x[1] == (0x91 | qc));
    cpu->pc = A64::origin;
    cpu->x[1] = 0xffff'ffff & ~u64(qc) & ~u64(2);
    cpu.run({0xd51b4421 /* msr fpsr, x1 */, ret});
    CHECK(isa::a64::read_fpsr(*cpu) == 0x9d);
}

TEST_CASE("a64: NZCV goes to and from its register form") {
    for (u32 flags = 0; flags < 16; flags++) {
        A64 cpu;
        cpu->x[2] = u64(flags) << 28 | 0xfff;
        cpu.run({0xd51b4202, 0xd53b4203 /* mrs x3, nzcv */, ret});
        CHECK(cpu->x[3] == flags << 28);
        CHECK(isa::a64::nzcv_from_token(cpu->nzcv) == flags << 28);
    }
}

TEST_CASE("a64: dc zva clears the block that holds the address") {
    alignas(64) u8 memory[192];
    std::memset(memory, 0xaa, sizeof memory);
    A64 cpu;
    cpu->x[0] = address_of(memory + 64 + 17);
    cpu.run({0xd50b7420, 0xd53b00e1 /* mrs x1, dczid_el0 */, ret});
    CHECK((4u << (cpu->x[1] & 15)) == 64);
    for (unsigned i = 0; i < 192; i++) CHECK(memory[i] == (i / 64 == 1 ? 0 : 0xaa));
}

TEST_CASE("a64: identification registers read as Linux shows them") {
    A64 cpu("neoverse-n1");
    cpu.run({0xd5380000 /* midr_el1 */, 0xd5380601 /* id_aa64isar0_el1 */, 0xd5380402 /* id_aa64pfr0_el1 */, 0xd53803e3 /* reserved */, ret});
    CHECK(cpu->x[0] == 0x414fd0c1);
    CHECK(cpu->x[1] == 0x0000'1000'1021'1120);
    CHECK(cpu->x[2] == 0x0000'0000'0011'0011);
    CHECK(cpu->x[3] == 0);
}

TEST_CASE("a64: HWCAP follows the model") {
    using isa::a64::hwcap;
    A64 a53("cortex-a53"), n1("neoverse-n1"), max;
    CHECK(hwcap(a53.model()) == 0x8fb);
    CHECK((hwcap(n1.model()) & (1 << 8)) != 0);   // atomics
    CHECK((hwcap(n1.model()) & (1 << 30)) == 0);  // pointer authentication
    CHECK((hwcap(max.model()) & (1 << 30)) != 0);
    CHECK((isa::a64::hwcap2(max.model()) & (1 << 17)) != 0);   // BTI
}

TEST_CASE("a64: the counter moves on at the rate it claims") {
    A64 cpu;
    cpu.run({0xd53be040 /* cntvct_el0 */, 0xd53be001 /* cntfrq_el0 */, ret});
    const u64 first = cpu->x[0];
    cpu->pc = A64::origin;
    cpu.run({0xd53be040, ret});
    CHECK(cpu->x[0] >= first);
    CHECK(cpu->x[1] == isa::a64::counter_frequency);
}
