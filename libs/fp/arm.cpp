// SPDX-License-Identifier: MIT
// The operations only Arm defines (Arm ARM, shared/functions/float: FPMulX, FPRecipEstimate, FPRSqrtEstimate,
// FPRecipStepFused, FPRSqrtStepFused, FPRecpX, UnsignedRecipEstimate, UnsignedRSqrtEstimate, FPToFixedJS).
#include "fp/core.h"

namespace emu::fp {
namespace {

/// For a in [256, 511], standing for [1/2, 1): nine bits of 1/a, again 256 to 511.
u32 estimate_reciprocal(u32 a) {
    a = a * 2 + 1; // the middle of the interval
    return ((1u << 19) / a + 1) / 2;
}

/// For a in [128, 511], standing for [1/4, 1): nine bits of 1/sqrt(a).
u32 estimate_reciprocal_root(u32 a) {
    // The middle of the interval; the upper half's intervals are twice as wide.
    a = a < 256 ? a * 2 + 1 : (a | 1) * 2;
    u32 b = 512;
    while (u64(a) * (b + 1) * (b + 1) < (u64(1) << 28)) b++;
    return (b + 1) / 2;
}

template <class F> bool is_inf_times_zero(const NumberOf<F>& x, const NumberOf<F>& y) {
    return (x.is_inf() && y.is_zero()) || (x.is_zero() && y.is_inf());
}
/// 2^exponent * (1 + half), e.g. 2 or 1.5.
template <class F> F small_constant(bool sign, int exponent, bool half) {
    using T = Format<F>;
    return join<F>(sign, T::bias + exponent, half ? T::signaling_bit : 0);
}

} // namespace

template <class F> F mulx(F a, F b, Env& env) {
    auto x = unpack(a, env), y = unpack(b, env);
    if (is_inf_times_zero<F>(x, y)) return small_constant<F>(x.sign != y.sign, 1, false);
    return mul(a, b, env);
}

template <class F> F recip_step(F a, F b, Env& env) {
    auto x = unpack(a, env), y = unpack(b, env);
    F two = small_constant<F>(false, 1, false);
    return is_inf_times_zero<F>(x, y) ? two : fma(neg(a), b, two, env);
}

template <class F> F rsqrt_step(F a, F b, Env& env) {
    auto x = unpack(a, env), y = unpack(b, env);
    if (is_inf_times_zero<F>(x, y)) return small_constant<F>(false, 0, true);
    return fma_scaled(neg(a), b, small_constant<F>(false, 1, true), 1, env);
}

template <class F> F recip_estimate(F a, Env& env) {
    using T = Format<F>;
    using S = typename T::Sig;
    auto x = unpack(a, env);
    if (x.is_nan()) return nan_result(a, x.kind, env);
    if (x.is_inf()) return make_zero<F>(x.sign);
    if (x.is_zero()) {
        raise(env, divide_by_zero);
        return make_inf<F>(x.sign);
    }
    int biased = x.exponent + T::bias;
    if (biased < -1) return overflow_result<F>(x.sign, env.round, env);
    int result = 2 * T::bias - 1 - biased;
    if (result <= 0 && flushes_outputs<F>(env)) {
        raise(env, env.rules->flush_output_flags);
        return make_zero<F>(x.sign);
    }
    u32 estimate = estimate_reciprocal(u32(x.sig >> (top_of<S> - 8)));
    S sig = S(estimate) << (T::fraction_bits - 8); // leading one included
    if (result > 0) return join<F>(x.sign, result, sig);
    return join<F>(x.sign, 0, sig >> (1 - result));
}

template <class F> F rsqrt_estimate(F a, Env& env) {
    using T = Format<F>;
    using S = typename T::Sig;
    auto x = unpack(a, env);
    if (x.is_nan()) return nan_result(a, x.kind, env);
    if (x.is_zero()) {
        raise(env, divide_by_zero);
        return make_inf<F>(x.sign);
    }
    if (x.sign) return invalid_result<F>(env, cause_sqrt);
    if (x.is_inf()) return make_zero<F>(false);
    int biased = x.exponent + T::bias;
    // An even biased exponent is an odd power of two: the significand stands for [1/2, 1), else for [1/4, 1/2).
    u32 estimate = estimate_reciprocal_root(u32(x.sig >> (top_of<S> - ((biased & 1) ? 7 : 8))));
    return join<F>(false, (3 * T::bias - 1 - biased) / 2, S(estimate & 0xff) << (T::fraction_bits - 8));
}

template <class F> F recip_exponent(F a, Env& env) {
    using T = Format<F>;
    auto x = unpack(a, env);
    if (x.is_nan()) return nan_result(a, x.kind, env);
    auto f = split(a);
    return join<F>(f.sign, f.exponent ? ~f.exponent & T::exponent_max : T::exponent_max - 1, 0);
}

namespace {
/// Exact; a NaN stays of its kind, its fraction counted from the top.
F32 widened(F16 a, Env& env) {
    auto x = unpack(a, env);
    if (x.is_nan()) return join<F32>(x.sign, Format<F32>::exponent_max, split(a).fraction << 13);
    if (x.is_inf()) return make_inf<F32>(x.sign);
    return round_pack<F32>(x, env);
}
} // namespace

F32 fma_widening(F16 a, F16 b, F32 c, Env& env) {
    // Flushing of the addend goes by the single-precision control, of the others by the half-precision one.
    F32 x = widened(a, env), y = widened(b, env);
    return fma(x, y, c, env);
}

u32 recip_estimate_u32(u32 a) { return a >> 31 ? estimate_reciprocal(a >> 23) << 23 : ~0u; }
u32 rsqrt_estimate_u32(u32 a) { return a >> 30 ? estimate_reciprocal_root(a >> 23) << 23 : ~0u; }

JsInt to_int_js(F64 a, Env& env) {
    auto x = unpack(a, env);
    if (x.is_nan() || x.is_inf()) {
        raise_invalid(env, cause_to_int);
        return {0, false};
    }
    if (x.is_zero()) return {0, a.bits == 0}; // neither -0 nor a flushed denormal is exact
    constexpr int top = top_of<u64>;
    u64 magnitude = 0;
    bool lost = false;
    if (x.exponent > top) {
        magnitude = x.exponent - top < 32 ? x.sig << (x.exponent - top) : 0; // only 32 bits are looked at
    } else {
        auto r = round_off(x.exponent >= 0 ? x.sig : 1, x.exponent >= 0 ? top - x.exponent : 1, x.sign, Round::toward_zero);
        magnitude = r.value;
        lost = r.inexact;
    }
    bool in_range = x.exponent < 31 || (x.exponent == 31 && x.sign && magnitude == u64(1) << 31);
    if (!in_range) raise_invalid(env, cause_to_int);
    else if (lost) raise(env, inexact);
    return {x.sign ? u32(-magnitude) : u32(magnitude), in_range && !lost};
}

#define EMU_FP_INSTANTIATE(F)                      \
    template F mulx<F>(F, F, Env&);                \
    template F recip_estimate<F>(F, Env&);         \
    template F rsqrt_estimate<F>(F, Env&);         \
    template F recip_step<F>(F, F, Env&);          \
    template F rsqrt_step<F>(F, F, Env&);          \
    template F recip_exponent<F>(F, Env&);
EMU_FP_INSTANTIATE(F16)
EMU_FP_INSTANTIATE(F32)
EMU_FP_INSTANTIATE(F64)

} // namespace emu::fp
