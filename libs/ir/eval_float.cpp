// SPDX-License-Identifier: MIT
// Scalar floating point, through libs/fp with the unit's environment.
#include "fp/fp.h"
#include "ir/eval.h"

namespace emu::ir {

namespace {

template <class F> F read(const V128& v) {
    F f;
    f.bits = decltype(f.bits)(v.lo);
    return f;
}

fp::Round rounding(u16 aux, const fp::Env& env) {
    Rounding r = aux_rounding(aux);
    return r == Rounding::dynamic ? env.round : fp::Round(r);
}

u32 compare_flags(fp::Order order) {
    switch (order) {
    case fp::Order::less: return flag_n;
    case fp::Order::equal: return flag_z | flag_c;
    case fp::Order::greater: return flag_c;
    default: return flag_c | flag_v;
    }
}

u32 compare_eflags(fp::Order order) {
    switch (order) {
    case fp::Order::less: return eflag_fixed | eflag_cf;
    case fp::Order::equal: return eflag_fixed | eflag_zf;
    case fp::Order::greater: return eflag_fixed;
    default: return eflag_fixed | eflag_zf | eflag_pf | eflag_cf;
    }
}

template <class F> bool eval_format(Op op, Type type, u16 aux, const V128* args, fp::Env& env, V128& result) {
    const F a = read<F>(args[0]), b = read<F>(args[1]);
    F r{};
    switch (op) {
    case Op::fadd: r = fp::add(a, b, env); break;
    case Op::fsub: r = fp::sub(a, b, env); break;
    case Op::fmul: r = fp::mul(a, b, env); break;
    case Op::fdiv: r = fp::div(a, b, env); break;
    case Op::fsqrt: r = fp::sqrt(a, env); break;
    case Op::fma: r = fp::fma(a, b, read<F>(args[2]), env); break;
    case Op::fneg: r = fp::neg(a); break;
    case Op::fabs: r = fp::abs(a); break;
    case Op::fmin: r = fp::min(a, b, env); break;
    case Op::fmax: r = fp::max(a, b, env); break;
    case Op::fminnm: r = fp::min_num(a, b, env); break;
    case Op::fmaxnm: r = fp::max_num(a, b, env); break;
    case Op::fmulx: r = fp::mulx(a, b, env); break;
    case Op::frecpe: r = fp::recip_estimate(a, env); break;
    case Op::frsqrte: r = fp::rsqrt_estimate(a, env); break;
    case Op::frecps: r = fp::recip_step(a, b, env); break;
    case Op::frsqrts: r = fp::rsqrt_step(a, b, env); break;
    case Op::frecpx: r = fp::recip_exponent(a, env); break;
    case Op::frint: r = fp::round_to_int(a, rounding(aux, env), aux_arg(aux) & 1, env); break;
    case Op::frintw: r = round_sized(a, aux, rounding(aux, env), env); break;
    case Op::fcmp: result = {compare_flags(fp::compare(a, b, aux & 1, env)), 0}; return true;
    case Op::eflags_comis: result = {compare_eflags(fp::compare(a, b, aux & 1, env)), 0}; return true;
    case Op::fbits: result = {a.bits, 0}; return true;
    case Op::f2s:
        result = {type == Type::i64 ? u64(fp::to_int<s64>(a, rounding(aux, env), aux_arg(aux), env))
                                    : u32(fp::to_int<s32>(a, rounding(aux, env), aux_arg(aux), env)), 0};
        return true;
    case Op::f2u:
        result = {type == Type::i64 ? fp::to_int<u64>(a, rounding(aux, env), aux_arg(aux), env)
                                    : fp::to_int<u32>(a, rounding(aux, env), aux_arg(aux), env), 0};
        return true;
    case Op::fcvt:
        if (type == Type::f64) result = {fp::convert<fp::F64>(a, env).bits, 0};
        else if (type == Type::f32) result = {fp::convert<fp::F32>(a, env).bits, 0};
        else result = {fp::convert<fp::F16>(a, env).bits, 0};
        return true;
    case Op::fjcvt:
        if constexpr (std::is_same_v<F, fp::F64>) {
            fp::JsInt js = fp::to_int_js(a, env);
            result = {js.value | u64(js.exact) << 32, 0};
            return true;
        }
        return false;
    default: return false;
    }
    result = {r.bits, 0};
    return true;
}

/// Ops whose result is a float and whose operand is an integer.
template <class F> void from_integer(Op op, u16 aux, Type arg_type, u64 a, fp::Env& env, V128& result) {
    unsigned fraction = aux_arg(aux);
    F r{};
    if (op == Op::bitsf) r.bits = decltype(r.bits)(a);
    else if (op == Op::s2f)
        r = arg_type == Type::i64 ? fp::from_int<F>(s64(a), fraction, env) : fp::from_int<F>(s32(u32(a)), fraction, env);
    else r = arg_type == Type::i64 ? fp::from_int<F>(a, fraction, env) : fp::from_int<F>(u32(a), fraction, env);
    result = {r.bits, 0};
}

} // namespace

bool eval_float(Op op, Type type, u16 aux, Type arg_type, const V128* args, fp::Env& env, V128& result) {
    if (op == Op::bitsf || op == Op::s2f || op == Op::u2f) {
        if (type == Type::f64) from_integer<fp::F64>(op, aux, arg_type, args[0].lo, env, result);
        else if (type == Type::f32) from_integer<fp::F32>(op, aux, arg_type, args[0].lo, env, result);
        else from_integer<fp::F16>(op, aux, arg_type, args[0].lo, env, result);
        return true;
    }
    switch (arg_type) {
    case Type::f64: return eval_format<fp::F64>(op, type, aux, args, env, result);
    case Type::f32: return eval_format<fp::F32>(op, type, aux, args, env, result);
    case Type::f16: return eval_format<fp::F16>(op, type, aux, args, env, result);
    default: return false;
    }
}

} // namespace emu::ir
