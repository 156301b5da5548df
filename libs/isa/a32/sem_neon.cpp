// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A7.4.1, DDI 0487 F3.1.10: Advanced SIMD, three registers of the same length.
#include "isa/a32/sem_neon.h"

#include "common/bits.h"

#include <utility>

namespace emu::isa::a32 {

using namespace neon;

namespace neon {

Val splat(Unit& u, Lane lane, u64 value) {
    const unsigned width = ir::lane_bits(lane);
    value &= ones(width);
    for (unsigned w = width; w < 64; w *= 2) value |= value << w;
    return u.ir.vimm({value, value});
}

bool float_lane(const Unit& u, bool half, Lane& lane) {
    lane = half ? Lane::f16 : Lane::f32;
    return !half || u.has(feature::fp16);
}

} // namespace neon

namespace {

Lane lane_of(const Fields& f) { return ir::int_lane(8u << f['s']); }
bool size_exists(const Fields& f) { return f.arg() >> 8 >> f['s'] & 1; }

/// Refuse what does not exist, else get the condition out of the way.
bool begin(Unit& u, const Shape& shape, bool exists = true) {
    if (!shape.ok() || !exists) {
        u.unallocated();
        return false;
    }
    u.commit();
    return true;
}

} // namespace

void neon_binary(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, size_exists(f))) return;
    Val r = u.ir.v2(op_of(f), lane_of(f), shape.in(shape.n), shape.in(shape.m));
    if (f.arg() & accumulate) r = u.ir.v2(Op::vadd, lane_of(f), shape.in(shape.d), r);
    if (f.arg() & subtract) r = u.ir.v2(Op::vsub, lane_of(f), shape.in(shape.d), r);
    shape.out(r);
}

void neon_saturating(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape)) return;
    Val n = shape.zeroed(shape.n), m = shape.zeroed(shape.m);
    Val r = u.ir.v2(op_of(f), lane_of(f), n, m);
    u.accumulate_saturation(u.ir.v2(f.arg() & subtract ? Op::vsub : Op::vadd, lane_of(f), n, m), r);
    shape.out(r);
}

/// The shifted operand is Vm here, the counts are Vn.
void neon_shift(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape)) return;
    Val value = f.arg() & saturating ? shape.zeroed(shape.m) : shape.in(shape.m), count = shape.in(shape.n);
    Val r = u.ir.v2(op_of(f), lane_of(f), value, count);
    if (f.arg() & saturating) u.accumulate_saturation(u.ir.vzero(), u.ir.v2(op_of(f), lane_of(f), value, count, 1));
    shape.out(r);
}

void neon_logical(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape)) return;
    auto& ir = u.ir;
    Val n = shape.in(shape.n), m = shape.in(shape.m), r;
    auto two = [&](Op op, Val a, Val b) { return ir.emit(op, Type::v128, 0, a, b); };
    auto choose = [&](Val mask, Val yes, Val no) { return ir.emit(Op::vsel, Type::v128, 0, mask, yes, no); };
    switch (f.arg()) {
    case 0: r = two(Op::vand, n, m); break;
    case 1: r = two(Op::vandn, n, m); break;
    case 2: r = n == m ? n : two(Op::vor, n, m); break;
    case 3: r = two(Op::vor, n, ir.emit(Op::vnot, Type::v128, 0, m)); break;
    case 4: r = two(Op::vxor, n, m); break;
    case 5: r = choose(shape.in(shape.d), n, m); break;       // VBSL
    case 6: r = choose(m, n, shape.in(shape.d)); break;       // VBIT
    default: r = choose(m, shape.in(shape.d), n); break;      // VBIF
    }
    shape.out(r);
}

void neon_test(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, size_exists(f))) return;
    Val common = u.ir.emit(Op::vand, Type::v128, 0, shape.in(shape.n), shape.in(shape.m));
    shape.out(u.ir.emit(Op::vnot, Type::v128, 0, u.ir.v2(Op::veq, lane_of(f), common, u.ir.vzero())));
}

namespace {
/// Even and odd lanes of Vn, then of Vm: D registers only.
std::pair<Val, Val> neighbours(Unit& u, const Shape& shape, Lane lane) {
    Val both = u.ir.emit(Op::vcat, Type::v128, 0, u.d(shape.n), u.d(shape.m));
    return {u.ir.v2(Op::vuzp1, lane, both, both), u.ir.v2(Op::vuzp2, lane, both, both)};
}
} // namespace

void neon_pairwise(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, size_exists(f))) return;
    auto [even, odd] = neighbours(u, shape, lane_of(f));
    u.set_d(shape.d, u.ir.v2(op_of(f), lane_of(f), even, odd));
}

namespace neon {
// Only the product of the most negative numbers saturates.
void double_high(Unit& u, const Fields& f, const Shape& shape, Lane lane, Val m) {
    Val n = shape.zeroed(shape.n), lowest = splat(u, lane, u64(1) << (ir::lane_bits(lane) - 1));
    Val both = u.ir.emit(Op::vand, Type::v128, 0, u.ir.v2(Op::veq, lane, n, lowest), u.ir.v2(Op::veq, lane, m, lowest));
    u.accumulate_saturation(u.ir.vzero(), both);
    shape.out(u.ir.v2(op_of(f), lane, n, m));
}
void rounding_accumulate(Unit& u, const Fields& f, const Shape& shape, Lane lane, Val m) {
    Val n = shape.zeroed(shape.n), d = shape.zeroed(shape.d);
    u.accumulate_saturation(u.ir.vzero(), u.ir.v3(op_of(f), lane, n, m, d, 1));
    shape.out(u.ir.v3(op_of(f), lane, n, m, d));
}
} // namespace neon

