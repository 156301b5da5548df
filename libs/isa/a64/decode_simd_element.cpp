// SPDX-License-Identifier: MIT
// Arm ARM C4.1, "Data Processing -- Scalar Floating-Point and Advanced SIMD": vector and scalar
// by indexed element.
#include "isa/a64/sem_fp.h"
#include "isa/a64/simd.h"
#include "isa/table_check.h"

namespace emu::isa::a64 {

namespace {
using namespace simd;

// clang-format off
constexpr Line rows[] = {
    // Vector by element, integers; L, M and H are read by simd::Element
    {"mul",       "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 ss .. .... 1000 . 0 nnnnn ddddd", simd_multiply_element, hw},
    {"mla",       "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 ss .. .... 0000 . 0 nnnnn ddddd", simd_multiply_element, hw | accumulate},
    {"mls",       "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 ss .. .... 0100 . 0 nnnnn ddddd", simd_multiply_element, hw | subtract},
    {"smlal",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 ss .. .... 0010 . 0 nnnnn ddddd", simd_multiply_long_element, op(Op::vmulls) | accumulate},
    {"smlsl",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 ss .. .... 0110 . 0 nnnnn ddddd", simd_multiply_long_element, op(Op::vmulls) | subtract},
    {"smull",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 ss .. .... 1010 . 0 nnnnn ddddd", simd_multiply_long_element, op(Op::vmulls)},
    {"umlal",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 ss .. .... 0010 . 0 nnnnn ddddd", simd_multiply_long_element, op(Op::vmullu) | accumulate},
    {"umlsl",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 ss .. .... 0110 . 0 nnnnn ddddd", simd_multiply_long_element, op(Op::vmullu) | subtract},
    {"umull",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 ss .. .... 1010 . 0 nnnnn ddddd", simd_multiply_long_element, op(Op::vmullu)},
    {"sqdmlal",   "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 ss .. .... 0011 . 0 nnnnn ddddd", simd_double_long_element, accumulate},
    {"sqdmlsl",   "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 ss .. .... 0111 . 0 nnnnn ddddd", simd_double_long_element, subtract},
    {"sqdmull",   "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 ss .. .... 1011 . 0 nnnnn ddddd", simd_double_long_element},
    {"sqdmulh",   "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 ss .. .... 1100 . 0 nnnnn ddddd", simd_double_high_element, op(Op::vqdmulh) | hw},
    {"sqrdmulh",  "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 ss .. .... 1101 . 0 nnnnn ddddd", simd_double_high_element, op(Op::vqrdmulh) | hw},
    {"sqrdmlah",  "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 ss .. .... 1101 . 0 nnnnn ddddd", simd_rounding_accumulate_element, op(Op::vqrdmlah) | hw, feature::rdm},
    {"sqrdmlsh",  "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 ss .. .... 1111 . 0 nnnnn ddddd", simd_rounding_accumulate_element, op(Op::vqrdmlsh) | hw, feature::rdm},
    {"sdot",      "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 10 .. .... 1110 . 0 nnnnn ddddd", simd_dot_element, op(Op::vsdot), feature::dotprod},
    {"udot",      "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 10 .. .... 1110 . 0 nnnnn ddddd", simd_dot_element, op(Op::vudot), feature::dotprod},
    {"sudot",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 00 .. .... 1111 . 0 nnnnn ddddd", simd_dot_mixed_element, 1, feature::i8mm},
    {"usdot",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 10 .. .... 1111 . 0 nnnnn ddddd", simd_dot_mixed_element, 0, feature::i8mm},

    // Vector by element, floating point
    {"bfdot",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 01 .. .... 1111 . 0 nnnnn ddddd", simd_dot_bfloat_element, 0, feature::bf16},
    {"bfmlal",    "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 11 .. .... 1111 . 0 nnnnn ddddd", simd_multiply_bfloat_element, 0, feature::bf16},
    {"fmlal",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 10 .. .... 0000 . 0 nnnnn ddddd", simd_fp_multiply_long_element, 0, feature::fhm},
    {"fmlsl",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 10 .. .... 0100 . 0 nnnnn ddddd", simd_fp_multiply_long_element, negate, feature::fhm},
    {"fmlal2",    "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 10 .. .... 1000 . 0 nnnnn ddddd", simd_fp_multiply_long_element, 1, feature::fhm},
    {"fmlsl2",    "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 10 .. .... 1100 . 0 nnnnn ddddd", simd_fp_multiply_long_element, negate | 1, feature::fhm},
    {"fmla",      "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 1s .. .... 0001 . 0 nnnnn ddddd", simd_fp_multiply_add_element},
    {"fmla",      "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 00 .. .... 0001 . 0 nnnnn ddddd", simd_fp_multiply_add_element, 0, feature::fp16},
    {"fmls",      "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 1s .. .... 0101 . 0 nnnnn ddddd", simd_fp_multiply_add_element, negate},
    {"fmls",      "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 00 .. .... 0101 . 0 nnnnn ddddd", simd_fp_multiply_add_element, negate, feature::fp16},
    {"fmul",      "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 1s .. .... 1001 . 0 nnnnn ddddd", simd_fp_multiply_element, op(Op::vfmul)},
    {"fmul",      "Vd.T, Vn.T, Vm.t[i]",    "0 q 0 01111 00 .. .... 1001 . 0 nnnnn ddddd", simd_fp_multiply_element, op(Op::vfmul), feature::fp16},
    {"fmulx",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 1s .. .... 1001 . 0 nnnnn ddddd", simd_fp_multiply_element, op(Op::vfmulx)},
    {"fmulx",     "Vd.T, Vn.T, Vm.t[i]",    "0 q 1 01111 00 .. .... 1001 . 0 nnnnn ddddd", simd_fp_multiply_element, op(Op::vfmulx), feature::fp16},
    {"fcmla",     "Vd.4h, Vn.4h, Vm.t[i], #r","0 q 1 01111 01 . mmmmm 0rr1 . 0 nnnnn ddddd", simd_complex_element, 1, feature::fcma},
    {"fcmla",     "Vd.4s, Vn.4s, Vm.t[i], #r","0 q 1 01111 10 . mmmmm 0rr1 . 0 nnnnn ddddd", simd_complex_element, 2, feature::fcma},

    // Scalar by element
    {"sqdmlal",   "Vd, Vn, Vm.t[i]",        "01 0 11111 ss .. .... 0011 . 0 nnnnn ddddd", simd_double_long_element, accumulate},
    {"sqdmlsl",   "Vd, Vn, Vm.t[i]",        "01 0 11111 ss .. .... 0111 . 0 nnnnn ddddd", simd_double_long_element, subtract},
    {"sqdmull",   "Vd, Vn, Vm.t[i]",        "01 0 11111 ss .. .... 1011 . 0 nnnnn ddddd", simd_double_long_element},
    {"sqdmulh",   "Vd, Vn, Vm.t[i]",        "01 0 11111 ss .. .... 1100 . 0 nnnnn ddddd", simd_double_high_element, op(Op::vqdmulh) | hw},
    {"sqrdmulh",  "Vd, Vn, Vm.t[i]",        "01 0 11111 ss .. .... 1101 . 0 nnnnn ddddd", simd_double_high_element, op(Op::vqrdmulh) | hw},
    {"sqrdmlah",  "Vd, Vn, Vm.t[i]",        "01 1 11111 ss .. .... 1101 . 0 nnnnn ddddd", simd_rounding_accumulate_element, op(Op::vqrdmlah) | hw, feature::rdm},
    {"sqrdmlsh",  "Vd, Vn, Vm.t[i]",        "01 1 11111 ss .. .... 1111 . 0 nnnnn ddddd", simd_rounding_accumulate_element, op(Op::vqrdmlsh) | hw, feature::rdm},
    {"fmla",      "Vd, Vn, Vm.t[i]",        "01 0 11111 1s .. .... 0001 . 0 nnnnn ddddd", simd_fp_multiply_add_element},
    {"fmla",      "Hd, Hn, Vm.h[i]",        "01 0 11111 00 .. .... 0001 . 0 nnnnn ddddd", simd_fp_multiply_add_element, 0, feature::fp16},
    {"fmls",      "Vd, Vn, Vm.t[i]",        "01 0 11111 1s .. .... 0101 . 0 nnnnn ddddd", simd_fp_multiply_add_element, negate},
    {"fmls",      "Hd, Hn, Vm.h[i]",        "01 0 11111 00 .. .... 0101 . 0 nnnnn ddddd", simd_fp_multiply_add_element, negate, feature::fp16},
    {"fmul",      "Vd, Vn, Vm.t[i]",        "01 0 11111 1s .. .... 1001 . 0 nnnnn ddddd", simd_fp_multiply_element, op(Op::vfmul)},
    {"fmul",      "Hd, Hn, Vm.h[i]",        "01 0 11111 00 .. .... 1001 . 0 nnnnn ddddd", simd_fp_multiply_element, op(Op::vfmul), feature::fp16},
    {"fmulx",     "Vd, Vn, Vm.t[i]",        "01 1 11111 1s .. .... 1001 . 0 nnnnn ddddd", simd_fp_multiply_element, op(Op::vfmulx)},
    {"fmulx",     "Hd, Hn, Vm.h[i]",        "01 1 11111 00 .. .... 1001 . 0 nnnnn ddddd", simd_fp_multiply_element, op(Op::vfmulx), feature::fp16},
};
// clang-format on
static_assert(unambiguous<Line>(rows));

} // namespace

const Table simd_element_rows = table_of<rows>;

} // namespace emu::isa::a64
