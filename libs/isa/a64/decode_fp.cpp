// SPDX-License-Identifier: MIT
// Arm ARM C4.1, "Data Processing -- Scalar Floating-Point and Advanced SIMD": the scalar floating-point groups.
#include "isa/a64/sem_fp.h"
#include "isa/table_check.h"

namespace emu::isa::a64 {

namespace {
using namespace fp_arg;
using R = ir::Rounding;
constexpr u32 op(Op o) { return u32(o); }

// clang-format off
constexpr Line rows[] = {
    // One source; t = 0 single, 1 double, 3 half
    {"fmov",   "Fd, Fn",  "0 0 0 11110 tt 1 000000 10000 nnnnn ddddd", fp_move},
    {"fabs",   "Fd, Fn",  "0 0 0 11110 tt 1 000001 10000 nnnnn ddddd", fp_unary, op(Op::fabs)},
    {"fneg",   "Fd, Fn",  "0 0 0 11110 tt 1 000010 10000 nnnnn ddddd", fp_unary, op(Op::fneg)},
    {"fsqrt",  "Fd, Fn",  "0 0 0 11110 tt 1 000011 10000 nnnnn ddddd", fp_unary, op(Op::fsqrt)},
    {"fcvt",   "Fd, Fn",  "0 0 0 11110 tt 1 0001oo 10000 nnnnn ddddd", fp_convert},
    {"bfcvt",  "Hd, Sn",  "0 0 0 11110 01 1 000110 10000 nnnnn ddddd", fp_to_bfloat, 0, feature::bf16},
    {"frintn", "Fd, Fn",  "0 0 0 11110 tt 1 001000 10000 nnnnn ddddd", fp_round, rounding(R::nearest_even)},
    {"frintp", "Fd, Fn",  "0 0 0 11110 tt 1 001001 10000 nnnnn ddddd", fp_round, rounding(R::up)},
    {"frintm", "Fd, Fn",  "0 0 0 11110 tt 1 001010 10000 nnnnn ddddd", fp_round, rounding(R::down)},
    {"frintz", "Fd, Fn",  "0 0 0 11110 tt 1 001011 10000 nnnnn ddddd", fp_round, rounding(R::toward_zero)},
    {"frinta", "Fd, Fn",  "0 0 0 11110 tt 1 001100 10000 nnnnn ddddd", fp_round, rounding(R::nearest_away)},
    {"frintx", "Fd, Fn",  "0 0 0 11110 tt 1 001110 10000 nnnnn ddddd", fp_round, rounding(R::dynamic, true)},
    {"frinti", "Fd, Fn",  "0 0 0 11110 tt 1 001111 10000 nnnnn ddddd", fp_round, rounding(R::dynamic)},
    {"frint32z", "Fd, Fn", "0 0 0 11110 0t 1 010000 10000 nnnnn ddddd", fp_round_sized, rounding(R::toward_zero, true, 32), feature::frintts},
    {"frint32x", "Fd, Fn", "0 0 0 11110 0t 1 010001 10000 nnnnn ddddd", fp_round_sized, rounding(R::dynamic, true, 32), feature::frintts},
    {"frint64z", "Fd, Fn", "0 0 0 11110 0t 1 010010 10000 nnnnn ddddd", fp_round_sized, rounding(R::toward_zero, true, 64), feature::frintts},
    {"frint64x", "Fd, Fn", "0 0 0 11110 0t 1 010011 10000 nnnnn ddddd", fp_round_sized, rounding(R::dynamic, true, 64), feature::frintts},

    // Two sources
    {"fmul",   "Fd, Fn, Fm", "0 0 0 11110 tt 1 mmmmm 0000 10 nnnnn ddddd", fp_binary, op(Op::fmul)},
    {"fdiv",   "Fd, Fn, Fm", "0 0 0 11110 tt 1 mmmmm 0001 10 nnnnn ddddd", fp_binary, op(Op::fdiv)},
    {"fadd",   "Fd, Fn, Fm", "0 0 0 11110 tt 1 mmmmm 0010 10 nnnnn ddddd", fp_binary, op(Op::fadd)},
    {"fsub",   "Fd, Fn, Fm", "0 0 0 11110 tt 1 mmmmm 0011 10 nnnnn ddddd", fp_binary, op(Op::fsub)},
    {"fmax",   "Fd, Fn, Fm", "0 0 0 11110 tt 1 mmmmm 0100 10 nnnnn ddddd", fp_binary, op(Op::fmax)},
    {"fmin",   "Fd, Fn, Fm", "0 0 0 11110 tt 1 mmmmm 0101 10 nnnnn ddddd", fp_binary, op(Op::fmin)},
    {"fmaxnm", "Fd, Fn, Fm", "0 0 0 11110 tt 1 mmmmm 0110 10 nnnnn ddddd", fp_binary, op(Op::fmaxnm)},
    {"fminnm", "Fd, Fn, Fm", "0 0 0 11110 tt 1 mmmmm 0111 10 nnnnn ddddd", fp_binary, op(Op::fminnm)},
    {"fnmul",  "Fd, Fn, Fm", "0 0 0 11110 tt 1 mmmmm 1000 10 nnnnn ddddd", fp_negated_multiply},

    // Three sources
    {"fmadd",  "Fd, Fn, Fm, Fa", "0 0 0 11111 tt 0 mmmmm 0 aaaaa nnnnn ddddd", fp_multiply_add, 0},
    {"fmsub",  "Fd, Fn, Fm, Fa", "0 0 0 11111 tt 0 mmmmm 1 aaaaa nnnnn ddddd", fp_multiply_add, negate_product},
    {"fnmadd", "Fd, Fn, Fm, Fa", "0 0 0 11111 tt 1 mmmmm 0 aaaaa nnnnn ddddd", fp_multiply_add, negate_product | negate_addend},
    {"fnmsub", "Fd, Fn, Fm, Fa", "0 0 0 11111 tt 1 mmmmm 1 aaaaa nnnnn ddddd", fp_multiply_add, negate_addend},

    // Compare, select, immediate
    {"fcmp",   "Fn, Fm",        "0 0 0 11110 tt 1 mmmmm 00 1000 nnnnn 00000", fp_compare, 0},
    {"fcmp",   "Fn, #0.0",      "0 0 0 11110 tt 1 ..... 00 1000 nnnnn 01000", fp_compare, with_zero},
    {"fcmpe",  "Fn, Fm",        "0 0 0 11110 tt 1 mmmmm 00 1000 nnnnn 10000", fp_compare, signaling},
    {"fcmpe",  "Fn, #0.0",      "0 0 0 11110 tt 1 ..... 00 1000 nnnnn 11000", fp_compare, signaling | with_zero},
    {"fccmp",  "Fn, Fm, #k, c", "0 0 0 11110 tt 1 mmmmm cccc 01 nnnnn 0 kkkk", fp_conditional_compare, 0},
    {"fccmpe", "Fn, Fm, #k, c", "0 0 0 11110 tt 1 mmmmm cccc 01 nnnnn 1 kkkk", fp_conditional_compare, signaling},
    {"fcsel",  "Fd, Fn, Fm, c", "0 0 0 11110 tt 1 mmmmm cccc 11 nnnnn ddddd", fp_select},
    {"fmov",   "Fd, #i",        "0 0 0 11110 tt 1 iiiiiiii 100 00000 ddddd", fp_move_immediate},

    // Between floating point and integers
    {"fcvtns", "Rd, Fn",  "z 0 0 11110 tt 1 00 000 000000 nnnnn ddddd", fp_to_int, to_int(R::nearest_even)},
    {"fcvtnu", "Rd, Fn",  "z 0 0 11110 tt 1 00 001 000000 nnnnn ddddd", fp_to_int, to_int(R::nearest_even, true)},
    {"fcvtps", "Rd, Fn",  "z 0 0 11110 tt 1 01 000 000000 nnnnn ddddd", fp_to_int, to_int(R::up)},
    {"fcvtpu", "Rd, Fn",  "z 0 0 11110 tt 1 01 001 000000 nnnnn ddddd", fp_to_int, to_int(R::up, true)},
    {"fcvtms", "Rd, Fn",  "z 0 0 11110 tt 1 10 000 000000 nnnnn ddddd", fp_to_int, to_int(R::down)},
    {"fcvtmu", "Rd, Fn",  "z 0 0 11110 tt 1 10 001 000000 nnnnn ddddd", fp_to_int, to_int(R::down, true)},
    {"fcvtzs", "Rd, Fn",  "z 0 0 11110 tt 1 11 000 000000 nnnnn ddddd", fp_to_int, to_int(R::toward_zero)},
    {"fcvtzu", "Rd, Fn",  "z 0 0 11110 tt 1 11 001 000000 nnnnn ddddd", fp_to_int, to_int(R::toward_zero, true)},
    {"fcvtas", "Rd, Fn",  "z 0 0 11110 tt 1 00 100 000000 nnnnn ddddd", fp_to_int, to_int(R::nearest_away)},
    {"fcvtau", "Rd, Fn",  "z 0 0 11110 tt 1 00 101 000000 nnnnn ddddd", fp_to_int, to_int(R::nearest_away, true)},
    {"scvtf",  "Fd, Rn",  "z 0 0 11110 tt 1 00 010 000000 nnnnn ddddd", fp_from_int, 0},
    {"ucvtf",  "Fd, Rn",  "z 0 0 11110 tt 1 00 011 000000 nnnnn ddddd", fp_from_int, unsigned_int},
    {"fmov",   "Rd, Fn",  "z 0 0 11110 tt 1 00 110 000000 nnnnn ddddd", fp_move_general, 0},
    {"fmov",   "Fd, Rn",  "z 0 0 11110 tt 1 00 111 000000 nnnnn ddddd", fp_move_general, 1},
    {"fmov",   "Xd, Vn.d[1]", "1 0 0 11110 10 1 01 110 000000 nnnnn ddddd", fp_move_top_half, 0},
    {"fmov",   "Vd.d[1], Xn", "1 0 0 11110 10 1 01 111 000000 nnnnn ddddd", fp_move_top_half, 1},
    {"fjcvtzs", "Wd, Dn", "0 0 0 11110 01 1 11 110 000000 nnnnn ddddd", fp_to_int_js, 0, feature::jscvt},
    {"scvtf",  "Fd, Rn, #s", "z 0 0 11110 tt 0 00 010 ssssss nnnnn ddddd", fp_from_fixed, 0},
    {"ucvtf",  "Fd, Rn, #s", "z 0 0 11110 tt 0 00 011 ssssss nnnnn ddddd", fp_from_fixed, unsigned_int},
    {"fcvtzs", "Rd, Fn, #s", "z 0 0 11110 tt 0 11 000 ssssss nnnnn ddddd", fp_to_fixed, 0},
    {"fcvtzu", "Rd, Fn, #s", "z 0 0 11110 tt 0 11 001 ssssss nnnnn ddddd", fp_to_fixed, unsigned_int},
};
// clang-format on
static_assert(unambiguous<Line>(rows));

} // namespace

const Table fp_rows = table_of<rows>;

} // namespace emu::isa::a64
