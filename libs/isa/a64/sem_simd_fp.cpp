// SPDX-License-Identifier: MIT
// Arm ARM C7.2: floating-point "three same" (single, double and half precision, vector and scalar), and the same by element.
// Scalar forms use scalar ops: a vector op would raise flags for the lanes above.
#include "isa/a64/simd.h"

#include <utility>

namespace emu::isa::a64 {

using namespace simd;

namespace simd {

Op scalar_op(Op lanewise) {
    switch (lanewise) {
    case Op::vfadd: return Op::fadd;
    case Op::vfsub: return Op::fsub;
    case Op::vfmul: return Op::fmul;
    case Op::vfdiv: return Op::fdiv;
    case Op::vfsqrt: return Op::fsqrt;
    case Op::vfma: return Op::fma;
    case Op::vfneg: return Op::fneg;
    case Op::vfabs: return Op::fabs;
    case Op::vfmin: return Op::fmin;
    case Op::vfmax: return Op::fmax;
    case Op::vfminnm: return Op::fminnm;
    case Op::vfmaxnm: return Op::fmaxnm;
    case Op::vfmulx: return Op::fmulx;
    case Op::vfrecpe: return Op::frecpe;
    case Op::vfrsqrte: return Op::frsqrte;
    case Op::vfrecps: return Op::frecps;
    case Op::vfrsqrts: return Op::frsqrts;
    default: return lanewise;
    }
}

Val mask_of(Unit& u, Val condition, Type type) {
    const Type bits = type == Type::f64 ? Type::i64 : Type::i32;
    return u.ir.vzext(u.ir.select(condition, u.ir.imm(bits, ones(bit_width(type))), u.ir.imm(bits, 0)));
}

} // namespace simd

namespace {

/// Result of a two-operand op on either shape, put into Vd.
void binary(Unit& u, const Fields& f, const FpShape& shape, Val vector_m, Val scalar_m) {
    if (shape.scalar) return u.set_scalar(f['d'], u.ir.op2(scalar_op(op_of(f)), shape.in_scalar(f['n']), scalar_m));
    shape.out(f['d'], shape.v2(op_of(f), shape.in(f['n']), vector_m));
}

/// FMLA and FMLS (the product's first factor negated).
void multiply_add(Unit& u, const Fields& f, const FpShape& shape, Val vector_m, Val scalar_m) {
    if (shape.scalar) {
        Val n = shape.in_scalar(f['n']);
        if (f.arg() & negate) n = u.ir.op1(Op::fneg, n);
        return u.set_scalar(f['d'], u.ir.op3(Op::fma, n, scalar_m, shape.in_scalar(f['d'])));
    }
    Val n = shape.in(f['n']);
    if (f.arg() & negate) n = shape.v1(Op::vfneg, n);
    shape.out(f['d'], shape.v3(Op::vfma, n, vector_m, shape.in(f['d'])));
}

} // namespace

void simd_fp_binary(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    if (shape.scalar) binary(u, f, shape, {}, shape.in_scalar(f['m']));
    else binary(u, f, shape, shape.in(f['m']), {});
}

void simd_fp_difference(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    if (shape.scalar) {
        Val r = u.ir.op2(Op::fsub, shape.in_scalar(f['n']), shape.in_scalar(f['m']));
        return u.set_scalar(f['d'], u.ir.op1(Op::fabs, r));
    }
    shape.out(f['d'], shape.v1(Op::vfabs, shape.v2(Op::vfsub, shape.in(f['n']), shape.in(f['m']))));
}

void simd_fp_multiply_add(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    if (shape.scalar) multiply_add(u, f, shape, {}, shape.in_scalar(f['m']));
    else multiply_add(u, f, shape, shape.in(f['m']), {});
}

// --- comparisons: masks; FCMEQ is quiet, the others signal for any NaN ------------------------------------------------------

namespace {

/// `a OP b` with OP of the row (vfceq, vfcgt, vfcge) on scalars.
void compare_scalars(Unit& u, const Fields& f, Type type, Val a, Val b) {
    const Op op = op_of(f);
    Val flags = u.ir.fcmp(a, b, op != Op::vfceq);
    const Cond cond = op == Op::vfceq ? Cond::eq : op == Op::vfcgt ? Cond::gt : Cond::ge;
    u.set_v(f['d'], mask_of(u, u.ir.test(cond, flags), type));
}

} // namespace

void simd_fp_compare(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    Val n = shape.scalar ? shape.in_scalar(f['n']) : shape.in(f['n']), m = shape.scalar ? shape.in_scalar(f['m']) : shape.in(f['m']);
    if (f.arg() & absolute) {
        n = shape.scalar ? u.ir.op1(Op::fabs, n) : shape.v1(Op::vfabs, n);
        m = shape.scalar ? u.ir.op1(Op::fabs, m) : shape.v1(Op::vfabs, m);
    }
    if (shape.scalar) return compare_scalars(u, f, shape.type, n, m);
    shape.out(f['d'], shape.v2(op_of(f), n, m));
}

void simd_fp_compare_zero(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    const bool swapped = f.arg() & swap; // a < 0 is 0 > a
    if (shape.scalar) {
        Val a = shape.in_scalar(f['n']), b = u.ir.imm(shape.type, 0);
        if (swapped) std::swap(a, b);
        return compare_scalars(u, f, shape.type, a, b);
    }
    Val a = shape.in(f['n']), b = u.ir.vzero();
    if (swapped) std::swap(a, b);
    shape.out(f['d'], shape.v2(op_of(f), a, b));
}

// --- between lanes -------------------------------------------------------------------------------------------------------

void simd_fp_pairwise(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    Val n = u.v(f['n']), m = u.v(f['m']);
    if (!shape.q) n = m = u.ir.emit(Op::vcat, Type::v128, 0, n, m);
    Val even = u.ir.v2(Op::vuzp1, shape.bits_lane(), n, m), odd = u.ir.v2(Op::vuzp2, shape.bits_lane(), n, m);
    shape.out(f['d'], shape.v2(op_of(f), even, odd));
}

/// FADDP, FMAXP ... of the two lowest lanes.
void simd_fp_pair_scalar(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    Val low = shape.in_scalar(f['n']), high = u.ir.vget(shape.type, shape.lane(), u.v(f['n']), 1);
    u.set_scalar(f['d'], u.ir.op2(scalar_op(op_of(f)), low, high));
}

/// FMAXV and the like: neighbours first, as the manual's Reduce does.
void simd_fp_across(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (shape.type == Type::f64 || (shape.type == Type::f32 && !shape.q)) return u.unallocated();
    const unsigned lanes = (shape.q ? 128 : 64) / bit_width(shape.type);
    Val values[8];
    for (unsigned i = 0; i < lanes; i++) values[i] = u.ir.vget(shape.type, shape.lane(), u.v(f['n']), i);
    for (unsigned left = lanes; left > 1; left /= 2)
        for (unsigned i = 0; i < left / 2; i++) values[i] = u.ir.op2(scalar_op(op_of(f)), values[2 * i], values[2 * i + 1]);
    u.set_scalar(f['d'], values[0]);
}

// --- complex numbers -----------------------------------------------------------------------------------------------------

namespace {
/// The size field of the complex instructions: 1 half, 2 single, 3 double precision.
bool complex_lane(Unit& u, const Fields& f, Lane& lane) {
    if (f['s'] == 0 || (f['s'] == 3 && !f['q']) || (f['s'] == 1 && !u.has(feature::fp16))) return false;
    lane = ir::float_lane(8u << f['s']);
    return true;
}
Val fit(Unit& u, bool q, Val v) { return q ? v : u.ir.emit(Op::vcat, Type::v128, 0, v, v); }
} // namespace

void simd_complex_add(Unit& u, const Fields& f) {
    Lane lane;
    if (!complex_lane(u, f, lane)) return u.unallocated();
    const bool q = f['q'];
    u.set_v(f['d'], u.ir.v2(Op::vfcadd, lane, fit(u, q, u.v(f['n'])), fit(u, q, u.v(f['m'])), f['r']), q);
}

void simd_complex_multiply_add(Unit& u, const Fields& f) {
    Lane lane;
    if (!complex_lane(u, f, lane)) return u.unallocated();
    const bool q = f['q'];
    Val n = fit(u, q, u.v(f['n'])), m = fit(u, q, u.v(f['m'])), d = fit(u, q, u.v(f['d']));
    u.set_v(f['d'], u.ir.v3(Op::vfcmla, lane, n, m, d, f['r']), q);
}

void simd_complex_element(Unit& u, const Fields& f) {
    const bool q = f['q'], single = f.arg() == 2; // the size field
    const u32 h = bit(f.raw(), 11), l = bit(f.raw(), 21);
    if (single ? l || !q : (h && !q) || !u.has(feature::fp16)) return u.unallocated();
    // A real and an imaginary part are one lane of twice the width.
    const Lane pair = single ? Lane::i64 : Lane::i32;
    const unsigned index = single ? h : h << 1 | l;
    Val m = u.ir.vdup(pair, u.ir.vget(single ? Type::i64 : Type::i32, pair, u.v(f['m']), index));
    Val n = fit(u, q, u.v(f['n'])), d = fit(u, q, u.v(f['d']));
    u.set_v(f['d'], u.ir.v3(Op::vfcmla, single ? Lane::f32 : Lane::f16, n, m, d, f['r']), q);
}

// --- half-precision products added to single precision -------------------------------------------------------------------

namespace {
/// The part of Vn that FMLAL (second = false) or FMLAL2 looks at: a half of the register, or of its lower half.
Val long_part(Unit& u, Val v, bool q, bool second) {
    return q ? v : u.ir.vdup(Lane::i32, u.ir.vget(Type::i32, Lane::i32, v, second));
}
void multiply_long(Unit& u, const Fields& f, Val m, bool m_is_whole) {
    const bool q = f['q'], second = f.arg() & 1;
    Val n = long_part(u, u.v(f['n']), q, second);
    if (!m_is_whole) m = long_part(u, m, q, second);
    if (f.arg() & negate) n = u.ir.v1(Op::vfneg, Lane::f16, n);
    Val d = q ? u.v(f['d']) : fit(u, false, u.v(f['d']));
    u.set_v(f['d'], u.ir.v3(Op::vfmlal, Lane::f16, n, m, d, q && second), q);
}
} // namespace

void simd_fp_multiply_long(Unit& u, const Fields& f) { multiply_long(u, f, u.v(f['m']), false); }
void simd_fp_multiply_long_element(Unit& u, const Fields& f) { multiply_long(u, f, Element(f, 1).broadcast(u, Lane::i16), true); }

// --- by element ----------------------------------------------------------------------------------------------------------

namespace {
/// With double precision, L must be 0.
bool element_exists(const FpShape& shape, const Fields& f) {
    return shape.exists() && (shape.type != Type::f64 || !bit(f.raw(), 21));
}
unsigned element_size(const FpShape& shape) { return shape.type == Type::f16 ? 1 : shape.type == Type::f32 ? 2 : 3; }
} // namespace

void simd_fp_multiply_element(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    Element e(f, element_size(shape));
    if (!element_exists(shape, f)) return u.unallocated();
    if (shape.scalar) binary(u, f, shape, {}, u.ir.vget(shape.type, shape.lane(), u.v(e.reg), e.index));
    else binary(u, f, shape, e.broadcast(u, shape.bits_lane()), {});
}

void simd_fp_multiply_add_element(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    Element e(f, element_size(shape));
    if (!element_exists(shape, f)) return u.unallocated();
    if (shape.scalar) multiply_add(u, f, shape, {}, u.ir.vget(shape.type, shape.lane(), u.v(e.reg), e.index));
    else multiply_add(u, f, shape, e.broadcast(u, shape.bits_lane()), {});
}

} // namespace emu::isa::a64
