// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A7.4.4, A7.4.6, A7.7; DDI 0487 F3.1.9: shifts by an immediate, immediates, element and structure accesses, additions of Armv8.
#include "isa/a32/sem_branch.h"
#include "isa/a32/sem_neon.h"
#include "isa/table_check.h"

namespace emu::isa::a32 {

namespace {
using namespace neon;
constexpr u64 simd = feature::neon;

// clang-format off
constexpr Line shifts[] = {
    {"vshr", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 0000 L Q M 1 mmmm", neon_shift_right, is_signed | 0, simd},
    {"vshr", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 0000 L Q M 1 mmmm", neon_shift_right, 0, simd},
    {"vsra", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 0001 L Q M 1 mmmm", neon_shift_right, is_signed | accumulate, simd},
    {"vsra", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 0001 L Q M 1 mmmm", neon_shift_right, accumulate, simd},
    {"vrshr", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 0010 L Q M 1 mmmm", neon_shift_right, is_signed | rounding, simd},
    {"vrshr", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 0010 L Q M 1 mmmm", neon_shift_right, rounding, simd},
    {"vrsra", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 0011 L Q M 1 mmmm", neon_shift_right, is_signed | rounding | accumulate, simd},
    {"vrsra", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 0011 L Q M 1 mmmm", neon_shift_right, rounding | accumulate, simd},
    {"vsri", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 0100 L Q M 1 mmmm", neon_shift_insert, 1, simd},
    {"vshl", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 0101 L Q M 1 mmmm", neon_shift_left, 0, simd},
    {"vsli", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 0101 L Q M 1 mmmm", neon_shift_insert, 0, simd},
    {"vqshlu", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 0110 L Q M 1 mmmm", neon_shift_saturating, op(Op::vqshlsu), simd},
    {"vqshl", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 0111 L Q M 1 mmmm", neon_shift_saturating, op(Op::vqshlvs), simd},
    {"vqshl", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 0111 L Q M 1 mmmm", neon_shift_saturating, op(Op::vqshlvu), simd},
    {"vshrn", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 1000 0 0 M 1 mmmm", neon_shift_narrow, 0, simd},
    {"vrshrn", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 1000 0 1 M 1 mmmm", neon_shift_narrow, rounding, simd},
    {"vqshrun", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 1000 0 0 M 1 mmmm", neon_shift_narrow, saturating | is_signed | to_unsigned, simd},
    {"vqrshrun", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 1000 0 1 M 1 mmmm", neon_shift_narrow, saturating | is_signed | to_unsigned | rounding, simd},
    {"vqshrn", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 1001 0 0 M 1 mmmm", neon_shift_narrow, saturating | is_signed, simd},
    {"vqrshrn", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 1001 0 1 M 1 mmmm", neon_shift_narrow, saturating | is_signed | rounding, simd},
    {"vqshrn", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 1001 0 0 M 1 mmmm", neon_shift_narrow, saturating, simd},
    {"vqrshrn", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 1001 0 1 M 1 mmmm", neon_shift_narrow, saturating | rounding, simd},
    {"vshll", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 1010 0 0 M 1 mmmm", neon_shift_long, is_signed, simd},
    {"vshll", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 1010 0 0 M 1 mmmm", neon_shift_long, 0, simd},
    {"vcvt", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 1110 0 Q M 1 mmmm", neon_fixed, op(Op::vs2f), simd},
    {"vcvt", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 1111 0 Q M 1 mmmm", neon_fixed, op(Op::vf2s), simd},
    {"vcvt.f16", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 1100 0 Q M 1 mmmm", neon_fixed, op(Op::vs2f) | h, simd | feature::fp16},
    {"vcvt.f16", "Vd, Vm, #i", "1111 001 0 1 D iiiiii dddd 1101 0 Q M 1 mmmm", neon_fixed, op(Op::vf2s) | h, simd | feature::fp16},
    {"vcvt", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 1110 0 Q M 1 mmmm", neon_fixed, op(Op::vu2f), simd},
    {"vcvt", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 1111 0 Q M 1 mmmm", neon_fixed, op(Op::vf2u), simd},
    {"vcvt.f16", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 1100 0 Q M 1 mmmm", neon_fixed, op(Op::vu2f) | h, simd | feature::fp16},
    {"vcvt.f16", "Vd, Vm, #i", "1111 001 1 1 D iiiiii dddd 1101 0 Q M 1 mmmm", neon_fixed, op(Op::vf2u) | h, simd | feature::fp16},
    {"vmov", "Vd, #i", "1111 001 i 1 D 000 iii dddd cccc 0 Q p 1 iiii", neon_immediate, 0, simd, "vcvt vcvt.f16 vqrshrn vqrshrun vqshl vqshlu vqshrn vqshrun vrshr vrshrn vrsra vshl vshll vshr vshrn vsli vsra vsri"},
};

constexpr Line moves[] = {
    {"vld", "{l}, [Rn]", "1111 0100 0 D L 0 nnnn dddd yyyy ss .. mmmm", neon_structures, 0, simd},
    {"vld", "{l[x]}, [Rn]", "1111 0100 1 D L 0 nnnn dddd ss ee aaaa mmmm", neon_single_structure, 0, simd},
    {"vld", "{l[]}, [Rn]", "1111 0100 1 D 1 0 nnnn dddd 11 ee ss T a mmmm", neon_replicate, 0, simd},
    {"vst", "{l[]}, [Rn]", "1111 0100 1 D 0 0 nnnn dddd 11 .. .. . . mmmm", undefined, 0, simd},
};

constexpr Line additions[] = {
    {"vcmla", "Vd, Vn, Vm", "1111 110 rr D 1 z nnnn dddd 1000 N Q M 0 mmmm", neon_complex_multiply, 0, simd | feature::fcma},
    {"vcadd", "Vd, Vn, Vm", "1111 110 r 1 D 0 z nnnn dddd 1000 N Q M 0 mmmm", neon_complex_add, 0, simd | feature::fcma},
    {"vcmla", "Vd, Vn, Dm[x]", "1111 1110 z D rr nnnn dddd 1000 N Q M 0 mmmm", neon_complex_scalar, 0, simd | feature::fcma},
    {"vsdot", "Vd, Vn, Vm", "1111 110 00 D 10 nnnn dddd 1101 N Q M 0 mmmm", neon_dot, op(Op::vsdot), simd | feature::dotprod},
    {"vudot", "Vd, Vn, Vm", "1111 110 00 D 10 nnnn dddd 1101 N Q M 1 mmmm", neon_dot, op(Op::vudot), simd | feature::dotprod},
    {"vsdot", "Vd, Vn, Dm[x]", "1111 1110 0 D 10 nnnn dddd 1101 N Q M 0 mmmm", neon_dot_scalar, op(Op::vsdot), simd | feature::dotprod},
    {"vudot", "Vd, Vn, Dm[x]", "1111 1110 0 D 10 nnnn dddd 1101 N Q M 1 mmmm", neon_dot_scalar, op(Op::vudot), simd | feature::dotprod},
    {"vusdot", "Vd, Vn, Vm", "1111 110 01 D 10 nnnn dddd 1101 N Q M 0 mmmm", neon_dot, op(Op::vidot), simd | feature::i8mm},
    {"vusdot", "Vd, Vn, Dm[x]", "1111 1110 1 D 00 nnnn dddd 1101 N Q M 0 mmmm", neon_dot_scalar, op(Op::vidot), simd | feature::i8mm},
    {"vsudot", "Vd, Vn, Dm[x]", "1111 1110 1 D 00 nnnn dddd 1101 N Q M 1 mmmm", neon_dot_scalar, op(Op::vidot) | swap, simd | feature::i8mm},
    {"vsmmla", "Vd, Vn, Vm", "1111 110 00 D 10 nnnn dddd 1100 N Q M 0 mmmm", neon_matrix, op(Op::vidot) | 1 << 8, simd | feature::i8mm},
    {"vummla", "Vd, Vn, Vm", "1111 110 00 D 10 nnnn dddd 1100 N Q M 1 mmmm", neon_matrix, op(Op::vidot) | 2 << 8, simd | feature::i8mm},
    {"vusmmla", "Vd, Vn, Vm", "1111 110 01 D 10 nnnn dddd 1100 N Q M 0 mmmm", neon_matrix, op(Op::vidot) | 3 << 8, simd | feature::i8mm},
    {"vdot.bf16", "Vd, Vn, Vm", "1111 110 00 D 00 nnnn dddd 1101 N Q M 0 mmmm", neon_dot_bfloat, 0, simd | feature::bf16},
    {"vdot.bf16", "Vd, Vn, Dm[x]", "1111 1110 0 D 00 nnnn dddd 1101 N Q M 0 mmmm", neon_dot_bfloat_scalar, 0, simd | feature::bf16},
    {"vmmla.bf16", "Vd, Vn, Vm", "1111 110 00 D 00 nnnn dddd 1100 N Q M 0 mmmm", neon_dot_bfloat, 1, simd | feature::bf16},
    {"vfma.bf16", "Vd, Vn, Vm", "1111 110 00 D 11 nnnn dddd 1000 N Q M 1 mmmm", neon_multiply_bfloat, 0, simd | feature::bf16},
    {"vfma.bf16", "Qd, Qn, Dm[x]", "1111 1110 0 D 11 nnnn dddd 1000 N Q M 1 mmmm", neon_multiply_bfloat_scalar, 0, simd | feature::bf16},
    {"vfmal", "Vd, Vn, Vm", "1111 110 00 D 10 nnnn dddd 1000 N Q M 1 mmmm", neon_multiply_half, 0, simd | feature::fhm},
    {"vfmsl", "Vd, Vn, Vm", "1111 110 01 D 10 nnnn dddd 1000 N Q M 1 mmmm", neon_multiply_half, 1, simd | feature::fhm},
    {"vfmal", "Vd, Vn, Vm[x]", "1111 1110 0 D 00 nnnn dddd 1000 N Q M 1 mmmm", neon_multiply_half_scalar, 0, simd | feature::fhm},
    {"vfmsl", "Vd, Vn, Vm[x]", "1111 1110 0 D 01 nnnn dddd 1000 N Q M 1 mmmm", neon_multiply_half_scalar, 1, simd | feature::fhm},
};
// clang-format on
static_assert(unambiguous<Line>(shifts));
static_assert(unambiguous<Line>(moves));
static_assert(unambiguous<Line>(additions));

} // namespace

const Table neon_shift_rows = table_of<shifts>;
const Table neon_move_rows = table_of<moves>;
const Table neon_v8_rows = table_of<additions>;

} // namespace emu::isa::a32
