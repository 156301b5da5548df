// SPDX-License-Identifier: MIT
// Fused multiply-add: the product is exact in twice the significand's width, added there, and rounded once.
#include "fp/core.h"
#include "fp/instantiate.h"

namespace emu::fp {
namespace {

template <class F> struct Fma {
    using N = NumberOf<F>;
    using W = Wider<typename Format<F>::Sig>;
    using Wide = typename W::Type;
    F a, b, c;
    N x, y, z;
    Env& env;

    F nan() const {
        const Rules& rules = *env.rules;
        bool inf_times_zero = (x.is_inf() && y.is_zero()) || (x.is_zero() && y.is_inf());
        if (inf_times_zero) { // then c is the NaN
            if (rules.inf_zero_nan_invalid) raise_invalid(env, cause_inf_times_zero);
            if (rules.inf_zero_nan_default && z.kind == Kind::quiet_nan) return make_default_nan<F>(rules);
        }
        NanOperand<F> p{a, x.kind}, q{b, y.kind}, r{c, z.kind};
        switch (rules.fma_order) {
        case FmaOrder::abc: break;
        case FmaOrder::acb: return choose_nan(std::array{p, r, q}, env);
        case FmaOrder::cab: return choose_nan(std::array{r, p, q}, env);
        case FmaOrder::cba: return choose_nan(std::array{r, q, p}, env);
        }
        return choose_nan(std::array{p, q, r}, env);
    }

    Number<Wide> product() const {
        Wide p = W::multiply(x.sig, y.sig);
        int shift = leading_zeros(p) - 1;
        return {Kind::finite, x.sign != y.sign, false, x.exponent + y.exponent + 2 - shift, shift_left(p, shift)};
    }

    F finish(const Number<Wide>& n, int halvings) const {
        if (n.is_zero()) return make_zero<F>(n.sign);
        return round_pack<F>(n.sign, n.exponent - halvings, W::narrow(n.sig), env);
    }

    F run(int halvings) const {
        if (x.is_nan() || y.is_nan() || z.is_nan()) return nan();
        bool sign = x.sign != y.sign;
        if ((x.is_inf() && y.is_zero()) || (x.is_zero() && y.is_inf())) return invalid_result<F>(env, cause_inf_times_zero);
        bool product_inf = x.is_inf() || y.is_inf();
        if (product_inf && z.is_inf() && z.sign != sign) return invalid_result<F>(env, cause_inf_minus_inf);
        note_denormals(x, y, env);
        note_denormal(z, env);
        if (product_inf) return make_inf<F>(sign);
        if (z.is_inf()) return make_inf<F>(z.sign);
        bool product_zero = x.is_zero() || y.is_zero();
        if (product_zero && z.is_zero()) return make_zero<F>(sign == z.sign ? sign : zero_sum_sign(env.round));
        if (product_zero) return round_pack<F>(z.sign, z.exponent - halvings, z.sig, env);
        if (z.is_zero()) return finish(product(), halvings);
        Number<Wide> addend{Kind::finite, z.sign, false, z.exponent, W::widen(z.sig)};
        return finish(add_finite(product(), addend, env.round), halvings);
    }
};

} // namespace

template <class F> F fma_scaled(F a, F b, F c, int halvings, Env& env) {
    auto z = unpack(c, env), x = unpack(a, env), y = unpack(b, env);
    return Fma<F>{a, b, c, x, y, z, env}.run(halvings);
}
template <class F> F fma(F a, F b, F c, Env& env) { return fma_scaled(a, b, c, 0, env); }

#define EMU_FP_INSTANTIATE(F)                           \
    template F fma_scaled<F>(F, F, F, int, Env&);       \
    template F fma<F>(F, F, F, Env&);
EMU_FP_FORMATS(EMU_FP_INSTANTIATE)

} // namespace emu::fp
