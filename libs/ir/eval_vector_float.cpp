// SPDX-License-Identifier: MIT
// Lane-wise floating point: the scalar functions of libs/fp over the lanes.
#include "fp/fp.h"
#include "ir/eval.h"

namespace emu::ir {

namespace {

template <class F> struct Bits;
template <> struct Bits<fp::F16> { using U = u16; using S = s16; };
template <> struct Bits<fp::F32> { using U = u32; using S = s32; };
template <> struct Bits<fp::F64> { using U = u64; using S = s64; };

template <class F> F lane(const V128& v, unsigned i) { return F{v.lane<typename Bits<F>::U>(i)}; }

fp::Round lane_rounding(u16 aux, const fp::Env& env) {
    Rounding r = aux_rounding(vfp_scalar_aux(aux));
    return r == Rounding::dynamic ? env.round : fp::Round(r);
}

/// FCADD (Arm ARM C7.2): pairs of lanes are complex numbers, b rotated by 90 or 270 degrees.
template <class F> V128 complex_add(const V128& a, const V128& b, bool rot270, fp::Env& env) {
    V128 r;
    for (unsigned i = 0; i < 16 / sizeof(F); i += 2) {
        F re = lane<F>(b, i + 1), im = lane<F>(b, i);
        if (rot270) im = fp::neg(im);
        else re = fp::neg(re);
        r.set_lane(i, fp::add(lane<F>(a, i), re, env));
        r.set_lane(i + 1, fp::add(lane<F>(a, i + 1), im, env));
    }
    return r;
}

/// FCMLA: c + one half of the product a * b, chosen by the rotation (0, 90, 180, 270 degrees).
template <class F> V128 complex_mla(const V128& a, const V128& b, const V128& c, unsigned rotation, fp::Env& env) {
    V128 r;
    for (unsigned i = 0; i < 16 / sizeof(F); i += 2) {
        F a0 = lane<F>(a, i), a1 = lane<F>(a, i + 1), b0 = lane<F>(b, i), b1 = lane<F>(b, i + 1);
        F x, y, p;
        switch (rotation) {
        case 0: p = a0, x = b0, y = b1; break;
        case 1: p = a1, x = fp::neg(b1), y = b0; break;
        case 2: p = a0, x = fp::neg(b0), y = fp::neg(b1); break;
        default: p = a1, x = b1, y = fp::neg(b0); break;
        }
        r.set_lane(i, fp::fma(p, x, lane<F>(c, i), env));
        r.set_lane(i + 1, fp::fma(p, y, lane<F>(c, i + 1), env));
    }
    return r;
}

template <class F> bool eval_lanes(Op op, u16 aux, const V128* args, fp::Env& env, V128& result) {
    using U = typename Bits<F>::U;
    using S = typename Bits<F>::S;
    if (op == Op::vfcadd) return result = complex_add<F>(args[0], args[1], aux_imm(aux) & 1, env), true;
    if (op == Op::vfcmla) return result = complex_mla<F>(args[0], args[1], args[2], aux_imm(aux) & 3, env), true;
    const unsigned fraction = aux_arg(vfp_scalar_aux(aux));
    for (unsigned i = 0; i < 16 / sizeof(F); i++) {
        const F a = lane<F>(args[0], i), b = lane<F>(args[1], i);
        U r = 0;
        switch (op) {
        case Op::vfadd: r = fp::add(a, b, env).bits; break;
        case Op::vfsub: r = fp::sub(a, b, env).bits; break;
        case Op::vfmul: r = fp::mul(a, b, env).bits; break;
        case Op::vfdiv: r = fp::div(a, b, env).bits; break;
        case Op::vfsqrt: r = fp::sqrt(a, env).bits; break;
        case Op::vfma: r = fp::fma(a, b, lane<F>(args[2], i), env).bits; break;
        case Op::vfneg: r = fp::neg(a).bits; break;
        case Op::vfabs: r = fp::abs(a).bits; break;
        case Op::vfmin: r = fp::min(a, b, env).bits; break;
        case Op::vfmax: r = fp::max(a, b, env).bits; break;
        case Op::vfminnm: r = fp::min_num(a, b, env).bits; break;
        case Op::vfmaxnm: r = fp::max_num(a, b, env).bits; break;
        case Op::vfmulx: r = fp::mulx(a, b, env).bits; break;
        case Op::vfrecpe: r = fp::recip_estimate(a, env).bits; break;
        case Op::vfrsqrte: r = fp::rsqrt_estimate(a, env).bits; break;
        case Op::vfrecps: r = fp::recip_step(a, b, env).bits; break;
        case Op::vfrsqrts: r = fp::rsqrt_step(a, b, env).bits; break;
        case Op::vfceq: r = fp::compare(a, b, false, env) == fp::Order::equal ? U(~U(0)) : U(0); break;
        case Op::vfcgt: r = fp::compare(a, b, true, env) == fp::Order::greater ? U(~U(0)) : U(0); break;
        case Op::vfcge: {
            fp::Order order = fp::compare(a, b, true, env);
            r = order == fp::Order::greater || order == fp::Order::equal ? U(~U(0)) : U(0);
            break;
        }
        case Op::vfrint: r = fp::round_to_int(a, lane_rounding(aux, env), fraction & 1, env).bits; break;
        case Op::vfrintw: r = round_sized(a, vfp_scalar_aux(aux), lane_rounding(aux, env), env).bits; break;
        case Op::vf2s: r = U(fp::to_int<S>(a, lane_rounding(aux, env), fraction, env)); break;
        case Op::vf2u: r = fp::to_int<U>(a, lane_rounding(aux, env), fraction, env); break;
        case Op::vs2f: r = fp::from_int<F>(S(a.bits), fraction, env).bits; break;
        case Op::vu2f: r = fp::from_int<F>(U(a.bits), fraction, env).bits; break;
        default: return false;
        }
        result.set_lane(i, r);
    }
    return true;
}

template <class From, class To> V128 widen(const V128& a, bool high, fp::Env& env) {
    V128 r;
    constexpr unsigned count = 16 / sizeof(To);
    for (unsigned i = 0; i < count; i++) r.set_lane(i, fp::convert<To>(lane<From>(a, i + high * count), env));
    return r;
}

template <class From, class To> V128 narrow(const V128& a, const V128& b, bool to_odd, fp::Env& env) {
    V128 r;
    constexpr unsigned count = 16 / sizeof(From);
    const fp::Round saved = env.round;
    if (to_odd) env.round = fp::Round::to_odd;
    for (unsigned i = 0; i < count; i++) {
        r.set_lane(i, fp::convert<To>(lane<From>(a, i), env));
        r.set_lane(i + count, fp::convert<To>(lane<From>(b, i), env));
    }
    env.round = saved;
    return r;
}

// --- f16 and bf16 products added to f32 lanes

V128 half_products(const V128* args, bool high, fp::Env& env) {
    V128 r;
    for (unsigned i = 0; i < 4; i++)
        r.set_lane(i, fp::fma_widening(lane<fp::F16>(args[0], i + 4 * high), lane<fp::F16>(args[1], i + 4 * high),
                                       lane<fp::F32>(args[2], i), env));
    return r;
}

/// BFDotAdd (Arm ARM): sums of products rounded to odd at each step, denormals flushed, overflow to infinity, no flags.
class BfloatDot {
public:
    explicit BfloatDot(const fp::Env& env) : env_{env.rules, fp::Round::to_odd, true, true, true} {}

