// SPDX-License-Identifier: MIT
// The part of a vCPU's state that is the same for every guest, at offset 0 of the ISA's own state struct. Translated code
// keeps a pointer to it in a register and reaches fields by offset.
#pragma once
#include "ir/type.h"

#include <algorithm>
#include <csetjmp>
#include <vector>

namespace emu::ir {

/// The table that indirect jumps look up in generated code: the pc's entry, then the other one of its pair. Two targets of one
/// hot jump that have the same place would otherwise put each other out, at the price of leaving translated code each time.
struct JumpCacheEntry {
    u64 pc = ~u64(0);
    const void* code = nullptr;
};
inline constexpr unsigned jump_cache_bits = 12;
/// Index of a guest pc's entry: instructions are at least 1 byte, mostly 2 or 4.
constexpr u32 jump_cache_index(u64 pc) { return u32(pc ^ pc >> jump_cache_bits) & ((1u << jump_cache_bits) - 1); }

/// Aligned, so that generated code comes to an entry's other by one bit of the address.
struct alignas(2 * sizeof(JumpCacheEntry)) JumpCachePair {
    JumpCacheEntry entry[2];
};

class JumpCache {
public:
    JumpCache() : pairs_(usize(1) << (jump_cache_bits - 1)) {}
    JumpCacheEntry* data() { return pairs_[0].entry; }
    void fill(JumpCacheEntry empty) { std::fill(pairs_.begin(), pairs_.end(), JumpCachePair{{empty, empty}}); }
    JumpCachePair& pair(u64 pc) { return pairs_[jump_cache_index(pc) >> 1]; }
    /// Makes it the first to be looked at; what was there moves to the other place. Only for the owner, outside translated code.
    void remember(JumpCacheEntry jump) {
        const u32 index = jump_cache_index(jump.pc);
        JumpCacheEntry &first = data()[index], &other = data()[index ^ 1];
        if (first.pc != jump.pc) other = first;
        first = jump;
    }

private:
    std::vector<JumpCachePair> pairs_;
};

/// Software TLB entry of the inline probe: tag = page address | valid, per access kind; host = guest address + addend.
struct TlbEntry {
    u64 read = ~u64(0), write = ~u64(0), exec = ~u64(0);
    u64 addend = 0;
};
inline constexpr unsigned tlb_bits = 10, tlb_page_bits = 12, tlb_views = 4;

/// What translated code keeps in memory besides guest state; only the JIT looks at it.
struct JitFrame {
    V128 xmm[32];                    ///< host registers at a fault, or those that an out-of-line operation preserves, and
    V128 ymm_high[16];               ///< what is above the first of them
    V128 spill[64];                  ///< values that fit neither a register nor their slot
    u64 row_mask = 0;                ///< k1 during an out-of-line pure op, see jit/emit_float_checks.cpp
    u64 gpr[16] = {};
    const void* eval_env = nullptr;  ///< the fp::Env of an out-of-line pure op, and
    u32 eval_op = 0;                 ///< op | type << 8 | type of the first operand << 12 | aux << 16
    u32 mxcsr = 0;                   ///< a place for stmxcsr
    u64 address = 0;                 ///< of a memory access that is done out of line,
    u32 access = 0, access_flags = 0; ///< what it is (jit::SlowAccess) and the node's aux
};

struct StateHeader {
    u64 pc = 0;                      ///< guest pc, valid outside translated code
    u32 poll = 0;                    ///< nonzero asks translated code to leave at the next back edge or indirect exit
    u32 mode = 0;                    ///< mode bits of the code that may run now (see Isa::mode)

    // Why translated code was left (ExitKind of the exit, its code and value).
    u32 exit_kind = 0, exit_code = 0;
    u64 exit_value = 0;

    u32 fp_flags = 0;                ///< sticky fp::Flag bits; the host's own are harvested into it (see harvest_fp_flags)
    u32 mxcsr = 0x1f80;              ///< host MXCSR to run translated code with: the guest's rounding, exceptions masked
    u32 host_mxcsr = 0x1f80;
    bool in_jit = false;             ///< translated code or a helper called from it is running

    u64 memory_base = 0;             ///< host address of guest address 0 (flat memory)
    TlbEntry* tlb = nullptr;         ///< tlb_views tables of 1 << tlb_bits entries, or null: flat memory
    JumpCacheEntry* jump_cache = nullptr;

    void* host_stack = nullptr;      ///< C++ stack while translated code runs
    void* jit_stack = nullptr;       ///< translated code's stack pointer while a helper runs
    void* shadow_top = nullptr;      ///< where the empty call/return stack starts
    void* vcpu = nullptr;            ///< the cpu::Vcpu that owns this state
    void* memory = nullptr;          ///< the ir::Memory the slow paths use
    void* link_site = nullptr;       ///< translated code's unlinked exit that was taken last

    V128 scratch[5];                 ///< operands and result of out-of-line vector and FP ops
    JitFrame frame;
};

} // namespace emu::ir
