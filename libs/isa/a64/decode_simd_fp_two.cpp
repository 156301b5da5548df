// SPDX-License-Identifier: MIT
// Arm ARM C4.1, "Data Processing -- Scalar Floating-Point and Advanced SIMD": floating-point two-register
// miscellaneous, across lanes, scalar pairwise, and conversions from and to fixed point.
#include "isa/a64/sem_fp.h"
#include "isa/a64/simd.h"
#include "isa/table_check.h"

namespace emu::isa::a64 {

namespace {
using namespace simd;
using R = ir::Rounding;

// clang-format off
constexpr Line rows[] = {
    // Two-register miscellaneous, floating point: single and double, then half
    {"frintn",    "Vd.T, Vn.T",             "0 q 0 01110 0s 10000 11000 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::nearest_even)},
    {"frintm",    "Vd.T, Vn.T",             "0 q 0 01110 0s 10000 11001 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::down)},
    {"frintp",    "Vd.T, Vn.T",             "0 q 0 01110 1s 10000 11000 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::up)},
    {"frintz",    "Vd.T, Vn.T",             "0 q 0 01110 1s 10000 11001 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::toward_zero)},
    {"frinta",    "Vd.T, Vn.T",             "0 q 1 01110 0s 10000 11000 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::nearest_away)},
    {"frintx",    "Vd.T, Vn.T",             "0 q 1 01110 0s 10000 11001 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::dynamic, true)},
    {"frinti",    "Vd.T, Vn.T",             "0 q 1 01110 1s 10000 11001 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::dynamic)},
    {"fcvtns",    "Vd.T, Vn.T",             "0 q 0 01110 0s 10000 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_even)},
    {"fcvtms",    "Vd.T, Vn.T",             "0 q 0 01110 0s 10000 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::down)},
    {"fcvtas",    "Vd.T, Vn.T",             "0 q 0 01110 0s 10000 11100 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_away)},
    {"fcvtps",    "Vd.T, Vn.T",             "0 q 0 01110 1s 10000 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::up)},
    {"fcvtzs",    "Vd.T, Vn.T",             "0 q 0 01110 1s 10000 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::toward_zero)},
    {"scvtf",     "Vd.T, Vn.T",             "0 q 0 01110 0s 10000 11101 10 nnnnn ddddd", simd_fp_from_int},
    {"fcvtnu",    "Vd.T, Vn.T",             "0 q 1 01110 0s 10000 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_even, true)},
    {"fcvtmu",    "Vd.T, Vn.T",             "0 q 1 01110 0s 10000 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::down, true)},
    {"fcvtau",    "Vd.T, Vn.T",             "0 q 1 01110 0s 10000 11100 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_away, true)},
    {"fcvtpu",    "Vd.T, Vn.T",             "0 q 1 01110 1s 10000 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::up, true)},
    {"fcvtzu",    "Vd.T, Vn.T",             "0 q 1 01110 1s 10000 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::toward_zero, true)},
    {"ucvtf",     "Vd.T, Vn.T",             "0 q 1 01110 0s 10000 11101 10 nnnnn ddddd", simd_fp_from_int, fp_arg::unsigned_int},
    {"fcmgt",     "Vd.T, Vn.T, #0.0",       "0 q 0 01110 1s 10000 01100 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcgt)},
    {"fcmge",     "Vd.T, Vn.T, #0.0",       "0 q 1 01110 1s 10000 01100 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcge)},
    {"fcmeq",     "Vd.T, Vn.T, #0.0",       "0 q 0 01110 1s 10000 01101 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfceq)},
    {"fcmle",     "Vd.T, Vn.T, #0.0",       "0 q 1 01110 1s 10000 01101 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcge) | swap},
    {"fcmlt",     "Vd.T, Vn.T, #0.0",       "0 q 0 01110 1s 10000 01110 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcgt) | swap},
    {"fabs",      "Vd.T, Vn.T",             "0 q 0 01110 1s 10000 01111 10 nnnnn ddddd", simd_fp_unary, op(Op::vfabs)},
    {"fneg",      "Vd.T, Vn.T",             "0 q 1 01110 1s 10000 01111 10 nnnnn ddddd", simd_fp_unary, op(Op::vfneg)},
    {"frecpe",    "Vd.T, Vn.T",             "0 q 0 01110 1s 10000 11101 10 nnnnn ddddd", simd_fp_unary, op(Op::vfrecpe)},
    {"frsqrte",   "Vd.T, Vn.T",             "0 q 1 01110 1s 10000 11101 10 nnnnn ddddd", simd_fp_unary, op(Op::vfrsqrte)},
    {"fsqrt",     "Vd.T, Vn.T",             "0 q 1 01110 1s 10000 11111 10 nnnnn ddddd", simd_fp_unary, op(Op::vfsqrt)},
    {"frint32z",  "Vd.T, Vn.T",             "0 q 0 01110 0s 10000 11110 10 nnnnn ddddd", simd_fp_round_sized, fp_arg::rounding(R::toward_zero, true, 32), feature::frintts},
    {"frint32x",  "Vd.T, Vn.T",             "0 q 1 01110 0s 10000 11110 10 nnnnn ddddd", simd_fp_round_sized, fp_arg::rounding(R::dynamic, true, 32), feature::frintts},
    {"frint64z",  "Vd.T, Vn.T",             "0 q 0 01110 0s 10000 11111 10 nnnnn ddddd", simd_fp_round_sized, fp_arg::rounding(R::toward_zero, true, 64), feature::frintts},
    {"frint64x",  "Vd.T, Vn.T",             "0 q 1 01110 0s 10000 11111 10 nnnnn ddddd", simd_fp_round_sized, fp_arg::rounding(R::dynamic, true, 64), feature::frintts},
    {"fcvtn",     "Vd.Tb, Vn.Ta",           "0 q 0 01110 0s 10000 10110 10 nnnnn ddddd", simd_fp_narrow},
    {"fcvtl",     "Vd.Ta, Vn.Tb",           "0 q 0 01110 0s 10000 10111 10 nnnnn ddddd", simd_fp_widen},
    {"fcvtxn",    "Vd.Tb, Vn.2d",           "0 q 1 01110 01 10000 10110 10 nnnnn ddddd", simd_fp_narrow_odd},
    {"bfcvtn",    "Vd.Th, Vn.4s",           "0 q 0 01110 10 10000 10110 10 nnnnn ddddd", simd_fp_narrow_bfloat, 0, feature::bf16},
    {"frintn",    "Vd.T, Vn.T",             "0 q 0 01110 0 111100 11000 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::nearest_even), feature::fp16},
    {"frintm",    "Vd.T, Vn.T",             "0 q 0 01110 0 111100 11001 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::down), feature::fp16},
    {"frintp",    "Vd.T, Vn.T",             "0 q 0 01110 1 111100 11000 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::up), feature::fp16},
    {"frintz",    "Vd.T, Vn.T",             "0 q 0 01110 1 111100 11001 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::toward_zero), feature::fp16},
    {"frinta",    "Vd.T, Vn.T",             "0 q 1 01110 0 111100 11000 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::nearest_away), feature::fp16},
    {"frintx",    "Vd.T, Vn.T",             "0 q 1 01110 0 111100 11001 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::dynamic, true), feature::fp16},
    {"frinti",    "Vd.T, Vn.T",             "0 q 1 01110 1 111100 11001 10 nnnnn ddddd", simd_fp_round, fp_arg::rounding(R::dynamic), feature::fp16},
    {"fcvtns",    "Vd.T, Vn.T",             "0 q 0 01110 0 111100 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_even), feature::fp16},
    {"fcvtms",    "Vd.T, Vn.T",             "0 q 0 01110 0 111100 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::down), feature::fp16},
    {"fcvtas",    "Vd.T, Vn.T",             "0 q 0 01110 0 111100 11100 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_away), feature::fp16},
    {"fcvtps",    "Vd.T, Vn.T",             "0 q 0 01110 1 111100 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::up), feature::fp16},
    {"fcvtzs",    "Vd.T, Vn.T",             "0 q 0 01110 1 111100 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::toward_zero), feature::fp16},
    {"scvtf",     "Vd.T, Vn.T",             "0 q 0 01110 0 111100 11101 10 nnnnn ddddd", simd_fp_from_int, 0, feature::fp16},
    {"fcvtnu",    "Vd.T, Vn.T",             "0 q 1 01110 0 111100 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_even, true), feature::fp16},
    {"fcvtmu",    "Vd.T, Vn.T",             "0 q 1 01110 0 111100 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::down, true), feature::fp16},
    {"fcvtau",    "Vd.T, Vn.T",             "0 q 1 01110 0 111100 11100 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_away, true), feature::fp16},
    {"fcvtpu",    "Vd.T, Vn.T",             "0 q 1 01110 1 111100 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::up, true), feature::fp16},
    {"fcvtzu",    "Vd.T, Vn.T",             "0 q 1 01110 1 111100 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::toward_zero, true), feature::fp16},
    {"ucvtf",     "Vd.T, Vn.T",             "0 q 1 01110 0 111100 11101 10 nnnnn ddddd", simd_fp_from_int, fp_arg::unsigned_int, feature::fp16},
    {"fcmgt",     "Vd.T, Vn.T, #0.0",       "0 q 0 01110 1 111100 01100 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcgt), feature::fp16},
    {"fcmge",     "Vd.T, Vn.T, #0.0",       "0 q 1 01110 1 111100 01100 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcge), feature::fp16},
    {"fcmeq",     "Vd.T, Vn.T, #0.0",       "0 q 0 01110 1 111100 01101 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfceq), feature::fp16},
    {"fcmle",     "Vd.T, Vn.T, #0.0",       "0 q 1 01110 1 111100 01101 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcge) | swap, feature::fp16},
    {"fcmlt",     "Vd.T, Vn.T, #0.0",       "0 q 0 01110 1 111100 01110 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcgt) | swap, feature::fp16},
    {"fabs",      "Vd.T, Vn.T",             "0 q 0 01110 1 111100 01111 10 nnnnn ddddd", simd_fp_unary, op(Op::vfabs), feature::fp16},
    {"fneg",      "Vd.T, Vn.T",             "0 q 1 01110 1 111100 01111 10 nnnnn ddddd", simd_fp_unary, op(Op::vfneg), feature::fp16},
    {"frecpe",    "Vd.T, Vn.T",             "0 q 0 01110 1 111100 11101 10 nnnnn ddddd", simd_fp_unary, op(Op::vfrecpe), feature::fp16},
    {"frsqrte",   "Vd.T, Vn.T",             "0 q 1 01110 1 111100 11101 10 nnnnn ddddd", simd_fp_unary, op(Op::vfrsqrte), feature::fp16},
    {"fsqrt",     "Vd.T, Vn.T",             "0 q 1 01110 1 111100 11111 10 nnnnn ddddd", simd_fp_unary, op(Op::vfsqrt), feature::fp16},

    // Scalar two-register miscellaneous, floating point
    {"fcvtns",    "Vd, Vn",                 "01 0 11110 0s 10000 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_even)},
    {"fcvtms",    "Vd, Vn",                 "01 0 11110 0s 10000 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::down)},
    {"fcvtas",    "Vd, Vn",                 "01 0 11110 0s 10000 11100 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_away)},
    {"fcvtps",    "Vd, Vn",                 "01 0 11110 1s 10000 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::up)},
    {"fcvtzs",    "Vd, Vn",                 "01 0 11110 1s 10000 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::toward_zero)},
    {"scvtf",     "Vd, Vn",                 "01 0 11110 0s 10000 11101 10 nnnnn ddddd", simd_fp_from_int},
    {"fcvtnu",    "Vd, Vn",                 "01 1 11110 0s 10000 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_even, true)},
    {"fcvtmu",    "Vd, Vn",                 "01 1 11110 0s 10000 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::down, true)},
    {"fcvtau",    "Vd, Vn",                 "01 1 11110 0s 10000 11100 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_away, true)},
    {"fcvtpu",    "Vd, Vn",                 "01 1 11110 1s 10000 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::up, true)},
    {"fcvtzu",    "Vd, Vn",                 "01 1 11110 1s 10000 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::toward_zero, true)},
    {"ucvtf",     "Vd, Vn",                 "01 1 11110 0s 10000 11101 10 nnnnn ddddd", simd_fp_from_int, fp_arg::unsigned_int},
    {"fcmgt",     "Vd, Vn, #0.0",           "01 0 11110 1s 10000 01100 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcgt)},
    {"fcmge",     "Vd, Vn, #0.0",           "01 1 11110 1s 10000 01100 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcge)},
    {"fcmeq",     "Vd, Vn, #0.0",           "01 0 11110 1s 10000 01101 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfceq)},
    {"fcmle",     "Vd, Vn, #0.0",           "01 1 11110 1s 10000 01101 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcge) | swap},
    {"fcmlt",     "Vd, Vn, #0.0",           "01 0 11110 1s 10000 01110 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcgt) | swap},
    {"frecpe",    "Vd, Vn",                 "01 0 11110 1s 10000 11101 10 nnnnn ddddd", simd_fp_unary, op(Op::vfrecpe)},
    {"frsqrte",   "Vd, Vn",                 "01 1 11110 1s 10000 11101 10 nnnnn ddddd", simd_fp_unary, op(Op::vfrsqrte)},
    {"frecpx",    "Vd, Vn",                 "01 0 11110 1s 10000 11111 10 nnnnn ddddd", simd_fp_unary, op(Op::frecpx)},
    {"fcvtxn",    "Sd, Dn",                 "01 1 11110 01 10000 10110 10 nnnnn ddddd", simd_fp_narrow_odd},
    {"fcvtns",    "Vd, Vn",                 "01 0 11110 0 111100 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_even), feature::fp16},
    {"fcvtms",    "Vd, Vn",                 "01 0 11110 0 111100 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::down), feature::fp16},
    {"fcvtas",    "Vd, Vn",                 "01 0 11110 0 111100 11100 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_away), feature::fp16},
    {"fcvtps",    "Vd, Vn",                 "01 0 11110 1 111100 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::up), feature::fp16},
    {"fcvtzs",    "Vd, Vn",                 "01 0 11110 1 111100 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::toward_zero), feature::fp16},
    {"scvtf",     "Vd, Vn",                 "01 0 11110 0 111100 11101 10 nnnnn ddddd", simd_fp_from_int, 0, feature::fp16},
    {"fcvtnu",    "Vd, Vn",                 "01 1 11110 0 111100 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_even, true), feature::fp16},
    {"fcvtmu",    "Vd, Vn",                 "01 1 11110 0 111100 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::down, true), feature::fp16},
    {"fcvtau",    "Vd, Vn",                 "01 1 11110 0 111100 11100 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::nearest_away, true), feature::fp16},
    {"fcvtpu",    "Vd, Vn",                 "01 1 11110 1 111100 11010 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::up, true), feature::fp16},
    {"fcvtzu",    "Vd, Vn",                 "01 1 11110 1 111100 11011 10 nnnnn ddddd", simd_fp_to_int, fp_arg::to_int(R::toward_zero, true), feature::fp16},
    {"ucvtf",     "Vd, Vn",                 "01 1 11110 0 111100 11101 10 nnnnn ddddd", simd_fp_from_int, fp_arg::unsigned_int, feature::fp16},
    {"fcmgt",     "Vd, Vn, #0.0",           "01 0 11110 1 111100 01100 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcgt), feature::fp16},
    {"fcmge",     "Vd, Vn, #0.0",           "01 1 11110 1 111100 01100 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcge), feature::fp16},
    {"fcmeq",     "Vd, Vn, #0.0",           "01 0 11110 1 111100 01101 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfceq), feature::fp16},
    {"fcmle",     "Vd, Vn, #0.0",           "01 1 11110 1 111100 01101 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcge) | swap, feature::fp16},
    {"fcmlt",     "Vd, Vn, #0.0",           "01 0 11110 1 111100 01110 10 nnnnn ddddd", simd_fp_compare_zero, op(Op::vfcgt) | swap, feature::fp16},
    {"frecpe",    "Vd, Vn",                 "01 0 11110 1 111100 11101 10 nnnnn ddddd", simd_fp_unary, op(Op::vfrecpe), feature::fp16},
    {"frsqrte",   "Vd, Vn",                 "01 1 11110 1 111100 11101 10 nnnnn ddddd", simd_fp_unary, op(Op::vfrsqrte), feature::fp16},
    {"frecpx",    "Vd, Vn",                 "01 0 11110 1 111100 11111 10 nnnnn ddddd", simd_fp_unary, op(Op::frecpx), feature::fp16},

    // Across lanes
    {"fmaxnmv",   "Sd, Vn.4s",              "0 q 1 01110 0s 11000 01100 10 nnnnn ddddd", simd_fp_across, op(Op::vfmaxnm)},
    {"fmaxv",     "Sd, Vn.4s",              "0 q 1 01110 0s 11000 01111 10 nnnnn ddddd", simd_fp_across, op(Op::vfmax)},
    {"fminnmv",   "Sd, Vn.4s",              "0 q 1 01110 1s 11000 01100 10 nnnnn ddddd", simd_fp_across, op(Op::vfminnm)},
    {"fminv",     "Sd, Vn.4s",              "0 q 1 01110 1s 11000 01111 10 nnnnn ddddd", simd_fp_across, op(Op::vfmin)},
    {"fmaxnmv",   "Hd, Vn.T",               "0 q 0 01110 00 11000 01100 10 nnnnn ddddd", simd_fp_across, op(Op::vfmaxnm), feature::fp16},
    {"fmaxv",     "Hd, Vn.T",               "0 q 0 01110 00 11000 01111 10 nnnnn ddddd", simd_fp_across, op(Op::vfmax), feature::fp16},
    {"fminnmv",   "Hd, Vn.T",               "0 q 0 01110 10 11000 01100 10 nnnnn ddddd", simd_fp_across, op(Op::vfminnm), feature::fp16},
    {"fminv",     "Hd, Vn.T",               "0 q 0 01110 10 11000 01111 10 nnnnn ddddd", simd_fp_across, op(Op::vfmin), feature::fp16},

    // Scalar pairwise
    {"addp",      "Dd, Vn.2d",              "01 0 11110 11 11000 11011 10 nnnnn ddddd", simd_pair_scalar},
    {"fmaxnmp",   "Vd, Vn.T",               "01 1 11110 0s 11000 01100 10 nnnnn ddddd", simd_fp_pair_scalar, op(Op::vfmaxnm)},
    {"faddp",     "Vd, Vn.T",               "01 1 11110 0s 11000 01101 10 nnnnn ddddd", simd_fp_pair_scalar, op(Op::vfadd)},
    {"fmaxp",     "Vd, Vn.T",               "01 1 11110 0s 11000 01111 10 nnnnn ddddd", simd_fp_pair_scalar, op(Op::vfmax)},
    {"fminnmp",   "Vd, Vn.T",               "01 1 11110 1s 11000 01100 10 nnnnn ddddd", simd_fp_pair_scalar, op(Op::vfminnm)},
    {"fminp",     "Vd, Vn.T",               "01 1 11110 1s 11000 01111 10 nnnnn ddddd", simd_fp_pair_scalar, op(Op::vfmin)},
    {"fmaxnmp",   "Hd, Vn.2h",              "01 0 11110 00 11000 01100 10 nnnnn ddddd", simd_fp_pair_scalar, op(Op::vfmaxnm), feature::fp16},
    {"faddp",     "Hd, Vn.2h",              "01 0 11110 00 11000 01101 10 nnnnn ddddd", simd_fp_pair_scalar, op(Op::vfadd), feature::fp16},
    {"fmaxp",     "Hd, Vn.2h",              "01 0 11110 00 11000 01111 10 nnnnn ddddd", simd_fp_pair_scalar, op(Op::vfmax), feature::fp16},
    {"fminnmp",   "Hd, Vn.2h",              "01 0 11110 10 11000 01100 10 nnnnn ddddd", simd_fp_pair_scalar, op(Op::vfminnm), feature::fp16},
    {"fminp",     "Hd, Vn.2h",              "01 0 11110 10 11000 01111 10 nnnnn ddddd", simd_fp_pair_scalar, op(Op::vfmin), feature::fp16},

    // Fixed point
    {"scvtf",     "Vd.T, Vn.T, #i",         "0 q 0 011110 iiiiiii 11100 1 nnnnn ddddd", simd_fp_from_fixed},
    {"scvtf",     "Vd, Vn, #i",             "01 0 111110 iiiiiii 11100 1 nnnnn ddddd", simd_fp_from_fixed},
    {"ucvtf",     "Vd.T, Vn.T, #i",         "0 q 1 011110 iiiiiii 11100 1 nnnnn ddddd", simd_fp_from_fixed, fp_arg::unsigned_int},
    {"ucvtf",     "Vd, Vn, #i",             "01 1 111110 iiiiiii 11100 1 nnnnn ddddd", simd_fp_from_fixed, fp_arg::unsigned_int},
    {"fcvtzs",    "Vd.T, Vn.T, #i",         "0 q 0 011110 iiiiiii 11111 1 nnnnn ddddd", simd_fp_to_fixed},
    {"fcvtzs",    "Vd, Vn, #i",             "01 0 111110 iiiiiii 11111 1 nnnnn ddddd", simd_fp_to_fixed},
    {"fcvtzu",    "Vd.T, Vn.T, #i",         "0 q 1 011110 iiiiiii 11111 1 nnnnn ddddd", simd_fp_to_fixed, fp_arg::unsigned_int},
    {"fcvtzu",    "Vd, Vn, #i",             "01 1 111110 iiiiiii 11111 1 nnnnn ddddd", simd_fp_to_fixed, fp_arg::unsigned_int},
};
// clang-format on
static_assert(unambiguous<Line>(rows));

} // namespace

const Table simd_fp_two_rows = table_of<rows>;

} // namespace emu::isa::a64
