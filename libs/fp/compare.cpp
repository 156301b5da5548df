// SPDX-License-Identifier: MIT
// Comparison, the three families of minimum and maximum, and what can be told from the bits alone.
#include "fp/core.h"
#include "fp/instantiate.h"

namespace emu::fp {
namespace {

/// Neither is a NaN.
template <class S> Order order_of(const Number<S>& x, const Number<S>& y) {
    if (x.is_zero() && y.is_zero()) return Order::equal;
    bool x_negative = x.sign && !x.is_zero(), y_negative = y.sign && !y.is_zero();
    if (x_negative != y_negative) return x_negative ? Order::less : Order::greater;
    bool negative = x.sign || y.sign;
    Order above = negative ? Order::less : Order::greater, below = negative ? Order::greater : Order::less;
    if (x.is_zero()) return y.sign ? Order::greater : Order::less;
    if (y.is_zero()) return x.sign ? Order::less : Order::greater;
    if (x.kind != y.kind) return x.is_inf() ? above : below;
    if (x.is_inf()) return Order::equal;
    if (x.exponent != y.exponent) return x.exponent > y.exponent ? above : below;
    if (x.sig != y.sig) return x.sig > y.sig ? above : below;
    return Order::equal;
}

enum class NanLoses { never, if_quiet, always };

template <class F> F select(F a, F b, bool want_max, NanLoses nan_loses, Env& env) {
    auto x = unpack(a, env), y = unpack(b, env);
    if (x.is_nan() || y.is_nan()) {
        bool both = x.is_nan() && y.is_nan();
        bool signaling = x.kind >= Kind::signaling_nan || y.kind >= Kind::signaling_nan;
        if (both || nan_loses == NanLoses::never || (nan_loses == NanLoses::if_quiet && signaling))
            return nan_result(a, x.kind, b, y.kind, env);
        if (signaling) raise_invalid(env, cause_snan);
        if (x.is_nan()) return y.is_zero() ? make_zero<F>(y.sign) : b;
        return x.is_zero() ? make_zero<F>(x.sign) : a;
    }
    note_denormals(x, y, env);
    Order order = order_of(x, y);
    bool take_a = order == Order::equal ? x.sign != want_max : (order == Order::greater) == want_max;
    // A flushed operand is a zero now.
    return take_a ? (x.is_zero() ? make_zero<F>(x.sign) : a) : (y.is_zero() ? make_zero<F>(y.sign) : b);
}

} // namespace

template <class F> Order compare(F a, F b, bool signaling, Env& env) {
    auto x = unpack(a, env), y = unpack(b, env);
    if (x.is_nan() || y.is_nan()) {
        if (x.kind >= Kind::signaling_nan || y.kind >= Kind::signaling_nan) raise_invalid(env, cause_snan);
        if (signaling) raise_invalid(env, cause_compare);
        return Order::unordered;
    }
    note_denormals(x, y, env);
    return order_of(x, y);
}

template <class F> F min(F a, F b, Env& env) { return select(a, b, false, NanLoses::never, env); }
template <class F> F max(F a, F b, Env& env) { return select(a, b, true, NanLoses::never, env); }
template <class F> F min_num(F a, F b, Env& env) { return select(a, b, false, NanLoses::if_quiet, env); }
template <class F> F max_num(F a, F b, Env& env) { return select(a, b, true, NanLoses::if_quiet, env); }
template <class F> F minimum_number(F a, F b, Env& env) { return select(a, b, false, NanLoses::always, env); }
template <class F> F maximum_number(F a, F b, Env& env) { return select(a, b, true, NanLoses::always, env); }

template <class F> F neg(F a) {
    auto f = split(a);
    return join<F>(!f.sign, f.exponent, f.fraction);
}
template <class F> F abs(F a) {
    auto f = split(a);
    return join<F>(false, f.exponent, f.fraction);
}
template <class F> bool is_negative(F a) { return split(a).sign; }
template <class F> bool is_nan(F a) {
    auto f = split(a);
    return f.exponent == Format<F>::exponent_max && fraction_below_one(f) != 0;
}
template <class F> bool is_snan(F a, const Rules& rules) {
    return is_nan(a) && nan_kind(split(a), rules) == Kind::signaling_nan;
}
template <class F> bool is_inf(F a) {
    auto f = split(a);
    return f.exponent == Format<F>::exponent_max && fraction_below_one(f) == 0;
}
template <class F> bool is_zero(F a) {
    auto f = split(a);
    return f.exponent == 0 && f.fraction == 0;
}
template <class F> bool is_denormal(F a) {
    auto f = split(a);
    return f.exponent == 0 && f.fraction != 0;
}
template <class F> F default_nan(const Rules& rules) { return make_default_nan<F>(rules); }
template <class F> F infinity(bool negative) { return make_inf<F>(negative); }
template <class F> F zero(bool negative) { return make_zero<F>(negative); }
template <class F> F largest_normal(bool negative) {
    using T = Format<F>;
    return join<F>(negative, T::exponent_max - 1, (T::leading_one << 1) - 1);
}

#define EMU_FP_INSTANTIATE(F)                                  \
    template Order compare<F>(F, F, bool, Env&);               \
    template F min<F>(F, F, Env&);                             \
    template F max<F>(F, F, Env&);                             \
    template F min_num<F>(F, F, Env&);                         \
    template F max_num<F>(F, F, Env&);                         \
    template F minimum_number<F>(F, F, Env&);                  \
    template F maximum_number<F>(F, F, Env&);                  \
    template F neg<F>(F);                                      \
    template F abs<F>(F);                                      \
    template bool is_negative<F>(F);                           \
    template bool is_nan<F>(F);                                \
    template bool is_snan<F>(F, const Rules&);                 \
    template bool is_inf<F>(F);                                \
    template bool is_zero<F>(F);                               \
    template bool is_denormal<F>(F);                           \
    template F default_nan<F>(const Rules&);                   \
    template F infinity<F>(bool);                              \
    template F zero<F>(bool);                                  \
    template F largest_normal<F>(bool);
EMU_FP_FORMATS(EMU_FP_INSTANTIATE)

} // namespace emu::fp
