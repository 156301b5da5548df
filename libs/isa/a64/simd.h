// SPDX-License-Identifier: MIT
// What the Advanced SIMD semantics share: the shape an encoding asks for, and row parameters.
//
// Field letters all SIMD rows use: q = 128 bits (absent in scalar forms), s = size (log2 of the lane's bytes) or the FP size
// bit (absent in half-precision forms), n, m, d = registers. Lanes outside the shape never reach FPSR: saturating ops see
// zeros there, floating-point ops a copy of the low half; the result is cut to shape.
#pragma once
#include "isa/a64/translate.h"

namespace emu::isa::a64 {

namespace simd {

/// Row parameter of integer groups: an ir::Op in bits 7..0, the lane sizes that exist (1 << size) in bits 11..8, then flags.
enum : u32 {
    op_mask = 0xff,
    b = 1 << 8, h = 2 << 8, w = 4 << 8, x = 8 << 8,
    bhw = b | h | w, hw = h | w, all = bhw | x,
    accumulate = 1 << 12,      ///< the result is added to Vd
    subtract = 1 << 13,        ///< it is subtracted from Vd
    swap = 1 << 14,            ///< operands exchanged
    is_signed = 1 << 16,
    saturating = 1 << 17,      ///< FPSR.QC
    rounding = 1 << 18,
    absolute = 1 << 19,
    negate = 1 << 20,
};
constexpr u32 op(ir::Op o) { return u32(o); }
constexpr ir::Op op_of(const Fields& f) { return ir::Op(f.arg() & op_mask); }

/// The shape of an integer instruction.
struct Shape {
    Unit& u;
    bool scalar;
    bool q;
    unsigned size;

    Shape(Unit& unit, const Fields& f, unsigned size_) : u(unit), scalar(!f.has('q')), q(f.has('q') && f['q']), size(size_) {}
    Shape(Unit& unit, const Fields& f) : Shape(unit, f, f['s']) {}

    unsigned lane_bits() const { return 8u << size; }
    Lane lane() const { return ir::int_lane(lane_bits()); }
    Lane wide() const { return ir::int_lane(2 * lane_bits()); }
    /// The lane size exists for this row, and for this shape (a vector of one 64-bit lane does not).
    bool exists(const Fields& f) const { return (f.arg() >> 8 >> size & 1) && (scalar || q || size < 3); }

    /// Register n; where `zeroed`, with zeros outside the shape.
    Val in(unsigned n, bool zeroed = false) const {
        Val v = u.v(n);
        if (!zeroed || q) return v;
        return scalar ? lowest_lane(v) : u.ir.vlow(v);
    }
    void out(unsigned d, Val value) const {
        if (scalar) u.set_v(d, lowest_lane(value));
        else u.set_v(d, value, q);
    }
    Val lowest_lane(Val v) const {
        if (size == 3) return u.ir.vlow(v);
        Val bits = u.ir.vget(Type::i32, lane(), v, 0);
        return u.ir.vzext(bits);
    }
    /// Every lane the constant.
    Val constant(u64 value) const { return splat(lane(), value); }
    Val splat(Lane l, u64 value) const {
        const unsigned width = ir::lane_bits(l);
        u64 bits = value & ones(width);
        for (unsigned i = width; i < 64; i *= 2) bits |= bits << i;
        return u.ir.vimm({bits, bits});
    }
};

/// The shape of a floating-point instruction: lanes by the size bit, half precision where there is none.
struct FpShape {
    Unit& u;
    bool scalar;
    bool q;
    Type type;

    FpShape(Unit& unit, const Fields& f)
        : u(unit), scalar(!f.has('q')), q(f.has('q') && f['q']), type(!f.has('s') ? Type::f16 : f['s'] ? Type::f64 : Type::f32) {}

    Lane lane() const { return type == Type::f16 ? Lane::f16 : type == Type::f32 ? Lane::f32 : Lane::f64; }
    Lane bits_lane() const { return ir::int_lane(bit_width(type)); }
    bool exists() const { return scalar || q || type != Type::f64; }

