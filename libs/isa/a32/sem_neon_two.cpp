// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A7.4.5, A7.4.4: Advanced SIMD, two registers, and shifts by an immediate. L:i of the shifts hold lane size and
// count in one number: its highest set bit says the lane width, 2 * width - i is a right shift's count and i - width a left one's.
#include "isa/a32/sem_neon.h"

#include "common/bits.h"

#include <utility>

namespace emu::isa::a32 {

using namespace neon;

namespace {

Lane lane_of(const Fields& f) { return ir::int_lane(8u << f['s']); }
bool size_exists(const Fields& f) { return f.arg() >> 8 >> f['s'] & 1; }

bool begin(Unit& u, const Shape& shape, bool exists = true) {
    if (!shape.ok() || !exists) {
        u.unallocated();
        return false;
    }
    u.commit();
    return true;
}

/// Single or half precision by the size field.
bool float_of(const Unit& u, const Fields& f, Lane& lane) { return (f['s'] == 1 || f['s'] == 2) && float_lane(u, f['s'] == 1, lane); }

} // namespace

/// arg: log2 of the bytes of a group.
void neon_reverse(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, f['s'] < f.arg())) return;
    shape.out(u.ir.v1(Op::vrev, lane_of(f), shape.in(shape.m), 1u << (f.arg() - f['s'])));
}

void neon_unary(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, size_exists(f))) return;
    shape.out(u.ir.v1(op_of(f), lane_of(f), shape.in(shape.m)));
}

void neon_bytes(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape)) return;
    shape.out(u.ir.v1(op_of(f), Lane::i8, shape.in(shape.m)));
}

/// VPADDL, VPADAL.
void neon_pair_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, size_exists(f))) return;
    Val r = u.ir.v1(op_of(f), lane_of(f), shape.in(shape.m));
    if (f.arg() & accumulate) r = u.ir.v2(Op::vadd, ir::int_lane(16u << f['s']), shape.in(shape.d), r);
    shape.out(r);
}

/// VQABS, VQNEG.
void neon_saturating_sign(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, size_exists(f))) return;
    auto& ir = u.ir;
    const Lane lane = lane_of(f);
    Val m = shape.zeroed(shape.m);
    Val exact = ir.v1(f.arg() & negate ? Op::vneg : Op::vabs, lane, m), negated = ir.v2(Op::vqsubs, lane, ir.vzero(), m);
    Val r = f.arg() & negate ? negated : ir.v2(Op::vmaxs, lane, m, negated);
    u.accumulate_saturation(exact, r);
    shape.out(r);
}

void neon_compare_zero(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane = lane_of(f);
    const bool floats = f.arg() & is_float;
    if (!begin(u, shape, floats ? float_of(u, f, lane) : size_exists(f))) return;
    Val a = floats ? shape.twice(shape.m) : shape.in(shape.m), b = u.ir.vzero();
    if (f.arg() & swap) std::swap(a, b);
    shape.out(floats ? float2(u, op_of(f), lane, a, b) : u.ir.v2(op_of(f), lane, a, b));
}

void neon_float_sign(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_of(u, f, lane))) return;
    shape.out(u.ir.v1(op_of(f), lane, shape.in(shape.m)));
}

void neon_swap(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape)) return;
    Val d = shape.in(shape.d), m = shape.in(shape.m);
    if (shape.d == shape.m) return;
    shape.out(m);
    if (shape.q) u.set_qreg(shape.m >> 1, d);
    else u.set_d(shape.m, d);
}

