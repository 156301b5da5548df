// SPDX-License-Identifier: MIT
// Remainders, which are always exact (IEEE 754-2008, 5.3.1; x87 FPREM and FPREM1), and scaling by a power of two.
#include "fp/core.h"
#include "fp/instantiate.h"

#include <algorithm>

namespace emu::fp {
namespace {

template <class S> struct Division {
    S rest;
    u64 quotient; ///< low 64 bits
};
/// a * 2^steps / b for significands with a < 2*b, several quotient bits at a time.
Division<u64> divide_long(u64 a, u64 b, int steps) {
    Division<u64> d{a, 0};
    if (a >= b) d = {a - b, 1};
    for (; steps > 0; steps -= 64) {
        int n = std::min(steps, 64);
        u128 shifted = u128(d.rest) << n;
        d.quotient = (n == 64 ? 0 : d.quotient << n) | u64(shifted / b);
        d.rest = u64(shifted % b);
    }
    return d;
}
Division<u128> divide_long(u128 a, u128 b, int steps) {
    Division<u128> d{a, 0};
    if (a >= b) d = {a - b, 1};
    for (; steps > 0; steps--) {
        d.rest <<= 1;
        bool fits = d.rest >= b;
        if (fits) d.rest -= b;
        d.quotient = d.quotient << 1 | fits;
    }
    return d;
}

/// Rounding for results that are exact unless tiny: x87's precision control does not reach them.
template <class F> F pack_unlimited(const NumberOf<F>& n, Env& env) {
    return round_pack<F>(n.sign, n.exponent, n.sig, env, RoundTo{env.round, flushes_outputs<F>(env)});
}

template <class F> F remainder_of(F a, F b, bool nearest, u64* quotient, Env& env) {
    if (quotient) *quotient = 0;
    auto x = unpack(a, env), y = unpack(b, env);
    if (x.is_nan() || y.is_nan()) return nan_result(a, x.kind, b, y.kind, env);
    if (x.is_inf()) return invalid_result<F>(env, cause_inf_over_inf);
    if (y.is_zero()) return invalid_result<F>(env, cause_zero_over_zero);
    note_denormals(x, y, env);
    if (x.is_zero()) return make_zero<F>(x.sign);
    if (y.is_inf()) return pack_unlimited<F>(x, env);
    int steps = x.exponent - y.exponent;
    if (steps < -1 || (steps < 0 && !nearest)) return pack_unlimited<F>(x, env);

    // With steps == -1, a is below b and above b/2 or not: that decides between n = 0 and n = 1.
    auto rest = x.sig;
    u64 n = 0;
    s32 exponent = y.exponent;
    bool sign = x.sign, larger_half, half;
    if (steps < 0) {
        larger_half = x.sig > y.sig;
        half = x.sig == y.sig;
        exponent = x.exponent;
    } else {
        if constexpr (is_f80<F>) { // 64 bits are enough, and faster
            constexpr int spare = top_of<u128> - 63;
            auto d = divide_long(u64(x.sig >> spare), u64(y.sig >> spare), steps);
            rest = u128(d.rest) << spare;
            n = d.quotient;
        } else {
            auto d = divide_long(x.sig, y.sig, steps);
            rest = d.rest;
            n = d.quotient;
        }
        larger_half = rest > y.sig - rest;
        half = rest == y.sig - rest;
    }
    if (nearest && (larger_half || (half && (n & 1)))) {
        rest = (steps < 0 ? y.sig << 1 : y.sig) - rest;
        sign = !sign;
        n++;
    }
    if (quotient) *quotient = n;
    if (!rest) return make_zero<F>(x.sign);
    return pack_unlimited<F>(normalised(sign, exponent, rest), env);
}

} // namespace

template <class F> F rem(F a, F b, Env& env, u64* quotient) { return remainder_of(a, b, true, quotient, env); }
template <class F> F rem_trunc(F a, F b, Env& env, u64* quotient) { return remainder_of(a, b, false, quotient, env); }

template <class F> F scale(F a, int n, Env& env) {
    auto x = unpack(a, env);
    if (x.is_nan()) return nan_result(a, x.kind, env);
    if (x.is_inf() || x.is_zero()) return x.is_inf() ? make_inf<F>(x.sign) : make_zero<F>(x.sign);
    note_denormal(x, env);
    // Enough to overflow or underflow from anywhere, and far from overflowing the exponent itself.
    x.exponent += std::clamp(n, -0x40000, 0x40000);
    return pack_unlimited<F>(x, env);
}

#define EMU_FP_INSTANTIATE(F)                        \
    template F rem<F>(F, F, Env&, u64*);             \
    template F rem_trunc<F>(F, F, Env&, u64*);       \
    template F scale<F>(F, int, Env&);
EMU_FP_FORMATS(EMU_FP_INSTANTIATE)

} // namespace emu::fp