    /// The vector, the low half twice for a 64-bit shape.
    Val in(unsigned n) const { return fit(u.v(n)); }
    Val fit(Val v) const { return q ? v : u.ir.emit(Op::vcat, Type::v128, 0, v, v); }
    Val in_scalar(unsigned n) const { return u.scalar(n, lane(), type); }
    void out(unsigned d, Val value) const { u.set_v(d, value, q); }
    Val v1(Op op, Val a) const { return u.ir.v1(op, lane(), a); }
    Val v2(Op op, Val a, Val b) const { return u.ir.v2(op, lane(), a, b); }
    Val v3(Op op, Val a, Val b, Val c) const { return u.ir.v3(op, lane(), a, b, c); }
};

/// Vm.T[index] in every lane. 16-bit lanes: index H:L:M of V0-V15; 32-bit ones: H:L; 64-bit ones: H.
struct Element {
    unsigned reg, index;
    Element(const Fields& f, unsigned size) {
        const u32 raw = f.raw(), h = bit(raw, 11), l = bit(raw, 21), m = bit(raw, 20);
        reg = bits(raw, 16, size == 1 ? 4 : 5);
        index = size == 1 ? h << 2 | l << 1 | m : size == 2 ? h << 1 | l : h;
    }
    Val broadcast(Unit& u, Lane lane) const {
        const Type type = ir::lane_bits(lane) == 64 ? Type::i64 : Type::i32;
        return u.ir.vdup(lane, u.ir.vget(type, lane, u.v(reg), index));
    }
};


/// The scalar op that a lane-wise floating-point op applies to every lane.
Op scalar_op(Op lanewise);
/// An i1 as the lane mask a scalar comparison leaves in the register.
Val mask_of(Unit& u, Val condition, Type type);

} // namespace simd

// Three registers (sem_simd_three.cpp, sem_simd_fp.cpp)
Semantic simd_binary, simd_binary_saturating, simd_shift_register, simd_logical, simd_test_bits, simd_pairwise;
Semantic simd_double_high, simd_rounding_accumulate, simd_dot, simd_dot_mixed, simd_dot_bfloat, simd_multiply_bfloat;
Semantic simd_fp_binary, simd_fp_difference, simd_fp_multiply_add, simd_fp_compare, simd_fp_pairwise, simd_fp_multiply_long;
Semantic simd_complex_add, simd_complex_multiply_add;
// Three registers of different widths (sem_simd_long.cpp)
Semantic simd_long, simd_wide, simd_high_narrow, simd_difference_long, simd_multiply_long, simd_double_long, simd_polynomial_long;
// By element (in the same files)
Semantic simd_multiply_element, simd_double_high_element, simd_rounding_accumulate_element, simd_multiply_long_element;
Semantic simd_double_long_element, simd_dot_element, simd_dot_mixed_element, simd_dot_bfloat_element, simd_multiply_bfloat_element;
Semantic simd_fp_multiply_element, simd_fp_multiply_add_element, simd_fp_multiply_long_element, simd_complex_element;
// Two registers and fixed point (sem_simd_fp_two.cpp, sem_simd_fp.cpp)
Semantic simd_pair_scalar;
Semantic simd_fp_unary, simd_fp_round, simd_fp_round_sized, simd_fp_compare_zero, simd_fp_to_int, simd_fp_from_int, simd_fp_narrow;
Semantic simd_fp_widen, simd_fp_narrow_odd, simd_fp_narrow_bfloat, simd_fp_across, simd_fp_pair_scalar;
Semantic simd_fp_to_fixed, simd_fp_from_fixed;
// SM3 and SM4 (sem_crypto_sm.cpp); arg: ir::HashStep
Semantic crypto_hash, crypto_hash_lane;

extern const Table simd_three_rows, simd_fp_two_rows, simd_element_rows, crypto_sm_rows;

} // namespace emu::isa::a64
