// SPDX-License-Identifier: MIT
// Software floating point after IEEE 754-2008, in integer arithmetic only: the host's FPU is never touched, so it may be
// called while the host's control registers hold the guest's rounding mode. One implementation for all formats; what the
// standard leaves open comes from fp::Rules (rules.h), what the guest program chose from fp::Env.
//
//     fp::Env env{&fp::rules::arm, fp::Round::toward_zero};
//     fp::F64 sum = fp::add(a, b, env);             // env.flags collects Flag bits, sticky
//
// Templates are defined in the .cpp files and instantiated there for every format (and integer type) they make sense for.
#pragma once
#include "common/types.h"
#include "fp/rules.h"

namespace emu::fp {

struct F16 {
    u16 bits;
    bool operator==(const F16&) const = default;
};
struct BF16 {
    u16 bits;
    bool operator==(const BF16&) const = default;
};
struct F32 {
    u32 bits;
    bool operator==(const F32&) const = default;
};
struct F64 {
    u64 bits;
    bool operator==(const F64&) const = default;
};
/// x87 and m68k double extended: explicit integer bit at the top of `fraction`.
struct F80 {
    u64 fraction;
    u16 sign_exponent;
    bool operator==(const F80&) const = default;
};
struct F128 {
    u64 lo, hi;
    bool operator==(const F128&) const = default;
};

enum class Round : u8 { nearest_even, toward_zero, down, up, nearest_away, to_odd };

/// Why `invalid` was raised (PowerPC's VX bits); sticky like the flags.
enum InvalidCause : u8 {
    cause_snan = 1,
    cause_inf_minus_inf = 2,
    cause_inf_times_zero = 4,
    cause_inf_over_inf = 8,
    cause_zero_over_zero = 16,
    cause_sqrt = 32,
    cause_to_int = 64,
    cause_compare = 128,
};

/// What a guest's control register chose, and the sticky flags an operation adds to.
struct Env {
    const Rules* rules;
    Round round = Round::nearest_even;
    bool flush_inputs = false;
    bool flush_outputs = false;
    bool default_nan = false;       ///< Arm FPCR.DN and the like: every NaN result is the default NaN
    bool flush_inputs_f16 = false;  ///< F16 has its own pair (Arm FPCR.FZ16); format conversions ignore it, no flag for inputs
    bool flush_outputs_f16 = false;
    bool alt_half = false;          ///< Arm FPCR.AHP: F16 in conversions is the alternative format without inf and NaN
    u8 f80_precision = 64;          ///< x87 precision control: F80 results of add, sub, mul, div, sqrt rounded to 64, 53 or 24 bits
    u8 flags = 0;                   ///< Flag bits, or'ed in
    u8 causes = 0;                  ///< InvalidCause bits, or'ed in
};

// Arithmetic, F = F16, BF16, F32, F64, F80, F128.
template <class F> F add(F a, F b, Env& env);
template <class F> F sub(F a, F b, Env& env);
template <class F> F mul(F a, F b, Env& env);
template <class F> F div(F a, F b, Env& env);
template <class F> F sqrt(F a, Env& env);
/// a*b + c with one rounding.
template <class F> F fma(F a, F b, F c, Env& env);
/// (a*b + c) / 2^halvings with one rounding.
template <class F> F fma_scaled(F a, F b, F c, int halvings, Env& env);
/// IEEE remainder a - n*b, n = a/b rounded to nearest even; `quotient`, if given, receives the low 64 bits of |n|.
template <class F> F rem(F a, F b, Env& env, u64* quotient = nullptr);
/// The same with n = a/b truncated (C fmod, x87 FPREM run to its end).
template <class F> F rem_trunc(F a, F b, Env& env, u64* quotient = nullptr);
/// Integral value in the same format; raises inexact only if `exact`.
template <class F> F round_to_int(F a, Round round, bool exact, Env& env);
/// a * 2^n with one rounding.
template <class F> F scale(F a, int n, Env& env);

// Minimum and maximum.
/// Any NaN operand gives a NaN; -0 < +0 (Arm FMIN/FMAX, IEEE 754-2019 minimum/maximum).
template <class F> F min(F a, F b, Env& env);
template <class F> F max(F a, F b, Env& env);
/// IEEE 754-2008 minNum/maxNum: a quiet NaN loses against a number, a signaling NaN gives a NaN (Arm FMINNM/FMAXNM).
template <class F> F min_num(F a, F b, Env& env);
template <class F> F max_num(F a, F b, Env& env);
/// IEEE 754-2019 minimumNumber/maximumNumber: any NaN loses against a number, a signaling one still raises invalid (RISC-V).
template <class F> F minimum_number(F a, F b, Env& env);
template <class F> F maximum_number(F a, F b, Env& env);

enum class Order : u8 { less, equal, greater, unordered };
/// `signaling`: quiet NaNs raise invalid too.
template <class F> Order compare(F a, F b, bool signaling, Env& env);

// Conversions.
/// Between formats, all pairs.
template <class To, class From> To convert(From a, Env& env);
/// a * 2^fraction_bits rounded to s16, u16, s32, u32, s64, u64 (or s128, u128); out of range as the rules say, raising invalid only.
/// `exact`: raise inexact when the value was rounded.
template <class Int, class F> Int to_int(F a, Round round, unsigned fraction_bits, Env& env, bool exact = true);
/// a / 2^fraction_bits for the same integer types.
template <class F, class Int> F from_int(Int a, unsigned fraction_bits, Env& env);

// Bit-level: never raise anything.
template <class F> F neg(F a);
template <class F> F abs(F a);
template <class F> bool is_negative(F a);
template <class F> bool is_nan(F a);
template <class F> bool is_snan(F a, const Rules& rules);
template <class F> bool is_snan(F a, const Env& env) { return is_snan(a, *env.rules); }
template <class F> bool is_inf(F a);
template <class F> bool is_zero(F a);
template <class F> bool is_denormal(F a);
template <class F> F default_nan(const Rules& rules);
template <class F> F default_nan(const Env& env) { return default_nan<F>(*env.rules); }
template <class F> F infinity(bool negative);
template <class F> F zero(bool negative);
template <class F> F largest_normal(bool negative);

// What only Arm has (Arm ARM, shared pseudocode "functions/float"), F = F16, F32, F64.
template <class F> F mulx(F a, F b, Env& env);           ///< FMULX: 0 * inf = 2
template <class F> F recip_estimate(F a, Env& env);      ///< FRECPE
template <class F> F rsqrt_estimate(F a, Env& env);      ///< FRSQRTE
template <class F> F recip_step(F a, F b, Env& env);     ///< FRECPS: 2 - a*b
template <class F> F rsqrt_step(F a, F b, Env& env);     ///< FRSQRTS: (3 - a*b) / 2
template <class F> F recip_exponent(F a, Env& env);      ///< FRECPX
/// FMLAL: a*b + c with one rounding, the operands of the product taken as they are (signaling NaNs included).
F32 fma_widening(F16 a, F16 b, F32 c, Env& env);
u32 recip_estimate_u32(u32 a);                           ///< URECPE
u32 rsqrt_estimate_u32(u32 a);                           ///< URSQRTE
/// FJCVTZS: toward zero modulo 2^32; `exact` is the Z flag.
struct JsInt {
    u32 value;
    bool exact;
};
JsInt to_int_js(F64 a, Env& env);
/// FRINT32/FRINT64 (v8.5): integral value that fits s32 or s64 (bits = 32 or 64), else the most negative one and invalid. F32, F64.
template <class F> F round_to_int_sized(F a, Round round, unsigned bits, Env& env);

} // namespace emu::fp
