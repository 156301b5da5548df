// SPDX-License-Identifier: MIT
// Addition, subtraction, multiplication, division, square root (IEEE 754-2008, 5.4.1).
#include "fp/core.h"
#include "fp/instantiate.h"

namespace emu::fp {
namespace {

template <class F> F add_signed(F a, F b, bool negate_b, Env& env) {
    auto x = unpack(a, env), y = unpack(b, env);
    if (x.is_nan() || y.is_nan()) return nan_result(a, x.kind, b, y.kind, env);
    y.sign ^= negate_b;
    if (x.is_inf() || y.is_inf()) {
        if (x.is_inf() && y.is_inf() && x.sign != y.sign) return invalid_result<F>(env, cause_inf_minus_inf);
        note_denormals(x, y, env);
        return make_inf<F>(x.is_inf() ? x.sign : y.sign);
    }
    note_denormals(x, y, env);
    if (x.is_zero() && y.is_zero()) return make_zero<F>(x.sign == y.sign ? x.sign : zero_sum_sign(env.round));
    if (x.is_zero()) return round_pack<F>(y, env);
    if (y.is_zero()) return round_pack<F>(x, env);
    return round_pack<F>(add_finite(x, y, env.round), env);
}

/// Digit by digit: `digits` result bits of sqrt(sig << digits' worth of zeros), remainder as a sticky bit.
template <class S> S root_fraction(S sig, int digits) {
    S root = 0, rest = 0;
    for (int i = 0; i < digits; i++) {
        rest = rest << 2 | sig >> (width_of<S> - 2);
        sig <<= 2;
        S trial = root << 2 | 1;
        root <<= 1;
        if (rest >= trial) {
            rest -= trial;
            root |= 1;
        }
    }
    return root << 1 | S(rest != 0);
}

} // namespace

template <class F> F add(F a, F b, Env& env) { return add_signed(a, b, false, env); }
template <class F> F sub(F a, F b, Env& env) { return add_signed(a, b, true, env); }

template <class F> F mul(F a, F b, Env& env) {
    using W = Wider<typename Format<F>::Sig>;
    auto x = unpack(a, env), y = unpack(b, env);
    if (x.is_nan() || y.is_nan()) return nan_result(a, x.kind, b, y.kind, env);
    bool sign = x.sign != y.sign;
    if ((x.is_inf() && y.is_zero()) || (x.is_zero() && y.is_inf())) return invalid_result<F>(env, cause_inf_times_zero);
    note_denormals(x, y, env);
    if (x.is_inf() || y.is_inf()) return make_inf<F>(sign);
    if (x.is_zero() || y.is_zero()) return make_zero<F>(sign);
    auto product = W::multiply(x.sig, y.sig);
    int shift = leading_zeros(product) - 1; // 1 or 2
    return round_pack<F>(sign, x.exponent + y.exponent + 2 - shift, W::narrow(shift_left(product, shift)), env);
}

template <class F> F div(F a, F b, Env& env) {
    auto x = unpack(a, env), y = unpack(b, env);
    if (x.is_nan() || y.is_nan()) return nan_result(a, x.kind, b, y.kind, env);
    bool sign = x.sign != y.sign;
    if (x.is_inf() && y.is_inf()) return invalid_result<F>(env, cause_inf_over_inf);
    if (x.is_zero() && y.is_zero()) return invalid_result<F>(env, cause_zero_over_zero);
    if (y.is_zero() && !x.is_inf()) {
        raise(env, divide_by_zero);
        return make_inf<F>(sign);
    }
    note_denormals(x, y, env);
    if (x.is_inf()) return make_inf<F>(sign);
    if (x.is_zero() || y.is_inf()) return make_zero<F>(sign);
    // Operands have low bits to spare; shifted so, the quotient's leading one comes out at `top`.
    bool less_than_one = x.sig < y.sig;
    auto q = divide_fraction(x.sig >> (less_than_one ? 1 : 2), y.sig);
    return round_pack<F>(sign, x.exponent - y.exponent - less_than_one, q.quotient | decltype(x.sig)(q.inexact), env);
}

template <class F> F sqrt(F a, Env& env) {
    using T = Format<F>;
    using S = typename T::Sig;
    auto x = unpack(a, env);
    if (x.is_nan()) return nan_result(a, x.kind, env);
    if (x.is_zero()) return make_zero<F>(x.sign);
    if (x.sign) return invalid_result<F>(env, cause_sqrt);
    note_denormal(x, env);
    if (x.is_inf()) return make_inf<F>(false);
    constexpr int digits = T::fraction_bits + 3;
    // An even exponent, so that its half is an integer; the leading digit pair then is 01 to 11.
    bool odd = x.exponent & 1;
    S root = root_fraction(odd ? S(x.sig << 1) : x.sig, digits);
    return round_pack<F>(false, (x.exponent - odd) / 2, root << (top_of<S> - digits), env);
}

#define EMU_FP_INSTANTIATE(F)              \
    template F add<F>(F, F, Env&);         \
    template F sub<F>(F, F, Env&);         \
    template F mul<F>(F, F, Env&);         \
    template F div<F>(F, F, Env&);         \
    template F sqrt<F>(F, Env&);
EMU_FP_FORMATS(EMU_FP_INSTANTIATE)

} // namespace emu::fp
