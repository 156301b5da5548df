// SPDX-License-Identifier: MIT
// What a CPU model has, by the names of CPUID's bits (Intel SDM volume 2, CPUID).
#pragma once
#include "common/types.h"

namespace emu::isa::x86::feature {

inline constexpr u64 cmov = 1 << 0, mmx = 1 << 1, fxsr = 1 << 2, sse = 1 << 3, sse2 = 1 << 4, sse3 = 1 << 5, ssse3 = 1 << 6, sse41 = 1 << 7,
                     sse42 = 1 << 8, popcnt = 1 << 9, aes = 1 << 10, pclmul = 1 << 11, movbe = 1 << 12, cx16 = 1 << 13, xsave = 1 << 14,
                     avx = 1 << 15, f16c = 1 << 16, fma = 1 << 17, bmi1 = 1 << 18, bmi2 = 1 << 19, avx2 = 1 << 20, lzcnt = 1 << 21,
                     adx = 1 << 22, sha = 1 << 23, rdrand = 1 << 24, rdseed = 1 << 25, fsgsbase = 1 << 26, rdtscp = 1 << 27,
                     lahf64 = 1 << 28, cx8 = 1 << 29, clflushopt = 1 << 30;
inline constexpr u64 long_mode = u64(1) << 32, x87 = u64(1) << 33, erms = u64(1) << 34, prefetchw = u64(1) << 35, sse4a = u64(1) << 36,
                     rdpid = u64(1) << 37, vaes = u64(1) << 38;

inline constexpr u64 i486 = x87;
inline constexpr u64 pentium = i486 | cx8, pentium3 = pentium | cmov | mmx | fxsr | sse;
inline constexpr u64 v1 = pentium3 | sse2 | long_mode;
inline constexpr u64 v2 = v1 | sse3 | ssse3 | sse41 | sse42 | popcnt | cx16 | lahf64;
inline constexpr u64 v3 = v2 | avx | avx2 | bmi1 | bmi2 | f16c | fma | lzcnt | movbe | xsave;

} // namespace emu::isa::x86::feature
