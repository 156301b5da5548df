// SPDX-License-Identifier: MIT
// Where the other emulator is known to be wrong: the architecture's text decides, the run does not count as a disagreement.
#pragma once
#include "program.h"

#include <string_view>

namespace emu::lockstep {

struct Known {
    u32 mask, value;
    bool (*applies)(const Context& before, u32 word);
    std::string_view why;
};

inline constexpr u64 fpcr_fz = 1 << 24;

inline constexpr Known known_differences[] = {
    // FPToFixedJS: Z is 0 for an operand that is zero only because it was flushed.
    {0xfffffc00, 0x1e7e0000,
     [](const Context& c, u32 word) {
         const u64 d = c.v[word >> 5 & 31][0];
         return (c.fpcr & fpcr_fz) && (d >> 52 & 0x7ff) == 0 && d << 12 != 0;
     },
     "qemu 7.2: FJCVTZS of a flushed denormal sets Z"},
    // The result of a scalar conversion is the element, the rest of the register zero.
    {0xfff0fc00, 0x5f10fc00, [](const Context&, u32) { return true; }, "qemu 7.2: scalar FCVTZS (half, fixed point) leaves sign bits above"},
};

inline bool is_known(const Context& before, u32 word) {
    for (const Known& k : known_differences)
        if ((word & k.mask) == k.value && k.applies(before, word)) return true;
    return false;
}

/// Encodings that are unallocated but that qemu 7.2 runs, or stops at with an assertion of its own.
struct Lax {
    u32 mask, value;
    std::string_view what;
};
inline constexpr Lax lax_encodings[] = {
    {0x8f760c00, 0x0e700800, "half-precision two-register SIMD: unallocated opcodes, bit 19 clear"},
    {0x9ff80c00, 0x0f000c00, "modified immediate with o2 set (FMOV of halves is the only one allocated)"},
};
inline bool is_lax(u32 word) {
    for (const Lax& l : lax_encodings)
        if ((word & l.mask) == l.value) return true;
    return false;
}

} // namespace emu::lockstep
