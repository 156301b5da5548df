// SPDX-License-Identifier: MIT
// Semantic functions of data processing, multiplies and the media instructions.
#pragma once
#include "isa/a32/translate.h"

namespace emu::isa::a32 {

/// Row parameter of data processing: the operation, numbered as A32's opcode field, then flags.
namespace alu {
enum : u32 {
    and_ = 0, eor, sub, rsb, add, adc, sbc, rsc, tst, teq, cmp, cmn, orr, mov, bic, mvn, orn,
    operation = 31,
    set_flags = 32,          ///< always; where the row has a field S, that says it
    flags_outside_it = 64,   ///< as most 16-bit instructions do
    lsl = 0, lsr = 1 << 8, asr = 2 << 8, ror = 3 << 8,   ///< the shift of rows without a field h
};
}

/// A shifted operand, and the carry out of the shifter (i1; none: unchanged).
struct Shifted {
    Val value, carry;
};
/// By an immediate as encoded (0 means 32 for LSR and ASR, RRX for ROR).
Shifted shift_immediate(Unit& u, Val value, u32 kind, u32 amount);
/// ThumbExpandImm of 12 bits; `rotated`: bit 31 is the carry out.
u32 expand_t32(u32 imm12, bool& rotated);

Semantic dp_immediate, dp_immediate_t32, dp_plain, dp_shifted, dp_shifted_register;
Semantic address_of, address_of_words, move_wide, move_top, move_wide_t32;   // arg of address_of: 1 = subtract; of move_wide_t32: 1 = MOVT
Semantic adjust_sp;                                 // arg: alu::add or alu::sub

Semantic multiply, multiply_accumulate, multiply_subtract, multiply_long;   // arg of the last: LongMultiply
Semantic multiply_accumulate_accumulate;
Semantic multiply_half, multiply_half_long, multiply_word_half, multiply_dual, multiply_dual_long, multiply_high;
Semantic divide;                                    // arg: ir::Op
namespace long_multiply {
enum : u32 { is_signed = 1, accumulate = 2 };
}
namespace dual {
enum : u32 { subtract = 1, accumulate = 2, round = 4 };
}

Semantic saturating_add;                            // arg: 1 = subtract, 2 = double the second operand
Semantic count_zeros, reverse;                      // arg: ir::Op
Semantic reverse_signed_half;
Semantic bitfield_extract, bitfield_insert;         // arg: 1 = signed
Semantic pack_halves;                               // arg: 0 = PKHBT, 1 = PKHTB
Semantic extend;                                    // arg: ExtendArg
namespace extend_arg {
enum : u32 { byte = 0, half = 1, pair = 2, size = 3, is_unsigned = 4 };
}
Semantic saturate, saturate_halves;                 // arg: 1 = unsigned
Semantic parallel;                                  // arg: ParallelArg
namespace par {
enum : u32 { add16 = 0, asx, sax, sub16, add8, sub8, operation = 7, sign = 8, saturating = 16, uns = 32, halving = 64, usat = 128, uhalving = 256 };
}
Semantic select_bytes, sum_differences;
Semantic crc;                                       // arg: the op's aux

} // namespace emu::isa::a32
