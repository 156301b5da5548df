// SPDX-License-Identifier: MIT
// Arm ARM C7.2: "Advanced SIMD three same" and "three same extra" on integers, vector and scalar forms.
#include "isa/a64/simd.h"

#include <utility>

namespace emu::isa::a64 {

using namespace simd;

void simd_binary(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!shape.exists(f)) return u.unallocated();
    Val n = u.v(f['n']), m = u.v(f['m']);
    if (f.arg() & swap) std::swap(n, m);
    Val r = u.ir.v2(op_of(f), shape.lane(), n, m);
    if (f.arg() & accumulate) r = u.ir.v2(Op::vadd, shape.lane(), u.v(f['d']), r);
    if (f.arg() & subtract) r = u.ir.v2(Op::vsub, shape.lane(), u.v(f['d']), r);
    shape.out(f['d'], r);
}

void simd_binary_saturating(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!shape.exists(f)) return u.unallocated();
    Val n = shape.in(f['n'], true), m = shape.in(f['m'], true);
    Val r = u.ir.v2(op_of(f), shape.lane(), n, m);
    Val exact = u.ir.v2(f.arg() & subtract ? Op::vsub : Op::vadd, shape.lane(), n, m);
    u.accumulate_saturation(exact, r);
    shape.out(f['d'], r);
}

void simd_shift_register(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!shape.exists(f)) return u.unallocated();
    Val n = shape.in(f['n'], f.arg() & saturating), m = u.v(f['m']);
    Val r = u.ir.v2(op_of(f), shape.lane(), n, m);
    if (f.arg() & saturating) u.accumulate_saturation(u.ir.vzero(), u.ir.v2(op_of(f), shape.lane(), n, m, 1));
    shape.out(f['d'], r);
}

void simd_logical(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val n = u.v(f['n']), m = u.v(f['m']), r;
    auto two = [&](Op op, Val a, Val b) { return ir.emit(op, Type::v128, 0, a, b); };
    auto choose = [&](Val mask, Val yes, Val no) { return ir.emit(Op::vsel, Type::v128, 0, mask, yes, no); };
    switch (f.arg()) {
    case 0: r = two(Op::vand, n, m); break;
    case 1: r = two(Op::vandn, n, m); break;
    case 2: r = n == m ? n : two(Op::vor, n, m); break; // ORR with itself is MOV
    case 3: r = two(Op::vor, n, ir.emit(Op::vnot, Type::v128, 0, m)); break;
    case 4: r = two(Op::vxor, n, m); break;
    case 5: r = choose(u.v(f['d']), n, m); break;       // BSL
    case 6: r = choose(m, n, u.v(f['d'])); break;       // BIT
    default: r = choose(m, u.v(f['d']), n); break;      // BIF
    }
    u.set_v(f['d'], r, f['q']);
}

void simd_test_bits(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!shape.exists(f)) return u.unallocated();
    Val common = u.ir.emit(Op::vand, Type::v128, 0, u.v(f['n']), u.v(f['m']));
    Val none = u.ir.v2(Op::veq, shape.lane(), common, u.ir.vzero());
    shape.out(f['d'], u.ir.emit(Op::vnot, Type::v128, 0, none));
}

void simd_pairwise(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!shape.exists(f)) return u.unallocated();
    Val n = u.v(f['n']), m = u.v(f['m']);
    if (!shape.q) n = m = u.ir.emit(Op::vcat, Type::v128, 0, n, m);
    Val even = u.ir.v2(Op::vuzp1, shape.lane(), n, m), odd = u.ir.v2(Op::vuzp2, shape.lane(), n, m);
    shape.out(f['d'], u.ir.v2(op_of(f), shape.lane(), even, odd));
}

// SQDMULH and SQRDMULH saturate only for the product of the most negative numbers.
static void double_high(Unit& u, const Fields& f, const Shape& shape, Val n, Val m) {
    Val lowest = shape.constant(u64(1) << (shape.lane_bits() - 1));
    Val both = u.ir.emit(Op::vand, Type::v128, 0, u.ir.v2(Op::veq, shape.lane(), n, lowest), u.ir.v2(Op::veq, shape.lane(), m, lowest));
    Val r = u.ir.v2(op_of(f), shape.lane(), n, m);
    u.accumulate_saturation(u.ir.vzero(), both);
    shape.out(f['d'], r);
}

void simd_double_high(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!shape.exists(f)) return u.unallocated();
    double_high(u, f, shape, shape.in(f['n'], true), shape.in(f['m']));
}

