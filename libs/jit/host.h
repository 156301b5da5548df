// SPDX-License-Identifier: MIT
// What the host CPU offers beyond x86-64-v2, which is taken for granted (SSE4.2, POPCNT, CMPXCHG16B, LAHF).
#pragma once
#include "common/types.h"

namespace emu::jit {

struct HostFeatures {
    bool avx = false, avx2 = false, bmi1 = false, bmi2 = false, lzcnt = false, movbe = false, fma = false, f16c = false;
    bool avx512vl = false;     ///< with F, BW, DQ and CD
    bool aes = false, pclmul = false, sha = false, gfni = false;

    static HostFeatures detect();
    /// The least that is supported; lets the tests run the paths for old hosts on new ones.
    static HostFeatures baseline() { return {}; }
};

} // namespace emu::jit
