// SPDX-License-Identifier: MIT
// A translated unit: host code in the buffer plus what the vCPU loop, linking and fault recovery need to know of it.
#pragma once
#include "jit/snapshot.h"

#include <array>
#include <span>
#include <utility>

namespace emu::jit {

struct Unit;

/// A jump out of a unit to a known guest address. Until the target is linked, it goes to a stub that leaves to the vCPU loop.
/// Or an indirect jump with its inline cache (emit_indirect.cpp), whose target is known when it was taken first.
struct LinkSite {
    static constexpr u64 no_key = ~u64(0);
    static constexpr u32 key_opcode_bytes = 2;   ///< mov rcx, imm64
    static constexpr u32 gate_bytes = 5;         ///< jmp rel32
    static constexpr u32 count_bytes = 13;       ///< sub dword [rip + rel32], imm8; je rel32
    static constexpr std::array<u8, 2> count_opcode{0x83, 0x2d};

    u64 pc = 0;              ///< guest target
    Unit* target = nullptr;
    LinkSite* next = nullptr;     ///< the others linked to `target`
    u32 patch = 0;           ///< position of the jump's rel32 in the code buffer
    u32 stub = 0;            ///< where it goes unlinked
    // Of an indirect jump:
    u32 key = 0;             ///< position of the 64 bits that the target is compared with; 0: a direct jump
    u32 gate = 0;            ///< position of the jump to the comparison
    bool aimed = false;      ///< pc is known
    u8 strays = 0;           ///< how often it led elsewhere
    // Of a direct one:
    bool inside = false;     ///< returns into its own region, until that is unlinked
    u32 counter = 0;         ///< of a back edge: position of the instruction that counts; 0: none
};

/// With what it refers to in the arena of its part of the code buffer, all of which goes at once (Jit::flush).
struct Unit {
    u64 pc = 0;
    u32 mode = 0;
    u32 insns = 0;
    u32 code = 0, size = 0;        ///< in the code buffer
    bool is_region = false;
    bool tried = false;            ///< a region was made, or at least attempted, at this place
    bool valid = true;             ///< may be entered (false once its guest code changed)
    u32 first_link = 0;            ///< number of links[0] in Jit::link_site
    std::span<LinkSite> links;
    LinkSite* incoming = nullptr;  ///< head of the list of sites linked here
    std::span<const std::pair<u64, u64>> ranges;
    SnapshotTable table;
    std::span<const u32> addresses;   ///< positions of 64-bit addresses of the emulator's own functions
    u64 guest_hash = 0;            ///< of the guest's code in `ranges`, where it is kept for other processes
    const fp::Env* env = nullptr;
};

} // namespace emu::jit