static void rounding_accumulate(Unit& u, const Fields& f, const Shape& shape, Val n, Val m) {
    Val d = shape.in(f['d'], true);
    Val r = u.ir.v3(op_of(f), shape.lane(), n, m, d);
    u.accumulate_saturation(u.ir.vzero(), u.ir.v3(op_of(f), shape.lane(), n, m, d, 1));
    shape.out(f['d'], r);
}

void simd_rounding_accumulate(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!shape.exists(f)) return u.unallocated();
    rounding_accumulate(u, f, shape, shape.in(f['n'], true), shape.in(f['m']));
}

// --- dot products --------------------------------------------------------------------------------------------------------

void simd_dot(Unit& u, const Fields& f) {
    u.set_v(f['d'], u.ir.v3(op_of(f), Lane::i8, u.v(f['n']), u.v(f['m']), u.v(f['d'])), f['q']);
}

/// The row's arg is vidot's immediate.
void simd_dot_mixed(Unit& u, const Fields& f) {
    const bool q = !f.has('q') || f['q']; // the matrix forms have no 64-bit shape
    u.set_v(f['d'], u.ir.v3(Op::vidot, Lane::i8, u.v(f['n']), u.v(f['m']), u.v(f['d']), f.arg()), q);
}

void simd_dot_bfloat(Unit& u, const Fields& f) {
    const bool q = !f.has('q') || f['q'];
    u.set_v(f['d'], u.ir.v3(Op::vbfdot, Lane::f32, u.v(f['n']), u.v(f['m']), u.v(f['d']), f.arg()), q);
}

/// BFMLALB, BFMLALT: a bf16 is the upper half of the f32 of the same value.
static Val widen_bfloat(Unit& u, Val v, bool odd) {
    if (odd) return u.ir.emit(Op::vand, Type::v128, 0, v, u.ir.vimm({0xffff0000ffff0000, 0xffff0000ffff0000}));
    return u.ir.v1(Op::vshl, Lane::i32, v, 16);
}

void simd_multiply_bfloat(Unit& u, const Fields& f) {
    Val n = widen_bfloat(u, u.v(f['n']), f['q']), m = widen_bfloat(u, u.v(f['m']), f['q']);
    u.set_v(f['d'], u.ir.v3(Op::vfma, Lane::f32, n, m, u.v(f['d'])));
}

// --- by element ----------------------------------------------------------------------------------------------------------

/// MUL, MLA, MLS.
void simd_multiply_element(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!shape.exists(f)) return u.unallocated();
    Val r = u.ir.v2(Op::vmul, shape.lane(), u.v(f['n']), Element(f, shape.size).broadcast(u, shape.lane()));
    if (f.arg() & accumulate) r = u.ir.v2(Op::vadd, shape.lane(), u.v(f['d']), r);
    if (f.arg() & subtract) r = u.ir.v2(Op::vsub, shape.lane(), u.v(f['d']), r);
    shape.out(f['d'], r);
}

void simd_double_high_element(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!shape.exists(f)) return u.unallocated();
    double_high(u, f, shape, shape.in(f['n'], true), Element(f, shape.size).broadcast(u, shape.lane()));
}

void simd_rounding_accumulate_element(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!shape.exists(f)) return u.unallocated();
    rounding_accumulate(u, f, shape, shape.in(f['n'], true), Element(f, shape.size).broadcast(u, shape.lane()));
}

void simd_dot_element(Unit& u, const Fields& f) {
    Val m = Element(f, 2).broadcast(u, Lane::i32);
    u.set_v(f['d'], u.ir.v3(op_of(f), Lane::i8, u.v(f['n']), m, u.v(f['d'])), f['q']);
}

/// USDOT, and SUDOT (arg 1) whose signed operand is the first.
void simd_dot_mixed_element(Unit& u, const Fields& f) {
    Val n = u.v(f['n']), m = Element(f, 2).broadcast(u, Lane::i32);
    if (f.arg()) std::swap(n, m);
    u.set_v(f['d'], u.ir.v3(Op::vidot, Lane::i8, n, m, u.v(f['d']), 0), f['q']);
}

void simd_dot_bfloat_element(Unit& u, const Fields& f) {
    Val m = Element(f, 2).broadcast(u, Lane::i32);
    u.set_v(f['d'], u.ir.v3(Op::vbfdot, Lane::f32, u.v(f['n']), m, u.v(f['d'])), f['q']);
}

void simd_multiply_bfloat_element(Unit& u, const Fields& f) {
    Val n = widen_bfloat(u, u.v(f['n']), f['q']), m = Element(f, 1).broadcast(u, Lane::i16);
    u.set_v(f['d'], u.ir.v3(Op::vfma, Lane::f32, n, widen_bfloat(u, m, false), u.v(f['d'])));
}

} // namespace emu::isa::a64
