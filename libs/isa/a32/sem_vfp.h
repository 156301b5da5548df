// SPDX-License-Identifier: MIT
// Semantic functions of VFP. Field letters: z = the size field (2 single, 3 double, 1 half), D:d, N:n, M:m registers.
#pragma once
#include "isa/a32/translate.h"

namespace emu::isa::a32 {

/// A VFP register of the type.
Val vfp_register(Unit& u, const Fields& f, char high, char low, Type type);

Semantic vfp_binary;                     // arg: ir::Op, vfp_arg::negate
Semantic vfp_multiply_add, vfp_fused;    // arg: vfp_arg
namespace vfp_arg {
enum : u32 { negate_product = 1 << 8, negate_addend = 1 << 9, signaling = 1, with_zero = 2, is_unsigned = 1, bottom = 0, top = 1 };
}
Semantic vfp_move, vfp_sign, vfp_sqrt, vfp_move_immediate;    // arg of vfp_sign: ir::Op
Semantic vfp_compare, vfp_round, vfp_convert_precision, vfp_half;
Semantic vfp_to_int, vfp_from_int, vfp_fixed, vfp_to_int_js;
Semantic vfp_select, vfp_min_max, vfp_round_fixed, vfp_to_int_fixed;
Semantic vfp_insert_half, vfp_move_top_half;
Semantic vfp_core_single, vfp_core_half, vfp_core_pair, vfp_core_double, vfp_core_to_scalar, vfp_scalar_to_core, vfp_dup_core;
Semantic vfp_system_read, vfp_system_write;
Semantic vfp_load_store, vfp_multiple;

} // namespace emu::isa::a32
