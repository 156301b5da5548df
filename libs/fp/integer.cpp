// SPDX-License-Identifier: MIT
// Rounding to an integral value, and conversions from and to integers and fixed point (IEEE 754-2008, 5.4.1, 5.8, 5.9).
#include "fp/core.h"
#include "fp/instantiate.h"

namespace emu::fp {
namespace {

/// std::make_unsigned and friends leave the 128-bit types out in strict mode.
template <class Int> inline constexpr bool is_signed_int = Int(-1) < Int(0);
template <class Int> inline constexpr int int_width = int(sizeof(Int) * 8);

template <class Int> constexpr Int int_max() {
    return is_signed_int<Int> ? Int((u128(1) << (int_width<Int> - 1)) - 1) : Int(~u128(0));
}
template <class Int> constexpr Int int_min() { return is_signed_int<Int> ? Int(u128(1) << (int_width<Int> - 1)) : Int(0); }
template <class Int> constexpr Int indefinite() { return is_signed_int<Int> ? int_min<Int>() : int_max<Int>(); }

template <class Int> Int nan_to_int(bool sign, Env& env) {
    raise_invalid(env, cause_to_int);
    switch (is_signed_int<Int> ? env.rules->int_nan : env.rules->uint_nan) {
    case IntNan::zero: return 0;
    case IntNan::max: return int_max<Int>();
    case IntNan::min: return int_min<Int>();
    case IntNan::by_sign: return sign ? int_min<Int>() : int_max<Int>();
    case IntNan::indefinite: break;
    }
    return indefinite<Int>();
}
template <class Int> Int overflow_to_int(bool sign, u128 low_bits, Env& env) {
    raise_invalid(env, cause_to_int);
    switch (env.rules->int_overflow) {
    case IntOverflow::saturate: return sign ? int_min<Int>() : int_max<Int>();
    case IntOverflow::max: return int_max<Int>();
    case IntOverflow::wrap: return Int(low_bits);
    case IntOverflow::indefinite: break;
    }
    return indefinite<Int>();
}

struct Magnitude {
    u128 value;
    bool too_big; ///< does not fit 128 bits; value holds the low ones
    bool inexact;
};
/// |sig * 2^(exponent - top)| rounded to an integer.
template <class S> Magnitude integer_magnitude(const Number<S>& x, Round mode) {
    constexpr int top = top_of<S>;
    if (x.exponent >= 128) {
        int shift = x.exponent - top;
        return {shift < 128 ? u128(x.sig) << shift : 0, true, false};
    }
    if (x.exponent >= top) return {u128(x.sig) << (x.exponent - top), false, false};
    // Below one half everything looks alike; keeping two bits is enough.
    int drop = top - x.exponent;
    S sig = x.sig;
    if (drop > top + 1) {
        sig = 1;
        drop = 2;
    }
    auto r = round_off(sig, drop, x.sign, mode);
    return {r.value, false, r.inexact};
}

template <class F> F integral(F a, const NumberOf<F>& x, Round mode, bool exact, Env& env) {
    using T = Format<F>;
    using S = typename T::Sig;
    if (x.exponent >= T::fraction_bits) return a;
    auto m = integer_magnitude(x, mode);
    if (m.inexact && exact) raise(env, inexact);
    if (!m.value) return make_zero<F>(x.sign);
    auto r = normalised(x.sign, top_of<S>, S(m.value)); // below 2^(fraction_bits + 1)
    Env scratch{env.rules};
    return round_pack<F>(r.sign, r.exponent, r.sig, scratch, RoundTo{Round::toward_zero, false});
}

} // namespace

template <class F> F round_to_int(F a, Round mode, bool exact, Env& env) {
    auto x = unpack(a, env);
    if (x.is_nan()) return nan_result(a, x.kind, env);
    if (x.is_inf() || x.is_zero()) return x.is_inf() ? make_inf<F>(x.sign) : make_zero<F>(x.sign);
    if (is_f80<F>) note_denormal(x, env);
    return integral(a, x, mode, exact, env);
}

template <class F> F round_to_int_sized(F a, Round mode, unsigned bits, Env& env) {
    auto x = unpack(a, env);
    F most_negative = join<F>(true, int(bits) - 1 + Format<F>::bias, 0);
    if (x.is_nan() || x.is_inf()) {
        raise_invalid(env, x.kind == Kind::signaling_nan ? cause_snan : cause_to_int);
        return most_negative;
    }
    if (x.is_zero()) return make_zero<F>(x.sign);
    auto m = integer_magnitude(x, mode);
    u128 limit = (u128(1) << (bits - 1)) - !x.sign;
    if (m.too_big || m.value > limit) {
        raise_invalid(env, cause_to_int);
        return most_negative;
    }
    return integral(a, x, mode, true, env);
}

template <class Int, class F> Int to_int(F a, Round mode, unsigned fraction_bits, Env& env, bool exact) {
    auto x = unpack(a, env);
    if (x.is_nan()) {
        if (x.kind == Kind::signaling_nan) raise_invalid(env, cause_snan);
        return nan_to_int<Int>(x.sign, env);
    }
    if (x.is_zero()) return 0;
    if (x.is_inf()) return overflow_to_int<Int>(x.sign, 0, env);
    x.exponent += s32(fraction_bits);
    auto m = integer_magnitude(x, mode);
    u128 limit = x.sign ? (is_signed_int<Int> ? u128(1) << (int_width<Int> - 1) : 0) : u128(int_max<Int>());
    u128 low_bits = x.sign ? -m.value : m.value;
    if (m.too_big || m.value > limit) return overflow_to_int<Int>(x.sign, low_bits, env);
    if (m.inexact && exact) raise(env, inexact);
    return Int(low_bits);
}

template <class F, class Int> F from_int(Int a, unsigned fraction_bits, Env& env) {
    using S = typename Format<F>::Sig;
    if (!a) return make_zero<F>(false);
    bool sign = a < 0;
    u128 magnitude = sign ? -u128(a) : u128(a);
    if constexpr (!is_signed_int<Int>) magnitude = a;
    int high_bit = 127 - leading_zeros(magnitude);
    u128 sig = high_bit == 127 ? shift_right_sticky(magnitude, 1) : magnitude << (126 - high_bit);
    S narrowed;
    if constexpr (sizeof(S) == 8) narrowed = Wider<u64>::narrow(sig);
    else narrowed = sig;
    RoundTo to = default_rounding<F>(env);
    to.precision_drop = 0;
    return round_pack<F>(sign, high_bit - s32(fraction_bits), narrowed, env, to);
}

#define EMU_FP_INSTANTIATE_INT(F, Int)                                        \
    template Int to_int<Int, F>(F, Round, unsigned, Env&, bool);              \
    template F from_int<F, Int>(Int, unsigned, Env&);
#define EMU_FP_INSTANTIATE(F)                                                 \
    template F round_to_int<F>(F, Round, bool, Env&);                         \
    EMU_FP_INTEGERS_WITH(EMU_FP_INSTANTIATE_INT, F)
EMU_FP_FORMATS(EMU_FP_INSTANTIATE)
template F32 round_to_int_sized<F32>(F32, Round, unsigned, Env&);
template F64 round_to_int_sized<F64>(F64, Round, unsigned, Env&);

} // namespace emu::fp