/// VTRN, VUZP, VZIP (arg 0, 1, 2): both registers are results.
void neon_permute(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const bool words = f['s'] == 2 && !shape.q && f.arg();   // VTRN.32 is meant to be used
    if (!begin(u, shape, f['s'] < 3 && !words)) return;
    auto& ir = u.ir;
    const Lane lane = lane_of(f);
    Val d = shape.in(shape.d), m = shape.in(shape.m), first, second;
    if (shape.d == shape.m) { // each lane meets itself: what the two results hold is unknown; the second stays
        m = d;
    }
    if (f.arg() == 0) {
        first = ir.v2(Op::vtrn1, lane, d, m), second = ir.v2(Op::vtrn2, lane, d, m);
    } else if (shape.q) {
        const bool zip = f.arg() == 2;
        first = ir.v2(zip ? Op::vzip1 : Op::vuzp1, lane, d, m), second = ir.v2(zip ? Op::vzip2 : Op::vuzp2, lane, d, m);
    } else if (f.arg() == 2) {
        first = ir.v2(Op::vzip1, lane, d, m);
        second = ir.v2(Op::vzip2, Lane::i64, first, first);
    } else {
        Val both = ir.emit(Op::vcat, Type::v128, 0, d, m);
        first = ir.v2(Op::vuzp1, lane, both, both), second = ir.v2(Op::vuzp2, lane, both, both);
    }
    shape.out(first);
    if (shape.q) u.set_qreg(shape.m >> 1, second);
    else u.set_d(shape.m, second);
}

/// VMOVN, VQMOVN, VQMOVUN: Qm to Dd.
void neon_narrow(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, f['s'] < 3 && !(shape.m & 1))) return;
    auto& ir = u.ir;
    const Lane narrow = lane_of(f);
    Val m = u.q(shape.m >> 1), r = ir.v2(op_of(f), narrow, m, ir.vzero());
    if (f.arg() & saturating) u.accumulate_saturation(m, ir.v1(op_of(f) == Op::vqnarrows ? Op::vwidens : Op::vwidenu, narrow, r));
    u.set_d(shape.d, r);
}

/// VSHLL by the lane's width.
void neon_shift_long_size(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, f['s'] < 3 && !(shape.d & 1))) return;
    Val wide = u.ir.v1(Op::vwidenu, lane_of(f), u.d(shape.m), 0);
    u.set_qreg(shape.d >> 1, u.ir.v1(Op::vshl, ir::int_lane(16u << f['s']), wide, 8u << f['s']));
}

namespace {
Val with_mode(Unit& u, Op op, Lane lane, ir::Rounding rounding, unsigned arg, Val v) {
    return u.ir.emit(op, Type::v128, u16(ir::vfp_aux(lane, rounding, arg) | ir::fp_standard), v);
}
} // namespace

/// arg: ir::Rounding, 8 = raise inexact.
void neon_float_round(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_of(u, f, lane))) return;
    shape.out(with_mode(u, Op::vfrint, lane, ir::Rounding(f.arg() & 7), f.arg() >> 3 & 1, shape.twice(shape.m)));
}

/// arg: 1 = to half precision.
void neon_half(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, !((f.arg() ? shape.m : shape.d) & 1))) return;
    if (f.arg()) {
        Val m = u.q(shape.m >> 1);
        u.set_d(shape.d, float2(u, Op::vfnarrow, Lane::f16, m, m));
    } else {
        u.set_qreg(shape.d >> 1, float1(u, Op::vfwiden, Lane::f16, u.d(shape.m)));
    }
}

void neon_estimate(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane = Lane::i32;
    const bool floats = f.arg() & is_float;
    if (!begin(u, shape, floats ? float_of(u, f, lane) : f['s'] == 2)) return;
    shape.out(floats ? float1(u, op_of(f), lane, shape.twice(shape.m)) : u.ir.v1(op_of(f), lane, shape.in(shape.m)));
}

/// Integers of the lane's width from and to floating point.
void neon_convert(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_of(u, f, lane))) return;
    const Op o = op_of(f);
    const bool to_int = o == Op::vf2s || o == Op::vf2u;
    shape.out(with_mode(u, o, lane, to_int ? ir::Rounding::toward_zero : ir::Rounding::dynamic, 0, shape.twice(shape.m)));
}

void neon_convert_directed(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_of(u, f, lane))) return;
    constexpr ir::Rounding modes[] = {ir::Rounding::nearest_away, ir::Rounding::nearest_even, ir::Rounding::up, ir::Rounding::down};
    shape.out(with_mode(u, f['o'] ? Op::vf2u : Op::vf2s, lane, modes[f['r']], 0, shape.twice(shape.m)));
}

// --- shifts by an immediate ----------------------------------------------------------------------------------------------------------

