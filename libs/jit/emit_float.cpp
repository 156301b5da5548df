// SPDX-License-Identifier: MIT
// Scalar floating point on the host's FPU. MXCSR holds the guest's rounding mode and collects the sticky flags; what the host does
// differently is found by a compare of the result and done again by ir::eval, out of line:
// - NaN results, whose payload and sign the guest's rules choose;
// - results that are exactly the smallest normal number, which the guest may call tiny before rounding.
// One jump may do for several results: emit_float_checks.cpp.
// In both cases the flags that the host raised are some of those that the evaluation raises. Nothing is checked for x86 guests.
#include "jit/compiler.h"

#include "common/bits.h"

namespace emu::jit {

using ir::Op;
using ir::Rounding;
using ir::Type;

namespace {

constexpr u64 sign_bit(Type t) { return t == Type::f64 ? u64(1) << 63 : t == Type::f32 ? u64(1) << 31 : u64(1) << 15; }
constexpr u64 smallest_normal(Type t) { return t == Type::f64 ? u64(1) << 52 : u64(1) << 23; }
/// 2^exponent.
constexpr u64 power_of_two(Type t, int exponent) { return t == Type::f64 ? u64(1023 + exponent) << 52 : u64(127 + exponent) << 23; }

/// Rounding field of ROUNDSD; MXCSR's mode for dynamic.
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

bool Compiler::native_float(Type type) const { return native_float_ && (type == Type::f32 || type == Type::f64); }

bool Compiler::zero_above(Id id, Type type) const {
    const ir::Node& n = node(id);
    if (n.op == Op::imm) return n.type == type;
    if (n.op == Op::vload) return 8u << ir::MemFlags::unpack(n.aux).size_log2 <= ir::bit_width(type);
    if (n.op == Op::vzext) return ir::bit_width(operand_type(id, 0)) <= ir::bit_width(type);
    return n.type == type && value(id).zero_above;
}

/// The op again by ir::eval, from operands that are still in the given registers.
void Compiler::cold_eval(std::initializer_list<Fixup> at, Id id, std::array<Reg, 3> operands, Reg to) {
    const ir::Node n = f_->nodes[id];
    std::array<Type, 3> types{};
    for (unsigned k = 0; k < 3; k++)
        if (ir::is_operand(n.op, k)) types[k] = operand_type(id, k);
    const Type argument = arg_type(id);
    cold(at, [this, n, types, argument, operands, to] {
        for (unsigned k = 0; k < 3; k++)
            if (ir::is_operand(n.op, k)) scratch_from(k, types[k], operands[k]);
        emit_eval_call(n, argument);
        load_scratch(to, n.type);
    });
}

/// Jump away if the result is a NaN, or (`tiny`) may have been rounded up to the smallest normal number.
Fixup Compiler::check_result(Reg to, Type type, bool tiny) {
    const bool dbl = type == Type::f64;
    if (!tiny || !f_->fp.rules->tininess_before_rounding) {
        compare_floats(to, to, dbl, false);
        return a.jcc_forward(cc_p);
    }
    const Reg t = temp(true);
    const Xbyak::Address mask = constant_address({~sign_bit(type) & ones(ir::bit_width(type)), 0});
    const Xbyak::Address smallest = constant_address({smallest_normal(type), 0});
    if (avx()) {
        a.vandps(a.x(t), a.x(to), mask);
        dbl ? a.vucomisd(a.x(t), smallest) : a.vucomiss(a.x(t), smallest);
    } else {
        a.movaps(a.x(t), a.x(to));
        a.andps(a.x(t), mask);
        dbl ? a.ucomisd(a.x(t), smallest) : a.ucomiss(a.x(t), smallest);
    }
    return a.jcc_forward(cc_e); // also if unordered
}

/// The register of a result that is checked, with its operands at hand for the case that it is odd; or that need not be.
Reg Compiler::def_float(Id id, bool joins) { return joins || (exact_float_ && avx()) ? def(id, any_bank) : def_apart(id, any_bank); }

bool Compiler::float_binary(Id id) {
    const Op op = node(id).op;
    const Type type = f_->nodes[id].type;
    if (!native_float(type)) return false;
    const bool dbl = type == Type::f64;
    Id left_id = node(id).a, right_id = node(id).b;
    const bool joins = begin_float(id);
    const Reg first = use_any(left_id), second = use_any(right_id);
    Reg left = first, right = second;
    // The upper part of the result is the left operand's: prefer zeros.
    if (!exact_float_ && (op == Op::fadd || op == Op::fmul) && !zero_above(left_id, type) && zero_above(right_id, type)) std::swap(left, right), std::swap(left_id, right_id);
    const bool clean = zero_above(left_id, type);
    const Reg to = def_float(id, joins);
    const auto d = a.x(to), l = a.x(left), r = a.x(right);
    if (avx()) {
        switch (op) {
        case Op::fadd: dbl ? a.vaddsd(d, l, r) : a.vaddss(d, l, r); break;
        case Op::fsub: dbl ? a.vsubsd(d, l, r) : a.vsubss(d, l, r); break;
        case Op::fmul: dbl ? a.vmulsd(d, l, r) : a.vmulss(d, l, r); break;
        default: dbl ? a.vdivsd(d, l, r) : a.vdivss(d, l, r); break;
        }
    } else {
        a.movaps(d, l);
        switch (op) {
        case Op::fadd: dbl ? a.addsd(d, r) : a.addss(d, r); break;
        case Op::fsub: dbl ? a.subsd(d, r) : a.subss(d, r); break;
        case Op::fmul: dbl ? a.mulsd(d, r) : a.mulss(d, r); break;
        default: dbl ? a.divsd(d, r) : a.divss(d, r); break;
        }
    }
    value(id).zero_above = clean;
    finish_float(id, joins, {first, second, no_reg}, to);
    return true;
}

bool Compiler::float_sqrt(Id id) {
    const Type type = f_->nodes[id].type;
    if (!native_float(type)) return false;
    const bool dbl = type == Type::f64;
    const bool clean = zero_above(node(id).a, type), joins = begin_float(id);
    const Reg from = use_any(node(id).a), to = def_float(id, joins);
    if (avx()) dbl ? a.vsqrtsd(a.x(to), a.x(from), a.x(from)) : a.vsqrtss(a.x(to), a.x(from), a.x(from));
    else a.movaps(a.x(to), a.x(from)), dbl ? a.sqrtsd(a.x(to), a.x(from)) : a.sqrtss(a.x(to), a.x(from));
    value(id).zero_above = clean;
    finish_float(id, joins, {from, no_reg, no_reg}, to);
    return true;
}

bool Compiler::float_fma(Id id) {
    const Type type = node(id).type;
    if (!native_float(type) || !host().fma) return false;
    const bool joins = begin_float(id);
    const Reg x = use_any(node(id).a), y = use_any(node(id).b), z = use_any(node(id).c);
    const bool clean[] = {zero_above(node(id).a, type), zero_above(node(id).b, type), zero_above(node(id).c, type)};
    const Reg to = exact_float_ ? def(id, any_bank) : def_apart(id, any_bank);
    value(id).zero_above = clean[multiply_add(type == Type::f64 ? op::vfmadd231sd : op::vfmadd231ss, to, x, y, z)];
    finish_float(id, joins, {x, y, z}, to);
    return true;
}

/// to = x * y + z; `to` may be one of them. NaNs are looked for in this order, whatever the form (SDM volume 1, 14.5.2). Returns which
/// operand is overwritten, as what is above the result is its.
unsigned Compiler::multiply_add(VecOp vfmadd231, Reg to, Reg x, Reg y, Reg z) {
    if (to == x) return a.vex_or_evex(op::fma132(vfmadd231), to, z, y), 0;
    if (to == y) return a.vex_or_evex(op::fma213(vfmadd231), to, x, z), 1;
    move(to, z);
    a.vex_or_evex(vfmadd231, to, x, y);
    return 2;
}

/// neg and abs: bits only.
bool Compiler::float_sign(Id id) {
    const Type type = node(id).type;
    const bool negate = node(id).op == Op::fneg;
    const bool clean = !negate || zero_above(node(id).a, type);
    const u64 sign = sign_bit(type);
    const Xbyak::Address mask = constant_address({negate ? sign : ~sign & ones(ir::bit_width(type)), 0});
    const Reg from = use_any(node(id).a), to = def(id, any_bank);
    if (avx()) {
        negate ? a.vxorps(a.x(to), a.x(from), mask) : a.vandps(a.x(to), a.x(from), mask);
    } else {
        move(to, from);
        negate ? a.xorps(a.x(to), mask) : a.andps(a.x(to), mask);
    }
    value(id).zero_above = clean;
    return true;
}

/// Both orders of the host's minimum, which only differ for zeros of different sign: or'ed, the negative one wins, and'ed the
/// positive one. The host's calls every NaN invalid, so those are sorted out before.
bool Compiler::float_min_max(Id id) {
    const Op op = node(id).op;
    const Type type = node(id).type;
    if (!native_float(type)) return false;
    const bool dbl = type == Type::f64, minimum = op == Op::fmin || op == Op::fminnm;
    const bool clean = zero_above(node(id).a, type) && zero_above(node(id).b, type);
    const Reg left = use(node(id).a), right = use(node(id).b);
    const Reg t = temp(true), to = def_apart(id);
    compare_floats(left, right, dbl, false);
    const Fixup nan = a.jcc_forward(cc_p);
    const auto d = a.x(to), u = a.x(t), l = a.x(left), r = a.x(right);
    if (avx()) {
        if (minimum) {
            dbl ? a.vminsd(d, l, r) : a.vminss(d, l, r);
            dbl ? a.vminsd(u, r, l) : a.vminss(u, r, l);
            a.vorps(d, d, u);
        } else {
            dbl ? a.vmaxsd(d, l, r) : a.vmaxss(d, l, r);
            dbl ? a.vmaxsd(u, r, l) : a.vmaxss(u, r, l);
            a.vandps(d, d, u);
        }
        value(id).zero_above = clean;
    } else {
        a.movaps(d, l);
        a.movaps(u, r);
        if (minimum) {
            dbl ? a.minsd(d, r) : a.minss(d, r);
            dbl ? a.minsd(u, l) : a.minss(u, l);
            a.orps(d, u);
        } else {
            dbl ? a.maxsd(d, r) : a.maxss(d, r);
            dbl ? a.maxsd(u, l) : a.maxss(u, l);
            a.andps(d, u);
        }
    }
    cold_eval({nan}, id, {left, right, no_reg}, to);
    return true;
}

void Compiler::round_float(Reg to, Reg from, bool dbl, int immediate) {
    if (avx()) dbl ? a.vroundsd(a.x(to), a.x(from), a.x(from), u8(immediate)) : a.vroundss(a.x(to), a.x(from), a.x(from), u8(immediate));
    else dbl ? a.roundsd(a.x(to), a.x(from), immediate) : a.roundss(a.x(to), a.x(from), immediate);
}

bool Compiler::float_round(Id id) {
    const Type type = node(id).type;
    const int mode = round_immediate(ir::aux_rounding(node(id).aux));
    if (!native_float(type) || mode < 0) return false;
    const bool exact = ir::aux_arg(node(id).aux) & 1, clean = avx() && zero_above(node(id).a, type);
    const Reg from = use(node(id).a), to = def_apart(id);
    if (!avx()) a.movaps(a.x(to), a.x(from)); // no dependency on what was there
    round_float(to, from, type == Type::f64, mode | (exact ? 0 : no_inexact));
    value(id).zero_above = clean;
    if (!exact_float_) cold_eval({check_result(to, type, false)}, id, {from, no_reg, no_reg}, to);
    return true;
}

bool Compiler::float_convert(Id id) {
    const Type from_type = operand_type(id, 0), type = f_->nodes[id].type;
    if (!native_float(type)) return false;
    if (from_type == Type::f16) {
        if (!host().f16c || f_->fp.alt_half || f_->fp.flush_inputs_f16) return false;
        const Reg from = use(node(id).a), t = temp(), to = def_apart(id);
        a.vpextrw(a.d(t), a.x(from), 0);
        a.vmovd(a.x(to), a.d(t));
        a.vcvtph2ps(a.x(to), a.x(to));
        if (type == Type::f64) a.vcvtss2sd(a.x(to), a.x(to), a.x(to));
        if (!exact_float_) cold_eval({check_result(to, type, false)}, id, {from, no_reg, no_reg}, to);
        return true;
    }
    const Reg from = use_any(node(id).a), to = def_apart(id, any_bank);
    if (type == Type::f64) avx() ? a.vcvtss2sd(a.x(to), a.x(from), a.x(from)) : a.cvtss2sd(a.x(to), a.x(from));
    else avx() ? a.vcvtsd2ss(a.x(to), a.x(from), a.x(from)) : a.cvtsd2ss(a.x(to), a.x(from));
    if (!exact_float_) cold_eval({check_result(to, type, type == Type::f32)}, id, {from, no_reg, no_reg}, to);
    return true;
}

// --- integers --------------------------------------------------------------------------------------------------------------

bool Compiler::float_to_signed(Id id) {
    const Type type = operand_type(id, 0);
    const Rounding rounding = ir::aux_rounding(node(id).aux);
    const int mode = round_immediate(rounding);
    if (!native_float(type) || mode < 0 || ir::aux_arg(node(id).aux)) return false;
    const bool dbl = type == Type::f64, w = wide(id);
    const bool truncates = rounding == Rounding::toward_zero;
    const bool current = rounding == Rounding::dynamic || fp::Round(rounding) == f_->fp.round;
    const Reg from = use(node(id).a);
    const Reg t = !truncates && !current ? temp(true) : Reg(no_reg);
    const Reg to = def_apart(id);
    auto to_register = [&](const auto& d, const Xbyak::Xmm& x, bool trunc) {
        if (avx()) {
            if (trunc) dbl ? a.vcvttsd2si(d, x) : a.vcvttss2si(d, x);
            else dbl ? a.vcvtsd2si(d, x) : a.vcvtss2si(d, x);
        } else {
            if (trunc) dbl ? a.cvttsd2si(d, x) : a.cvttss2si(d, x);
            else dbl ? a.cvtsd2si(d, x) : a.cvtss2si(d, x);
        }
    };
    auto convert = [&](Reg x, bool trunc) { w ? to_register(a.q(to), a.x(x), trunc) : to_register(a.d(to), a.x(x), trunc); };
    if (t == no_reg) {
        convert(from, truncates);
    } else {
        if (!avx()) a.movaps(a.x(t), a.x(from));
        round_float(t, from, dbl, mode | no_inexact);
        convert(t, true);
    }
    if (exact_float_ && t == no_reg) return true;
    a.cmp(a.i(to, w), 1);
    const Fixup out_of_range = a.jcc_forward(cc_o); // the most negative number: what the host says for all it cannot convert
    if (t != no_reg) round_float(t, from, dbl, mode); // raises inexact, now that it was in range
    cold_eval({out_of_range}, id, {from, no_reg, no_reg}, to);
    return true;
}

bool Compiler::float_to_unsigned(Id id) {
    const Type type = operand_type(id, 0);
    const Rounding rounding = ir::aux_rounding(node(id).aux);
    if (!native_float(type) || rounding != Rounding::toward_zero || ir::aux_arg(node(id).aux)) return false;
    const bool dbl = type == Type::f64, w = wide(id);
    const Reg from = use(node(id).a);
    const Reg to = def_apart(id);
    if (host().avx512vl) {
        const Xbyak::Reg32e e(to, w ? 64 : 32);
        dbl ? a.vcvttsd2usi(e, a.x(from)) : a.vcvttss2usi(e, a.x(from));
        a.cmp(a.i(to, w), u32(-1));
        cold_eval({a.jcc_forward(cc_e)}, id, {from, no_reg, no_reg}, to);
        return true;
    }
    // -1 < x < 2^32 or 2^63 fits a signed conversion to 64 bits.
    const Xbyak::Address low = constant_address({power_of_two(type, 0) | sign_bit(type), 0}), high = constant_address({power_of_two(type, w ? 63 : 32), 0});
    const auto x = a.x(from);
    dbl ? a.ucomisd(x, low) : a.ucomiss(x, low);
    const Fixup below = a.jcc_forward(cc_be);
    dbl ? a.ucomisd(x, high) : a.ucomiss(x, high);
    const Fixup above = a.jcc_forward(cc_ae);
    dbl ? a.cvttsd2si(a.q(to), x) : a.cvttss2si(a.q(to), x);
    cold_eval({below, above}, id, {from, no_reg, no_reg}, to);
    return true;
}

bool Compiler::float_from_integer(Id id) {
    const Type type = node(id).type;
    if (!native_float(type)) return false;
    const bool dbl = type == Type::f64, from_wide = operand_type(id, 0) == Type::i64, is_signed = node(id).op == Op::s2f;
    const unsigned fraction = ir::aux_arg(node(id).aux);
    // Unsigned 32-bit numbers are zero-extended: positive 64-bit ones.
    const bool as_wide = from_wide || !is_signed;
    const Reg from = is_signed ? low(id, 0) : use(node(id).a);
    const bool split = !is_signed && from_wide && !host().avx512vl;
    const Reg to = def_apart(id, any_bank);
    const auto x = a.x(to);
    Fixup large = 0;
    if (split) {
        a.test(a.q(from), a.q(from));
        large = a.jcc_forward(cc_s);
    }
    if (avx()) {
        a.vxorps(x, x, x);
        const Xbyak::Reg32e e(from, as_wide ? 64 : 32);
        if (!is_signed && from_wide && host().avx512vl) dbl ? a.vcvtusi2sd(x, x, e) : a.vcvtusi2ss(x, x, e);
        else dbl ? a.vcvtsi2sd(x, x, e) : a.vcvtsi2ss(x, x, e);
    } else {
        a.xorps(x, x);
        dbl ? a.cvtsi2sd(x, a.i(from, as_wide)) : a.cvtsi2ss(x, a.i(from, as_wide));
    }
    if (fraction) { // scaling down is exact: nothing gets near the smallest normal number
        const Xbyak::Address scale = constant_address({power_of_two(type, -int(fraction)), 0});
        if (avx()) dbl ? a.vmulsd(x, x, scale) : a.vmulss(x, x, scale);
        else dbl ? a.mulsd(x, scale) : a.mulss(x, scale);
    }
    value(id).zero_above = true;
    if (split) cold_eval({large}, id, {from, no_reg, no_reg}, to);
    return true;
}

// --- bits ------------------------------------------------------------------------------------------------------------------

bool Compiler::float_bits(Id id) {
    const Type type = operand_type(id, 0);
    const Reg from = use_any(node(id).a), to = def(id);
    const auto x = a.x(from);
    if (type == Type::f64) avx() ? a.vmovq(a.q(to), x) : a.movq(a.q(to), x);
    else if (type == Type::f32) avx() ? a.vmovd(a.d(to), x) : a.movd(a.d(to), x);
    else avx() ? a.vpextrw(a.d(to), x, 0) : a.pextrw(a.d(to), x, 0);
    return true;
}

bool Compiler::bits_float(Id id) {
    const Type type = node(id).type;
    const Reg from = low(id, 0), to = def(id, any_bank);
    if (type == Type::f64) avx() ? a.vmovq(a.x(to), a.q(from)) : a.movq(a.x(to), a.q(from));
    else avx() ? a.vmovd(a.x(to), a.d(from)) : a.movd(a.x(to), a.d(from));
    value(id).zero_above = type != Type::f16;
    return true;
}

} // namespace emu::jit
