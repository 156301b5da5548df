// SPDX-License-Identifier: MIT
// Arm ARM C3.5 / C7.2: Advanced SIMD shifts by immediate. immh:immb holds lane size and count in one number: its highest set
// bit says the lane width, 2 * width - i is a right shift's count and i - width a left shift's.
#include "isa/a64/sem_simd_shift.h"

#include "common/bits.h"

namespace emu::isa::a64 {

namespace {
using namespace simd_shift;

struct Shift {
    unsigned width = 0, right = 0, left = 0;
    Lane lane() const { return ir::int_lane(width); }
};

/// False for immh = 0000, which belongs to other groups or is unallocated.
bool parse(const Fields& f, Shift& s) {
    const u32 i = f['i'];
    if (i < 8) return false;
    s.width = 1u << (31 - std::countl_zero(i));
    s.right = 2 * s.width - i;
    s.left = i - s.width;
    return true;
}

/// The lanes of a scalar instruction beyond the first must read as zero, and may not set QC.
void set_scalar_lane(Unit& u, const Fields& f, Lane lane, Val v) {
    const Type type = lane == Lane::i64 ? Type::i64 : Type::i32;
    u.set_v(f['d'], u.ir.vzext(u.ir.vget(type, lane, v, 0)));
}

/// Right shift of vector lanes by 1 to width.
Val shifted_right(Unit& u, Val v, Lane lane, unsigned count, u32 arg) {
    const Op op = arg & rounding ? (arg & is_signed ? Op::vrshrs : Op::vrshru) : (arg & is_signed ? Op::vshrs : Op::vshru);
    return u.ir.v1(op, lane, v, count);
}

Val splat(Unit& u, Lane lane, u64 value) {
    const unsigned width = ir::lane_bits(lane);
    value &= ones(width);
    for (unsigned w = width; w < 64; w *= 2) value |= value << w;
    return u.ir.vimm({value, value});
}

} // namespace

void simd_shift_right(Unit& u, const Fields& f) {
    Shift s;
    const bool one = f.arg() & scalar;
    if (!parse(f, s) || (s.width == 64 && !one && !f['q']) || (one && s.width != 64)) return u.unallocated();
    Val r = shifted_right(u, u.v(f['n']), s.lane(), s.right, f.arg());
    if (f.arg() & accumulate) r = u.ir.v2(Op::vadd, s.lane(), u.v(f['d']), r);
    u.set_v(f['d'], r, !one && f['q']);
}

void simd_shift_left(Unit& u, const Fields& f) {
    Shift s;
    const bool one = f.arg() & scalar;
    if (!parse(f, s) || (s.width == 64 && !one && !f['q']) || (one && s.width != 64)) return u.unallocated();
    u.set_v(f['d'], u.ir.v1(Op::vshl, s.lane(), u.v(f['n']), s.left), !one && f['q']);
}

void simd_shift_insert(Unit& u, const Fields& f) {
    Shift s;
    const bool one = f.arg() & scalar;
    if (!parse(f, s) || (s.width == 64 && !one && !f['q']) || (one && s.width != 64)) return u.unallocated();
    auto& ir = u.ir;
    const bool right = f.arg() & upper;
    Val moved = right ? ir.v1(Op::vshru, s.lane(), u.v(f['n']), s.right) : ir.v1(Op::vshl, s.lane(), u.v(f['n']), s.left);
    const u64 inserted = right ? (s.right >= s.width ? 0 : ones(s.width) >> s.right) : ones(s.width) << s.left;
    Val r = ir.v3(Op::vsel, Lane::i64, splat(u, s.lane(), inserted), moved, u.v(f['d']));
    u.set_v(f['d'], r, !one && f['q']);
}

void simd_shift_left_saturating(Unit& u, const Fields& f) {
    Shift s;
    const bool one = f.arg() & scalar;
    if (!parse(f, s) || (s.width == 64 && !one && !f['q'])) return u.unallocated();
    auto& ir = u.ir;
    const Op op = Op(f.arg() & 255);
    Val n = u.v(f['n']);
    if (one) n = ir.vzext(ir.vget(s.width == 64 ? Type::i64 : Type::i32, s.lane(), n, 0));
    else if (!f['q']) n = ir.vlow(n);
    Val r = ir.v2(op, s.lane(), n, splat(u, s.lane(), s.left));
    // Saturated where shifting back does not give the operand (as a number of its signedness; for SQSHLU negatives never do).
    Val back = ir.v1(op == Op::vqshlvs ? Op::vshrs : Op::vshru, s.lane(), r, s.left);
    u.accumulate_saturation(n, back);
    if (one) set_scalar_lane(u, f, s.lane(), r);
    else u.set_v(f['d'], r, f['q']);
}

void simd_shift_narrow(Unit& u, const Fields& f) {
    Shift s;
    const u32 arg = f.arg();
    const bool one = arg & scalar;
    if (!parse(f, s) || s.width == 64) return u.unallocated();
    auto& ir = u.ir;
    const Lane wide = ir::int_lane(2 * s.width), narrow = s.lane();
    Val n = u.v(f['n']);
    if (one) n = ir.vzext(ir.vget(s.width == 32 ? Type::i64 : Type::i32, wide, n, 0));
    Val shifted = shifted_right(u, n, wide, s.right, arg);
    const Op op = !(arg & saturating) ? Op::vnarrow : !(arg & is_signed) ? Op::vqnarrowu : arg & to_unsigned ? Op::vqnarrowsu : Op::vqnarrows;
    Val r = ir.v2(op, narrow, shifted, ir.vzero());
    if (arg & saturating) {
        const Op widen = arg & is_signed && !(arg & to_unsigned) ? Op::vwidens : Op::vwidenu;
        u.accumulate_saturation(shifted, ir.v1(widen, narrow, r));
    }
    if (one) return set_scalar_lane(u, f, narrow, r);
    u.set_v(f['d'], f['q'] ? ir.v2(Op::vcat, Lane::i64, u.v(f['d']), r) : r);
}

void simd_shift_long(Unit& u, const Fields& f) {
    Shift s;
    if (!parse(f, s) || s.width == 64) return u.unallocated();
    Val wide = u.ir.v1(f.arg() & is_signed ? Op::vwidens : Op::vwidenu, s.lane(), u.v(f['n']), f['q']);
    u.set_v(f['d'], u.ir.v1(Op::vshl, ir::int_lane(2 * s.width), wide, s.left));
}

} // namespace emu::isa::a64
