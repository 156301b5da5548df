// SPDX-License-Identifier: MIT
// Arithmetic on numbers from outside: the result, or nothing where it does not fit.
//
//     auto end = checked_add(header.offset, header.size);
//     if (!end || *end > file_size) return fail(EINVAL, "section lies outside the file");
#pragma once
#include "common/types.h"

#include <optional>
#include <type_traits>

namespace emu {

template <class T> constexpr std::optional<T> checked_add(T a, std::type_identity_t<T> b) {
    T sum{};
    if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
    return sum;
}
template <class T> constexpr std::optional<T> checked_sub(T a, std::type_identity_t<T> b) {
    T difference{};
    if (__builtin_sub_overflow(a, b, &difference)) return std::nullopt;
    return difference;
}
template <class T> constexpr std::optional<T> checked_mul(T a, std::type_identity_t<T> b) {
    T product{};
    if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
    return product;
}
/// Round up to a power-of-two alignment.
template <class T> constexpr std::optional<T> checked_align_up(T value, std::type_identity_t<T> alignment) {
    static_assert(std::is_unsigned_v<T>);
    auto sum = checked_add<T>(value, T(alignment - 1));
    if (!sum) return std::nullopt;
    return T(*sum & T(~T(alignment - 1)));
}
/// Does [at, at + length) lie within [0, size)? Never overflows.
constexpr bool in_range(u64 at, u64 length, u64 size) { return at <= size && length <= size - at; }

/// The value in a narrower type, or nothing where it does not fit.
template <class To, class From> constexpr std::optional<To> checked_cast(From value) {
    To narrow{};
    if (__builtin_add_overflow(value, From(0), &narrow)) return std::nullopt;
    return narrow;
}

} // namespace emu
