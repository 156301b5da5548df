// SPDX-License-Identifier: MIT
// Short names for the fixed-width integers; everything in Emu speaks these.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace emu {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;
__extension__ using u128 = unsigned __int128;
__extension__ using s128 = __int128;
using usize = std::size_t;

using Bytes = std::span<u8>;
using ConstBytes = std::span<const u8>;

} // namespace emu
