// SPDX-License-Identifier: MIT
// Arm ARM DDI 0487 F3.1.9, F6: what Armv8 added to Advanced SIMD: complex numbers, dot products, products of halves, matrices.
#include "isa/a32/sem_neon.h"

#include "common/bits.h"

#include <utility>

namespace emu::isa::a32 {

using namespace neon;

namespace {

bool begin(Unit& u, bool ok) {
    if (ok) u.commit();
    else u.unallocated();
    return ok;
}

/// Lane of the field z: 0 half, 1 single.
bool complex_lane(const Unit& u, const Fields& f, Lane& lane) { return float_lane(u, !f['z'], lane); }

} // namespace

void neon_complex_add(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape.ok() && complex_lane(u, f, lane))) return;
    shape.out(float2(u, Op::vfcadd, lane, shape.twice(shape.n), shape.twice(shape.m), f['r']));
}

void neon_complex_multiply(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape.ok() && complex_lane(u, f, lane))) return;
    shape.out(float3(u, Op::vfcmla, lane, shape.twice(shape.n), shape.twice(shape.m), shape.twice(shape.d), f['r']));
}

/// By Dm[x]; a pair of numbers is one lane of twice the width.
void neon_complex_scalar(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    const bool single = f['z'];
    const unsigned reg = single ? f['M'] << 4 | f['m'] : f['m'], index = single ? 0 : f['M'];
    shape.m = 0;
    if (!begin(u, shape.ok() && complex_lane(u, f, lane))) return;
    const Lane pair = single ? Lane::i64 : Lane::i32;
    Val m = u.ir.vdup(pair, u.ir.vget(single ? Type::i64 : Type::i32, pair, u.q(reg >> 1), (reg & 1) * (single ? 1 : 2) + index));
    shape.out(float3(u, Op::vfcmla, lane, shape.twice(shape.n), m, shape.twice(shape.d), f['r']));
}

// --- dot products and matrices: arg = ir::Op, vidot's immediate above -------------------------------------------------------------------

namespace {
Val dot(Unit& u, const Fields& f, Val n, Val m, Val d) { return u.ir.v3(op_of(f), Lane::i8, n, m, d, f.arg() >> 8 & 3); }
Val scalar_word(Unit& u, const Fields& f) {
    const unsigned m = f['m'];
    return u.ir.vdup(Lane::i32, u.ir.vget(Type::i32, Lane::i32, u.q(m >> 1), (m & 1) * 2 + f['M']));
}
} // namespace

void neon_dot(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (begin(u, shape.ok())) shape.out(dot(u, f, shape.in(shape.n), shape.in(shape.m), shape.in(shape.d)));
}
void neon_dot_scalar(Unit& u, const Fields& f) {
    Shape shape(u, f);
    shape.m = 0;
    if (!begin(u, shape.ok())) return;
    Val n = shape.in(shape.n), m = scalar_word(u, f);
    if (f.arg() & swap) std::swap(n, m);
    shape.out(dot(u, f, n, m, shape.in(shape.d)));
}
void neon_matrix(Unit& u, const Fields& f) {
    if (f['Q']) neon_dot(u, f);
    else u.unallocated();
}

void neon_dot_bfloat(Unit& u, const Fields& f) {
    Shape shape(u, f);
    // arg 1 is the matrix form.
    if (begin(u, shape.ok() && (shape.q || !f.arg()))) shape.out(u.ir.v3(Op::vbfdot, Lane::f32, shape.in(shape.n), shape.in(shape.m), shape.in(shape.d), f.arg()));
}
void neon_dot_bfloat_scalar(Unit& u, const Fields& f) {
    Shape shape(u, f);
    shape.m = 0;
    if (begin(u, shape.ok())) shape.out(u.ir.v3(Op::vbfdot, Lane::f32, shape.in(shape.n), scalar_word(u, f), shape.in(shape.d)));
}

namespace {
/// A bf16 is the upper half of the f32 of the same value.
Val widen_bfloat(Unit& u, Val v, bool odd) {
    if (odd) return u.ir.emit(Op::vand, Type::v128, 0, v, u.ir.vimm({0xffff0000ffff0000, 0xffff0000ffff0000}));
    return u.ir.v1(Op::vshl, Lane::i32, v, 16);
}
} // namespace

/// VFMAB, VFMAT.
void neon_multiply_bfloat(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const bool top = f['Q'];
    if (!begin(u, !((shape.d | shape.n | shape.m) & 1))) return;
    Val n = widen_bfloat(u, u.q(shape.n >> 1), top), m = widen_bfloat(u, u.q(shape.m >> 1), top);
    u.set_qreg(shape.d >> 1, float3(u, Op::vfma, Lane::f32, n, m, u.q(shape.d >> 1)));
}
void neon_multiply_bfloat_scalar(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const bool top = f['Q'];
    if (!begin(u, !((shape.d | shape.n) & 1))) return;
    const unsigned reg = f['m'] & 7, index = f['M'] << 1 | f['m'] >> 3;
    Val m = u.ir.vdup(Lane::i16, u.ir.vget(Type::i32, Lane::i16, u.q(reg >> 1), (reg & 1) * 4 + index));
    Val n = widen_bfloat(u, u.q(shape.n >> 1), top);
    u.set_qreg(shape.d >> 1, float3(u, Op::vfma, Lane::f32, n, widen_bfloat(u, m, false), u.q(shape.d >> 1)));
}

/// VCVT.BF16.F32.
void neon_narrow_bfloat(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, !(shape.m & 1))) return;
    u.set_d(shape.d, float1(u, Op::vbfcvt, Lane::f32, u.q(shape.m >> 1)));
}

// --- VFMAL, VFMSL: the operands of D forms are S registers, of Q forms D registers --------------------------------------------------------

namespace {
/// Four halves in both halves of a vector: for D forms an S register's two.
Val halves(Unit& u, bool q, unsigned high, unsigned low) {
    if (q) return u.d(high << 4 | low);
    const unsigned s = low << 1 | high;
    return u.ir.vdup(Lane::i32, u.s_bits(s));
}
void multiply_half(Unit& u, const Fields& f, const Shape& shape, Val m) {
    Val n = halves(u, shape.q, f['N'], f['n']);
    if (f.arg()) n = u.ir.v1(Op::vfneg, Lane::f16, n);
    shape.out(float3(u, Op::vfmlal, Lane::f16, n, m, shape.twice(shape.d), 0));
}
} // namespace

void neon_multiply_half(Unit& u, const Fields& f) {
    Shape shape(u, f);
    shape.n = shape.m = 0;
    if (begin(u, shape.ok())) multiply_half(u, f, shape, halves(u, shape.q, f['M'], f['m']));
}
void neon_multiply_half_scalar(Unit& u, const Fields& f) {
    Shape shape(u, f);
    shape.n = shape.m = 0;
    if (!begin(u, shape.ok())) return;
    // Q: Dm of D0-D7, index M:m<3>; D: Sm of S0-S15, index m<3>.
    const unsigned m = f['m'], s = shape.q ? (m & 7) * 2 : (m & 7) << 1 | f['M'], index = shape.q ? f['M'] << 1 | m >> 3 : m >> 3;
    const unsigned lane = (s & 3) * 2 + index;
    multiply_half(u, f, shape, u.ir.vdup(Lane::i16, u.ir.vget(Type::i32, Lane::i16, u.q(s >> 2), lane)));
}

} // namespace emu::isa::a32
