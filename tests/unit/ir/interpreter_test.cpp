// SPDX-License-Identifier: MIT
#include "ir/interpreter.h"

#include "fp/rules.h"
#include "ir/builder.h"

#include <cstddef>
#include <doctest/doctest.h>

using namespace emu;
using namespace emu::ir;

namespace {
struct State : StateHeader {
    u64 r[2];
    V128 v;
};
const Slot slots[] = {{"r0", Type::i64, offsetof(State, r)}, {"r1", Type::i64, offsetof(State, r) + 8}, {"v", Type::v128, offsetof(State, v)}};
} // namespace

TEST_CASE("interpreter: loads extend, stores narrow, byte order and atomics") {
    u8 ram[64] = {0x80, 0x01, 0xfe};
    Function f;
    f.slots = slots;
    f.fp = fp::Env{&fp::rules::arm};
    Builder ir(f);
    Val base = ir.get(0);
    auto at = [&](unsigned offset) { return ir.add(base, ir.imm64(offset)); };
    Val s = ir.load(Type::i64, at(0), {.size_log2 = 0, .sign_extend = true});
    Val be = ir.load(Type::i32, at(0), {.size_log2 = 1, .big_endian = true});
    ir.store(at(8), s, {.size_log2 = 3});
    ir.store(at(16), be, {.size_log2 = 2, .big_endian = true});
    ir.set(1, ir.atomic_rmw(AtomicOp::add, at(0), ir.imm64(1), {.size_log2 = 1}));
    ir.set(2, ir.load(Type::v128, at(8), {.size_log2 = 4}));
    ir.exit_if(ir.eq(ir.get(1), ir.imm64(0x0180)), {ExitKind::jump, 0, 0x40, 0});
    ir.trap(9, 0x44);
    REQUIRE(verify(f).empty());
    State state{};
    state.r[0] = u64(ram);
    FlatMemory memory(0);
    const Exit* exit = interpret(f, state, memory);
    CHECK(exit->kind == ExitKind::jump);
    CHECK(state.pc == 0x40);
    CHECK(state.r[1] == 0x0180);
    CHECK(ram[0] == 0x81);
    CHECK(state.v.lo == 0xffffffffffffff80);
    CHECK(state.v.hi == 0x0180'0000);
}

TEST_CASE("interpreter: stops before the instruction asked for, with the sets before it done") {
    Function f;
    f.slots = slots;
    f.fp = fp::Env{&fp::rules::arm};
    Builder ir(f);
    for (u64 pc = 0; pc < 16; pc += 4) {
        ir.insn(pc, 0);
        ir.set(0, ir.add(ir.get(0), ir.imm64(1)));
    }
    ir.jump(16);
    State state{};
    FlatMemory memory(0);
    interpret(f, state, memory, 2);
    CHECK(state.r[0] == 2);
    CHECK(state.pc == 8);
    CHECK(state.exit_kind == u32(ExitKind::sync));
}
