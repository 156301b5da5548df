// SPDX-License-Identifier: MIT
// The integers significands are computed in: u64 and u128, and a 256-bit one for the exact product of two 128-bit
// significands. The same few free functions work on all three, so that the arithmetic is written once.
#pragma once
#include "common/types.h"

#include <bit>

namespace emu::fp {

struct U256 {
    u128 hi = 0, lo = 0;
    bool operator==(const U256&) const = default;
};

template <class W> inline constexpr int width_of = int(sizeof(W) * 8);

constexpr bool is_nonzero(u64 x) { return x != 0; }
constexpr bool is_nonzero(u128 x) { return x != 0; }
constexpr bool is_nonzero(U256 x) { return (x.hi | x.lo) != 0; }

constexpr int leading_zeros(u64 x) { return std::countl_zero(x); }
constexpr int leading_zeros(u128 x) {
    return u64(x >> 64) ? std::countl_zero(u64(x >> 64)) : 64 + std::countl_zero(u64(x));
}
constexpr int leading_zeros(U256 x) { return x.hi ? leading_zeros(x.hi) : 128 + leading_zeros(x.lo); }

constexpr bool less(u64 a, u64 b) { return a < b; }
constexpr bool less(u128 a, u128 b) { return a < b; }
constexpr bool less(U256 a, U256 b) { return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo; }

constexpr u64 plus(u64 a, u64 b) { return a + b; }
constexpr u128 plus(u128 a, u128 b) { return a + b; }
constexpr U256 plus(U256 a, U256 b) {
    u128 lo = a.lo + b.lo;
    return {a.hi + b.hi + (lo < a.lo), lo};
}
constexpr u64 minus(u64 a, u64 b) { return a - b; }
constexpr u128 minus(u128 a, u128 b) { return a - b; }
constexpr U256 minus(U256 a, U256 b) { return {a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo}; }

/// Shifts by 0 to width-1.
constexpr u64 shift_left(u64 x, int n) { return x << n; }
constexpr u128 shift_left(u128 x, int n) { return x << n; }
constexpr U256 shift_left(U256 x, int n) {
    if (n == 0) return x;
    if (n >= 128) return {x.lo << (n - 128), 0};
    return {x.hi << n | x.lo >> (128 - n), x.lo << n};
}

/// Shift right by any count >= 0; bits shifted out are or'ed into the lowest one, so that rounding still sees them.
template <class W> constexpr W shift_right_sticky(W x, int n) {
    if (n <= 0) return x;
    if (n >= width_of<W>) return W(is_nonzero(x));
    return W(x >> n) | W((x & ((W(1) << n) - 1)) != 0);
}
template <> constexpr U256 shift_right_sticky(U256 x, int n) {
    if (n <= 0) return x;
    if (n >= 256) return {0, u128(is_nonzero(x))};
    if (n >= 128) {
        u128 lost = n > 128 ? x.hi << (256 - n) : 0;
        return {0, (n == 128 ? x.hi : x.hi >> (n - 128)) | u128((lost | x.lo) != 0)};
    }
    u128 lost = x.lo << (128 - n);
    return {x.hi >> n, x.hi << (128 - n) | x.lo >> n | u128(lost != 0)};
}

/// The type of an exact product, and going there and back (back: the upper half, the rest as a sticky bit).
template <class S> struct Wider;
template <> struct Wider<u64> {
    using Type = u128;
    static constexpr u128 multiply(u64 a, u64 b) { return u128(a) * b; }
    static constexpr u128 widen(u64 a) { return u128(a) << 64; }
    static constexpr u64 narrow(u128 a) { return u64(a >> 64) | u64(u64(a) != 0); }
};
template <> struct Wider<u128> {
    using Type = U256;
    static constexpr U256 multiply(u128 a, u128 b) {
        u64 a0 = u64(a), a1 = u64(a >> 64), b0 = u64(b), b1 = u64(b >> 64);
        u128 low = u128(a0) * b0, cross = u128(a0) * b1, cross2 = u128(a1) * b0, high = u128(a1) * b1;
        u128 middle = (low >> 64) + u64(cross) + u64(cross2);
        return {high + (cross >> 64) + (cross2 >> 64) + (middle >> 64), middle << 64 | u64(low)};
    }
    static constexpr U256 widen(u128 a) { return {a, 0}; }
    static constexpr u128 narrow(U256 a) { return a.hi | u128(a.lo != 0); }
};

template <class S> struct Quotient {
    S quotient;
    bool inexact;
};
/// floor(hi:0 / divisor) with hi < divisor, i.e. the quotient of hi * 2^width.
constexpr Quotient<u64> divide_fraction(u64 hi, u64 divisor) {
    u128 n = u128(hi) << 64;
    return {u64(n / divisor), n % divisor != 0};
}
constexpr Quotient<u128> divide_fraction(u128 hi, u128 divisor) {
    // Two quotient digits of 64 bits: each is estimated from the divisor's upper half, too big by at most 2 when that
    // half has its top bit set (Knuth, TAOCP volume 2, 4.3.1).
    int shift = leading_zeros(divisor);
    divisor <<= shift;
    u128 rest = hi << shift, quotient = 0;
    u64 d1 = u64(divisor >> 64), d0 = u64(divisor);
    for (int digit = 0; digit < 2; digit++) {
        u128 estimate = rest / d1;
        if (estimate >> 64) estimate = ~u64(0);
        // rest * 2^64 - estimate * divisor, three 64-bit limbs; negative while the estimate is too big.
        U256 left{rest >> 64, rest << 64};
        U256 product = plus(Wider<u128>::multiply(estimate, d0), shift_left(Wider<u128>::multiply(estimate, d1), 64));
        while (less(left, product)) {
            estimate--;
            product = minus(product, {0, divisor});
        }
        rest = minus(left, product).lo;
        quotient = quotient << 64 | estimate;
    }
    return {quotient, rest != 0};
}

} // namespace emu::fp