void neon_double_high(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (begin(u, shape, size_exists(f))) double_high(u, f, shape, lane_of(f), shape.in(shape.m));
}
void neon_rounding_accumulate(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (begin(u, shape, size_exists(f))) rounding_accumulate(u, f, shape, lane_of(f), shape.in(shape.m));
}

// --- floating point ----------------------------------------------------------------------------------------------------------------

void neon_float_binary(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_lane(u, f['z'], lane))) return;
    shape.out(float2(u, op_of(f), lane, shape.twice(shape.n), shape.twice(shape.m)));
}

void neon_float_compare(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_lane(u, f['z'], lane))) return;
    Val n = shape.twice(shape.n), m = shape.twice(shape.m);
    if (f.arg() & absolute) n = u.ir.v1(Op::vfabs, lane, n), m = u.ir.v1(Op::vfabs, lane, m);
    shape.out(float2(u, op_of(f), lane, n, m));
}

void neon_float_difference(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_lane(u, f['z'], lane))) return;
    shape.out(u.ir.v1(Op::vfabs, lane, float2(u, Op::vfsub, lane, shape.twice(shape.n), shape.twice(shape.m))));
}

/// VMLA, VMLS: rounded twice.
void neon_float_multiply_add(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_lane(u, f['z'], lane))) return;
    Val product = float2(u, Op::vfmul, lane, shape.twice(shape.n), shape.twice(shape.m));
    if (f.arg() & negate) product = u.ir.v1(Op::vfneg, lane, product);
    shape.out(float2(u, Op::vfadd, lane, shape.twice(shape.d), product));
}

void neon_float_fused(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_lane(u, f['z'], lane))) return;
    Val n = shape.twice(shape.n);
    if (f.arg() & negate) n = u.ir.v1(Op::vfneg, lane, n);
    shape.out(float3(u, Op::vfma, lane, n, shape.twice(shape.m), shape.twice(shape.d)));
}

void neon_float_pairwise(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_lane(u, f['z'], lane))) return;
    auto [even, odd] = neighbours(u, shape, ir::int_lane(ir::lane_bits(lane)));
    u.set_d(shape.d, float2(u, op_of(f), lane, even, odd));
}

namespace {
/// All ones in the lanes where a is infinite and b zero (or flushed to it).
Val infinity_by_zero(Unit& u, Lane lane, Val a, Val b) {
    auto& ir = u.ir;
    const bool half = lane == Lane::f16;
    const Lane bits = ir::int_lane(ir::lane_bits(lane));
    Val exponent = splat(u, bits, half ? 0x7c00 : 0x7f800000), magnitude = splat(u, bits, half ? 0x7fff : 0x7fffffff);
    Val infinite = ir.v2(Op::veq, bits, ir.emit(Op::vand, Type::v128, 0, a, magnitude), exponent);
    // Half precision is flushed only where FPSCR says so.
    Val looked_at = half && !(u.mode() & mode::flush_f16) ? magnitude : exponent;
    Val zero = ir.v2(Op::veq, bits, ir.emit(Op::vand, Type::v128, 0, b, looked_at), ir.vzero());
    return ir.emit(Op::vand, Type::v128, 0, infinite, zero);
}
} // namespace

/// VRECPS, VRSQRTS: unlike A64's, the product is rounded (DDI 0406C A2.7.8); infinity times zero is zero.
void neon_float_step(Unit& u, const Fields& f) {
    Shape shape(u, f);
    Lane lane;
    if (!begin(u, shape, float_lane(u, f['z'], lane))) return;
    auto& ir = u.ir;
    const bool half = lane == Lane::f16, sqrt = f.arg() & negate;
    const Lane bits = ir::int_lane(ir::lane_bits(lane));
    Val n = shape.twice(shape.n), m = shape.twice(shape.m);
    Val n_infinite = infinity_by_zero(u, lane, n, m), m_infinite = infinity_by_zero(u, lane, m, n);
    Val a = ir.emit(Op::vandn, Type::v128, 0, n, n_infinite), b = ir.emit(Op::vandn, Type::v128, 0, m, m_infinite);
    Val product = float2(u, Op::vfmul, lane, a, b);
    // The sign of that zero does not matter.
    const u64 number = sqrt ? (half ? 0x4200 : 0x40400000) : half ? 0x4000 : 0x40000000; // 3 or 2
    Val r = float2(u, Op::vfsub, lane, splat(u, bits, number), product);
    if (sqrt) r = float2(u, Op::vfmul, lane, r, splat(u, bits, half ? 0x3800 : 0x3f000000)); // half of it
    shape.out(r);
}

// --- cryptography --------------------------------------------------------------------------------------------------------------------

void neon_hash(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, shape.q)) return;
    shape.out(u.ir.v3(op_of(f), Lane::i32, shape.in(shape.d), shape.in(shape.n), shape.in(shape.m)));
}
namespace {
bool odd_registers(const Shape& shape) { return (shape.d | shape.m) & 1; }
}
void neon_hash_unary(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, !odd_registers(shape))) return;
    u.set_qreg(shape.d >> 1, u.ir.v1(op_of(f), Lane::i8, u.q(shape.m >> 1)));
}
void neon_hash_binary(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, !odd_registers(shape))) return;
    u.set_qreg(shape.d >> 1, u.ir.v2(op_of(f), Lane::i32, u.q(shape.d >> 1), u.q(shape.m >> 1)));
}
void neon_aes(Unit& u, const Fields& f) {
    Shape shape(u, f);
    if (!begin(u, shape, !odd_registers(shape))) return;
    Val keyed = u.ir.v2(Op::vxor, Lane::i64, u.q(shape.d >> 1), u.q(shape.m >> 1));
    u.set_qreg(shape.d >> 1, u.ir.v1(op_of(f), Lane::i8, keyed));
}

} // namespace emu::isa::a32
