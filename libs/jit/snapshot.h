// SPDX-License-Identifier: MIT
// Where the guest registers are at an instruction that may fault or raise: enough to rebuild the exact state from the host's.
#pragma once
#include "common/arena.h"
#include "ir/ir.h"
#include "ir/state.h"

#include <span>
#include <vector>

namespace emu::jit {

struct Backend;

/// Place of one value.
struct Where {
    enum Kind : u8 { gpr, xmm, spill, slot, constant, recipe } kind = gpr;
    u16 index = 0;   ///< register (xmm: 0-31), spill entry, slot whose memory holds it, or index into SnapshotTable::constants / recipes
    bool operator==(const Where&) const = default;
};

/// One guest register that is not where the canonical state has it.
struct SnapshotEntry {
    u16 slot = 0;
    Where where;
    bool operator==(const SnapshotEntry&) const = default;
};

/// A pure node that was not computed on the hot path.
struct Recipe {
    ir::Op op;
    ir::Type type, arg_type;
    bool undo = false;   ///< the first operand is a + b (op adds) or a - b (others): a is got back before evaluating
    u16 aux = 0;
    Where args[3];
    bool operator==(const Recipe&) const = default;
};

/// Host code [begin, end), relative to the unit: an access or the end of a call, and the guest instruction it belongs to.
struct Snapshot {
    u32 begin = 0, end = 0;
    u32 first = 0, count = 0;   ///< in SnapshotTable::entries
    u64 pc = 0;
};

/// The side table of a unit, in order of host addresses. The unit's arena holds it.
struct SnapshotTable {
    std::span<const Snapshot> snapshots;
    std::span<const SnapshotEntry> entries;
    std::span<const Recipe> recipes;
    std::span<const ir::V128> constants;

    const Snapshot* find(u32 offset) const;
};

/// One that is being made.
struct SnapshotRecord {
    std::vector<Snapshot> snapshots;
    std::vector<SnapshotEntry> entries;
    std::vector<Recipe> recipes;
    std::vector<ir::V128> constants;

    void clear();
    SnapshotTable table(Arena& arena) const;
};

/// Make `state` exact as of `snapshot`, from the registers saved in state.frame.
void restore_state(const SnapshotTable& table, const Snapshot& snapshot, const Backend& backend, const fp::Env& env, ir::StateHeader& state);

} // namespace emu::jit
