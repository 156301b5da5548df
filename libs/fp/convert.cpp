// SPDX-License-Identifier: MIT
// Conversions between formats (IEEE 754-2008, 5.4.2), with Arm's alternative half precision as F16's other face.
#include "fp/core.h"
#include "fp/instantiate.h"

namespace emu::fp {
namespace {

/// The same fraction bits counted from the top, as a quiet NaN.
template <class To, class From> To convert_nan(From a, Kind kind, Env& env) {
    using A = Format<From>;
    using B = Format<To>;
    const Rules& rules = *env.rules;
    if (kind != Kind::quiet_nan) raise_invalid(env, cause_snan);
    if (kind == Kind::unsupported || env.default_nan || rules.nan_choice == NanChoice::default_nan)
        return make_default_nan<To>(rules);
    auto f = split(quieted(a, kind, rules));
    u128 fraction = u128(fraction_below_one(f)) << (127 - A::fraction_bits) >> (127 - B::fraction_bits);
    if (!fraction) return make_default_nan<To>(rules);
    if constexpr (B::explicit_one) fraction |= B::leading_one;
    return join<To>(f.sign, B::exponent_max, typename B::Sig(fraction));
}

template <class To, class S> To convert_number(const Number<S>& x, Env& env) {
    using B = Format<To>;
    using R = typename B::Sig;
    if (x.is_inf()) return make_inf<To>(x.sign);
    if (x.is_zero()) return make_zero<To>(x.sign);
    R sig;
    if constexpr (sizeof(R) == sizeof(S)) sig = x.sig;
    else if constexpr (sizeof(R) > sizeof(S)) sig = Wider<S>::widen(x.sig);
    else sig = Wider<R>::narrow(x.sig);
    // F16's own flush controls are for arithmetic only, and x87's precision control is too.
    return round_pack<To>(x.sign, x.exponent, sig, env, RoundTo{env.round, !is_f16<To> && env.flush_outputs});
}

/// Alternative half precision: the exponent 31 is an ordinary one, inf and NaN do not exist.
Number<u64> unpack_alternative(F16 a) {
    auto f = split(a);
    constexpr int shift = top_of<u64> - Format<F16>::fraction_bits;
    if (f.exponent) return {Kind::finite, f.sign, false, f.exponent - 15, (f.fraction | Format<F16>::leading_one) << shift};
    if (!f.fraction) return {Kind::zero, f.sign, false, 0, 0};
    return normalised(f.sign, 1 - 15, f.fraction << shift);
}

template <class S> F16 to_alternative(const Number<S>& x, Env& env) {
    F16 largest{u16(u16(x.sign) << 15 | 0x7fff)};
    if (x.is_nan()) {
        raise_invalid(env, cause_snan);
        return make_zero<F16>(x.sign);
    }
    if (x.is_inf()) {
        raise_invalid(env, cause_to_int);
        return largest;
    }
    if (x.is_zero() || x.exponent < 15) return convert_number<F16>(x, env);
    // The top binade and above: round one binade lower down and move the result up.
    Number<S> lower = x;
    lower.exponent--;
    Env quiet = env;
    quiet.flags = 0;
    F16 rounded = x.exponent > 16 ? infinity<F16>(x.sign) : convert_number<F16>(lower, quiet);
    if (x.exponent > 16 || (rounded.bits & 0x7fff) >= 0x7c00) {
        raise_invalid(env, cause_to_int);
        return largest;
    }
    env.flags |= quiet.flags;
    return {u16(rounded.bits + 0x400)};
}

} // namespace

template <class To, class From> To convert(From a, Env& env) {
    if constexpr (is_f16<From>)
        if (env.alt_half) return convert_number<To>(unpack_alternative(a), env);
    auto x = unpack(a, env, !is_f16<From> && env.flush_inputs);
    if constexpr (is_f16<To>)
        if (env.alt_half) return to_alternative(x, env);
    if (x.is_nan()) return convert_nan<To>(a, x.kind, env);
    note_denormal(x, env);
    return convert_number<To>(x, env);
}

#define EMU_FP_INSTANTIATE(To, From) template To convert<To, From>(From, Env&);
#define EMU_FP_INSTANTIATE_TO(To) EMU_FP_FORMATS_WITH(EMU_FP_INSTANTIATE, To)
EMU_FP_FORMATS(EMU_FP_INSTANTIATE_TO)

} // namespace emu::fp
