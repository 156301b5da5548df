// SPDX-License-Identifier: MIT
#include "jit/snapshot.h"

#include "common/result.h"
#include "ir/eval.h"
#include "jit/backend.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace emu::jit {

const Snapshot* SnapshotTable::find(u32 offset) const {
    auto after = std::upper_bound(snapshots.begin(), snapshots.end(), offset, [](u32 at, const Snapshot& s) { return at < s.begin; });
    if (after == snapshots.begin()) return nullptr;
    --after;
    return offset < after->end ? &*after : nullptr;
}

void SnapshotRecord::clear() {
    snapshots.clear();
    entries.clear();
    recipes.clear();
    constants.clear();
}

SnapshotTable SnapshotRecord::table(Arena& arena) const {
    return {arena.copy(snapshots), arena.copy(entries), arena.copy(recipes), arena.copy(constants)};
}

namespace {

class Restorer {
public:
    Restorer(const SnapshotTable& table, const Backend& backend, const fp::Env& env, ir::StateHeader& state)
        : table_(table), backend_(backend), env_(env), state_(state) {}

    u8* memory(unsigned slot) { return reinterpret_cast<u8*>(&state_) + backend_.slots[slot].offset; }

    ir::V128 value(Where where) {
        switch (where.kind) {
        case Where::gpr: return {state_.frame.gpr[where.index], 0};
        case Where::xmm: return where.index < 32 ? state_.frame.xmm[where.index] : state_.frame.ymm_high[where.index - 32];
        case Where::spill: return state_.frame.spill[where.index];
        case Where::constant: return table_.constants[where.index];
        case Where::slot: {
            ir::V128 v;
            std::memcpy(&v, memory(where.index), ir::byte_size(backend_.slots[where.index].type));
            return v;
        }
        case Where::recipe: break;
        }
        return compute(table_.recipes[where.index]);
    }

private:
    ir::V128 compute(const Recipe& recipe) {
        ir::V128 args[3];
        for (unsigned i = 0; i < 3; i++)
            if (ir::is_operand(recipe.op, i)) args[i] = value(recipe.args[i]);
        const u64 mask = ir::bit_width(recipe.arg_type) == 32 ? 0xffffffff : ~u64(0);
        if (recipe.undo) args[0].lo = (recipe.op == ir::Op::flags_add || recipe.op == ir::Op::eflags_add ? args[0].lo - args[1].lo : args[0].lo + args[1].lo) & mask;
        // A float operand may sit in a register whose upper part is anything.
        if (ir::is_float(recipe.arg_type))
            for (ir::V128& arg : args) arg = {ir::bit_width(recipe.arg_type) == 64 ? arg.lo : arg.lo & ((u64(1) << ir::bit_width(recipe.arg_type)) - 1), 0};
        else if (ir::is_int(recipe.arg_type) && ir::bit_width(recipe.arg_type) == 32 && recipe.op != ir::Op::select)
            args[0].lo &= mask, args[1].lo &= mask;
        fp::Env env = env_;
        env.flags = 0;
        ir::V128 result = ir::eval(recipe.op, recipe.type, recipe.aux, recipe.arg_type, args, env);
        state_.fp_flags |= env.flags;
        return result;
    }

    const SnapshotTable& table_;
    const Backend& backend_;
    const fp::Env& env_;
    ir::StateHeader& state_;
};

} // namespace

void restore_state(const SnapshotTable& table, const Snapshot& snapshot, const Backend& backend, const fp::Env& env, ir::StateHeader& state) {
    Restorer restorer(table, backend, env, state);
    // Everything is read before anything is written: an entry may refer to the memory of another slot.
    std::vector<std::pair<u16, ir::V128>> values;
    values.reserve(snapshot.count + 32);
    std::vector<bool> listed(backend.slots.size());
    for (u32 i = 0; i < snapshot.count; i++) {
        const SnapshotEntry& entry = table.entries[snapshot.first + i];
        values.emplace_back(entry.slot, restorer.value(entry.where));
        listed[entry.slot] = true;
    }
    for (unsigned reg = 0; reg < 32; reg++) {
        s16 slot = backend.canonical.slot[reg];
        if (slot >= 0 && !listed[usize(slot)]) values.emplace_back(u16(slot), reg < 16 ? ir::V128{state.frame.gpr[reg], 0} : state.frame.xmm[reg - 16]);
    }
    for (auto& [slot, value] : values) std::memcpy(restorer.memory(slot), &value, ir::byte_size(backend.slots[slot].type));
    state.pc = snapshot.pc;
}

} // namespace emu::jit
