// SPDX-License-Identifier: MIT
// Arm ARM C7.2: "Advanced SIMD three different" (operands and result of different widths), vector, scalar and by element.
// The "2" forms (q = 1) take the upper halves of the narrow operands, or write the upper half of the result.
#include "isa/a64/simd.h"

namespace emu::isa::a64 {

using namespace simd;

namespace {

Val widen(Unit& u, const Fields& f, const Shape& shape, Val v) {
    return u.ir.v1(f.arg() & is_signed ? Op::vwidens : Op::vwidenu, shape.lane(), v, shape.q);
}

/// `value` plus or minus, or Vd plus or minus it.
Val combine(Unit& u, const Fields& f, Lane lane, Val value) {
    if (f.arg() & accumulate) return u.ir.v2(Op::vadd, lane, u.v(f['d']), value);
    if (f.arg() & subtract) return u.ir.v2(Op::vsub, lane, u.v(f['d']), value);
    return value;
}

} // namespace

/// SADDL, USUBL ...: the row's op on both operands widened.
void simd_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (f['s'] == 3) return u.unallocated();
    u.set_v(f['d'], u.ir.v2(op_of(f), shape.wide(), widen(u, f, shape, u.v(f['n'])), widen(u, f, shape, u.v(f['m']))));
}

/// SADDW, USUBW ...: only the second operand is narrow.
void simd_wide(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (f['s'] == 3) return u.unallocated();
    u.set_v(f['d'], u.ir.v2(op_of(f), shape.wide(), u.v(f['n']), widen(u, f, shape, u.v(f['m']))));
}

/// ADDHN, SUBHN, RADDHN, RSUBHN: the upper halves of wide sums.
void simd_high_narrow(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (f['s'] == 3) return u.unallocated();
    Val sum = u.ir.v2(op_of(f), shape.wide(), u.v(f['n']), u.v(f['m']));
    if (f.arg() & rounding) sum = u.ir.v2(Op::vadd, shape.wide(), sum, shape.splat(shape.wide(), u64(1) << (shape.lane_bits() - 1)));
    Val high = u.ir.v2(Op::vuzp2, shape.lane(), sum, sum);
    u.set_v(f['d'], shape.q ? u.ir.emit(Op::vcat, Type::v128, 0, u.v(f['d']), high) : u.ir.vlow(high));
}

/// SABDL, SABAL and unsigned: the difference fits the narrow lane as an unsigned number.
void simd_difference_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (f['s'] == 3) return u.unallocated();
    Val difference = u.ir.v2(op_of(f), shape.lane(), u.v(f['n']), u.v(f['m']));
    u.set_v(f['d'], combine(u, f, shape.wide(), u.ir.v1(Op::vwidenu, shape.lane(), difference, shape.q)));
}

static void multiply_long(Unit& u, const Fields& f, const Shape& shape, Val n, Val m) {
    u.set_v(f['d'], combine(u, f, shape.wide(), u.ir.v2(op_of(f), shape.lane(), n, m, shape.q)));
}

void simd_multiply_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (f['s'] == 3) return u.unallocated();
    multiply_long(u, f, shape, u.v(f['n']), u.v(f['m']));
}

void simd_multiply_long_element(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (f['s'] == 0 || f['s'] == 3) return u.unallocated();
    multiply_long(u, f, shape, u.v(f['n']), Element(f, shape.size).broadcast(u, shape.lane()));
}

/// SQDMULL, SQDMLAL, SQDMLSL.
static void double_long(Unit& u, const Fields& f, const Shape& shape, Val n, Val m) {
    auto& ir = u.ir;
    const Lane wide = shape.wide();
    Val product = ir.v2(Op::vmulls, shape.lane(), n, m, shape.q);
    Val r = ir.v2(Op::vqadds, wide, product, product);
    u.accumulate_saturation(ir.v2(Op::vadd, wide, product, product), r);
    if (f.arg() & (accumulate | subtract)) {
        const bool minus = f.arg() & subtract;
        Val d = u.v(f['d']);
        if (shape.scalar) d = shape.size == 1 ? ir.vzext(ir.vget(Type::i32, Lane::i32, d, 0)) : ir.vlow(d);
        Val sum = ir.v2(minus ? Op::vqsubs : Op::vqadds, wide, d, r);
        u.accumulate_saturation(ir.v2(minus ? Op::vsub : Op::vadd, wide, d, r), sum);
        r = sum;
    }
    if (!shape.scalar) return u.set_v(f['d'], r);
    u.set_v(f['d'], shape.size == 1 ? ir.vzext(ir.vget(Type::i32, Lane::i32, r, 0)) : ir.vlow(r));
}

void simd_double_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (f['s'] == 0 || f['s'] == 3) return u.unallocated();
    // A 64-bit shape reads the low half only, which vmulls does; a scalar reads one lane.
    double_long(u, f, shape, shape.scalar ? shape.in(f['n'], true) : u.v(f['n']), u.v(f['m']));
}

void simd_double_long_element(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (f['s'] == 0 || f['s'] == 3) return u.unallocated();
    Val m = Element(f, shape.size).broadcast(u, shape.lane());
    double_long(u, f, shape, shape.scalar ? shape.in(f['n'], true) : u.v(f['n']), m);
}

void simd_polynomial_long(Unit& u, const Fields& f) {
    if (f['s'] == 1 || f['s'] == 2 || (f['s'] == 3 && !u.has(feature::pmull))) return u.unallocated();
    u.set_v(f['d'], u.ir.v2(Op::vpmull, f['s'] ? Lane::i64 : Lane::i8, u.v(f['n']), u.v(f['m']), f['q']));
}

} // namespace emu::isa::a64
