// SPDX-License-Identifier: MIT
// The types of IR values, and the 128-bit vector they are all held in when interpreted.
#pragma once
#include "common/types.h"

#include <cstring>
#include <string_view>

namespace emu::ir {

/// Integers narrower than 32 bits exist only in memory and in vector lanes; arithmetic is on i32 and i64.
enum class Type : u8 { none, i1, i32, i64, f16, f32, f64, v128 };
inline constexpr std::string_view type_names[] = {"none", "i1", "i32", "i64", "f16", "f32", "f64", "v128"};

constexpr bool is_int(Type t) { return t == Type::i1 || t == Type::i32 || t == Type::i64; }
constexpr bool is_float(Type t) { return t == Type::f16 || t == Type::f32 || t == Type::f64; }
constexpr unsigned bit_width(Type t) {
    constexpr unsigned width[] = {0, 1, 32, 64, 16, 32, 64, 128};
    return width[unsigned(t)];
}
/// Bytes a value of the type occupies in the guest state (i1 takes one byte holding 0 or 1).
constexpr unsigned byte_size(Type t) { return t == Type::i1 ? 1 : bit_width(t) / 8; }

/// What a vector op takes its 128 bits for.
enum class Lane : u8 { i8, i16, i32, i64, f16, f32, f64 };
inline constexpr std::string_view lane_names[] = {"i8", "i16", "i32", "i64", "f16", "f32", "f64"};
constexpr unsigned lane_bits(Lane l) {
    constexpr unsigned width[] = {8, 16, 32, 64, 16, 32, 64};
    return width[unsigned(l)];
}
constexpr unsigned lane_count(Lane l) { return 128 / lane_bits(l); }
constexpr Lane int_lane(unsigned bits) { return bits == 8 ? Lane::i8 : bits == 16 ? Lane::i16 : bits == 32 ? Lane::i32 : Lane::i64; }
constexpr Lane float_lane(unsigned bits) { return bits == 16 ? Lane::f16 : bits == 32 ? Lane::f32 : Lane::f64; }

/// 128 bits; lane 0 is the least significant. Scalars live in the low bits, the rest being zero.
struct alignas(16) V128 {
    u64 lo = 0, hi = 0;
    constexpr bool operator==(const V128&) const = default;
    /// Lane `index` as the unsigned (or any trivially copyable) type T.
    template <class T> T lane(unsigned index) const {
        T value;
        std::memcpy(&value, reinterpret_cast<const u8*>(this) + index * sizeof(T), sizeof(T));
        return value;
    }
    template <class T> void set_lane(unsigned index, T value) {
        std::memcpy(reinterpret_cast<u8*>(this) + index * sizeof(T), &value, sizeof(T));
    }
};

} // namespace emu::ir
