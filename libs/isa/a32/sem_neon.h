// SPDX-License-Identifier: MIT
// What the Advanced SIMD semantics share: the shape an encoding asks for, and row parameters. Arithmetic of floating point goes by
// the "standard FPSCR" whatever FPSCR says (ir::fp_standard).
//
// Field letters of all rows: Q = 128 bits, s = size (log2 of the lane's bytes), D:d, N:n, M:m = registers.
#pragma once
#include "isa/a32/translate.h"

namespace emu::isa::a32 {

namespace neon {

/// Row parameter: an ir::Op in bits 7..0, the lane sizes that exist (1 << size) in bits 11..8, then flags.
enum : u32 {
    op_mask = 0xff,
    b = 1 << 8, h = 2 << 8, w = 4 << 8, x = 8 << 8,
    bhw = b | h | w, hw = h | w, all = bhw | x,
    accumulate = 1 << 12,      ///< the result is added to Vd
    subtract = 1 << 13,        ///< it is subtracted from Vd
    swap = 1 << 14,            ///< operands exchanged
    is_signed = 1 << 16,
    saturating = 1 << 17,      ///< FPSCR.QC
    rounding = 1 << 18,
    absolute = 1 << 19,
    negate = 1 << 20,
    to_unsigned = 1 << 21,
    zero = 1 << 22,            ///< the second operand is zero
    is_float = 1 << 23,
};
constexpr u32 op(ir::Op o) { return u32(o); }
constexpr ir::Op op_of(const Fields& f) { return ir::Op(f.arg() & op_mask); }

/// Registers and width of an instruction; ok: they exist.
struct Shape {
    Unit& u;
    bool q;
    unsigned d, n, m;

    Shape(Unit& unit, const Fields& f)
        : u(unit), q(f.has('Q') && f['Q']), d(f['D'] << 4 | f['d']), n(f.has('n') ? f['N'] << 4 | f['n'] : 0), m(f.has('m') && f.has('M') ? f['M'] << 4 | f['m'] : 0) {}

    bool ok() const { return !q || !((d | n | m) & 1); }
    /// Operand with anything above a D register, with zeros there, or with the register twice.
    Val in(unsigned r) const { return q ? u.q(r >> 1) : u.d(r); }
    Val zeroed(unsigned r) const { return q ? u.q(r >> 1) : u.ir.vlow(u.d(r)); }
    Val twice(unsigned r) const { return q ? u.q(r >> 1) : u.d_twice(r); }
    void out(Val value) const {
        if (q) u.set_qreg(d >> 1, value);
        else u.set_d(d, value);
    }
};

Val splat(Unit& u, Lane lane, u64 value);
/// Lane-wise floating point in standard mode.
inline Val float1(Unit& u, Op o, Lane lane, Val a, unsigned imm = 0) { return u.ir.emit(o, Type::v128, u16(ir::lane_aux(lane, imm) | ir::fp_standard), a); }
inline Val float2(Unit& u, Op o, Lane lane, Val a, Val b, unsigned imm = 0) { return u.ir.emit(o, Type::v128, u16(ir::lane_aux(lane, imm) | ir::fp_standard), a, b); }
inline Val float3(Unit& u, Op o, Lane lane, Val a, Val b, Val c, unsigned imm = 0) { return u.ir.emit(o, Type::v128, u16(ir::lane_aux(lane, imm) | ir::fp_standard), a, b, c); }
/// The lane of the size bit, or of a size field: 1 half, 2 single; false: not there.
bool float_lane(const Unit& u, bool half, Lane& lane);

} // namespace neon

// Three registers of the same width (sem_neon.cpp)
Semantic neon_binary, neon_saturating, neon_shift, neon_logical, neon_test, neon_pairwise, neon_double_high, neon_rounding_accumulate;
Semantic neon_float_binary, neon_float_compare, neon_float_difference, neon_float_multiply_add, neon_float_fused, neon_float_pairwise, neon_float_step;
Semantic neon_hash, neon_hash_unary, neon_hash_binary, neon_aes;
// Different widths, and by a scalar (sem_neon_long.cpp)
Semantic neon_long, neon_wide, neon_high_narrow, neon_difference_long, neon_multiply_long, neon_double_long, neon_polynomial_long;
Semantic neon_multiply_scalar, neon_double_high_scalar, neon_rounding_accumulate_scalar, neon_multiply_long_scalar, neon_double_long_scalar;
Semantic neon_float_multiply_scalar;
// Two registers (sem_neon_two.cpp)
Semantic neon_reverse, neon_unary, neon_bytes, neon_pair_long, neon_saturating_sign, neon_compare_zero, neon_float_sign;
Semantic neon_swap, neon_permute, neon_narrow, neon_shift_long_size, neon_float_round, neon_half, neon_estimate, neon_convert, neon_convert_directed;
// Shifts by an immediate (sem_neon_shift.cpp)
Semantic neon_shift_right, neon_shift_left, neon_shift_insert, neon_shift_saturating, neon_shift_narrow, neon_shift_long, neon_fixed;
// Moves (sem_neon_move.cpp)
Semantic neon_immediate, neon_extract, neon_table, neon_dup, neon_structures, neon_single_structure, neon_replicate;
// Armv8 additions (sem_neon_v8.cpp)
Semantic neon_complex_add, neon_complex_multiply, neon_complex_scalar, neon_dot, neon_dot_scalar, neon_matrix, neon_multiply_half, neon_multiply_half_scalar;
Semantic neon_dot_bfloat, neon_dot_bfloat_scalar, neon_multiply_bfloat, neon_multiply_bfloat_scalar, neon_narrow_bfloat;

} // namespace emu::isa::a32
