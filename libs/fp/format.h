// SPDX-License-Identifier: MIT
// The six formats as data: field widths, and how sign, biased exponent and fraction are taken apart and put together.
#pragma once
#include "fp/fp.h"
#include "fp/wide.h"

#include <type_traits>

namespace emu::fp {

template <class F, class RawType, class SigType, int ExponentBits, int FractionBits> struct PlainFormat {
    using Raw = RawType;
    using Sig = SigType; ///< what arithmetic on its significands is done in
    static constexpr int exponent_bits = ExponentBits;
    static constexpr int fraction_bits = FractionBits; ///< without the leading one
    static constexpr bool explicit_one = false;
    static constexpr int bias = (1 << (ExponentBits - 1)) - 1;
    static constexpr int exponent_max = (1 << ExponentBits) - 1; ///< biased exponent of inf and NaN
    static constexpr Sig leading_one = Sig(1) << FractionBits;
    static constexpr Sig fraction_mask = leading_one - 1;
    static constexpr Sig signaling_bit = Sig(1) << (FractionBits - 1);
};

template <class F> struct Format;
template <> struct Format<F16> : PlainFormat<F16, u16, u64, 5, 10> {};
template <> struct Format<BF16> : PlainFormat<BF16, u16, u64, 8, 7> {};
template <> struct Format<F32> : PlainFormat<F32, u32, u64, 8, 23> {};
template <> struct Format<F64> : PlainFormat<F64, u64, u64, 11, 52> {};
template <> struct Format<F128> : PlainFormat<F128, u128, u128, 15, 112> {};
/// `fraction` of Fields<F80> is the 63 bits below the explicit integer bit, which is handled apart.
template <> struct Format<F80> : PlainFormat<F80, u128, u128, 15, 63> {
    static constexpr bool explicit_one = true;
};

template <class F> inline constexpr bool is_f16 = std::is_same_v<F, F16>;
template <class F> inline constexpr bool is_f80 = std::is_same_v<F, F80>;

template <class F> constexpr typename Format<F>::Raw raw(F a) {
    if constexpr (is_f80<F>) return u128(a.sign_exponent) << 64 | a.fraction;
    else if constexpr (std::is_same_v<F, F128>) return u128(a.hi) << 64 | a.lo;
    else return a.bits;
}
template <class F> constexpr F from_raw(typename Format<F>::Raw r) {
    if constexpr (is_f80<F>) return {u64(r), u16(r >> 64)};
    else if constexpr (std::is_same_v<F, F128>) return {u64(r), u64(r >> 64)};
    else return {r};
}

template <class F> struct Fields {
    bool sign;
    int exponent;                      ///< biased
    typename Format<F>::Sig fraction;  ///< for F80 including the integer bit
};
template <class F> constexpr Fields<F> split(F a) {
    using T = Format<F>;
    if constexpr (is_f80<F>) return {bool(a.sign_exponent >> 15), a.sign_exponent & 0x7fff, a.fraction};
    else {
        auto r = raw(a);
        return {bool(r >> (T::exponent_bits + T::fraction_bits) & 1), int(r >> T::fraction_bits) & T::exponent_max,
                typename T::Sig(r) & T::fraction_mask};
    }
}
/// `significand` is the fraction, with the integer bit for F80; for the others a set leading bit is dropped.
template <class F> constexpr F join(bool sign, int exponent, typename Format<F>::Sig significand) {
    using T = Format<F>;
    if constexpr (is_f80<F>) return {u64(significand), u16(u16(sign) << 15 | exponent)};
    else {
        using Raw = typename T::Raw;
        return from_raw<F>(Raw(Raw(Raw(sign) << (T::exponent_bits + T::fraction_bits)) | Raw(Raw(exponent) << T::fraction_bits) |
                               Raw(significand & T::fraction_mask)));
    }
}

/// Bits 62:0 of F80 and the plain fraction of the others.
template <class F> constexpr typename Format<F>::Sig fraction_below_one(const Fields<F>& f) {
    return f.fraction & Format<F>::fraction_mask;
}
template <class F> constexpr F make_inf(bool sign) {
    return join<F>(sign, Format<F>::exponent_max, Format<F>::explicit_one ? Format<F>::leading_one : 0);
}
template <class F> constexpr F make_zero(bool sign) { return join<F>(sign, 0, 0); }

} // namespace emu::fp
