// SPDX-License-Identifier: MIT
// Reading and writing numbers in byte buffers: a byte order chosen by name or at run time, never a struct cast.
//
// le32(bytes, 4) and ByteView::u32_at(4) insist on the bytes being there (an assertion): code that parses hostile input
// first takes a checked sub-view of the size its structure has, and refuses the input when there is none:
//
//     auto header = file.sub(0, header_size);
//     if (!header) return fail(EINVAL, "file too short for its header");
//     u16 machine = header->u16_at(18);
#pragma once
#include "common/checked.h"
#include "common/result.h"
#include "common/types.h"

#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

namespace emu {

using Endian = std::endian;

constexpr u8 byte_swap(u8 value) { return value; }
constexpr u16 byte_swap(u16 value) { return __builtin_bswap16(value); }
constexpr u32 byte_swap(u32 value) { return __builtin_bswap32(value); }
constexpr u64 byte_swap(u64 value) { return __builtin_bswap64(value); }

/// Unchecked forms for memory whose size the caller knows.
template <class T> T load_bytes(const void* from, Endian order) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return order == Endian::native ? value : byte_swap(value);
}
template <class T> void store_bytes(void* to, T value, Endian order) {
    if (order != Endian::native) value = byte_swap(value);
    std::memcpy(to, &value, sizeof value);
}

/// Asserted forms over spans.
template <class T> T load(ConstBytes from, usize at, Endian order) {
    EMU_ASSERT(in_range(at, sizeof(T), from.size()));
    return load_bytes<T>(from.data() + at, order);
}
template <class T> void store(Bytes to, usize at, T value, Endian order) {
    EMU_ASSERT(in_range(at, sizeof(T), to.size()));
    store_bytes(to.data() + at, value, order);
}

inline u16 le16(ConstBytes from, usize at = 0) { return load<u16>(from, at, Endian::little); }
inline u32 le32(ConstBytes from, usize at = 0) { return load<u32>(from, at, Endian::little); }
inline u64 le64(ConstBytes from, usize at = 0) { return load<u64>(from, at, Endian::little); }
inline u16 be16(ConstBytes from, usize at = 0) { return load<u16>(from, at, Endian::big); }
inline u32 be32(ConstBytes from, usize at = 0) { return load<u32>(from, at, Endian::big); }
inline u64 be64(ConstBytes from, usize at = 0) { return load<u64>(from, at, Endian::big); }
inline void put_le16(Bytes to, usize at, u16 value) { store(to, at, value, Endian::little); }
inline void put_le32(Bytes to, usize at, u32 value) { store(to, at, value, Endian::little); }
inline void put_le64(Bytes to, usize at, u64 value) { store(to, at, value, Endian::little); }
inline void put_be16(Bytes to, usize at, u16 value) { store(to, at, value, Endian::big); }
inline void put_be32(Bytes to, usize at, u32 value) { store(to, at, value, Endian::big); }
inline void put_be64(Bytes to, usize at, u64 value) { store(to, at, value, Endian::big); }

/// Bytes with the byte order of the structure they hold.
class ByteView {
public:
    ByteView() = default;
    explicit ByteView(ConstBytes bytes, Endian order = Endian::little) : bytes_(bytes), order_(order) {}

    usize size() const { return bytes_.size(); }
    ConstBytes bytes() const { return bytes_; }
    Endian order() const { return order_; }
    ByteView with_order(Endian order) const { return ByteView(bytes_, order); }

    /// `length` bytes from `at` on, or nothing where the view does not hold them all.
    std::optional<ByteView> sub(u64 at, u64 length) const {
        if (!in_range(at, length, bytes_.size())) return std::nullopt;
        return ByteView(bytes_.subspan(usize(at), usize(length)), order_);
    }
    /// Everything from `at` on.
    std::optional<ByteView> from(u64 at) const {
        if (at > bytes_.size()) return std::nullopt;
        return ByteView(bytes_.subspan(usize(at)), order_);
    }

    u8 u8_at(usize at) const { return load<u8>(bytes_, at, order_); }
    u16 u16_at(usize at) const { return load<u16>(bytes_, at, order_); }
    u32 u32_at(usize at) const { return load<u32>(bytes_, at, order_); }
    u64 u64_at(usize at) const { return load<u64>(bytes_, at, order_); }

    /// The NUL-terminated string at `at`, or nothing where it is not terminated within the view.
    std::optional<std::string_view> string_at(u64 at) const {
        if (at >= bytes_.size()) return std::nullopt;
        const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + at;
        const void* end = std::memchr(begin, 0, bytes_.size() - usize(at));
        if (!end) return std::nullopt;
        return std::string_view(begin, usize(static_cast<const char*>(end) - begin));
    }
    bool starts_with(std::string_view magic) const {
        return bytes_.size() >= magic.size() && std::memcmp(bytes_.data(), magic.data(), magic.size()) == 0;
    }

private:
    ConstBytes bytes_;
    Endian order_ = Endian::little;
};

} // namespace emu
