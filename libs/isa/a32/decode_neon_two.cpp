// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A7.4.2 - A7.4.5: Advanced SIMD data processing with operands of different lengths, scalars, two registers.
#include "isa/a32/sem_neon.h"
#include "isa/table_check.h"

namespace emu::isa::a32 {

namespace {
using namespace neon;
constexpr u64 simd = feature::neon;
constexpr u32 exact = 8;

/// Rows whose size field is not 11, which the others' is.
constexpr std::string_view lengths =
    "vaddl vaddw vsubl vsubw vaddhn vraddhn vsubhn vrsubhn vabal vabdl vmlal vmlsl vmull vqdmlal vqdmlsl vqdmull vm"
    "ull.p8 vmull.p64 vmla vmla.f vmls vmls.f vmul vmul.f vqdmulh vqrdmulh vqrdmlah vqrdmlsh";

// clang-format off
constexpr Line two[] = {
    {"vaddl", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 0000 N 0 M 0 mmmm", neon_long, op(Op::vadd) | is_signed, simd},
    {"vaddl", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 0000 N 0 M 0 mmmm", neon_long, op(Op::vadd), simd},
    {"vaddw", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 0001 N 0 M 0 mmmm", neon_wide, op(Op::vadd) | is_signed, simd},
    {"vaddw", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 0001 N 0 M 0 mmmm", neon_wide, op(Op::vadd), simd},
    {"vsubl", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 0010 N 0 M 0 mmmm", neon_long, op(Op::vsub) | is_signed, simd},
    {"vsubl", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 0010 N 0 M 0 mmmm", neon_long, op(Op::vsub), simd},
    {"vsubw", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 0011 N 0 M 0 mmmm", neon_wide, op(Op::vsub) | is_signed, simd},
    {"vsubw", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 0011 N 0 M 0 mmmm", neon_wide, op(Op::vsub), simd},
    {"vaddhn", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 0100 N 0 M 0 mmmm", neon_high_narrow, op(Op::vadd), simd},
    {"vraddhn", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 0100 N 0 M 0 mmmm", neon_high_narrow, op(Op::vadd) | rounding, simd},
    {"vsubhn", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 0110 N 0 M 0 mmmm", neon_high_narrow, op(Op::vsub), simd},
    {"vrsubhn", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 0110 N 0 M 0 mmmm", neon_high_narrow, op(Op::vsub) | rounding, simd},
    {"vabal", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 0101 N 0 M 0 mmmm", neon_difference_long, op(Op::vabds) | accumulate, simd},
    {"vabal", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 0101 N 0 M 0 mmmm", neon_difference_long, op(Op::vabdu) | accumulate, simd},
    {"vabdl", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 0111 N 0 M 0 mmmm", neon_difference_long, op(Op::vabds), simd},
    {"vabdl", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 0111 N 0 M 0 mmmm", neon_difference_long, op(Op::vabdu), simd},
    {"vmlal", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 1000 N 0 M 0 mmmm", neon_multiply_long, op(Op::vmulls) | accumulate, simd},
    {"vmlal", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 1000 N 0 M 0 mmmm", neon_multiply_long, op(Op::vmullu) | accumulate, simd},
    {"vmlsl", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 1010 N 0 M 0 mmmm", neon_multiply_long, op(Op::vmulls) | subtract, simd},
    {"vmlsl", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 1010 N 0 M 0 mmmm", neon_multiply_long, op(Op::vmullu) | subtract, simd},
    {"vmull", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 1100 N 0 M 0 mmmm", neon_multiply_long, op(Op::vmulls), simd},
    {"vmull", "Vd, Vn, Vm", "1111 001 1 1 D ss nnnn dddd 1100 N 0 M 0 mmmm", neon_multiply_long, op(Op::vmullu), simd},
    {"vqdmlal", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 1001 N 0 M 0 mmmm", neon_double_long, accumulate, simd},
    {"vqdmlsl", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 1011 N 0 M 0 mmmm", neon_double_long, subtract, simd},
    {"vqdmull", "Vd, Vn, Vm", "1111 001 0 1 D ss nnnn dddd 1101 N 0 M 0 mmmm", neon_double_long, 0, simd},
    {"vmull.p8", "Qd, Dn, Dm", "1111 001 0 1 D 00 nnnn dddd 1110 N 0 M 0 mmmm", neon_polynomial_long, 0, simd},
    {"vmull.p64", "Qd, Dn, Dm", "1111 001 0 1 D 10 nnnn dddd 1110 N 0 M 0 mmmm", neon_polynomial_long, 1, feature::pmull},
    {"vmla", "Vd, Vn, Dm[x]", "1111 001 Q 1 D ss nnnn dddd 0000 N 1 M 0 mmmm", neon_multiply_scalar, accumulate, simd},
    {"vmla.f", "Vd, Vn, Dm[x]", "1111 001 Q 1 D ss nnnn dddd 0001 N 1 M 0 mmmm", neon_float_multiply_scalar, accumulate, simd},
    {"vmls", "Vd, Vn, Dm[x]", "1111 001 Q 1 D ss nnnn dddd 0100 N 1 M 0 mmmm", neon_multiply_scalar, subtract, simd},
    {"vmls.f", "Vd, Vn, Dm[x]", "1111 001 Q 1 D ss nnnn dddd 0101 N 1 M 0 mmmm", neon_float_multiply_scalar, subtract, simd},
    {"vmul", "Vd, Vn, Dm[x]", "1111 001 Q 1 D ss nnnn dddd 1000 N 1 M 0 mmmm", neon_multiply_scalar, 0, simd},
    {"vmul.f", "Vd, Vn, Dm[x]", "1111 001 Q 1 D ss nnnn dddd 1001 N 1 M 0 mmmm", neon_float_multiply_scalar, 0, simd},
    {"vmlal", "Vd, Vn, Dm[x]", "1111 001 0 1 D ss nnnn dddd 0010 N 1 M 0 mmmm", neon_multiply_long_scalar, op(Op::vmulls) | accumulate, simd},
    {"vmlal", "Vd, Vn, Dm[x]", "1111 001 1 1 D ss nnnn dddd 0010 N 1 M 0 mmmm", neon_multiply_long_scalar, op(Op::vmullu) | accumulate, simd},
    {"vmlsl", "Vd, Vn, Dm[x]", "1111 001 0 1 D ss nnnn dddd 0110 N 1 M 0 mmmm", neon_multiply_long_scalar, op(Op::vmulls) | subtract, simd},
    {"vmlsl", "Vd, Vn, Dm[x]", "1111 001 1 1 D ss nnnn dddd 0110 N 1 M 0 mmmm", neon_multiply_long_scalar, op(Op::vmullu) | subtract, simd},
    {"vmull", "Vd, Vn, Dm[x]", "1111 001 0 1 D ss nnnn dddd 1010 N 1 M 0 mmmm", neon_multiply_long_scalar, op(Op::vmulls), simd},
    {"vmull", "Vd, Vn, Dm[x]", "1111 001 1 1 D ss nnnn dddd 1010 N 1 M 0 mmmm", neon_multiply_long_scalar, op(Op::vmullu), simd},
    {"vqdmlal", "Vd, Vn, Dm[x]", "1111 001 0 1 D ss nnnn dddd 0011 N 1 M 0 mmmm", neon_double_long_scalar, accumulate, simd},
    {"vqdmlsl", "Vd, Vn, Dm[x]", "1111 001 0 1 D ss nnnn dddd 0111 N 1 M 0 mmmm", neon_double_long_scalar, subtract, simd},
    {"vqdmull", "Vd, Vn, Dm[x]", "1111 001 0 1 D ss nnnn dddd 1011 N 1 M 0 mmmm", neon_double_long_scalar, 0, simd},
    {"vqdmulh", "Vd, Vn, Dm[x]", "1111 001 Q 1 D ss nnnn dddd 1100 N 1 M 0 mmmm", neon_double_high_scalar, op(Op::vqdmulh), simd},
    {"vqrdmulh", "Vd, Vn, Dm[x]", "1111 001 Q 1 D ss nnnn dddd 1101 N 1 M 0 mmmm", neon_double_high_scalar, op(Op::vqrdmulh), simd},
    {"vqrdmlah", "Vd, Vn, Dm[x]", "1111 001 Q 1 D ss nnnn dddd 1110 N 1 M 0 mmmm", neon_rounding_accumulate_scalar, op(Op::vqrdmlah), simd | feature::rdm},
    {"vqrdmlsh", "Vd, Vn, Dm[x]", "1111 001 Q 1 D ss nnnn dddd 1111 N 1 M 0 mmmm", neon_rounding_accumulate_scalar, op(Op::vqrdmlsh), simd | feature::rdm},
    {"vrev64", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 0000 Q M 0 mmmm", neon_reverse, 3, simd, lengths},
    {"vrev32", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 0001 Q M 0 mmmm", neon_reverse, 2, simd, lengths},
    {"vrev16", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 0010 Q M 0 mmmm", neon_reverse, 1, simd, lengths},
    {"vpaddl", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 0100 Q M 0 mmmm", neon_pair_long, op(Op::vpaddls) | bhw, simd, lengths},
    {"vpaddl", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 0101 Q M 0 mmmm", neon_pair_long, op(Op::vpaddlu) | bhw, simd, lengths},
    {"aese", "Qd, Qm", "1111 001 11 D 11 00 00 dddd 0 0110 0 M 0 mmmm", neon_aes, op(Op::vaesenc), feature::aes, lengths},
    {"aesd", "Qd, Qm", "1111 001 11 D 11 00 00 dddd 0 0110 1 M 0 mmmm", neon_aes, op(Op::vaesdec), feature::aes, lengths},
    {"aesmc", "Qd, Qm", "1111 001 11 D 11 00 00 dddd 0 0111 0 M 0 mmmm", neon_hash_unary, op(Op::vaesmc), feature::aes, lengths},
    {"aesimc", "Qd, Qm", "1111 001 11 D 11 00 00 dddd 0 0111 1 M 0 mmmm", neon_hash_unary, op(Op::vaesimc), feature::aes, lengths},
    {"vcls", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 1000 Q M 0 mmmm", neon_unary, op(Op::vcls) | bhw, simd, lengths},
    {"vclz", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 1001 Q M 0 mmmm", neon_unary, op(Op::vclz) | bhw, simd, lengths},
    {"vcnt", "Vd, Vm", "1111 001 11 D 11 00 00 dddd 0 1010 Q M 0 mmmm", neon_bytes, op(Op::vcnt), simd, lengths},
    {"vmvn", "Vd, Vm", "1111 001 11 D 11 00 00 dddd 0 1011 Q M 0 mmmm", neon_bytes, op(Op::vnot), simd, lengths},
    {"vpadal", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 1100 Q M 0 mmmm", neon_pair_long, op(Op::vpaddls) | bhw | accumulate, simd, lengths},
    {"vpadal", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 1101 Q M 0 mmmm", neon_pair_long, op(Op::vpaddlu) | bhw | accumulate, simd, lengths},
    {"vqabs", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 1110 Q M 0 mmmm", neon_saturating_sign, bhw, simd, lengths},
    {"vqneg", "Vd, Vm", "1111 001 11 D 11 ss 00 dddd 0 1111 Q M 0 mmmm", neon_saturating_sign, bhw | negate, simd, lengths},
    {"vcgt", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 0000 Q M 0 mmmm", neon_compare_zero, op(Op::vgts) | bhw, simd, lengths},
    {"vcgt.f", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 1000 Q M 0 mmmm", neon_compare_zero, op(Op::vfcgt) | is_float, simd, lengths},
    {"vcge", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 0001 Q M 0 mmmm", neon_compare_zero, op(Op::vges) | bhw, simd, lengths},
    {"vcge.f", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 1001 Q M 0 mmmm", neon_compare_zero, op(Op::vfcge) | is_float, simd, lengths},
    {"vceq", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 0010 Q M 0 mmmm", neon_compare_zero, op(Op::veq) | bhw, simd, lengths},
    {"vceq.f", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 1010 Q M 0 mmmm", neon_compare_zero, op(Op::vfceq) | is_float, simd, lengths},
    {"vcle", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 0011 Q M 0 mmmm", neon_compare_zero, op(Op::vges) | bhw | swap, simd, lengths},
    {"vcle.f", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 1011 Q M 0 mmmm", neon_compare_zero, op(Op::vfcge) | is_float | swap, simd, lengths},
    {"vclt", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 0100 Q M 0 mmmm", neon_compare_zero, op(Op::vgts) | bhw | swap, simd, lengths},
    {"vclt.f", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 1100 Q M 0 mmmm", neon_compare_zero, op(Op::vfcgt) | is_float | swap, simd, lengths},
    {"vabs", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 0110 Q M 0 mmmm", neon_unary, op(Op::vabs) | bhw, simd, lengths},
    {"vneg", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 0111 Q M 0 mmmm", neon_unary, op(Op::vneg) | bhw, simd, lengths},
    {"vabs.f", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 1110 Q M 0 mmmm", neon_float_sign, op(Op::vfabs), simd, lengths},
    {"vneg.f", "Vd, Vm", "1111 001 11 D 11 ss 01 dddd 0 1111 Q M 0 mmmm", neon_float_sign, op(Op::vfneg), simd, lengths},
    {"sha1h", "Qd, Qm", "1111 001 11 D 11 10 01 dddd 0 0101 1 M 0 mmmm", neon_hash_unary, op(Op::vsha1h), feature::sha1, lengths},
    {"vswp", "Vd, Vm", "1111 001 11 D 11 00 10 dddd 0 0000 Q M 0 mmmm", neon_swap, 0, simd, lengths},
    {"vtrn", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 0001 Q M 0 mmmm", neon_permute, 0, simd, lengths},
    {"vuzp", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 0010 Q M 0 mmmm", neon_permute, 1, simd, lengths},
    {"vzip", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 0011 Q M 0 mmmm", neon_permute, 2, simd, lengths},
    {"vmovn", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 0100 0 M 0 mmmm", neon_narrow, op(Op::vnarrow), simd, lengths},
    {"vqmovun", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 0100 1 M 0 mmmm", neon_narrow, op(Op::vqnarrowsu) | saturating, simd, lengths},
    {"vqmovn", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 0101 0 M 0 mmmm", neon_narrow, op(Op::vqnarrows) | saturating, simd, lengths},
    {"vqmovn", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 0101 1 M 0 mmmm", neon_narrow, op(Op::vqnarrowu) | saturating, simd, lengths},
    {"vshll", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 0110 0 M 0 mmmm", neon_shift_long_size, 0, simd, lengths},
    {"sha1su1", "Vd, Vm", "1111 001 11 D 11 10 10 dddd 0 0111 0 M 0 mmmm", neon_hash_binary, op(Op::vsha1su1), feature::sha1, lengths},
    {"sha256su0", "Vd, Vm", "1111 001 11 D 11 10 10 dddd 0 0111 1 M 0 mmmm", neon_hash_binary, op(Op::vsha256su0), feature::sha2, lengths},
    {"vrintn", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 1000 Q M 0 mmmm", neon_float_round, u32(ir::Rounding::nearest_even), simd | feature::vfp_v8, lengths},
    {"vrinta", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 1010 Q M 0 mmmm", neon_float_round, u32(ir::Rounding::nearest_away), simd | feature::vfp_v8, lengths},
    {"vrintz", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 1011 Q M 0 mmmm", neon_float_round, u32(ir::Rounding::toward_zero), simd | feature::vfp_v8, lengths},
    {"vrintm", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 1101 Q M 0 mmmm", neon_float_round, u32(ir::Rounding::down), simd | feature::vfp_v8, lengths},
    {"vrintp", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 1111 Q M 0 mmmm", neon_float_round, u32(ir::Rounding::up), simd | feature::vfp_v8, lengths},
    {"vrintx", "Vd, Vm", "1111 001 11 D 11 ss 10 dddd 0 1001 Q M 0 mmmm", neon_float_round, u32(ir::Rounding::nearest_even) | exact, simd | feature::vfp_v8, lengths},
    {"vcvt.f16", "Vd, Vm", "1111 001 11 D 11 01 10 dddd 0 1100 0 M 0 mmmm", neon_half, 1, simd | feature::half, lengths},
    {"vcvt.f32", "Vd, Vm", "1111 001 11 D 11 01 10 dddd 0 1110 0 M 0 mmmm", neon_half, 0, simd | feature::half, lengths},
    {"vcvt.bf16", "Vd, Vm", "1111 001 11 D 11 01 10 dddd 0 1100 1 M 0 mmmm", neon_narrow_bfloat, 0, simd | feature::bf16, lengths},
    {"vcvt", "Vd, Vm", "1111 001 11 D 11 ss 11 dddd 0 0 rr o Q M 0 mmmm", neon_convert_directed, 0, simd | feature::vfp_v8, lengths},
    {"vrecpe", "Vd, Vm", "1111 001 11 D 11 ss 11 dddd 0 1000 Q M 0 mmmm", neon_estimate, op(Op::vurecpe), simd, lengths},
    {"vrsqrte", "Vd, Vm", "1111 001 11 D 11 ss 11 dddd 0 1001 Q M 0 mmmm", neon_estimate, op(Op::vursqrte), simd, lengths},
    {"vrecpe.f", "Vd, Vm", "1111 001 11 D 11 ss 11 dddd 0 1010 Q M 0 mmmm", neon_estimate, op(Op::vfrecpe) | is_float, simd, lengths},
    {"vrsqrte.f", "Vd, Vm", "1111 001 11 D 11 ss 11 dddd 0 1011 Q M 0 mmmm", neon_estimate, op(Op::vfrsqrte) | is_float, simd, lengths},
    {"vcvt", "Vd, Vm", "1111 001 11 D 11 ss 11 dddd 0 1100 Q M 0 mmmm", neon_convert, op(Op::vs2f), simd, lengths},
    {"vcvt", "Vd, Vm", "1111 001 11 D 11 ss 11 dddd 0 1101 Q M 0 mmmm", neon_convert, op(Op::vu2f), simd, lengths},
    {"vcvt", "Vd, Vm", "1111 001 11 D 11 ss 11 dddd 0 1110 Q M 0 mmmm", neon_convert, op(Op::vf2s), simd, lengths},
    {"vcvt", "Vd, Vm", "1111 001 11 D 11 ss 11 dddd 0 1111 Q M 0 mmmm", neon_convert, op(Op::vf2u), simd, lengths},
    {"vext", "Vd, Vn, Vm, #i", "1111 001 01 D 11 nnnn dddd iiii N Q M 0 mmmm", neon_extract, 0, simd, lengths},
    {"vtbl", "Dd, {l}, Dm", "1111 001 11 D 11 nnnn dddd 10 ll N 0 M 0 mmmm", neon_table, 0, simd, lengths},
    {"vtbx", "Dd, {l}, Dm", "1111 001 11 D 11 nnnn dddd 10 ll N 1 M 0 mmmm", neon_table, 1, simd, lengths},
    {"vdup", "Vd, Dm[x]", "1111 001 11 D 11 iiii dddd 1100 0 Q M 0 mmmm", neon_dup, 0, simd, lengths},
};
// clang-format on
static_assert(unambiguous<Line>(two));

} // namespace

const Table neon_two_rows = table_of<two>;

} // namespace emu::isa::a32
