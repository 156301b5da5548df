// SPDX-License-Identifier: MIT
// What IEEE 754 leaves to the implementation, as one constant per guest architecture: which NaN comes out, when a result
// counts as tiny, what a conversion to an integer gives when there is no such integer, which flags flushing raises.
#pragma once
#include "common/types.h"

namespace emu::fp {

enum Flag : u8 {
    invalid = 1,
    divide_by_zero = 2,
    overflow = 4,
    underflow = 8,
    inexact = 16,
    input_denormal = 32,    ///< a denormal operand was flushed to zero (Arm FPSR.IDC)
    denormal_operand = 64,  ///< a denormal operand was used as it is (x86 DE); only if Rules::denormal_operand_flag
    rounded_up = 128,       ///< the last rounding increased the magnitude (x87 C1)
};

/// Which operand a two-operand operation takes its NaN result from. The result is always quiet.
enum class NanChoice : u8 {
    default_nan,        ///< none: every NaN result is the default NaN
    snan_first,         ///< the first signaling NaN, else the first quiet NaN
    snan_first_reverse, ///< the same, looking at the second operand first
    first_operand,      ///< the first NaN of either kind
    second_operand,     ///< the second operand if it is a NaN, else the first
    larger_significand, ///< x87: a quiet NaN beats a signaling one, then the larger significand, then the positive one
};

/// The order in which fma(a, b, c) = a*b + c looks at its operands; kinds of NaN are ranked as NanChoice says.
enum class FmaOrder : u8 { abc, acb, cab, cba };

/// Result of a float to integer conversion of a NaN, and of a number out of range.
enum class IntNan : u8 { zero, max, min, by_sign, indefinite };
enum class IntOverflow : u8 { saturate, max, indefinite, wrap };

/// How a signaling NaN becomes quiet.
enum class Quieten : u8 {
    set_top_bit,    ///< the top fraction bit says "quiet": set it
    to_default,     ///< the top bit says "signaling", clearing it could give an infinity: take the default NaN
    clear_set_next, ///< the top bit says "signaling": clear it and set the one below
};

struct Rules {
    NanChoice nan_choice = NanChoice::snan_first;
    FmaOrder fma_order = FmaOrder::abc;
    bool inf_zero_nan_invalid = true;  ///< fma(inf, 0, quiet NaN) raises invalid
    bool inf_zero_nan_default = false; ///< and its result is the default NaN
    bool default_nan_negative = false;
    bool default_nan_all_ones = false; ///< fraction of the default NaN: all ones (with an inverted signaling bit: all but the top)
    bool snan_bit_inverted = false;    ///< a set top fraction bit means signaling
    Quieten quieten = Quieten::set_top_bit;
    bool tininess_before_rounding = false;
    IntNan int_nan = IntNan::max;
    IntNan uint_nan = IntNan::max;
    IntOverflow int_overflow = IntOverflow::saturate;
    u8 flush_input_flags = 0;             ///< Flag bits raised when a denormal operand is flushed
    u8 flush_output_flags = 0;            ///< Flag bits raised when a result is flushed
    bool flush_before_rounding = false;   ///< a result is flushed if tiny before rounding (else: if tiny as tininess_before_rounding says)
    bool denormal_operand_flag = false;   ///< operations that use an unflushed denormal raise Flag::denormal_operand
    bool f80_explicit_zero_exponent = false; ///< m68k: biased exponent 0 weighs one less than on x87; integer bit of inf and NaN ignored
};

namespace rules {

/// Arm Architecture Reference Manual, shared/functions/float: FPProcessNaNs, FPProcessNaNs3 (addend first), FPMulAdd,
/// FPUnpackBase and FPRoundBase (flushed inputs raise IDC, flushed results UFC alone, decided before rounding), FPToFixed.
inline constexpr Rules arm{
    .nan_choice = NanChoice::snan_first,
    .fma_order = FmaOrder::cab,
    .inf_zero_nan_default = true,
    .tininess_before_rounding = true,
    .int_nan = IntNan::zero,
    .uint_nan = IntNan::zero,
    .flush_input_flags = input_denormal,
    .flush_output_flags = underflow,
    .flush_before_rounding = true,
};
/// RISC-V unprivileged manual, chapter "F" (NaN Generation and Propagation; FCVT.int table; tininess after rounding).
inline constexpr Rules riscv{
    .nan_choice = NanChoice::default_nan,
    .inf_zero_nan_default = true,
};
/// Intel SDM volume 1, 4.8.3.5 table 4-7 (SSE column), 4.9.1, 11.5 and 14.5 (FMA); integer indefinite, table 4-1.
inline constexpr Rules x86_sse{
    .nan_choice = NanChoice::first_operand,
    .inf_zero_nan_invalid = false,
    .default_nan_negative = true,
    .int_nan = IntNan::indefinite,
    .uint_nan = IntNan::indefinite,
    .int_overflow = IntOverflow::indefinite,
    .flush_output_flags = underflow | inexact,
    .denormal_operand_flag = true,
};
/// Intel SDM volume 1, table 4-7 (x87 column) and chapter 8.
inline constexpr Rules x87{
    .nan_choice = NanChoice::larger_significand,
    .default_nan_negative = true,
    .int_nan = IntNan::indefinite,
    .uint_nan = IntNan::indefinite,
    .int_overflow = IntOverflow::indefinite,
    .denormal_operand_flag = true,
};
/// MIPS32 volume I-A, chapter "FPU", FCSR.NAN2008 = 0: signaling bit inverted, conversions give 2^31-1 (2^63-1).
inline constexpr Rules mips{
    .nan_choice = NanChoice::snan_first,
    .inf_zero_nan_default = true,
    .default_nan_all_ones = true,
    .snan_bit_inverted = true,
    .quieten = Quieten::to_default,
    .int_nan = IntNan::max,
    .uint_nan = IntNan::max,
    .int_overflow = IntOverflow::max,
    .flush_output_flags = underflow | inexact,
};
/// The same with FCSR.NAN2008 = 1 (and ABS2008).
inline constexpr Rules mips2008{
    .nan_choice = NanChoice::snan_first,
    .fma_order = FmaOrder::cab,
    .int_nan = IntNan::zero,
    .uint_nan = IntNan::zero,
    .flush_output_flags = underflow | inexact,
};
/// Power ISA book I, 4.3.2 (QNaN from FRA, FRB, FRC in this order; FRB is the addend), 4.3.4 (tiny before rounding), 4.6.7.
inline constexpr Rules ppc{
    .nan_choice = NanChoice::first_operand,
    .fma_order = FmaOrder::acb,
    .tininess_before_rounding = true,
    .int_nan = IntNan::min,
    .uint_nan = IntNan::zero,
};
/// SPARC V9 appendix B (B.2 untrapped NaN results: rs2 before rs1; B.5), Oracle SPARC Architecture 2011 chapter 8.
inline constexpr Rules sparc{
    .nan_choice = NanChoice::snan_first_reverse,
    .fma_order = FmaOrder::cba,
    .default_nan_all_ones = true,
    .tininess_before_rounding = true,
    .int_nan = IntNan::by_sign,
    .uint_nan = IntNan::by_sign,
};
/// M68000 family programmer's manual 1.6 and 3.6; MC68881/882 user's manual chapter 4.
inline constexpr Rules m68k{
    .nan_choice = NanChoice::first_operand,
    .default_nan_all_ones = true,
    .int_nan = IntNan::by_sign,
    .uint_nan = IntNan::by_sign,
    .f80_explicit_zero_exponent = true,
};
/// z/Architecture Principles of Operation, chapter 19 (tininess before rounding) and the convert-to-fixed tables.
inline constexpr Rules s390x{
    .nan_choice = NanChoice::snan_first,
    .inf_zero_nan_default = true,
    .tininess_before_rounding = true,
    .int_nan = IntNan::min,
    .uint_nan = IntNan::zero,
};
/// SH-4 software manual, chapter 6: signaling bit inverted, every NaN result is 0x7FBFFFFF; FTRC gives 0x80000000 for a NaN.
inline constexpr Rules sh4{
    .nan_choice = NanChoice::default_nan,
    .inf_zero_nan_default = true,
    .default_nan_all_ones = true,
    .snan_bit_inverted = true,
    .quieten = Quieten::to_default,
    .tininess_before_rounding = true,
    .int_nan = IntNan::min,
    .uint_nan = IntNan::zero,
};
/// PA-RISC 1.1 manual, chapter 8: signaling bit inverted, default NaN has only the second fraction bit set.
inline constexpr Rules hppa{
    .nan_choice = NanChoice::snan_first,
    .snan_bit_inverted = true,
    .quieten = Quieten::clear_set_next,
    .tininess_before_rounding = true,
    .int_nan = IntNan::by_sign,
    .uint_nan = IntNan::by_sign,
};
/// Alpha architecture handbook 4.7.10: Fb's NaN before Fa's, CQNaN negative; overflowing CVTTQ keeps the low bits.
inline constexpr Rules alpha{
    .nan_choice = NanChoice::second_operand,
    .fma_order = FmaOrder::cba,
    .default_nan_negative = true,
    .int_nan = IntNan::zero,
    .uint_nan = IntNan::zero,
    .int_overflow = IntOverflow::wrap,
};
/// LoongArch reference manual volume 1, 3.1.1.3 (NaN results) and 3.2.3 (conversions).
inline constexpr Rules loongarch{
    .nan_choice = NanChoice::snan_first,
    .fma_order = FmaOrder::cab,
    .int_nan = IntNan::zero,
    .uint_nan = IntNan::zero,
};

} // namespace rules

} // namespace emu::fp
