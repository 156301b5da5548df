// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A7.4.2, A7.4.3: Advanced SIMD, operands of different lengths, and by a scalar.
#include "isa/a32/sem_neon.h"

#include "common/bits.h"

namespace emu::isa::a32 {

using namespace neon;

namespace neon {
void double_high(Unit& u, const Fields& f, const Shape& shape, Lane lane, Val m);
void rounding_accumulate(Unit& u, const Fields& f, const Shape& shape, Lane lane, Val m);
}

namespace {

struct Lengths {
    Lane narrow, wide;
    explicit Lengths(const Fields& f) : narrow(ir::int_lane(8u << f['s'])), wide(f['s'] == 3 ? Lane::i64 : ir::int_lane(16u << f['s'])) {}
};

Val widen(Unit& u, const Fields& f, Lane narrow, Val v) { return u.ir.v1(f.arg() & is_signed ? Op::vwidens : Op::vwidenu, narrow, v, 0); }

/// Size 3 is for other groups.
bool refuse(Unit& u, const Fields& f, bool bad) {
    bad |= f.has('s') && f['s'] == 3;
    if (bad) u.unallocated();
    else u.commit();
    return bad;
}

/// Into Qd: as it is, added or subtracted.
void put_wide(Unit& u, const Fields& f, const Shape& shape, Lane wide, Val r) {
    Val d = u.q(shape.d >> 1);
    if (f.arg() & accumulate) r = u.ir.v2(Op::vadd, wide, d, r);
    if (f.arg() & subtract) r = u.ir.v2(Op::vsub, wide, d, r);
    u.set_qreg(shape.d >> 1, r);
}

} // namespace

/// VADDL, VSUBL.
void neon_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const Lengths l(f);
    if (refuse(u, f, shape.d & 1)) return;
    u.set_qreg(shape.d >> 1, u.ir.v2(op_of(f), l.wide, widen(u, f, l.narrow, u.d(shape.n)), widen(u, f, l.narrow, u.d(shape.m))));
}

/// VADDW, VSUBW.
void neon_wide(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const Lengths l(f);
    if (refuse(u, f, (shape.d | shape.n) & 1)) return;
    u.set_qreg(shape.d >> 1, u.ir.v2(op_of(f), l.wide, u.q(shape.n >> 1), widen(u, f, l.narrow, u.d(shape.m))));
}

/// VADDHN, VSUBHN and rounding.
void neon_high_narrow(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const Lengths l(f);
    if (refuse(u, f, (shape.m | shape.n) & 1)) return;
    Val sum = u.ir.v2(op_of(f), l.wide, u.q(shape.n >> 1), u.q(shape.m >> 1));
    if (f.arg() & rounding) sum = u.ir.v2(Op::vadd, l.wide, sum, splat(u, l.wide, u64(1) << (ir::lane_bits(l.narrow) - 1)));
    u.set_d(shape.d, u.ir.v2(Op::vuzp2, l.narrow, sum, sum));
}

/// VABDL, VABAL.
void neon_difference_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const Lengths l(f);
    if (refuse(u, f, shape.d & 1)) return;
    Val difference = u.ir.v2(op_of(f), l.narrow, u.d(shape.n), u.d(shape.m));
    put_wide(u, f, shape, l.wide, u.ir.v1(Op::vwidenu, l.narrow, difference, 0));
}

namespace {
void double_long(Unit& u, const Fields& f, const Shape& shape, const Lengths& l, Val m) {
    auto& ir = u.ir;
    Val product = ir.v2(Op::vmulls, l.narrow, u.d(shape.n), m, 0);
    Val r = ir.v2(Op::vqadds, l.wide, product, product);
    u.accumulate_saturation(ir.v2(Op::vadd, l.wide, product, product), r);
    if (f.arg() & (accumulate | subtract)) {
        const bool minus = f.arg() & subtract;
        Val d = u.q(shape.d >> 1), sum = ir.v2(minus ? Op::vqsubs : Op::vqadds, l.wide, d, r);
        u.accumulate_saturation(ir.v2(minus ? Op::vsub : Op::vadd, l.wide, d, r), sum);
        r = sum;
    }
    u.set_qreg(shape.d >> 1, r);
}
} // namespace

