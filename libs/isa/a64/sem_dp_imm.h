// SPDX-License-Identifier: MIT
// Semantic functions of data processing with an immediate.
#pragma once
#include "isa/a64/translate.h"

namespace emu::isa::a64 {

/// Row parameter of the add/sub and logical groups.
namespace alu {
enum : u32 { add, sub, and_, orr, eor, bic, orn, eon, operation = 15, set_flags = 16 };
}

Semantic pc_relative;
Semantic add_sub_immediate, logical_immediate;
Semantic move_wide_not, move_wide_zero, move_wide_keep;
Semantic bitfield_signed, bitfield_insert, bitfield_unsigned, extract;

/// Result of an alu operation, setting the flags if asked for.
Val alu_result(Unit& u, u32 operation, Val a, Val b);
/// DecodeBitMasks for a logical immediate of `width` bits (Arm ARM, shared/functions); false: reserved.
bool decode_bit_mask(u32 n, u32 imms, u32 immr, unsigned width, u64& mask);

extern const Table dp_imm_rows;

} // namespace emu::isa::a64
