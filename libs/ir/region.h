// SPDX-License-Identifier: MIT
// A region: several superblocks of hot guest code that are compiled together, so that guest registers stay in host registers
// from one to the next and what is known at the end of one is used in the others.
//
// Each block is a Function of its own; Exit::block says which exits go to another block. Values pass from block to block in
// slots only: those of the ISA, and those of the region. The latter stand for the operands of a guest slot's value where that
// has the same form at every way into a block: `x1 = zext(x1.0)` for a register that holds a 32-bit result, `nzcv =
// flags_sub(x1, nzcv.1)` for flags that nobody computed yet. The block starts by setting the guest slot to that form, which
// costs nothing until somebody wants the value, and the jumps to it set the region's slots.
//
// A function that calls itself, and no other that is not inlined, is a region whose calls and returns stay inside. Its first block only
// leads in: calls from elsewhere come there, in the canonical state. Calls of its own go to the block behind that, `callee`, and returns
// to landings, where all returns bring the slots into the same places and say the same of their values. A landing that must not be used
// any more is turned away to its `way_out`, which leaves the region for the same address.
//
// A call to a leaf, a function so little that it is not worth the way there and back (region_leaf.h), is inlined: its code is part of
// the region, once for each call. The call itself is a jump, and so is a return whose address is known; one from the guest's memory is
// compared with what the call put there, and goes elsewhere as any other if it is not that. Nothing of it is on the stack of calls and
// returns: where the code goes on outside the region, that is a call, for which the other code will return. Who leaves in another way, by
// a fault or a request to stop, comes to a return that was not predicted.
#pragma once
#include "ir/builder.h"

#include <deque>
#include <functional>
#include <memory>

namespace emu::ir {

/// Most slots of a region beyond the ISA's; their memory is at the end of JitFrame::spill.
inline constexpr unsigned most_region_slots = 28;

struct RegionBlock {
    Function function;
    bool outer = false;              ///< entered in the canonical state: from outside, or by a return
    bool around = false;             ///< version of a loop's head for all rounds but the first
    bool landing = false;            ///< entered by returns from calls that stay in the region, or a way out of such a block
    u32 way_out = 0;                 ///< of a landing: 1 + that block
    u32 call = 0;                    ///< number of the inlined call whose code it is; 0: the region's own
    u32 loop = 0;                    ///< innermost loop
    std::vector<bool> live;          ///< per slot: may be looked at before it is set, if control comes here
};

struct RegionLoop {
    u32 parent = 0, depth = 0;
    std::vector<u32> weight;         ///< per slot: how much it is used in the loop
    std::vector<bool> changed;       ///< per slot: set in the loop
};

struct Region {
    u64 pc = 0;
    u32 mode = 0;
    u32 insns = 0;
    usize isa_slots = 0;
    std::vector<Slot> slots;                             ///< the ISA's, then the region's
    std::vector<std::unique_ptr<RegionBlock>> blocks;    ///< in order of emission; the first is the entry
    std::vector<RegionLoop> loops;                       ///< the first is the region itself, parents come before children
    std::vector<std::pair<u64, u64>> ranges;
    u32 callee = 0;                                      ///< 1 + the block that calls inside go to; 0: there are none
    u32 landing = 0;                                     ///< 1 + one of the landings
    std::deque<std::string> names;                       ///< of the region's slots

    /// Is a request to stop looked at on this way, taken by block `from` at guest address `pc`? Every loop has such a way, by the order
    /// of blocks; the order of addresses is for loops that are partly outside, and there inlined calls are counted where they are left.
    static bool polls(u32 from, u64 pc, const Exit& exit) { return exit.block - 1 <= from || (exit.pc <= pc && !exit.inlined); }
    bool is_own(unsigned slot) const { return slot >= isa_slots; }
};

struct RegionRequest {
    u64 pc = 0;
    u32 mode = 0;
    SlotTable slots;
    fp::Env fp{nullptr};
    unsigned max_insns = 1000, max_blocks = 100;
    bool whole = false;              ///< keep what is not in a loop with `pc`
    static constexpr unsigned no_limit = ~0u;
    /// Translate one superblock at `pc`, of `most_insns` at most, that ends where a leader (sorted addresses) starts.
    std::function<void(Builder& builder, u64 pc, std::span<const u64> leaders, unsigned most_insns)> translate;
    /// Is code at `pc` worth having in the region?
    std::function<bool(u64 pc)> wanted;

    /// For translate.
    Function function_at(u64 at) const {
        Function f;
        f.pc = at;
        f.mode = mode;
        f.slots = slots;
        f.fp = fp;
        return f;
    }
};

/// Null: there is nothing to gain, or it cannot be done.
std::unique_ptr<Region> build_region(const RegionRequest& request);

std::string print(const Region& region);
/// As verify of a function, for all blocks and what is between them.
std::string verify(const Region& region);

} // namespace emu::ir
