// SPDX-License-Identifier: MIT
// Where the other emulator is known to be wrong: the architecture's text decides, the run does not count as a disagreement.
#pragma once
#include "program.h"

#include <algorithm>
#include <csignal>
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

/// LDM, STM, LDRD and STRD of words that are not aligned raise an alignment fault, which Linux repairs: the program sees the
/// access go through (arch/arm/mm/alignment.c, arch/arm64/kernel/compat_alignment.c). The other delivers SIGBUS.
inline bool is_repaired_by_linux(std::string_view name, const Context& ours, const Context& other) {
    constexpr std::string_view names[] = {"ldm", "ldmda", "ldmdb", "ldmib", "stm", "stmda", "stmdb", "stmib", "push", "pop", "ldrd", "strd"};
    return ours.illegal_signal != SIGBUS && other.illegal_signal == SIGBUS && std::find(std::begin(names), std::end(names), name) != std::end(names);
}

inline bool is_known(std::string_view name, const Context& before, u32 word, const Context& ours, const Context& other) {
    for (const Known& k : known_differences)
        if ((word & k.mask) == k.value && k.applies(before, word)) return true;
    return is_repaired_by_linux(name, ours, other);
}

} // namespace emu::lockstep