namespace {

struct Count {
    unsigned width = 0, right = 0, left = 0;
    Lane lane() const { return ir::int_lane(width); }
};
/// False where the number belongs to another group.
bool parse(const Fields& f, Count& c) {
    const u32 i = (f.has('L') ? f['L'] << 6 : 0) | f['i'];
    if (i < 8) return false;
    c.width = unsigned(std::bit_floor(i));
    c.right = 2 * c.width - i;
    c.left = i - c.width;
    return true;
}

Val shifted_right(Unit& u, Val v, Lane lane, unsigned count, u32 arg) {
    const Op op = arg & rounding ? (arg & is_signed ? Op::vrshrs : Op::vrshru) : (arg & is_signed ? Op::vshrs : Op::vshru);
    return u.ir.v1(op, lane, v, count);
}

} // namespace

void neon_shift_right(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Count c;
    if (!begin(u, shape, parse(f, c))) return;
    Val r = shifted_right(u, shape.in(shape.m), c.lane(), c.right, f.arg());
    if (f.arg() & accumulate) r = u.ir.v2(Op::vadd, c.lane(), shape.in(shape.d), r);
    shape.out(r);
}

void neon_shift_left(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Count c;
    if (!begin(u, shape, parse(f, c))) return;
    shape.out(u.ir.v1(Op::vshl, c.lane(), shape.in(shape.m), c.left));
}

/// VSLI, and VSRI (arg 1).
void neon_shift_insert(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Count c;
    if (!begin(u, shape, parse(f, c))) return;
    auto& ir = u.ir;
    Val m = shape.in(shape.m), moved = f.arg() ? ir.v1(Op::vshru, c.lane(), m, c.right) : ir.v1(Op::vshl, c.lane(), m, c.left);
    const u64 inserted = f.arg() ? (c.right >= c.width ? 0 : ones(c.width) >> c.right) : ones(c.width) << c.left;
    shape.out(ir.v3(Op::vsel, Lane::i64, splat(u, c.lane(), inserted), moved, shape.in(shape.d)));
}

void neon_shift_saturating(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Count c;
    if (!begin(u, shape, parse(f, c))) return;
    auto& ir = u.ir;
    const Op op = op_of(f);
    Val m = shape.zeroed(shape.m), r = ir.v2(op, c.lane(), m, splat(u, c.lane(), c.left));
    // Saturated where shifting back does not give the operand (as a number of its signedness).
    u.accumulate_saturation(m, ir.v1(op == Op::vqshlvs ? Op::vshrs : Op::vshru, c.lane(), r, c.left));
    shape.out(r);
}

void neon_shift_narrow(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Count c;
    const u32 arg = f.arg();
    if (!begin(u, shape, parse(f, c) && !(shape.m & 1))) return;
    auto& ir = u.ir;
    const Lane narrow = c.lane(), wide = ir::int_lane(2 * c.width);
    Val shifted = shifted_right(u, u.q(shape.m >> 1), wide, c.right, arg);
    const Op op = !(arg & saturating) ? Op::vnarrow : !(arg & is_signed) ? Op::vqnarrowu : arg & to_unsigned ? Op::vqnarrowsu : Op::vqnarrows;
    Val r = ir.v2(op, narrow, shifted, ir.vzero());
    if (arg & saturating) u.accumulate_saturation(shifted, ir.v1(op == Op::vqnarrows ? Op::vwidens : Op::vwidenu, narrow, r));
    u.set_d(shape.d, r);
}

void neon_shift_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Count c;
    if (!begin(u, shape, parse(f, c) && !(shape.d & 1))) return;
    Val wide = u.ir.v1(f.arg() & is_signed ? Op::vwidens : Op::vwidenu, c.lane(), u.d(shape.m), 0);
    u.set_qreg(shape.d >> 1, u.ir.v1(Op::vshl, ir::int_lane(2 * c.width), wide, c.left));
}

/// VCVT of fixed point: 64 - i fraction bits; half precision where arg says so.
void neon_fixed(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const Op o = op_of(f);
    const bool half = f.arg() & h, to_int = o == Op::vf2s || o == Op::vf2u;
    if (!begin(u, shape, f['i'] >= (half ? 48 : 32))) return;
    shape.out(with_mode(u, o, half ? Lane::f16 : Lane::f32, to_int ? ir::Rounding::toward_zero : ir::Rounding::dynamic, 64 - f['i'], shape.twice(shape.m)));
}

} // namespace emu::isa::a32
