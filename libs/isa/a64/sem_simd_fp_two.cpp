// SPDX-License-Identifier: MIT
// Arm ARM C7.2: floating-point "two-register miscellaneous", and conversions to and from fixed point.
#include "isa/a64/sem_fp.h"
#include "isa/a64/simd.h"

namespace emu::isa::a64 {

using namespace simd;

void simd_fp_unary(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    const Op op = op_of(f);
    if (shape.scalar) return u.set_scalar(f['d'], u.ir.op1(op == Op::frecpx ? op : scalar_op(op), shape.in_scalar(f['n'])));
    // FABS and FNEG raise nothing, whatever is above.
    Val n = op == Op::vfabs || op == Op::vfneg ? u.v(f['n']) : shape.in(f['n']);
    shape.out(f['d'], shape.v1(op, n));
}

/// arg as fp_round's (fp_arg::rounding).
void simd_fp_round(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    const u16 aux = ir::vfp_aux(shape.lane(), ir::Rounding(f.arg() & 7), f.arg() >> 3 & 1);
    shape.out(f['d'], u.ir.emit(Op::vfrint, Type::v128, aux, shape.in(f['n'])));
}

void simd_fp_round_sized(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    const u16 aux = ir::vfp_aux(shape.lane(), ir::Rounding(f.arg() & 7), f.arg() >> 4);
    shape.out(f['d'], u.ir.emit(Op::vfrintw, Type::v128, aux, shape.in(f['n'])));
}

/// ADDP Dd, Vn.2D.
void simd_pair_scalar(Unit& u, const Fields& f) {
    Val n = u.v(f['n']);
    u.set_v(f['d'], u.ir.vzext(u.ir.add(u.ir.vget(Type::i64, Lane::i64, n, 0), u.ir.vget(Type::i64, Lane::i64, n, 1))));
}

// --- integers and fixed point of the lane's width ------------------------------------------------------------------------

namespace {

/// Half-precision scalars have no 16-bit scalar op to convert with: every lane holds the number.
Val everywhere(Unit& u, Val v) { return u.ir.vdup(Lane::i16, u.ir.vget(Type::i32, Lane::i16, v, 0)); }
Val lowest_half(Unit& u, Val v) { return u.ir.vzext(u.ir.vget(Type::i32, Lane::i16, v, 0)); }

void to_integer(Unit& u, const Fields& f, const FpShape& shape, ir::Rounding rounding, unsigned fraction_bits) {
    const bool is_unsigned = f.arg() & fp_arg::unsigned_int;
    const Op vector_op = is_unsigned ? Op::vf2u : Op::vf2s;
    const u16 aux = ir::vfp_aux(shape.lane(), rounding, fraction_bits);
    if (!shape.scalar) return shape.out(f['d'], u.ir.emit(vector_op, Type::v128, aux, shape.in(f['n'])));
    if (shape.type == Type::f16)
        return u.set_v(f['d'], lowest_half(u, u.ir.emit(vector_op, Type::v128, aux, everywhere(u, u.v(f['n'])))));
    const Type bits = shape.type == Type::f64 ? Type::i64 : Type::i32;
    u.set_v(f['d'], u.ir.vzext(u.ir.emit(is_unsigned ? Op::f2u : Op::f2s, bits, ir::fp_aux(rounding, fraction_bits), shape.in_scalar(f['n']))));
}

void from_integer(Unit& u, const Fields& f, const FpShape& shape, unsigned fraction_bits) {
    const bool is_unsigned = f.arg() & fp_arg::unsigned_int;
    const Op vector_op = is_unsigned ? Op::vu2f : Op::vs2f;
    const u16 aux = ir::vfp_aux(shape.lane(), ir::Rounding::dynamic, fraction_bits);
    if (!shape.scalar) return shape.out(f['d'], u.ir.emit(vector_op, Type::v128, aux, shape.in(f['n'])));
    if (shape.type == Type::f16)
        return u.set_v(f['d'], lowest_half(u, u.ir.emit(vector_op, Type::v128, aux, everywhere(u, u.v(f['n'])))));
    const Type bits = shape.type == Type::f64 ? Type::i64 : Type::i32;
    Val n = u.ir.vget(bits, shape.bits_lane(), u.v(f['n']), 0);
    u.set_scalar(f['d'], u.ir.emit(is_unsigned ? Op::u2f : Op::s2f, shape.type, ir::fp_aux(ir::Rounding::dynamic, fraction_bits), n));
}

/// immh:immb of the fixed-point conversions: the lane by immh's top bit, twice its width minus the number = fraction bits.
bool fixed_shape(Unit& u, const Fields& f, FpShape& shape, unsigned& fraction_bits) {
    const u32 immediate = f['i'];
    if (immediate >= 64) shape.type = Type::f64;
    else if (immediate >= 32) shape.type = Type::f32;
    else if (immediate >= 16 && u.has(feature::fp16)) shape.type = Type::f16;
    else return false;
    fraction_bits = 2 * bit_width(shape.type) - immediate;
    return shape.exists();
}

} // namespace

void simd_fp_to_int(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    to_integer(u, f, shape, ir::Rounding(f.arg() >> 1), 0);
}

void simd_fp_from_int(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    if (!shape.exists()) return u.unallocated();
    from_integer(u, f, shape, 0);
}

void simd_fp_to_fixed(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    unsigned fraction_bits;
    if (!fixed_shape(u, f, shape, fraction_bits)) return u.unallocated();
    to_integer(u, f, shape, ir::Rounding::toward_zero, fraction_bits);
}

void simd_fp_from_fixed(Unit& u, const Fields& f) {
    FpShape shape(u, f);
    unsigned fraction_bits;
    if (!fixed_shape(u, f, shape, fraction_bits)) return u.unallocated();
    from_integer(u, f, shape, fraction_bits);
}

// --- formats -------------------------------------------------------------------------------------------------------------

namespace {
/// The narrowed lanes `r` (twice) as result of a plain or a "2" form.
void put_narrowed(Unit& u, const Fields& f, Val r) {
    u.set_v(f['d'], f['q'] ? u.ir.emit(Op::vcat, Type::v128, 0, u.v(f['d']), r) : u.ir.vlow(r));
}
} // namespace

void simd_fp_narrow(Unit& u, const Fields& f) {
    const Lane lane = f['s'] ? Lane::f32 : Lane::f16;
    put_narrowed(u, f, u.ir.v2(Op::vfnarrow, lane, u.v(f['n']), u.v(f['n'])));
}

void simd_fp_narrow_bfloat(Unit& u, const Fields& f) { put_narrowed(u, f, u.ir.v1(Op::vbfcvt, Lane::f32, u.v(f['n']))); }

/// FCVTXN, double to single.
void simd_fp_narrow_odd(Unit& u, const Fields& f) {
    if (f.has('q')) return put_narrowed(u, f, u.ir.v2(Op::vfnarrow, Lane::f32, u.v(f['n']), u.v(f['n']), 1));
    Val n = u.ir.vlow(u.v(f['n']));
    u.set_v(f['d'], u.ir.vlow(u.ir.v2(Op::vfnarrow, Lane::f32, n, n, 1)));
}

void simd_fp_widen(Unit& u, const Fields& f) {
    u.set_v(f['d'], u.ir.v1(Op::vfwiden, f['s'] ? Lane::f32 : Lane::f16, u.v(f['n']), f['q']));
}

} // namespace emu::isa::a64
