// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A7.5 - A7.9, DDI 0487 F3.1: VFP data processing, transfers, loads and stores.
#include "isa/a32/sem_vfp.h"
#include "isa/table_check.h"

namespace emu::isa::a32 {

namespace {
using namespace vfp_arg;
using R = ir::Rounding;
using namespace feature;
constexpr u32 op(Op o) { return u32(o); }
constexpr u32 rounding(R r, bool exact = false) { return u32(r) | u32(exact) << 3; }

// clang-format off
constexpr Line conditional[] = {
    {"vmla",  "Vd, Vn, Vm",    ".... 11100 D 00 nnnn dddd 10 zz N 0 M 0 mmmm", vfp_multiply_add, 0, vfp2},
    {"vmls",  "Vd, Vn, Vm",    ".... 11100 D 00 nnnn dddd 10 zz N 1 M 0 mmmm", vfp_multiply_add, negate_product, vfp2},
    {"vnmls", "Vd, Vn, Vm",    ".... 11100 D 01 nnnn dddd 10 zz N 0 M 0 mmmm", vfp_multiply_add, negate_addend, vfp2},
    {"vnmla", "Vd, Vn, Vm",    ".... 11100 D 01 nnnn dddd 10 zz N 1 M 0 mmmm", vfp_multiply_add, negate_product | negate_addend, vfp2},
    {"vmul",  "Vd, Vn, Vm",    ".... 11100 D 10 nnnn dddd 10 zz N 0 M 0 mmmm", vfp_binary, op(Op::fmul), vfp2},
    {"vnmul", "Vd, Vn, Vm",    ".... 11100 D 10 nnnn dddd 10 zz N 1 M 0 mmmm", vfp_binary, op(Op::fmul) | negate_product, vfp2},
    {"vadd",  "Vd, Vn, Vm",    ".... 11100 D 11 nnnn dddd 10 zz N 0 M 0 mmmm", vfp_binary, op(Op::fadd), vfp2},
    {"vsub",  "Vd, Vn, Vm",    ".... 11100 D 11 nnnn dddd 10 zz N 1 M 0 mmmm", vfp_binary, op(Op::fsub), vfp2},
    {"vdiv",  "Vd, Vn, Vm",    ".... 11101 D 00 nnnn dddd 10 zz N 0 M 0 mmmm", vfp_binary, op(Op::fdiv), vfp2},
    {"vfnms", "Vd, Vn, Vm",    ".... 11101 D 01 nnnn dddd 10 zz N 0 M 0 mmmm", vfp_fused, negate_addend, vfp4},
    {"vfnma", "Vd, Vn, Vm",    ".... 11101 D 01 nnnn dddd 10 zz N 1 M 0 mmmm", vfp_fused, negate_product | negate_addend, vfp4},
    {"vfma",  "Vd, Vn, Vm",    ".... 11101 D 10 nnnn dddd 10 zz N 0 M 0 mmmm", vfp_fused, 0, vfp4},
    {"vfms",  "Vd, Vn, Vm",    ".... 11101 D 10 nnnn dddd 10 zz N 1 M 0 mmmm", vfp_fused, negate_product, vfp4},
    {"vmov",  "Vd, #i",        ".... 11101 D 11 iiii dddd 10 zz 0000 iiii", vfp_move_immediate, 0, vfp3},
    {"vmov",  "Vd, Vm",        ".... 11101 D 11 0000 dddd 10 zz 01 M 0 mmmm", vfp_move, 0, vfp2},
    {"vabs",  "Vd, Vm",        ".... 11101 D 11 0000 dddd 10 zz 11 M 0 mmmm", vfp_sign, op(Op::fabs), vfp2},
    {"vneg",  "Vd, Vm",        ".... 11101 D 11 0001 dddd 10 zz 01 M 0 mmmm", vfp_sign, op(Op::fneg), vfp2},
    {"vsqrt", "Vd, Vm",        ".... 11101 D 11 0001 dddd 10 zz 11 M 0 mmmm", vfp_sqrt, 0, vfp2},
    {"vcvtb", "Vd, Vm",        ".... 11101 D 11 001 o dddd 10 zz T1 M 0 mmmm", vfp_half, 0, half},
    {"vcmp",  "Vd, Vm",        ".... 11101 D 11 0100 dddd 10 zz 01 M 0 mmmm", vfp_compare, 0, vfp2},
    {"vcmpe", "Vd, Vm",        ".... 11101 D 11 0100 dddd 10 zz 11 M 0 mmmm", vfp_compare, signaling, vfp2},
    {"vcmp",  "Vd, #0.0",      ".... 11101 D 11 0101 dddd 10 zz 01 0 0 0000", vfp_compare, with_zero, vfp2},
    {"vcmpe", "Vd, #0.0",      ".... 11101 D 11 0101 dddd 10 zz 11 0 0 0000", vfp_compare, with_zero | signaling, vfp2},
    {"vrintr", "Vd, Vm",       ".... 11101 D 11 0110 dddd 10 zz 01 M 0 mmmm", vfp_round, rounding(R::dynamic), vfp_v8},
    {"vrintz", "Vd, Vm",       ".... 11101 D 11 0110 dddd 10 zz 11 M 0 mmmm", vfp_round, rounding(R::toward_zero), vfp_v8},
    {"vrintx", "Vd, Vm",       ".... 11101 D 11 0111 dddd 10 zz 01 M 0 mmmm", vfp_round, rounding(R::dynamic, true), vfp_v8},
    {"vcvt",  "Vd, Vm",        ".... 11101 D 11 0111 dddd 10 zz 11 M 0 mmmm", vfp_convert_precision, 0, vfp2},
    {"vcvt",  "Vd, Sm",        ".... 11101 D 11 1000 dddd 10 zz u1 M 0 mmmm", vfp_from_int, 0, vfp2},
    {"vjcvt", "Sd, Dm",        ".... 11101 D 11 1001 dddd 10 11 11 M 0 mmmm", vfp_to_int_js, 0, jscvt},
    {"vcvt",  "Vd, Vd, #i",    ".... 11101 D 11 1 o 1 u dddd 10 zz x1 j 0 iiii", vfp_fixed, 0, vfp3},
    {"vcvtr", "Sd, Vm",        ".... 11101 D 11 110 u dddd 10 zz 01 M 0 mmmm", vfp_to_int, u32(R::dynamic), vfp2},
    {"vcvt",  "Sd, Vm",        ".... 11101 D 11 110 u dddd 10 zz 11 M 0 mmmm", vfp_to_int, u32(R::toward_zero), vfp2},

    {"vmov",  "Sn, Rt",        ".... 1110000 L nnnn tttt 1010 N 001 0000", vfp_core_single, 0, vfp2},
    {"vmov.f16", "Sn, Rt",     ".... 1110000 L nnnn tttt 1001 N 001 0000", vfp_core_half, 0, fp16},
    {"vmsr",  "fpscr, Rt",     ".... 11101110 nnnn tttt 1010 0001 0000", vfp_system_write, 0, vfp2},
    {"vmrs",  "Rt, fpscr",     ".... 11101111 nnnn tttt 1010 0001 0000", vfp_system_read, 0, vfp2},
    {"vmov",  "Dd[x], Rt",     ".... 11100 oo 0 dddd tttt 1011 D oo 1 0000", vfp_core_to_scalar, 0, vfp2},
    {"vmov",  "Rt, Dn[x]",     ".... 1110 U oo 1 nnnn tttt 1011 N oo 1 0000", vfp_scalar_to_core, 0, vfp2},
    {"vdup",  "Vd, Rt",        ".... 11101 b Q 0 dddd tttt 1011 D 0 e 1 0000", vfp_dup_core, 0, neon},
    {"vmov",  "Sm, Sm1, Rt, Ru", ".... 1100010 L uuuu tttt 1010 00 M 1 mmmm", vfp_core_pair, 0, vfp2},
    {"vmov",  "Dm, Rt, Ru",    ".... 1100010 L uuuu tttt 1011 00 M 1 mmmm", vfp_core_double, 0, vfp2},

    {"vldr",  "Vd, [Rn, #i]",  ".... 1101 U D 0 L nnnn dddd 10 zz iiiiiiii", vfp_load_store, 0, vfp2},
    {"vldm",  "Rn, {list}",    ".... 1100 1 D W L nnnn dddd 10 zz iiiiiiii", vfp_multiple, 1, vfp2},
    {"vldm",  "Rn!, {list}",   ".... 1101 0 D 1 L nnnn dddd 10 zz iiiiiiii", vfp_multiple, 0, vfp2},
};

constexpr Line unconditional[] = {
    {"vsel",   "Vd, Vn, Vm",   "1111 11100 D cc nnnn dddd 10 01 N 0 M 0 mmmm", vfp_select, 0, vfp_v8 | fp16},
    {"vsel",   "Vd, Vn, Vm",   "1111 11100 D cc nnnn dddd 10 1z N 0 M 0 mmmm", vfp_select, 0, vfp_v8},
    {"vmaxnm", "Vd, Vn, Vm",   "1111 11101 D 00 nnnn dddd 10 01 N 0 M 0 mmmm", vfp_min_max, op(Op::fmaxnm), vfp_v8 | fp16},
    {"vmaxnm", "Vd, Vn, Vm",   "1111 11101 D 00 nnnn dddd 10 1z N 0 M 0 mmmm", vfp_min_max, op(Op::fmaxnm), vfp_v8},
    {"vminnm", "Vd, Vn, Vm",   "1111 11101 D 00 nnnn dddd 10 01 N 1 M 0 mmmm", vfp_min_max, op(Op::fminnm), vfp_v8 | fp16},
    {"vminnm", "Vd, Vn, Vm",   "1111 11101 D 00 nnnn dddd 10 1z N 1 M 0 mmmm", vfp_min_max, op(Op::fminnm), vfp_v8},
    {"vrint",  "Vd, Vm",       "1111 11101 D 11 10 rr dddd 10 01 01 M 0 mmmm", vfp_round_fixed, 0, vfp_v8 | fp16},
    {"vrint",  "Vd, Vm",       "1111 11101 D 11 10 rr dddd 10 1z 01 M 0 mmmm", vfp_round_fixed, 0, vfp_v8},
    {"vcvt",   "Sd, Vm",       "1111 11101 D 11 11 rr dddd 10 01 u1 M 0 mmmm", vfp_to_int_fixed, 0, vfp_v8 | fp16},
    {"vcvt",   "Sd, Vm",       "1111 11101 D 11 11 rr dddd 10 1z u1 M 0 mmmm", vfp_to_int_fixed, 0, vfp_v8},
    {"vins",   "Sd, Sm",       "1111 11101 D 11 0000 dddd 1010 11 M 0 mmmm", vfp_insert_half, 0, fp16},
    {"vmovx",  "Sd, Sm",       "1111 11101 D 11 0000 dddd 1010 01 M 0 mmmm", vfp_move_top_half, 0, fp16},
};
// clang-format on
static_assert(unambiguous<Line>(conditional));
static_assert(unambiguous<Line>(unconditional));

} // namespace

const Table vfp_rows = table_of<conditional>;
const Table vfp_unconditional_rows = table_of<unconditional>;

} // namespace emu::isa::a32