    fp::F32 add_pair(fp::F32 sum, const V128& a, unsigned i, const V128& b, unsigned j) {
        fp::F32 even = product(a, i, b, j), odd = product(a, i + 1, b, j + 1);
        env_.flags = 0;
        fp::F32 both = rounded(fp::add(even, odd, env_));
        return rounded(fp::add(sum, both, env_));
    }

private:
    static fp::F32 widened(const V128& v, unsigned i) { return {u32(v.lane<u16>(i)) << 16}; }
    fp::F32 product(const V128& a, unsigned i, const V128& b, unsigned j) {
        return rounded(fp::mul(widened(a, i), widened(b, j), env_));
    }
    /// Rounding to odd never reaches infinity by itself.
    fp::F32 rounded(fp::F32 x) {
        if (env_.flags & fp::overflow) x = fp::infinity<fp::F32>(fp::is_negative(x));
        env_.flags = 0;
        return x;
    }
    fp::Env env_;
};

V128 bfloat_products(const V128* args, bool matrix, const fp::Env& env) {
    BfloatDot dot(env);
    V128 r;
    for (unsigned i = 0; i < 4; i++) {
        fp::F32 sum = lane<fp::F32>(args[2], i);
        if (!matrix) sum = dot.add_pair(sum, args[0], 2 * i, args[1], 2 * i);
        else
            for (unsigned k = 0; k < 4; k += 2) sum = dot.add_pair(sum, args[0], 4 * (i / 2) + k, args[1], 4 * (i % 2) + k);
        r.set_lane(i, sum);
    }
    return r;
}

V128 to_bfloat(const V128& a, fp::Env& env) {
    V128 r;
    for (unsigned i = 0; i < 4; i++) r.set_lane(i, fp::convert<fp::BF16>(lane<fp::F32>(a, i), env));
    return r;
}

} // namespace

bool eval_vector_float(Op op, u16 aux, const V128* args, fp::Env& env, V128& result) {
    const Lane lane = aux_lane(aux);
    if (op == Op::vfwiden) {
        bool high = aux_imm(aux) & 1;
        result = lane == Lane::f16 ? widen<fp::F16, fp::F32>(args[0], high, env) : widen<fp::F32, fp::F64>(args[0], high, env);
        return true;
    }
    if (op == Op::vfnarrow) {
        bool odd = aux_imm(aux) & 1;
        result = lane == Lane::f16 ? narrow<fp::F32, fp::F16>(args[0], args[1], odd, env)
                                   : narrow<fp::F64, fp::F32>(args[0], args[1], odd, env);
        return true;
    }
    if (op == Op::vfmlal) return result = half_products(args, aux_imm(aux) & 1, env), true;
    if (op == Op::vbfcvt) return result = to_bfloat(args[0], env), true;
    if (op == Op::vbfdot) return result = bfloat_products(args, aux_imm(aux) & 1, env), true;
    switch (lane) {
    case Lane::f16: return eval_lanes<fp::F16>(op, aux, args, env, result);
    case Lane::f32: return eval_lanes<fp::F32>(op, aux, args, env, result);
    case Lane::f64: return eval_lanes<fp::F64>(op, aux, args, env, result);
    default: return false;
    }
}

} // namespace emu::ir
