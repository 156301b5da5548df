// SPDX-License-Identifier: MIT
// Semantic functions of Advanced SIMD shifts by immediate and of the integer two-register and across-lanes groups.
#pragma once
#include "isa/a64/translate.h"

namespace emu::isa::a64 {

/// Row parameters: an ir::Op in the low byte, then flags.
namespace simd_shift {
enum : u32 {
    is_signed = 1 << 8,
    rounding = 1 << 9,
    accumulate = 1 << 10,
    to_unsigned = 1 << 11,   ///< signed source saturated to an unsigned result
    saturating = 1 << 12,
    scalar = 1 << 13,
    upper = 1 << 14,         ///< insert: SRI (else SLI)
};
}
Semantic simd_shift_right, simd_shift_left, simd_shift_insert, simd_shift_left_saturating;
Semantic simd_shift_narrow, simd_shift_long;

/// Parameters of the two-register groups: an ir::Op in the low byte, then these.
namespace simd_misc {
enum : u32 { scalar = 1 << 8, zero_first = 1 << 9, is_signed = 1 << 10, accumulate = 1 << 11, negate = 1 << 12 };
}
Semantic simd_reverse;                   // arg: log2 of the container's bytes
Semantic simd_unary, simd_bytes_unary;   // arg: Op; the second exists for bytes only
Semantic simd_compare_zero, simd_pair_long, simd_accumulate_saturating, simd_saturating_abs_neg;
Semantic simd_narrow, simd_shift_left_long, simd_estimate;
Semantic simd_across, simd_across_long;

extern const Table simd_shift_rows, simd_misc_rows;

} // namespace emu::isa::a64
