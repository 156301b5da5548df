// SPDX-License-Identifier: MIT
// The heart of the library, shared by its .cpp files: unpacking an operand, choosing a NaN, and rounding an exact (or
// sticky) result into a format. Everything between is exact integer arithmetic on normalised significands.
//
// A finite number is sig * 2^(exponent - top), with sig's leading one at bit `top` = width - 2: one bit above for the
// carry of an addition, at least ten below the format's last bit for guard and sticky bits.
#pragma once
#include "fp/format.h"

#include <array>

namespace emu::fp {

enum class Kind : u8 { zero, finite, inf, quiet_nan, signaling_nan, unsupported /* x87 encodings without a value */ };

template <class W> inline constexpr int top_of = width_of<W> - 2;

template <class S> struct Number {
    Kind kind;
    bool sign;
    bool denormal; ///< its encoding was, and it was not flushed
    s32 exponent;
    S sig;

    bool is_nan() const { return kind >= Kind::quiet_nan; }
    bool is_inf() const { return kind == Kind::inf; }
    bool is_zero() const { return kind == Kind::zero; }
};
template <class F> using NumberOf = Number<typename Format<F>::Sig>;

inline void raise(Env& env, unsigned flags) { env.flags |= u8(flags); }
inline void raise_invalid(Env& env, InvalidCause cause) {
    env.flags |= invalid;
    env.causes |= cause;
}

template <class F> bool flushes_inputs(const Env& env) { return is_f16<F> ? env.flush_inputs_f16 : env.flush_inputs; }
template <class F> bool flushes_outputs(const Env& env) { return is_f16<F> ? env.flush_outputs_f16 : env.flush_outputs; }

/// Biased exponent of the smallest normal number.
template <class F> int lowest_exponent(const Rules& rules) { return is_f80<F> && rules.f80_explicit_zero_exponent ? 0 : 1; }

template <class S> Number<S> normalised(bool sign, s32 exponent_of_top, S sig) {
    int shift = leading_zeros(sig) - 1;
    return {Kind::finite, sign, false, exponent_of_top - shift, shift_left(sig, shift)};
}

template <class F> Kind nan_kind(const Fields<F>& f, const Rules& rules) {
    using T = Format<F>;
    bool top = (f.fraction & T::signaling_bit) != 0;
    return top != rules.snan_bit_inverted ? Kind::quiet_nan : Kind::signaling_nan;
}

/// `flush`: a denormal becomes a zero, with the flags the rules give (F16: none).
template <class F> NumberOf<F> unpack(F a, Env& env, bool flush) {
    using T = Format<F>;
    using S = typename T::Sig;
    constexpr int top = top_of<S>;
    Fields<F> f = split(a);
    if (f.exponent == T::exponent_max) {
        if constexpr (T::explicit_one)
            if (!(f.fraction & T::leading_one) && !env.rules->f80_explicit_zero_exponent)
                return {Kind::unsupported, f.sign, false, 0, 0};
        if (!fraction_below_one(f)) return {Kind::inf, f.sign, false, 0, 0};
        return {nan_kind(f, *env.rules), f.sign, false, 0, f.fraction};
    }
    S sig = f.fraction;
    if constexpr (T::explicit_one) {
        if (!(sig & T::leading_one) && f.exponent && !env.rules->f80_explicit_zero_exponent)
            return {Kind::unsupported, f.sign, false, 0, 0};
        if (f.exponent && (sig & T::leading_one))
            return {Kind::finite, f.sign, false, f.exponent - T::bias, sig << (top - T::fraction_bits)};
    } else if (f.exponent) {
        return {Kind::finite, f.sign, false, f.exponent - T::bias, (sig | T::leading_one) << (top - T::fraction_bits)};
    }
    if (!sig) return {Kind::zero, f.sign, false, 0, 0};
    if (flush) {
        if (!is_f16<F>) raise(env, env.rules->flush_input_flags); // Arm's FZ16 tells nobody
        return {Kind::zero, f.sign, false, 0, 0};
    }
    int exponent = f.exponent > lowest_exponent<F>(*env.rules) ? f.exponent : lowest_exponent<F>(*env.rules);
    auto n = normalised(f.sign, exponent - T::bias, S(sig << (top - T::fraction_bits)));
    n.denormal = true;
    return n;
}
template <class F> NumberOf<F> unpack(F a, Env& env) { return unpack(a, env, flushes_inputs<F>(env)); }

/// After NaN and invalid cases are out of the way: x86's denormal-operand exception.
template <class N> void note_denormal(const N& a, Env& env) {
    if (a.denormal && env.rules->denormal_operand_flag) raise(env, denormal_operand);
}
template <class N> void note_denormals(const N& a, const N& b, Env& env) {
    if ((a.denormal || b.denormal) && env.rules->denormal_operand_flag) raise(env, denormal_operand);
}

// ---- NaN results

template <class F> F make_default_nan(const Rules& rules) {
    using T = Format<F>;
    using S = typename T::Sig;
    S fraction;
    if (!rules.snan_bit_inverted) fraction = rules.default_nan_all_ones ? T::fraction_mask : T::signaling_bit;
    else fraction = rules.default_nan_all_ones ? T::signaling_bit - 1 : T::signaling_bit >> 1;
    if constexpr (T::explicit_one) fraction |= T::leading_one;
    return join<F>(rules.default_nan_negative, T::exponent_max, fraction);
}

/// The quiet NaN that a NaN of either kind turns into.
template <class F> F quieted(F a, Kind kind, const Rules& rules) {
    using T = Format<F>;
    if (kind != Kind::signaling_nan) return a;
    Fields<F> f = split(a);
    switch (rules.quieten) {
    case Quieten::set_top_bit: return join<F>(f.sign, f.exponent, f.fraction | T::signaling_bit);
    case Quieten::clear_set_next:
        return join<F>(f.sign, f.exponent, (f.fraction & ~T::signaling_bit) | T::signaling_bit >> 1);
    case Quieten::to_default: break;
    }
    return make_default_nan<F>(rules);
}

template <class F> struct NanOperand {
    F value;
    Kind kind;
    bool is_nan() const { return kind >= Kind::quiet_nan; }
};

/// x87: a quiet NaN beats a signaling one, then the larger significand, then the positive one.
template <class F> bool beats_on_x87(const NanOperand<F>& b, const NanOperand<F>& a) {
    if (!a.is_nan() || !b.is_nan()) return b.is_nan();
    if (a.kind != b.kind) return b.kind == Kind::quiet_nan;
    Fields<F> x = split(a.value), y = split(b.value);
    if (x.fraction != y.fraction) return y.fraction > x.fraction;
    return x.sign && !y.sign;
}

/// The NaN that results when at least one operand is one. `in` is in the order the rules prefer.
template <class F, usize N> F choose_nan(const std::array<NanOperand<F>, N>& in, Env& env) {
    const Rules& rules = *env.rules;
    bool unsupported = false;
    const NanOperand<F>* signaling = nullptr;
    const NanOperand<F>* any = nullptr;
    const NanOperand<F>* largest = &in[0];
    for (const auto& operand : in) {
        unsupported |= operand.kind == Kind::unsupported;
        if (operand.kind == Kind::signaling_nan && !signaling) signaling = &operand;
        if (operand.is_nan() && !any) any = &operand;
        if (beats_on_x87(operand, *largest)) largest = &operand;
    }
    if (signaling || unsupported) raise_invalid(env, cause_snan);
    if (unsupported || env.default_nan || rules.nan_choice == NanChoice::default_nan) return make_default_nan<F>(rules);
    const NanOperand<F>* chosen = any;
    if (rules.nan_choice == NanChoice::snan_first || rules.nan_choice == NanChoice::snan_first_reverse)
        chosen = signaling ? signaling : any;
    if (rules.nan_choice == NanChoice::larger_significand) chosen = largest;
    return quieted(chosen->value, chosen->kind, rules);
}
template <class F> F nan_result(F a, Kind a_kind, Env& env) {
    return choose_nan(std::array<NanOperand<F>, 1>{{{a, a_kind}}}, env);
}
template <class F> F nan_result(F a, Kind a_kind, F b, Kind b_kind, Env& env) {
    NanChoice choice = env.rules->nan_choice;
    if (choice == NanChoice::snan_first_reverse || choice == NanChoice::second_operand)
        return choose_nan(std::array<NanOperand<F>, 2>{{{b, b_kind}, {a, a_kind}}}, env);
    return choose_nan(std::array<NanOperand<F>, 2>{{{a, a_kind}, {b, b_kind}}}, env);
}
template <class F> F invalid_result(Env& env, InvalidCause cause) {
    raise_invalid(env, cause);
    return make_default_nan<F>(*env.rules);
}

// ---- rounding

/// `sig` with its low `drop` bits rounded off (and shifted out); `sig` has at least one bit free on top.
template <class S> struct Rounded {
    S value;
    bool inexact, up;
};
template <class S> Rounded<S> round_off(S sig, int drop, bool sign, Round mode) {
    if (drop <= 0) return {S(sig << -drop), false, false};
    S unit = S(1) << drop, lost = sig & (unit - 1), half = unit >> 1, kept = sig >> drop;
    bool up = false;
    switch (mode) {
    case Round::nearest_even: up = lost > half || (lost == half && (kept & 1)); break;
    case Round::nearest_away: up = lost >= half; break;
    case Round::toward_zero: break;
    case Round::down: up = sign && lost; break;
    case Round::up: up = !sign && lost; break;
    case Round::to_odd: return {S(kept | S(lost != 0)), lost != 0, lost != 0 && !(kept & 1)};
    }
    return {S(kept + S(up)), lost != 0, up};
}

/// Overflow: infinity or the largest finite number, as the rounding direction says.
template <class F> F overflow_result(bool sign, Round mode, Env& env, int precision_drop = 0) {
    using T = Format<F>;
    raise(env, overflow | inexact);
    bool to_inf = mode == Round::nearest_even || mode == Round::nearest_away || (mode == Round::up && !sign) ||
                  (mode == Round::down && sign);
    if (to_inf) {
        raise(env, rounded_up);
        return make_inf<F>(sign);
    }
    typename T::Sig ones = (T::leading_one << 1) - 1;
    return join<F>(sign, T::exponent_max - 1, ones >> precision_drop << precision_drop);
}

struct RoundTo {
    Round mode;
    bool flush;                ///< flush a tiny result to zero
    int precision_drop = 0;    ///< F80: low bits kept zero by precision control
};
template <class F> RoundTo default_rounding(const Env& env) {
    return {env.round, flushes_outputs<F>(env), is_f80<F> ? 64 - env.f80_precision : 0};
}

/// A result below the normal range.
template <class F>
F round_tiny(bool sign, int biased, typename Format<F>::Sig sig, Env& env, const RoundTo& to) {
    using T = Format<F>;
    using S = typename T::Sig;
    const Rules& rules = *env.rules;
    int drop = top_of<S> - T::fraction_bits + to.precision_drop, lowest = lowest_exponent<F>(rules);
    bool tiny = true;
    if (!rules.tininess_before_rounding && biased == lowest - 1) {
        S carry = S(1) << (top_of<S> + 1 - drop); // would rounding at full precision reach the normal range?
        tiny = round_off(sig, drop, sign, to.mode).value < carry;
    }
    if (to.flush && (tiny || rules.flush_before_rounding)) {
        raise(env, rules.flush_output_flags);
        return make_zero<F>(sign);
    }
    sig = shift_right_sticky(sig, lowest - biased);
    auto r = round_off(sig, drop, sign, to.mode);
    r.value <<= to.precision_drop;
    if (r.inexact) raise(env, tiny ? underflow | inexact : inexact);
    if (r.up) raise(env, rounded_up);
    int exponent = (r.value & T::leading_one) ? lowest : 0;
    return join<F>(sign, exponent, r.value);
}

/// Round sig * 2^(exponent - top), sig normalised, its lowest bit possibly sticky.
template <class F>
F round_pack(bool sign, s32 exponent, typename Format<F>::Sig sig, Env& env, const RoundTo& to) {
    using T = Format<F>;
    using S = typename T::Sig;
    int biased = exponent + T::bias;
    if (biased < lowest_exponent<F>(*env.rules)) return round_tiny<F>(sign, biased, sig, env, to);
    auto r = round_off(sig, top_of<S> - T::fraction_bits + to.precision_drop, sign, to.mode);
    r.value <<= to.precision_drop;
    if (r.value & (T::leading_one << 1)) {
        r.value >>= 1;
        biased++;
    }
    if (biased >= T::exponent_max) return overflow_result<F>(sign, to.mode, env, to.precision_drop);
    if (r.inexact) raise(env, inexact);
    if (r.up) raise(env, rounded_up);
    return join<F>(sign, biased, r.value);
}
template <class F> F round_pack(bool sign, s32 exponent, typename Format<F>::Sig sig, Env& env) {
    return round_pack<F>(sign, exponent, sig, env, default_rounding<F>(env));
}
template <class F> F round_pack(const NumberOf<F>& n, Env& env) {
    return n.is_zero() ? make_zero<F>(n.sign) : round_pack<F>(n.sign, n.exponent, n.sig, env);
}

/// Sign of an exact zero sum of operands of different sign.
inline bool zero_sum_sign(Round mode) { return mode == Round::down; }

// ---- exact addition of finite, non-zero numbers; the smaller one's lost bits are sticky

template <class W> Number<W> add_finite(const Number<W>& a, const Number<W>& b, Round mode) {
    bool swap = a.exponent != b.exponent ? a.exponent < b.exponent : less(a.sig, b.sig);
    const Number<W>&large = swap ? b : a, &small = swap ? a : b;
    W aligned = shift_right_sticky(small.sig, large.exponent - small.exponent);
    Number<W> r{Kind::finite, large.sign, false, large.exponent, {}};
    if (a.sign == b.sign) {
        r.sig = plus(large.sig, aligned);
        if (!leading_zeros(r.sig)) {
            r.sig = shift_right_sticky(r.sig, 1);
            r.exponent++;
        }
        return r;
    }
    r.sig = minus(large.sig, aligned);
    if (!is_nonzero(r.sig)) return {Kind::zero, zero_sum_sign(mode), false, 0, {}};
    return normalised(r.sign, r.exponent, r.sig);
}

} // namespace emu::fp
