// SPDX-License-Identifier: MIT
// Semantic functions of scalar floating point (Arm ARM C4.1, "Data Processing -- Scalar Floating-Point and Advanced SIMD").
#pragma once
#include "isa/a64/translate.h"

namespace emu::isa::a64 {

/// Row parameters.
namespace fp_arg {
enum : u32 {
    negate_product = 1, negate_addend = 2,   // fp_multiply_add
    with_zero = 1, signaling = 2,            // fp_compare
    unsigned_int = 1,                        // conversions from and to integers and fixed point
};
constexpr u32 to_int(ir::Rounding r, bool is_unsigned = false) { return u32(is_unsigned) | u32(r) << 1; }
/// fp_round: ir::Rounding, whether inexact is raised, and the width of FRINT32 and FRINT64.
constexpr u32 rounding(ir::Rounding r, bool exact = false, unsigned bits = 0) { return u32(r) | u32(exact) << 3 | bits << 4; }
}

/// The type an FP instruction's `type` field selects; false: reserved, or half precision on a CPU without it.
bool fp_type(Unit& u, u32 field, Type& type);
constexpr Lane lane_of(Type t) { return t == Type::f16 ? Lane::f16 : t == Type::f32 ? Lane::f32 : Lane::f64; }
/// VFPExpandImm: the number that an 8-bit immediate stands for.
u64 fp_expand_imm(u32 imm8, Type type);

Semantic fp_unary, fp_move, fp_binary, fp_negated_multiply, fp_multiply_add;
Semantic fp_compare, fp_conditional_compare, fp_select, fp_move_immediate;
Semantic fp_convert, fp_round, fp_round_sized, fp_to_bfloat;
Semantic fp_to_int, fp_to_fixed, fp_from_int, fp_from_fixed, fp_move_general, fp_move_top_half, fp_to_int_js;

extern const Table fp_rows;

} // namespace emu::isa::a64