void neon_multiply_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const Lengths l(f);
    if (refuse(u, f, shape.d & 1)) return;
    put_wide(u, f, shape, l.wide, u.ir.v2(op_of(f), l.narrow, u.d(shape.n), u.d(shape.m), 0));
}

void neon_double_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const Lengths l(f);
    if (refuse(u, f, shape.d & 1 || f['s'] == 0)) return;
    double_long(u, f, shape, l, u.d(shape.m));
}

/// VMULL.P8, VMULL.P64.
void neon_polynomial_long(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (refuse(u, f, shape.d & 1)) return;
    u.set_qreg(shape.d >> 1, u.ir.v2(Op::vpmull, f.arg() ? Lane::i64 : Lane::i8, u.d(shape.n), u.d(shape.m), 0));
}

// --- by a scalar ---------------------------------------------------------------------------------------------------------------------

namespace {
/// Dm[x] in every lane: 16-bit lanes in D0 to D7, 32-bit ones in D0 to D15.
Val scalar(Unit& u, const Fields& f, Lane lane) {
    const unsigned raw = f['m'], high = f['M'];
    const bool halves = ir::lane_bits(lane) == 16;
    const unsigned reg = halves ? raw & 7 : raw, index = halves ? high << 1 | raw >> 3 : high;
    return u.ir.vdup(lane, u.ir.vget(Type::i32, lane, u.q(reg >> 1), (reg & 1) * (halves ? 4 : 2) + index));
}

/// The scalar's register says nothing about the shape.
struct ScalarShape : Shape {
    ScalarShape(Unit& unit, const Fields& f) : Shape(unit, f) { m = 0; }
    bool refuse(const Fields& f) const {
        const bool bad = !ok() || f['s'] == 0 || f['s'] == 3;
        if (bad) u.unallocated();
        else u.commit();
        return bad;
    }
};
} // namespace

void neon_multiply_scalar(Unit& u, const Fields& f) {
    ScalarShape shape(u, f);
    if (shape.refuse(f)) return;
    const Lane lane = ir::int_lane(8u << f['s']);
    Val r = u.ir.v2(Op::vmul, lane, shape.in(shape.n), scalar(u, f, lane));
    if (f.arg() & accumulate) r = u.ir.v2(Op::vadd, lane, shape.in(shape.d), r);
    if (f.arg() & subtract) r = u.ir.v2(Op::vsub, lane, shape.in(shape.d), r);
    shape.out(r);
}

void neon_float_multiply_scalar(Unit& u, const Fields& f) {
    ScalarShape shape(u, f);
    if (f['s'] == 1 && !u.has(feature::fp16)) return u.unallocated();
    if (shape.refuse(f)) return;
    const Lane lane = f['s'] == 1 ? Lane::f16 : Lane::f32;
    Val r = float2(u, Op::vfmul, lane, shape.twice(shape.n), scalar(u, f, ir::int_lane(ir::lane_bits(lane))));
    if (f.arg() & subtract) r = u.ir.v1(Op::vfneg, lane, r);
    if (f.arg() & (accumulate | subtract)) r = float2(u, Op::vfadd, lane, shape.twice(shape.d), r);
    shape.out(r);
}

void neon_double_high_scalar(Unit& u, const Fields& f) {
    ScalarShape shape(u, f);
    const Lane lane = ir::int_lane(8u << f['s']);
    if (!shape.refuse(f)) double_high(u, f, shape, lane, scalar(u, f, lane));
}
void neon_rounding_accumulate_scalar(Unit& u, const Fields& f) {
    ScalarShape shape(u, f);
    const Lane lane = ir::int_lane(8u << f['s']);
    if (!shape.refuse(f)) rounding_accumulate(u, f, shape, lane, scalar(u, f, lane));
}

void neon_multiply_long_scalar(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const Lengths l(f);
    if (refuse(u, f, shape.d & 1 || f['s'] == 0)) return;
    put_wide(u, f, shape, l.wide, u.ir.v2(op_of(f), l.narrow, u.d(shape.n), scalar(u, f, l.narrow), 0));
}
void neon_double_long_scalar(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const Lengths l(f);
    if (refuse(u, f, shape.d & 1 || f['s'] == 0)) return;
    double_long(u, f, shape, l, scalar(u, f, l.narrow));
}

} // namespace emu::isa::a32
