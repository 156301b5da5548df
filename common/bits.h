// SPDX-License-Identifier: MIT
// Bit fields, sign extension, alignment, rotation: the arithmetic that decoders and data sheets are written in.
#pragma once
#include "common/types.h"

#include <bit>
#include <type_traits>

namespace emu {

/// `width` bits of `value` from bit `low` up, as an unsigned number.
template <class T> constexpr T bits(T value, unsigned low, unsigned width) {
    static_assert(std::is_unsigned_v<T>);
    if (width >= sizeof(T) * 8) return T(value >> low);
    return T(T(value >> low) & ((T(1) << width) - 1));
}
template <class T> constexpr bool bit(T value, unsigned index) { return (value >> index) & 1; }

/// `width` one bits, width 0 to 64.
constexpr u64 ones(unsigned width) { return width >= 64 ? ~u64(0) : (u64(1) << width) - 1; }

/// The low `width` bits (1 to 64) of `value` as a two's complement number.
constexpr s64 sign_extend(u64 value, unsigned width) { return s64(value << (64 - width)) >> (64 - width); }

template <class T> constexpr T align_down(T value, T alignment) { return value & ~(alignment - 1); }
template <class T> constexpr T align_up(T value, T alignment) { return align_down(T(value + alignment - 1), alignment); }
constexpr bool is_power_of_two(u64 value) { return std::has_single_bit(value); }

/// Rotate the low `width` bits of `value` right by `count` (any count).
constexpr u64 rotate_right(u64 value, unsigned count, unsigned width) {
    count %= width;
    value &= ones(width);
    return count ? ((value >> count) | (value << (width - count))) & ones(width) : value;
}

} // namespace emu
