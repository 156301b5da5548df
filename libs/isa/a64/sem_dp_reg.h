// SPDX-License-Identifier: MIT
// Semantic functions of data processing with registers.
#pragma once
#include "isa/a64/translate.h"

namespace emu::isa::a64 {

Semantic logical_shifted, add_sub_shifted, add_sub_extended;
Semantic add_sub_carry;                       // arg: alu::add or alu::sub, alu::set_flags
Semantic rotate_into_flags, set_flags_8_16;   // arg of the latter: 8 or 16
Semantic conditional_compare_register, conditional_compare_immediate;   // arg: alu::add (CCMN) or alu::sub (CCMP)
Semantic conditional_select;                  // arg: 0 CSEL, 1 CSINC, 2 CSINV, 3 CSNEG
Semantic divide, shift_variable, crc;         // arg: ir::Op; for crc the op's aux
Semantic one_source;                          // arg: ir::Op
Semantic multiply_add, multiply_add_long, multiply_high;
Semantic pac_generic, pac_register, pac_strip;

extern const Table dp_reg_rows;

} // namespace emu::isa::a64
