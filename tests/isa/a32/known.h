// SPDX-License-Identifier: MIT
// Where the other emulator is known to be wrong: the architecture's text decides, the run does not count as a disagreement.
#pragma once
#include "program.h"

#include <string_view>

namespace emu::lockstep {

/// `arm`: the A32 form of the instruction where it is one of VFP or Advanced SIMD.
struct Known {
    u32 mask, value;
    bool (*applies)(const Context& before, u32 arm);
    std::string_view why;
};

inline constexpr Known known_differences[] = {
    // FPToFixedJS: Z is 0 for an operand that is zero only because it was flushed.
    {0x0fbf0fd0, 0x0eb90bc0,
     [](const Context& c, u32 word) {
         const u64 m = c.d[(word >> 1 & 16) | (word & 15)];
         return (c.fpscr & 1u << 24) && (m >> 52 & 0x7ff) == 0 && m << 12 != 0;
     },
     "qemu 7.2: VJCVT of a flushed denormal sets Z"},
};

inline bool is_known(const Context& before, u32 word, bool) {
    for (const Known& k : known_differences)
        if ((word & k.mask) == k.value && k.applies(before, word)) return true;
    return false;
}

} // namespace emu::lockstep
