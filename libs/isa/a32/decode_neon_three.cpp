// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A7.4.1: Advanced SIMD data processing, three registers of the same length.
#include "isa/a32/sem_neon.h"
#include "isa/table_check.h"

namespace emu::isa::a32 {

namespace {
using namespace neon;
constexpr u64 simd = feature::neon;

// clang-format off
constexpr Line three[] = {
    {"vhadd", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0000 N Q M 0 mmmm", neon_binary, op(Op::vhadds) | bhw, simd},
    {"vhadd", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0000 N Q M 0 mmmm", neon_binary, op(Op::vhaddu) | bhw, simd},
    {"vqadd", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0000 N Q M 1 mmmm", neon_saturating, op(Op::vqadds) | all, simd},
    {"vqadd", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0000 N Q M 1 mmmm", neon_saturating, op(Op::vqaddu) | all, simd},
    {"vrhadd", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0001 N Q M 0 mmmm", neon_binary, op(Op::vrhadds) | bhw, simd},
    {"vrhadd", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0001 N Q M 0 mmmm", neon_binary, op(Op::vrhaddu) | bhw, simd},
    {"vhsub", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0010 N Q M 0 mmmm", neon_binary, op(Op::vhsubs) | bhw, simd},
    {"vhsub", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0010 N Q M 0 mmmm", neon_binary, op(Op::vhsubu) | bhw, simd},
    {"vqsub", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0010 N Q M 1 mmmm", neon_saturating, op(Op::vqsubs) | all | subtract, simd},
    {"vqsub", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0010 N Q M 1 mmmm", neon_saturating, op(Op::vqsubu) | all | subtract, simd},
    {"vcgt", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0011 N Q M 0 mmmm", neon_binary, op(Op::vgts) | bhw, simd},
    {"vcgt", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0011 N Q M 0 mmmm", neon_binary, op(Op::vgtu) | bhw, simd},
    {"vcge", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0011 N Q M 1 mmmm", neon_binary, op(Op::vges) | bhw, simd},
    {"vcge", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0011 N Q M 1 mmmm", neon_binary, op(Op::vgeu) | bhw, simd},
    {"vshl", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0100 N Q M 0 mmmm", neon_shift, op(Op::vshlvs) | all, simd},
    {"vshl", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0100 N Q M 0 mmmm", neon_shift, op(Op::vshlvu) | all, simd},
    {"vqshl", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0100 N Q M 1 mmmm", neon_shift, op(Op::vqshlvs) | all | saturating, simd},
    {"vqshl", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0100 N Q M 1 mmmm", neon_shift, op(Op::vqshlvu) | all | saturating, simd},
    {"vrshl", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0101 N Q M 0 mmmm", neon_shift, op(Op::vrshlvs) | all, simd},
    {"vrshl", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0101 N Q M 0 mmmm", neon_shift, op(Op::vrshlvu) | all, simd},
    {"vqrshl", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0101 N Q M 1 mmmm", neon_shift, op(Op::vqrshlvs) | all | saturating, simd},
    {"vqrshl", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0101 N Q M 1 mmmm", neon_shift, op(Op::vqrshlvu) | all | saturating, simd},
    {"vmax", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0110 N Q M 0 mmmm", neon_binary, op(Op::vmaxs) | bhw, simd},
    {"vmax", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0110 N Q M 0 mmmm", neon_binary, op(Op::vmaxu) | bhw, simd},
    {"vmin", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0110 N Q M 1 mmmm", neon_binary, op(Op::vmins) | bhw, simd},
    {"vmin", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0110 N Q M 1 mmmm", neon_binary, op(Op::vminu) | bhw, simd},
    {"vabd", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0111 N Q M 0 mmmm", neon_binary, op(Op::vabds) | bhw, simd},
    {"vabd", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0111 N Q M 0 mmmm", neon_binary, op(Op::vabdu) | bhw, simd},
    {"vaba", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 0111 N Q M 1 mmmm", neon_binary, op(Op::vabds) | bhw | accumulate, simd},
    {"vaba", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 0111 N Q M 1 mmmm", neon_binary, op(Op::vabdu) | bhw | accumulate, simd},
    {"vand", "Vd, Vn, Vm", "1111 001 0 0 D 00 nnnn dddd 0001 N Q M 1 mmmm", neon_logical, 0, simd},
    {"vbic", "Vd, Vn, Vm", "1111 001 0 0 D 01 nnnn dddd 0001 N Q M 1 mmmm", neon_logical, 1, simd},
    {"vorr", "Vd, Vn, Vm", "1111 001 0 0 D 10 nnnn dddd 0001 N Q M 1 mmmm", neon_logical, 2, simd},
    {"vorn", "Vd, Vn, Vm", "1111 001 0 0 D 11 nnnn dddd 0001 N Q M 1 mmmm", neon_logical, 3, simd},
    {"veor", "Vd, Vn, Vm", "1111 001 1 0 D 00 nnnn dddd 0001 N Q M 1 mmmm", neon_logical, 4, simd},
    {"vbsl", "Vd, Vn, Vm", "1111 001 1 0 D 01 nnnn dddd 0001 N Q M 1 mmmm", neon_logical, 5, simd},
    {"vbit", "Vd, Vn, Vm", "1111 001 1 0 D 10 nnnn dddd 0001 N Q M 1 mmmm", neon_logical, 6, simd},
    {"vbif", "Vd, Vn, Vm", "1111 001 1 0 D 11 nnnn dddd 0001 N Q M 1 mmmm", neon_logical, 7, simd},
    {"vadd", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 1000 N Q M 0 mmmm", neon_binary, op(Op::vadd) | all, simd},
    {"vsub", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 1000 N Q M 0 mmmm", neon_binary, op(Op::vsub) | all, simd},
    {"vtst", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 1000 N Q M 1 mmmm", neon_test, bhw, simd},
    {"vceq", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 1000 N Q M 1 mmmm", neon_binary, op(Op::veq) | bhw, simd},
    {"vmla", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 1001 N Q M 0 mmmm", neon_binary, op(Op::vmul) | bhw | accumulate, simd},
    {"vmls", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 1001 N Q M 0 mmmm", neon_binary, op(Op::vmul) | bhw | subtract, simd},
    {"vmul", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 1001 N Q M 1 mmmm", neon_binary, op(Op::vmul) | bhw, simd},
    {"vmul.p8", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 1001 N Q M 1 mmmm", neon_binary, op(Op::vpmul) | b, simd},
    {"vpmax", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 1010 N 0 M 0 mmmm", neon_pairwise, op(Op::vmaxs) | bhw, simd},
    {"vpmin", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 1010 N 0 M 1 mmmm", neon_pairwise, op(Op::vmins) | bhw, simd},
    {"vpmax", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 1010 N 0 M 0 mmmm", neon_pairwise, op(Op::vmaxu) | bhw, simd},
    {"vpmin", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 1010 N 0 M 1 mmmm", neon_pairwise, op(Op::vminu) | bhw, simd},
    {"vqdmulh", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 1011 N Q M 0 mmmm", neon_double_high, op(Op::vqdmulh) | hw, simd},
    {"vqrdmulh", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 1011 N Q M 0 mmmm", neon_double_high, op(Op::vqrdmulh) | hw, simd},
    {"vpadd", "Vd, Vn, Vm", "1111 001 0 0 D ss nnnn dddd 1011 N 0 M 1 mmmm", neon_pairwise, op(Op::vadd) | bhw, simd},
    {"vqrdmlah", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 1011 N Q M 1 mmmm", neon_rounding_accumulate, op(Op::vqrdmlah) | hw, simd | feature::rdm},
    {"vqrdmlsh", "Vd, Vn, Vm", "1111 001 1 0 D ss nnnn dddd 1100 N Q M 1 mmmm", neon_rounding_accumulate, op(Op::vqrdmlsh) | hw, simd | feature::rdm},
    {"sha1c", "Vd, Vn, Vm", "1111 001 0 0 D 00 nnnn dddd 1100 N Q M 0 mmmm", neon_hash, op(Op::vsha1c), feature::sha1},
    {"sha1p", "Vd, Vn, Vm", "1111 001 0 0 D 01 nnnn dddd 1100 N Q M 0 mmmm", neon_hash, op(Op::vsha1p), feature::sha1},
    {"sha1m", "Vd, Vn, Vm", "1111 001 0 0 D 10 nnnn dddd 1100 N Q M 0 mmmm", neon_hash, op(Op::vsha1m), feature::sha1},
    {"sha1su0", "Vd, Vn, Vm", "1111 001 0 0 D 11 nnnn dddd 1100 N Q M 0 mmmm", neon_hash, op(Op::vsha1su0), feature::sha1},
    {"sha256h", "Vd, Vn, Vm", "1111 001 1 0 D 00 nnnn dddd 1100 N Q M 0 mmmm", neon_hash, op(Op::vsha256h), feature::sha2},
    {"sha256h2", "Vd, Vn, Vm", "1111 001 1 0 D 01 nnnn dddd 1100 N Q M 0 mmmm", neon_hash, op(Op::vsha256h2), feature::sha2},
    {"sha256su1", "Vd, Vn, Vm", "1111 001 1 0 D 10 nnnn dddd 1100 N Q M 0 mmmm", neon_hash, op(Op::vsha256su1), feature::sha2},
    {"vfma", "Vd, Vn, Vm", "1111 001 0 0 D 0z nnnn dddd 1100 N Q M 1 mmmm", neon_float_fused, 0, simd | feature::vfp4},
    {"vfms", "Vd, Vn, Vm", "1111 001 0 0 D 1z nnnn dddd 1100 N Q M 1 mmmm", neon_float_fused, negate, simd | feature::vfp4},
    {"vadd.f", "Vd, Vn, Vm", "1111 001 0 0 D 0z nnnn dddd 1101 N Q M 0 mmmm", neon_float_binary, op(Op::vfadd), simd},
    {"vsub.f", "Vd, Vn, Vm", "1111 001 0 0 D 1z nnnn dddd 1101 N Q M 0 mmmm", neon_float_binary, op(Op::vfsub), simd},
    {"vpadd.f", "Vd, Vn, Vm", "1111 001 1 0 D 0z nnnn dddd 1101 N 0 M 0 mmmm", neon_float_pairwise, op(Op::vfadd), simd},
    {"vabd.f", "Vd, Vn, Vm", "1111 001 1 0 D 1z nnnn dddd 1101 N Q M 0 mmmm", neon_float_difference, 0, simd},
    {"vmla.f", "Vd, Vn, Vm", "1111 001 0 0 D 0z nnnn dddd 1101 N Q M 1 mmmm", neon_float_multiply_add, 0, simd},
    {"vmls.f", "Vd, Vn, Vm", "1111 001 0 0 D 1z nnnn dddd 1101 N Q M 1 mmmm", neon_float_multiply_add, negate, simd},
    {"vmul.f", "Vd, Vn, Vm", "1111 001 1 0 D 0z nnnn dddd 1101 N Q M 1 mmmm", neon_float_binary, op(Op::vfmul), simd},
    {"vceq.f", "Vd, Vn, Vm", "1111 001 0 0 D 0z nnnn dddd 1110 N Q M 0 mmmm", neon_float_compare, op(Op::vfceq), simd},
    {"vcge.f", "Vd, Vn, Vm", "1111 001 1 0 D 0z nnnn dddd 1110 N Q M 0 mmmm", neon_float_compare, op(Op::vfcge), simd},
    {"vcgt.f", "Vd, Vn, Vm", "1111 001 1 0 D 1z nnnn dddd 1110 N Q M 0 mmmm", neon_float_compare, op(Op::vfcgt), simd},
    {"vacge", "Vd, Vn, Vm", "1111 001 1 0 D 0z nnnn dddd 1110 N Q M 1 mmmm", neon_float_compare, op(Op::vfcge) | absolute, simd},
    {"vacgt", "Vd, Vn, Vm", "1111 001 1 0 D 1z nnnn dddd 1110 N Q M 1 mmmm", neon_float_compare, op(Op::vfcgt) | absolute, simd},
    {"vmax.f", "Vd, Vn, Vm", "1111 001 0 0 D 0z nnnn dddd 1111 N Q M 0 mmmm", neon_float_binary, op(Op::vfmax), simd},
    {"vmin.f", "Vd, Vn, Vm", "1111 001 0 0 D 1z nnnn dddd 1111 N Q M 0 mmmm", neon_float_binary, op(Op::vfmin), simd},
    {"vpmax.f", "Vd, Vn, Vm", "1111 001 1 0 D 0z nnnn dddd 1111 N 0 M 0 mmmm", neon_float_pairwise, op(Op::vfmax), simd},
    {"vpmin.f", "Vd, Vn, Vm", "1111 001 1 0 D 1z nnnn dddd 1111 N 0 M 0 mmmm", neon_float_pairwise, op(Op::vfmin), simd},
    {"vrecps", "Vd, Vn, Vm", "1111 001 0 0 D 0z nnnn dddd 1111 N Q M 1 mmmm", neon_float_step, 0, simd},
    {"vrsqrts", "Vd, Vn, Vm", "1111 001 0 0 D 1z nnnn dddd 1111 N Q M 1 mmmm", neon_float_step, negate, simd},
    {"vmaxnm", "Vd, Vn, Vm", "1111 001 1 0 D 0z nnnn dddd 1111 N Q M 1 mmmm", neon_float_binary, op(Op::vfmaxnm), simd | feature::vfp_v8},
    {"vminnm", "Vd, Vn, Vm", "1111 001 1 0 D 1z nnnn dddd 1111 N Q M 1 mmmm", neon_float_binary, op(Op::vfminnm), simd | feature::vfp_v8},
};
// clang-format on
static_assert(unambiguous<Line>(three));

} // namespace

const Table neon_three_rows = table_of<three>;

} // namespace emu::isa::a32
