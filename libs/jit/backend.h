// SPDX-License-Identifier: MIT
// What all translations of one guest share: options, the homes of pinned guest registers, addresses of the common routines.
#pragma once
#include "ir/state.h"
#include "jit/assembler.h"
#include "jit/host.h"
#include "jit/snapshot.h"

#include <array>
#include <vector>

namespace emu::jit {

struct Options {
    u64 memory_base = 0;               ///< flat memory: host address of guest address 0
    bool system = false;               ///< accesses go through the TLB of the state header
    usize code_buffer = usize(256) << 20;
    HostFeatures features = HostFeatures::detect();
    bool only_fallback = false;        ///< tests: no native code for pure ops
    unsigned pinned_gprs = 8, pinned_xmms = 8;   ///< upper limits
    bool denormal_flag = false;          ///< the guest sees the host's denormal-operand flag (x86)
    u32 hot_threshold = 0;             ///< count back edges, and leave when one was taken so often (0: do not count)
};

/// Which slots sit in which registers where a block begins.
struct Homes {
    std::vector<Reg> home;               ///< per slot, no_reg if none
    std::array<s16, reg_count> slot;     ///< per register, -1 if it is no home
    RegMask mask = 0;
    std::vector<bool> clean;             ///< per slot: its memory is up to date as well; empty = none is

    explicit Homes(usize slots) : home(slots, Reg(no_reg)) { slot.fill(-1); }
    void pin(unsigned index, Reg reg) {
        home[index] = reg;
        slot[reg] = s16(index);
        mask |= bit_of(reg);
    }
    bool is_clean(unsigned index) const { return index < clean.size() && clean[index]; }
};

/// r15 points this far into the state, so that the registers right after the header are in reach of 8-bit displacements.
inline constexpr s32 state_bias = s32(sizeof(ir::StateHeader)) + 128;

/// The last of the upper vector registers are not for values: two constants of a row of unchecked results (emit_float_checks.cpp),
/// and one that its cold code carries values in.
inline constexpr int first_row_constant = 29, carrier_xmm = 31;

/// Why translated code came back to C++.
enum class Leave : u32 {
    link,        ///< an exit that is not linked; state.link_site is its number
    indirect,    ///< an indirect exit whose target, state.pc, is not known; link_site is the exit's number or no_link
    stop,        ///< trap or sync; exit_* fields and pc are set
    poll,        ///< state.poll was set; link_site is the number of the exit about to be taken
    poll_pc,     ///< the same at an indirect exit; pc is set
    fault,       ///< a host fault was redirected here; registers are in state.frame
    raised,      ///< Jit::raise
    hot,         ///< the back edge about to be taken, link_site, was taken Options::hot_threshold times
};

inline constexpr u32 no_link = ~u32(0);

/// Guest addresses on the stack of calls and returns that nobody returns to. A region that calls itself (ir/region.h) pushes those of
/// its own calls inverted, since only its own returns may come back by them, and one that stands for its caller's.
inline constexpr u64 empty_stack_key = 0x9d3b1f6c8e52a745, region_entry_key = 0xb1c59e0d7a6483f7;

/// Positions of the common routines in the code buffer.
struct Routines {
    u32 enter = 0;
    u32 leave_link = 0;          ///< eax = link site number; state canonical
    u32 leave_poll = 0;          ///< eax = link site number
    u32 leave_hot = 0;           ///< eax = link site number
    u32 leave_poll_pc = 0;       ///< rax = guest pc
    u32 leave_stop = 0;          ///< state canonical, exit fields and pc stored
    u32 leave_fault = 0;         ///< nothing is stored
    u32 leave_raised = 0;        ///< nothing is stored
    u32 indirect = 0;            ///< look rax up in the jump cache, go there or leave
    u32 indirect_miss = 0;       ///< leave for rax
    u32 site_miss = 0;           ///< leave for rax from link site ecx
    u32 return_mismatch = 0;     ///< the same after emptying the return stack
    u32 return_sentinel = 0;     ///< where the empty stack's entry returns to, and one that stands for a region's caller
    u32 call_helper = 0;         ///< rax = function, rsi rdx rcx r8 = arguments; on the C++ stack
    u32 call_raising = 0;        ///< the same, with the preserved registers in frame.gpr
    u32 call_syncing = 0;        ///< the same as call_raising, with the FP flags harvested first
    u32 eval = 0;                ///< frame.eval_* and scratch: out-of-line pure op, preserves all registers,
    u32 eval_wide = 0;           ///< and their high halves
    u32 memory = 0;              ///< frame.address, access, access_flags and scratch: out-of-line memory access, preserves all registers
    u32 end = 0;
};

/// What Routines::memory does (frame.access).
enum class SlowAccess : u32 { load, store, rmw, cas };

struct Backend {
    Options options;
    ir::SlotTable slots;
    Homes canonical;                     ///< where units that are entered from others find their slots
    RegMask allocatable = 0;
    std::vector<u16> lower;              ///< per slot that is the upper half of a register: the one of the low half, else 0
    bool has_halves = false;             ///< there are such
    Routines routines;
    /// Nobody but one vCPU sees the guest's memory: its accesses need neither locks nor barriers. Once false, it stays so.
    bool alone = false;

    Backend(const Options& options, ir::SlotTable slots);
    const HostFeatures& host() const { return options.features; }
    /// Are two halves of 128 bits, of a guest's register, one register of the host's?
    bool joins_halves() const { return has_halves && options.features.avx2 && !options.system && !options.only_fallback; }
    u32 slot_offset(unsigned slot) const { return slots[slot].offset; }
};

/// Look guest address rax up: rcx = its jump cache entry. The jump is taken if that is for another address: it leads to
/// emit_jump_cache_other, which goes to `found` if the pair's other entry has it.
Fixup emit_jump_cache_probe(Assembler& as);
void emit_jump_cache_other(Assembler& as, u32 found);

/// Emit the routines at the assembler's position.
Routines emit_routines(Assembler& as, const Backend& backend);

} // namespace emu::jit
