// SPDX-License-Identifier: MIT
#include "ir/builder.h"

#include "fp/rules.h"
#include "ir/state.h"
#include "ir/text.h"

#include <cstddef>
#include <doctest/doctest.h>

using namespace emu;
using namespace emu::ir;

namespace {
struct State : StateHeader {
    u64 r[4];
    u32 nzcv;
    u8 flag;
    V128 v[2];
};
const Slot slots[] = {
    {"r0", Type::i64, offsetof(State, r), 1}, {"r1", Type::i64, offsetof(State, r) + 8, 2},
    {"nzcv", Type::i32, offsetof(State, nzcv)}, {"flag", Type::i1, offsetof(State, flag)},
    {"v0", Type::v128, offsetof(State, v), 1},
};
enum { r0, r1, nzcv, flag, v0 };

Function make() {
    Function f;
    f.slots = slots;
    f.fp = fp::Env{&fp::rules::arm};
    return f;
}
} // namespace

TEST_CASE("builder: constants fold, identities vanish, common subexpressions are shared") {
    Function f = make();
    Builder ir(f);
    Val a = ir.get(r0), b = ir.get(r1);
    CHECK(ir.add(ir.imm64(2), ir.imm64(3)) == ir.imm64(5));
    CHECK(ir.add(a, ir.imm64(0)) == a);
    CHECK(ir.add(a, b) == ir.add(b, a));
    CHECK(ir.add(ir.add(a, ir.imm64(5)), ir.imm64(-5ull)) == a);
    CHECK(ir.node(ir.mul(a, ir.imm64(8))).op == Op::shl);
    CHECK(ir.sub(a, a) == ir.imm64(0));
    CHECK(ir.node(ir.and_(a, ir.imm64(0xff))).op == Op::ubfx);
    CHECK(ir.ubfx(ir.ubfx(a, 8, 16), 4, 4) == ir.ubfx(a, 12, 4));
    const Val put = ir.bfi(a, ir.imm64(0x5a), 8, 8); // the field, what is beside it, and both
    CHECK(ir.ubfx(put, 8, 8) == ir.imm64(0x5a));
    CHECK(ir.ubfx(put, 12, 4) == ir.imm64(5));
    CHECK(ir.ubfx(put, 0, 8) == ir.ubfx(a, 0, 8));
    CHECK(ir.ubfx(ir.trunc(put), 16, 8) == ir.ubfx(ir.trunc(a), 16, 8));
    CHECK(ir.node(ir.ubfx(put, 4, 8)).op == Op::ubfx);
    CHECK(ir.bfi(put, ir.imm64(1), 8, 8) == ir.bfi(a, ir.imm64(1), 8, 8));
}

TEST_CASE("builder: state is forwarded from set to get, until a helper writes it") {
    static const Helper helper{"h", nullptr, Type::none, 0, true, true, false};
    Function f = make();
    Builder ir(f);
    Val x = ir.add(ir.get(r0), ir.imm64(1));
    ir.set(r0, x);
    CHECK(ir.get(r0) == x);
    ir.call(helper);
    CHECK(ir.get(r0) != x);
}

TEST_CASE("builder: conditions over a known flag producer become compares") {
    Function f = make();
    Builder ir(f);
    Val a = ir.get(r0), b = ir.get(r1), sub = ir.flags_sub(a, b);
    CHECK(ir.test(Cond::eq, sub) == ir.eq(a, b));
    CHECK(ir.test(Cond::hi, sub) == ir.ult(b, a));
    CHECK(ir.test(Cond::lt, sub) == ir.slt(a, b));
    CHECK(ir.test(Cond::lt, ir.flags_logic(a)) == ir.slt(a, ir.imm64(0)));
    CHECK(ir.node(ir.test(Cond::vs, ir.get(nzcv))).op == Op::test_cond);
    // ccmp: the constant side is decided at once
    Val c = ir.get(flag), token = ir.select(c, sub, ir.imm32(flag_z));
    CHECK(ir.test(Cond::eq, token) == ir.or_(ir.not_(c), ir.eq(a, b)));
}

