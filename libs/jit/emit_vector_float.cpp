// SPDX-License-Identifier: MIT
// Vectors: floating point lanes. As for scalars (emit_float.cpp), results that the guest's rules may want differently send the whole
// operation to ir::eval, out of line.
#include "jit/compiler.h"

#include "common/bits.h"

namespace emu::jit {

using ir::Lane;
using ir::Op;
using ir::Rounding;
using ir::V128;
using Src = Assembler::Src;

namespace {

/// Comparison predicates of CMPPS; the ones from 8 up are AVX's.
enum Predicate : u8 { cmp_eq = 0, cmp_lt = 1, cmp_le = 2, cmp_unordered = 3, cmp_eq_or_unordered = 8 };

constexpr V128 splat(u64 lane, bool dbl) { return dbl ? V128{lane, lane} : V128{lane | lane << 32, lane | lane << 32}; }
constexpr u64 sign_of(bool dbl) { return u64(1) << (dbl ? 63 : 31); }

struct FloatRow {
    Op op;
    VecOp single, dbl;
};
constexpr FloatRow rows[] = {
    {Op::vfadd, op::addps, op::addpd}, {Op::vfsub, op::subps, op::subpd}, {Op::vfmul, op::mulps, op::mulpd}, {Op::vfdiv, op::divps, op::divpd},
};

int round_immediate(Rounding r) {
    switch (r) {
    case Rounding::nearest_even: return 0;
    case Rounding::down: return 1;
    case Rounding::up: return 2;
    case Rounding::toward_zero: return 3;
    case Rounding::dynamic: return 4;
    default: return -1;
    }
}
constexpr int no_inexact = 8;

} // namespace

bool Compiler::native_lanes(Id id, bool& dbl) const {
    const Lane lane = ir::aux_lane(node(id).aux);
    dbl = lane == Lane::f64;
    return native_float_ && (lane == Lane::f32 || lane == Lane::f64) && !(node(id).aux & ir::fp_standard);
}

/// Jump if any lane of the mask is set.
Fixup Compiler::jump_if_any(Reg mask) {
    const Reg bits = temp(); // one micro-operation less than ptest
    if (avx()) a.vmovmskps(a.d(bits), a.x(mask));
    else a.movmskps(a.d(bits), a.x(mask));
    a.test(a.d(bits), a.d(bits));
    return a.jcc_forward(cc_ne);
}

/// check_lanes for what the upper registers hold: compares that reach them have masks as results.
Fixup Compiler::check_lanes_by_mask(Reg to, bool dbl, bool tiny, Reg t) {
    auto compare = [&](Reg x, const Xbyak::Operand& y, u8 predicate) { dbl ? a.vcmppd(a.k2, a.x(x), y, predicate) : a.vcmpps(a.k2, a.x(x), y, predicate); };
    if (!tiny || !f_->fp.rules->tininess_before_rounding) {
        compare(to, a.x(to), cmp_unordered);
    } else {
        a.vandps(a.x(t), a.x(to), constant_address(splat(~sign_of(dbl) & (dbl ? ~u64(0) : 0xffffffff), dbl)));
        compare(t, constant_address(splat(u64(1) << (dbl ? 52 : 23), dbl)), cmp_eq_or_unordered);
    }
    a.kortestb(a.k2, a.k2);
    return a.jcc_forward(cc_ne);
}

/// Jump if a lane is a NaN or (`tiny`) the smallest normal number. `t` is scratch.
Fixup Compiler::check_lanes(Reg to, bool dbl, bool tiny, Reg t) {
    if (is_upper(to)) return check_lanes_by_mask(to, dbl, tiny, t);
    const VecOp compare = dbl ? op::cmppd : op::cmpps;
    if (!tiny || !f_->fp.rules->tininess_before_rounding) {
        vec_imm(compare, t, to, to, cmp_unordered);
        return jump_if_any(t);
    }
    const Src magnitude = pool(splat(~sign_of(dbl) & (dbl ? ~u64(0) : 0xffffffff), dbl)), smallest = pool(splat(u64(1) << (dbl ? 52 : 23), dbl));
    vec(op::andps, t, to, magnitude);
    if (avx()) {
        vec_imm(compare, t, t, smallest, cmp_eq_or_unordered);
        return jump_if_any(t);
    }
    const Reg u = temp(true);
    a.movaps(a.x(u), a.x(t));
    vec_imm(compare, t, t, smallest, cmp_eq);
    vec_imm(compare, u, u, u, cmp_unordered);
    vec(op::por, t, t, u);
    return jump_if_any(t);
}

bool Compiler::vecf_binary(Id id) {
    bool dbl;
    if (!native_lanes(id, dbl)) return false;
    const Op o = node(id).op;
    const bool joins = begin_float(id);
    const Reg left = use_any(node(id).a), right = use_any(node(id).b), to = def_float(id, joins);
    for (const FloatRow& row : rows)
        if (row.op == o) vec(dbl ? row.dbl : row.single, to, left, right);
    finish_float(id, joins, {left, right, no_reg}, to);
    return true;
}

bool Compiler::vecf_sqrt(Id id) {
    bool dbl;
    if (!native_lanes(id, dbl)) return false;
    const bool joins = begin_float(id);
    const Reg from = use_any(node(id).a), to = def_float(id, joins);
    vec1(dbl ? op::sqrtpd : op::sqrtps, to, from);
    finish_float(id, joins, {from, no_reg, no_reg}, to);
    return true;
}

bool Compiler::vecf_fma(Id id) {
    bool dbl;
    if (!native_lanes(id, dbl) || !host().fma) return false;
    const bool joins = begin_float(id);
    const Reg x = use_any(node(id).a), y = use_any(node(id).b), z = use_any(node(id).c);
    const Reg to = exact_float_ ? def(id, any_bank) : def_apart(id, any_bank);
    multiply_add(dbl ? op::vfmadd231pd : op::vfmadd231ps, to, x, y, z);
    finish_float(id, joins, {x, y, z}, to);
    return true;
}

bool Compiler::vecf_sign(Id id) {
    const unsigned bits = ir::lane_bits(ir::aux_lane(node(id).aux));
    u64 sign = u64(1) << (bits - 1);
    for (unsigned w = bits; w < 64; w *= 2) sign |= sign << w;
    const bool negate = node(id).op == Op::vfneg;
    const Reg from = use_any(node(id).a), to = def(id, any_bank);
    if (negate) vec(op::xorps, to, from, pool({sign, sign}));
    else vec(op::andps, to, from, pool({~sign, ~sign}));
    return true;
}

bool Compiler::vecf_min_max(Id id) {
    bool dbl;
    if (!native_lanes(id, dbl)) return false;
    const bool minimum = node(id).op == Op::vfmin || node(id).op == Op::vfminnm;
    const Reg left = use(node(id).a), right = use(node(id).b);
    const Reg t = temp(true), to = def_apart(id);
    vec_imm(dbl ? op::cmppd : op::cmpps, t, left, right, cmp_unordered);
    const Fixup nan = jump_if_any(t);
    const VecOp o = minimum ? (dbl ? op::minpd : op::minps) : (dbl ? op::maxpd : op::maxps);
    vec(o, to, left, right);
    vec(o, t, right, left);
    vec(minimum ? op::orps : op::andps, to, to, t);
    cold_eval({nan}, id, {left, right, no_reg}, to);
    return true;
}

/// The host's flags are right as they are: greater is less with the operands exchanged.
bool Compiler::vecf_compare(Id id) {
    bool dbl;
    if (!native_lanes(id, dbl)) return false;
    const Op o = node(id).op;
    const bool equal = o == Op::vfceq;
    const Reg left = use(node(id).a), right = use(node(id).b);
    const Reg first = equal ? left : right, second = equal ? right : left;
    const Reg to = avx() ? def(id) : def_apart(id);
    vec_imm(dbl ? op::cmppd : op::cmpps, to, first, second, equal ? cmp_eq : o == Op::vfcgt ? cmp_lt : cmp_le);
    return true;
}

bool Compiler::vecf_round(Id id) {
    bool dbl;
    const u16 aux = ir::vfp_scalar_aux(node(id).aux);
    const int mode = round_immediate(ir::aux_rounding(aux));
    if (!native_lanes(id, dbl) || mode < 0) return false;
    const Reg from = use(node(id).a), t = temp(true), to = def_apart(id);
    vec1_imm(dbl ? op::roundpd : op::roundps, to, from, unsigned(mode | (ir::aux_arg(aux) & 1 ? 0 : no_inexact)));
    if (!exact_float_) cold_eval({check_lanes(to, dbl, false, t)}, id, {from, no_reg, no_reg}, to);
    return true;
}

bool Compiler::vecf_widen(Id id) {
    const Lane lane = ir::aux_lane(node(id).aux);
    if (!native_float_ || node(id).aux & ir::fp_standard || (lane == Lane::f16 && (!host().f16c || f_->fp.alt_half || f_->fp.flush_inputs_f16))) return false;
    const bool high = ir::aux_imm(node(id).aux) & 1, half = lane == Lane::f16;
    const Reg from = use(node(id).a), t = temp(true), to = def_apart(id);
    Reg source = from;
    if (high) {
        vec1_imm(op::pshufd, to, from, 0xee);
        source = to;
    }
    if (half) a.vcvtph2ps(a.x(to), a.x(source));
    else vec1(op::cvtps2pd, to, source);
    if (!exact_float_) cold_eval({check_lanes(to, !half, false, t)}, id, {from, no_reg, no_reg}, to);
    return true;
}

bool Compiler::vecf_narrow(Id id) {
    if (!native_float_ || node(id).aux & ir::fp_standard || ir::aux_lane(node(id).aux) != Lane::f32 || (ir::aux_imm(node(id).aux) & 1)) return false;
    const Reg left = use(node(id).a), right = use(node(id).b), t = temp(true), to = def_apart(id);
    vec1(op::cvtpd2ps, to, left);
    vec1(op::cvtpd2ps, t, right);
    vec(op::punpcklqdq, to, to, t);
    if (!exact_float_) cold_eval({check_lanes(to, false, true, t)}, id, {left, right, no_reg}, to);
    return true;
}

// --- integers --------------------------------------------------------------------------------------------------------------

bool Compiler::vecf_to_int(Id id) {
    bool dbl;
    const u16 aux = ir::vfp_scalar_aux(node(id).aux);
    const Rounding rounding = ir::aux_rounding(aux);
    const int mode = round_immediate(rounding);
    const bool is_signed = node(id).op == Op::vf2s;
    if (!native_lanes(id, dbl) || mode < 0 || ir::aux_arg(aux)) return false;
    if ((dbl || !is_signed) && !host().avx512vl) return false;
    const bool truncates = rounding == Rounding::toward_zero;
    const bool current = rounding == Rounding::dynamic || fp::Round(rounding) == f_->fp.round;
    if (!truncates && !current && !is_signed) return false;
    const Reg from = use(node(id).a), t = temp(true), to = def_apart(id);
    Reg source = from;
    if (!truncates && !current) {
        vec1_imm(dbl ? op::roundpd : op::roundps, to, from, unsigned(mode | no_inexact));
        source = to;
    }
    const bool cut = truncates || source == to;
    const auto d = a.x(to), s = a.x(source);
    if (dbl) {
        if (is_signed) cut ? a.vcvttpd2qq(d, s) : a.vcvtpd2qq(d, s);
        else cut ? a.vcvttpd2uqq(d, s) : a.vcvtpd2uqq(d, s);
    } else if (is_signed) {
        vec1(cut ? op::cvttps2dq : op::cvtps2dq, to, source);
    } else {
        cut ? a.vcvttps2udq(d, s) : a.vcvtps2udq(d, s);
    }
    if (exact_float_ && source != to) return true;
    // What the host gives for all that it cannot convert: the most negative, or the largest number.
    if (is_signed) vec(dbl ? op::pcmpeqq : op::pcmpeqd, t, to, pool(splat(sign_of(dbl), dbl)));
    else vec_ones(t), vec(dbl ? op::pcmpeqq : op::pcmpeqd, t, t, to);
    const Fixup out_of_range = jump_if_any(t);
    if (source == to) vec1_imm(dbl ? op::roundpd : op::roundps, t, from, unsigned(mode)); // raises inexact
    cold_eval({out_of_range}, id, {from, no_reg, no_reg}, to);
    return true;
}

bool Compiler::vecf_from_int(Id id) {
    bool dbl;
    const u16 aux = ir::vfp_scalar_aux(node(id).aux);
    const unsigned fraction = ir::aux_arg(aux);
    const bool is_signed = node(id).op == Op::vs2f;
    if (!native_lanes(id, dbl) || ((dbl || !is_signed) && !host().avx512vl)) return false;
    const Reg from = use(node(id).a), to = def(id);
    const auto d = a.x(to), s = a.x(from);
    if (dbl) is_signed ? a.vcvtqq2pd(d, s) : a.vcvtuqq2pd(d, s);
    else if (is_signed) vec1(op::cvtdq2ps, to, from);
    else a.vcvtudq2ps(d, s);
    if (fraction) {
        const u64 scale = dbl ? u64(1023 - fraction) << 52 : u64(127 - fraction) << 23;
        vec(dbl ? op::mulpd : op::mulps, to, to, pool(splat(scale, dbl)));
    }
    return true;
}

} // namespace emu::jit
