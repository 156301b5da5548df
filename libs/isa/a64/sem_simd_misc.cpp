// SPDX-License-Identifier: MIT
// Arm ARM C3.5 / C7.2: Advanced SIMD two-register miscellaneous and across lanes, integer forms.
#include "isa/a64/sem_simd_shift.h"

#include "common/bits.h"

namespace emu::isa::a64 {

namespace {
using namespace simd_misc;

Op op_of(const Fields& f) { return Op(f.arg() & 255); }
Lane lane_of_size(u32 size) { return ir::int_lane(8u << size); }
Type scalar_type(u32 size) { return size == 3 ? Type::i64 : Type::i32; }

/// The first lane, the others zero.
Val first_lane(Unit& u, Val v, u32 size) { return u.ir.vzext(u.ir.vget(scalar_type(size), lane_of_size(size), v, 0)); }

/// Source operand: one lane for scalar forms, the lower half where q is 0, so that QC sees nothing else.
Val source(Unit& u, const Fields& f, char reg, u32 size) {
    Val v = u.v(f[reg]);
    if (f.arg() & scalar) return first_lane(u, v, size);
    return f['q'] ? v : u.ir.vlow(v);
}

u32 size_of(const Fields& f) { return f.has('s') ? f['s'] : 3; }
bool is_scalar(const Fields& f) { return f.arg() & scalar; }
/// 64-bit lanes need all 128 bits in the vector forms.
bool size_ok(const Fields& f) { return is_scalar(f) || size_of(f) != 3 || f['q']; }
void set_result(Unit& u, const Fields& f, Val v) { u.set_v(f['d'], v, !is_scalar(f) && f['q']); }

} // namespace

void simd_reverse(Unit& u, const Fields& f) {
    const u32 size = f['s'];
    if (size >= f.arg()) return u.unallocated();
    u.set_v(f['d'], u.ir.v1(Op::vrev, lane_of_size(size), u.v(f['n']), 1u << (f.arg() - size)), f['q']);
}

void simd_unary(Unit& u, const Fields& f) {
    const u32 size = size_of(f);
    const bool counts = op_of(f) == Op::vcls || op_of(f) == Op::vclz;
    if (!size_ok(f) || (counts && size == 3)) return u.unallocated();
    set_result(u, f, u.ir.v1(op_of(f), lane_of_size(size), u.v(f['n'])));
}

void simd_bytes_unary(Unit& u, const Fields& f) { u.set_v(f['d'], u.ir.v1(op_of(f), Lane::i8, u.v(f['n'])), f['q']); }

void simd_compare_zero(Unit& u, const Fields& f) {
    if (!size_ok(f)) return u.unallocated();
    const Lane lane = lane_of_size(size_of(f));
    Val n = u.v(f['n']), zero = u.ir.vzero();
    set_result(u, f, f.arg() & zero_first ? u.ir.v2(op_of(f), lane, zero, n) : u.ir.v2(op_of(f), lane, n, zero));
}

void simd_pair_long(Unit& u, const Fields& f) {
    const u32 size = f['s'];
    if (size == 3) return u.unallocated();
    Val r = u.ir.v1(op_of(f), lane_of_size(size), u.v(f['n']));
    if (f.arg() & accumulate) r = u.ir.v2(Op::vadd, lane_of_size(size + 1), u.v(f['d']), r);
    u.set_v(f['d'], r, f['q']);
}

void simd_accumulate_saturating(Unit& u, const Fields& f) {
    if (!size_ok(f)) return u.unallocated();
    const Lane lane = lane_of_size(size_of(f));
    Val d = source(u, f, 'd', size_of(f)), n = source(u, f, 'n', size_of(f));
    Val r = u.ir.v2(op_of(f), lane, d, n);
    u.accumulate_saturation(u.ir.v2(Op::vadd, lane, d, n), r);
    set_result(u, f, r);
}

void simd_saturating_abs_neg(Unit& u, const Fields& f) {
    if (!size_ok(f)) return u.unallocated();
    const Lane lane = lane_of_size(size_of(f));
    auto& ir = u.ir;
    Val n = source(u, f, 'n', size_of(f)), zero = ir.vzero();
    Val exact = ir.v1(f.arg() & negate ? Op::vneg : Op::vabs, lane, n);
    Val negated = ir.v2(Op::vqsubs, lane, zero, n);
    Val r = f.arg() & negate ? negated : ir.v2(Op::vmaxs, lane, n, negated);
    u.accumulate_saturation(exact, r);
    set_result(u, f, r);
}

void simd_narrow(Unit& u, const Fields& f) {
    const u32 size = f['s'], arg = f.arg();
    if (size == 3) return u.unallocated();
    auto& ir = u.ir;
    const Lane narrow = lane_of_size(size);
    Val n = arg & scalar ? first_lane(u, u.v(f['n']), size + 1) : u.v(f['n']);
    Val r = ir.v2(op_of(f), narrow, n, ir.vzero());
    if (op_of(f) != Op::vnarrow) {
        const Op widen = op_of(f) == Op::vqnarrows ? Op::vwidens : Op::vwidenu;
        u.accumulate_saturation(n, ir.v1(widen, narrow, r));
    }
    if (arg & scalar) return u.set_v(f['d'], r);
    u.set_v(f['d'], f['q'] ? ir.v2(Op::vcat, Lane::i64, u.v(f['d']), r) : r);
}

void simd_shift_left_long(Unit& u, const Fields& f) {
    const u32 size = f['s'];
    if (size == 3) return u.unallocated();
    Val wide = u.ir.v1(Op::vwidenu, lane_of_size(size), u.v(f['n']), f['q']);
    u.set_v(f['d'], u.ir.v1(Op::vshl, lane_of_size(size + 1), wide, 8u << size));
}

void simd_estimate(Unit& u, const Fields& f) { u.set_v(f['d'], u.ir.v1(op_of(f), Lane::i32, u.v(f['n'])), f['q']); }

// --- across lanes: halves folded onto each other ---------------------------------------------------------------------------

namespace {
/// Combine lanes of the low `bytes` of v pairwise until one is left in lane 0.
Val fold_lanes(Unit& u, Op op, Lane lane, Val v, unsigned bytes) {
    for (unsigned half = bytes / 2; half >= ir::lane_bits(lane) / 8; half /= 2)
        v = u.ir.v2(op, lane, v, u.ir.v2(Op::vext, Lane::i8, v, v, half));
    return v;
}
bool across_size_ok(const Fields& f) { return f['s'] != 3 && !(f['s'] == 2 && !f['q']); }
} // namespace

void simd_across(Unit& u, const Fields& f) {
    if (!across_size_ok(f)) return u.unallocated();
    const u32 size = f['s'];
    u.set_v(f['d'], first_lane(u, fold_lanes(u, op_of(f), lane_of_size(size), u.v(f['n']), f['q'] ? 16 : 8), size));
}

void simd_across_long(Unit& u, const Fields& f) {
    if (!across_size_ok(f)) return u.unallocated();
    const u32 size = f['s'];
    // Pairwise long sums first: no lane of double width can overflow from there on.
    Val pairs = u.ir.v1(op_of(f), lane_of_size(size), f['q'] ? u.v(f['n']) : u.ir.vlow(u.v(f['n'])));
    u.set_v(f['d'], first_lane(u, fold_lanes(u, Op::vadd, lane_of_size(size + 1), pairs, f['q'] ? 16 : 8), size + 1));
}

} // namespace emu::isa::a64