TEST_CASE("builder: conditions over EFLAGS become compares at 32 bits and more") {
    Function f = make();
    Builder ir(f);
    Val a = ir.get(r0), b = ir.get(r1), sub = ir.eflags(Op::eflags_sub, 3, a, b);
    CHECK(ir.test_eflags(cond_b, sub) == ir.ult(a, b));
    CHECK(ir.test_eflags(cond_le | 1, sub) == ir.slt(b, a));
    CHECK(ir.test_eflags(cond_l, ir.eflags(Op::eflags_logic, 3, a)) == ir.slt(a, ir.imm64(0)));
    CHECK(ir.node(ir.test_eflags(cond_p, sub)).op == Op::test_eflags);
    // INC keeps the older carry
    CHECK(ir.test_eflags(cond_b, ir.eflags(Op::eflags_inc, 3, a, sub)) == ir.ult(a, b));
    // masks to the width or more are not needed
    Val low = ir.ubfx(a, 0, 8);
    CHECK(ir.eflags(Op::eflags_sub, 0, low, b) == ir.eflags(Op::eflags_sub, 0, a, b));
}

TEST_CASE("builder: floating point folds only where no flag would be raised") {
    Function f = make();
    Builder ir(f);
    Val one = ir.imm(Type::f64, 0x3ff0000000000000), three = ir.imm(Type::f64, 0x4008000000000000);
    CHECK(ir.op2(Op::fadd, one, one) == ir.imm(Type::f64, 0x4000000000000000));
    CHECK(ir.node(ir.op2(Op::fdiv, one, three)).op == Op::fdiv);
}

TEST_CASE("builder: a scalar read back from the vector it was written to is the scalar") {
    Function f = make();
    Builder ir(f);
    Val d = ir.bitsf(Type::f64, ir.get(r0)), v = ir.vzext(d);
    CHECK(ir.vget(Type::f64, Lane::f64, v, 0) == d);
    CHECK(ir.vlow(v) == v);
}

TEST_CASE("builder: an exit under a constant condition ends the unit or vanishes") {
    Function f = make();
    Builder ir(f);
    ir.exit_if(ir.imm1(false), {ExitKind::jump, 0, 16, 0});
    CHECK(ir.open());
    ir.exit_if(ir.imm1(true), {ExitKind::jump, 0, 16, 0});
    CHECK(!ir.open());
    CHECK(verify(f).empty());
}

TEST_CASE("text: print and parse are inverse") {
    static const Helper helper{"mix", nullptr, Type::i64, 2, true, false, true};
    Function f = make();
    f.pc = 0x1000, f.end = 0x1008, f.mode = 3;
    Builder ir(f);
    ir.insn(0x1000, 0xd503201f);
    Val a = ir.get(r0), sum = ir.add(a, ir.imm64(0x123456789abc));
    ir.store(sum, ir.load(Type::i32, a, {.size_log2 = 1, .sign_extend = true}), {.size_log2 = 2});
    ir.set(v0, ir.v2(Op::vadd, Lane::i16, ir.get(v0), ir.vimm({1, 2})));
    ir.set(r1, ir.call(helper, {a, sum}));
    ir.exit_if(ir.eq(a, sum), {ExitKind::call, 0, 0x2000, 0x1008});
    ir.trap(7, 0x1008, a);
    std::string text = print(f);
    static const Helper* const helpers[] = {&helper};
    auto back = parse(text, slots, helpers);
    REQUIRE_MESSAGE(back, back.error().text);
    CHECK(print(*back) == text);
}

TEST_CASE("text: malformed units are refused with the line") {
    CHECK(!parse("", slots));
    CHECK(parse("unit 0x0 end 0x0 mode 0x0\n%1 = i64 get r9\n", slots).error().text == "line 2: no state slot 'r9'");
    CHECK(!parse("unit 0x0 end 0x0 mode 0x0\n%1 = i64 get r0\n%2 = i64 add %1, %3\nexit jump pc=0x0\n", slots));
    CHECK(!parse("unit 0x0 end 0x0 mode 0x0\n%1 = i64 get r0\n", slots));
    CHECK(!parse("unit 0x0 end 0x0 mode 0x0\n%1 = i32 get r0\nexit jump pc=0x0\n", slots));
}

TEST_CASE("verify: type errors, forward references and missing exits are found") {
    Function f = make();
    Builder ir(f);
    ir.get(r0);
    CHECK(!verify(f).empty());
    ir.jump(0);
    CHECK(verify(f).empty());
    f.nodes.insert(f.nodes.begin() + 2, Node{Op::add, Type::i64, 0, 1, 7, 0});
    CHECK(!verify(f).empty());
    f.nodes[2] = {Op::eq, Type::i64, 0, 1, 1, 0};
    CHECK(!verify(f).empty());
}
