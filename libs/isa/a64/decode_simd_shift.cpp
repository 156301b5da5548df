// SPDX-License-Identifier: MIT
// Arm ARM C4.1: Advanced SIMD (scalar) shift by immediate, integer forms; two-register miscellaneous and across lanes, integer forms.
#include "isa/a64/sem_simd_shift.h"
#include "isa/table_check.h"

namespace emu::isa::a64 {

namespace {
constexpr u32 op(Op o) { return u32(o); }

namespace shift_table {
using namespace simd_shift;
// immh (the first four bits of i) is never 0000 here: that is the modified immediate group, whose row has more fixed bits.
// clang-format off
constexpr Line rows[] = {
    {"sshr",   "Vd.T, Vn.T, #i", "0 q 0 011110 iiiiiii 00000 1 nnnnn ddddd", simd_shift_right, is_signed},
    {"ssra",   "Vd.T, Vn.T, #i", "0 q 0 011110 iiiiiii 00010 1 nnnnn ddddd", simd_shift_right, is_signed | accumulate},
    {"srshr",  "Vd.T, Vn.T, #i", "0 q 0 011110 iiiiiii 00100 1 nnnnn ddddd", simd_shift_right, is_signed | rounding},
    {"srsra",  "Vd.T, Vn.T, #i", "0 q 0 011110 iiiiiii 00110 1 nnnnn ddddd", simd_shift_right, is_signed | rounding | accumulate},
    {"ushr",   "Vd.T, Vn.T, #i", "0 q 1 011110 iiiiiii 00000 1 nnnnn ddddd", simd_shift_right, 0},
    {"usra",   "Vd.T, Vn.T, #i", "0 q 1 011110 iiiiiii 00010 1 nnnnn ddddd", simd_shift_right, accumulate},
    {"urshr",  "Vd.T, Vn.T, #i", "0 q 1 011110 iiiiiii 00100 1 nnnnn ddddd", simd_shift_right, rounding},
    {"ursra",  "Vd.T, Vn.T, #i", "0 q 1 011110 iiiiiii 00110 1 nnnnn ddddd", simd_shift_right, rounding | accumulate},
    {"sri",    "Vd.T, Vn.T, #i", "0 q 1 011110 iiiiiii 01000 1 nnnnn ddddd", simd_shift_insert, upper},
    {"sli",    "Vd.T, Vn.T, #i", "0 q 1 011110 iiiiiii 01010 1 nnnnn ddddd", simd_shift_insert, 0},
    {"shl",    "Vd.T, Vn.T, #i", "0 q 0 011110 iiiiiii 01010 1 nnnnn ddddd", simd_shift_left, 0},
    {"sqshl",  "Vd.T, Vn.T, #i", "0 q 0 011110 iiiiiii 01110 1 nnnnn ddddd", simd_shift_left_saturating, op(Op::vqshlvs) | is_signed},
    {"sqshlu", "Vd.T, Vn.T, #i", "0 q 1 011110 iiiiiii 01100 1 nnnnn ddddd", simd_shift_left_saturating, op(Op::vqshlsu) | is_signed},
    {"uqshl",  "Vd.T, Vn.T, #i", "0 q 1 011110 iiiiiii 01110 1 nnnnn ddddd", simd_shift_left_saturating, op(Op::vqshlvu)},
    {"shrn",     "Vd.Tb, Vn.Ta, #i", "0 q 0 011110 iiiiiii 10000 1 nnnnn ddddd", simd_shift_narrow, 0},
    {"rshrn",    "Vd.Tb, Vn.Ta, #i", "0 q 0 011110 iiiiiii 10001 1 nnnnn ddddd", simd_shift_narrow, rounding},
    {"sqshrn",   "Vd.Tb, Vn.Ta, #i", "0 q 0 011110 iiiiiii 10010 1 nnnnn ddddd", simd_shift_narrow, is_signed | saturating},
    {"sqrshrn",  "Vd.Tb, Vn.Ta, #i", "0 q 0 011110 iiiiiii 10011 1 nnnnn ddddd", simd_shift_narrow, is_signed | saturating | rounding},
    {"sqshrun",  "Vd.Tb, Vn.Ta, #i", "0 q 1 011110 iiiiiii 10000 1 nnnnn ddddd", simd_shift_narrow, is_signed | saturating | to_unsigned},
    {"sqrshrun", "Vd.Tb, Vn.Ta, #i", "0 q 1 011110 iiiiiii 10001 1 nnnnn ddddd", simd_shift_narrow, is_signed | saturating | to_unsigned | rounding},
    {"uqshrn",   "Vd.Tb, Vn.Ta, #i", "0 q 1 011110 iiiiiii 10010 1 nnnnn ddddd", simd_shift_narrow, saturating},
    {"uqrshrn",  "Vd.Tb, Vn.Ta, #i", "0 q 1 011110 iiiiiii 10011 1 nnnnn ddddd", simd_shift_narrow, saturating | rounding},
    {"sshll",  "Vd.Ta, Vn.Tb, #i", "0 q 0 011110 iiiiiii 10100 1 nnnnn ddddd", simd_shift_long, is_signed},
    {"ushll",  "Vd.Ta, Vn.Tb, #i", "0 q 1 011110 iiiiiii 10100 1 nnnnn ddddd", simd_shift_long, 0},

    {"sshr",   "Dd, Dn, #i", "01 0 111110 iiiiiii 00000 1 nnnnn ddddd", simd_shift_right, scalar | is_signed},
    {"ssra",   "Dd, Dn, #i", "01 0 111110 iiiiiii 00010 1 nnnnn ddddd", simd_shift_right, scalar | is_signed | accumulate},
    {"srshr",  "Dd, Dn, #i", "01 0 111110 iiiiiii 00100 1 nnnnn ddddd", simd_shift_right, scalar | is_signed | rounding},
    {"srsra",  "Dd, Dn, #i", "01 0 111110 iiiiiii 00110 1 nnnnn ddddd", simd_shift_right, scalar | is_signed | rounding | accumulate},
    {"ushr",   "Dd, Dn, #i", "01 1 111110 iiiiiii 00000 1 nnnnn ddddd", simd_shift_right, scalar},
    {"usra",   "Dd, Dn, #i", "01 1 111110 iiiiiii 00010 1 nnnnn ddddd", simd_shift_right, scalar | accumulate},
    {"urshr",  "Dd, Dn, #i", "01 1 111110 iiiiiii 00100 1 nnnnn ddddd", simd_shift_right, scalar | rounding},
    {"ursra",  "Dd, Dn, #i", "01 1 111110 iiiiiii 00110 1 nnnnn ddddd", simd_shift_right, scalar | rounding | accumulate},
    {"sri",    "Dd, Dn, #i", "01 1 111110 iiiiiii 01000 1 nnnnn ddddd", simd_shift_insert, scalar | upper},
    {"sli",    "Dd, Dn, #i", "01 1 111110 iiiiiii 01010 1 nnnnn ddddd", simd_shift_insert, scalar},
    {"shl",    "Dd, Dn, #i", "01 0 111110 iiiiiii 01010 1 nnnnn ddddd", simd_shift_left, scalar},
    {"sqshl",  "Vd, Vn, #i", "01 0 111110 iiiiiii 01110 1 nnnnn ddddd", simd_shift_left_saturating, scalar | op(Op::vqshlvs) | is_signed},
    {"sqshlu", "Vd, Vn, #i", "01 1 111110 iiiiiii 01100 1 nnnnn ddddd", simd_shift_left_saturating, scalar | op(Op::vqshlsu) | is_signed},
    {"uqshl",  "Vd, Vn, #i", "01 1 111110 iiiiiii 01110 1 nnnnn ddddd", simd_shift_left_saturating, scalar | op(Op::vqshlvu)},
    {"sqshrn",   "Vd, Vn, #i", "01 0 111110 iiiiiii 10010 1 nnnnn ddddd", simd_shift_narrow, scalar | is_signed | saturating},
    {"sqrshrn",  "Vd, Vn, #i", "01 0 111110 iiiiiii 10011 1 nnnnn ddddd", simd_shift_narrow, scalar | is_signed | saturating | rounding},
    {"sqshrun",  "Vd, Vn, #i", "01 1 111110 iiiiiii 10000 1 nnnnn ddddd", simd_shift_narrow, scalar | is_signed | saturating | to_unsigned},
    {"sqrshrun", "Vd, Vn, #i", "01 1 111110 iiiiiii 10001 1 nnnnn ddddd", simd_shift_narrow, scalar | is_signed | saturating | to_unsigned | rounding},
    {"uqshrn",   "Vd, Vn, #i", "01 1 111110 iiiiiii 10010 1 nnnnn ddddd", simd_shift_narrow, scalar | saturating},
    {"uqrshrn",  "Vd, Vn, #i", "01 1 111110 iiiiiii 10011 1 nnnnn ddddd", simd_shift_narrow, scalar | saturating | rounding},
};
// clang-format on
static_assert(unambiguous<Line>(rows));
} // namespace shift_table

namespace misc_table {
using namespace simd_misc;
// clang-format off
constexpr Line rows[] = {
    {"rev64",  "Vd.T, Vn.T", "0 q 0 01110 ss 10000 00000 10 nnnnn ddddd", simd_reverse, 3},
    {"rev16",  "Vd.T, Vn.T", "0 q 0 01110 ss 10000 00001 10 nnnnn ddddd", simd_reverse, 1},
    {"rev32",  "Vd.T, Vn.T", "0 q 1 01110 ss 10000 00000 10 nnnnn ddddd", simd_reverse, 2},
    {"saddlp", "Vd.Ta, Vn.Tb", "0 q 0 01110 ss 10000 00010 10 nnnnn ddddd", simd_pair_long, op(Op::vpaddls)},
    {"uaddlp", "Vd.Ta, Vn.Tb", "0 q 1 01110 ss 10000 00010 10 nnnnn ddddd", simd_pair_long, op(Op::vpaddlu)},
    {"sadalp", "Vd.Ta, Vn.Tb", "0 q 0 01110 ss 10000 00110 10 nnnnn ddddd", simd_pair_long, op(Op::vpaddls) | accumulate},
    {"uadalp", "Vd.Ta, Vn.Tb", "0 q 1 01110 ss 10000 00110 10 nnnnn ddddd", simd_pair_long, op(Op::vpaddlu) | accumulate},
    {"suqadd", "Vd.T, Vn.T", "0 q 0 01110 ss 10000 00011 10 nnnnn ddddd", simd_accumulate_saturating, op(Op::vqaddsu)},
    {"usqadd", "Vd.T, Vn.T", "0 q 1 01110 ss 10000 00011 10 nnnnn ddddd", simd_accumulate_saturating, op(Op::vqaddus)},
    {"cls",    "Vd.T, Vn.T", "0 q 0 01110 ss 10000 00100 10 nnnnn ddddd", simd_unary, op(Op::vcls)},
    {"clz",    "Vd.T, Vn.T", "0 q 1 01110 ss 10000 00100 10 nnnnn ddddd", simd_unary, op(Op::vclz)},
    {"cnt",    "Vd.T, Vn.T", "0 q 0 01110 00 10000 00101 10 nnnnn ddddd", simd_bytes_unary, op(Op::vcnt)},
    {"not",    "Vd.T, Vn.T", "0 q 1 01110 00 10000 00101 10 nnnnn ddddd", simd_bytes_unary, op(Op::vnot)},
    {"rbit",   "Vd.T, Vn.T", "0 q 1 01110 01 10000 00101 10 nnnnn ddddd", simd_bytes_unary, op(Op::vrbit)},
    {"sqabs",  "Vd.T, Vn.T", "0 q 0 01110 ss 10000 00111 10 nnnnn ddddd", simd_saturating_abs_neg, 0},
    {"sqneg",  "Vd.T, Vn.T", "0 q 1 01110 ss 10000 00111 10 nnnnn ddddd", simd_saturating_abs_neg, negate},
    {"cmgt",   "Vd.T, Vn.T, #0", "0 q 0 01110 ss 10000 01000 10 nnnnn ddddd", simd_compare_zero, op(Op::vgts)},
    {"cmeq",   "Vd.T, Vn.T, #0", "0 q 0 01110 ss 10000 01001 10 nnnnn ddddd", simd_compare_zero, op(Op::veq)},
    {"cmlt",   "Vd.T, Vn.T, #0", "0 q 0 01110 ss 10000 01010 10 nnnnn ddddd", simd_compare_zero, op(Op::vgts) | zero_first},
    {"cmge",   "Vd.T, Vn.T, #0", "0 q 1 01110 ss 10000 01000 10 nnnnn ddddd", simd_compare_zero, op(Op::vges)},
    {"cmle",   "Vd.T, Vn.T, #0", "0 q 1 01110 ss 10000 01001 10 nnnnn ddddd", simd_compare_zero, op(Op::vges) | zero_first},
    {"abs",    "Vd.T, Vn.T", "0 q 0 01110 ss 10000 01011 10 nnnnn ddddd", simd_unary, op(Op::vabs)},
    {"neg",    "Vd.T, Vn.T", "0 q 1 01110 ss 10000 01011 10 nnnnn ddddd", simd_unary, op(Op::vneg)},
    {"xtn",    "Vd.Tb, Vn.Ta", "0 q 0 01110 ss 10000 10010 10 nnnnn ddddd", simd_narrow, op(Op::vnarrow)},
    {"sqxtun", "Vd.Tb, Vn.Ta", "0 q 1 01110 ss 10000 10010 10 nnnnn ddddd", simd_narrow, op(Op::vqnarrowsu) | is_signed},
    {"sqxtn",  "Vd.Tb, Vn.Ta", "0 q 0 01110 ss 10000 10100 10 nnnnn ddddd", simd_narrow, op(Op::vqnarrows) | is_signed},
    {"uqxtn",  "Vd.Tb, Vn.Ta", "0 q 1 01110 ss 10000 10100 10 nnnnn ddddd", simd_narrow, op(Op::vqnarrowu)},
    {"shll",   "Vd.Ta, Vn.Tb, #size", "0 q 1 01110 ss 10000 10011 10 nnnnn ddddd", simd_shift_left_long},
    {"urecpe",  "Vd.T, Vn.T", "0 q 0 01110 10 10000 11100 10 nnnnn ddddd", simd_estimate, op(Op::vurecpe)},
    {"ursqrte", "Vd.T, Vn.T", "0 q 1 01110 10 10000 11100 10 nnnnn ddddd", simd_estimate, op(Op::vursqrte)},

    {"suqadd", "Vd, Vn", "01 0 11110 ss 10000 00011 10 nnnnn ddddd", simd_accumulate_saturating, scalar | op(Op::vqaddsu)},
    {"usqadd", "Vd, Vn", "01 1 11110 ss 10000 00011 10 nnnnn ddddd", simd_accumulate_saturating, scalar | op(Op::vqaddus)},
    {"sqabs",  "Vd, Vn", "01 0 11110 ss 10000 00111 10 nnnnn ddddd", simd_saturating_abs_neg, scalar},
    {"sqneg",  "Vd, Vn", "01 1 11110 ss 10000 00111 10 nnnnn ddddd", simd_saturating_abs_neg, scalar | negate},
    {"cmgt",   "Dd, Dn, #0", "01 0 11110 11 10000 01000 10 nnnnn ddddd", simd_compare_zero, scalar | op(Op::vgts)},
    {"cmeq",   "Dd, Dn, #0", "01 0 11110 11 10000 01001 10 nnnnn ddddd", simd_compare_zero, scalar | op(Op::veq)},
    {"cmlt",   "Dd, Dn, #0", "01 0 11110 11 10000 01010 10 nnnnn ddddd", simd_compare_zero, scalar | op(Op::vgts) | zero_first},
    {"cmge",   "Dd, Dn, #0", "01 1 11110 11 10000 01000 10 nnnnn ddddd", simd_compare_zero, scalar | op(Op::vges)},
    {"cmle",   "Dd, Dn, #0", "01 1 11110 11 10000 01001 10 nnnnn ddddd", simd_compare_zero, scalar | op(Op::vges) | zero_first},
    {"abs",    "Dd, Dn", "01 0 11110 11 10000 01011 10 nnnnn ddddd", simd_unary, scalar | op(Op::vabs)},
    {"neg",    "Dd, Dn", "01 1 11110 11 10000 01011 10 nnnnn ddddd", simd_unary, scalar | op(Op::vneg)},
    {"sqxtun", "Vd, Vn", "01 1 11110 ss 10000 10010 10 nnnnn ddddd", simd_narrow, scalar | op(Op::vqnarrowsu) | is_signed},
    {"sqxtn",  "Vd, Vn", "01 0 11110 ss 10000 10100 10 nnnnn ddddd", simd_narrow, scalar | op(Op::vqnarrows) | is_signed},
    {"uqxtn",  "Vd, Vn", "01 1 11110 ss 10000 10100 10 nnnnn ddddd", simd_narrow, scalar | op(Op::vqnarrowu)},

    {"saddlv", "Vd, Vn.T", "0 q 0 01110 ss 11000 00011 10 nnnnn ddddd", simd_across_long, op(Op::vpaddls) | is_signed},
    {"uaddlv", "Vd, Vn.T", "0 q 1 01110 ss 11000 00011 10 nnnnn ddddd", simd_across_long, op(Op::vpaddlu)},
    {"smaxv",  "Vd, Vn.T", "0 q 0 01110 ss 11000 01010 10 nnnnn ddddd", simd_across, op(Op::vmaxs)},
    {"umaxv",  "Vd, Vn.T", "0 q 1 01110 ss 11000 01010 10 nnnnn ddddd", simd_across, op(Op::vmaxu)},
    {"sminv",  "Vd, Vn.T", "0 q 0 01110 ss 11000 11010 10 nnnnn ddddd", simd_across, op(Op::vmins)},
    {"uminv",  "Vd, Vn.T", "0 q 1 01110 ss 11000 11010 10 nnnnn ddddd", simd_across, op(Op::vminu)},
    {"addv",   "Vd, Vn.T", "0 q 0 01110 ss 11000 11011 10 nnnnn ddddd", simd_across, op(Op::vadd)},
};
// clang-format on
static_assert(unambiguous<Line>(rows));
} // namespace misc_table

} // namespace

const Table simd_shift_rows = table_of<shift_table::rows>;
const Table simd_misc_rows = table_of<misc_table::rows>;

} // namespace emu::isa::a64
