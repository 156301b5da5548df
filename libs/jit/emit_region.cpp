// SPDX-License-Identifier: MIT
// Regions: the blocks one after the other, and the ways between them. A way hands the slots over as the plan for the block's
// loop wants them; its cold side, the answer to a request to stop, makes the state canonical and leaves.
#include "jit/compiler.h"

#include <bit>
#include <cstddef>

namespace emu::jit {

using ir::Exit;
using ir::Type;

Unit* Compiler::compile(const ir::Region& region, u32 first_link) {
    start(region.blocks[0]->function.fp, first_link);
    const HomePlan plan(region, backend_);
    region_ = &region;
    plan_ = &plan;
    for (u32 i = 0; i < region.blocks.size(); i++) {
        const ir::RegionBlock& block = *region.blocks[i];
        if (i && region.loops[block.loop].depth > region.loops[region.blocks[i - 1]->loop].depth) a.align(16);
        block_at_.push_back(a.pos());
        block_ = i;
        if (!emit_block(block.function, plan.of(i), block.outer ? nullptr : &block.live, plan.reserved_spills())) return nullptr;
    }
    if (!emit_cold_parts()) return nullptr;
    for (auto [fixup, block] : block_jumps_) a.set_target(fixup, block_at_[block]);
    Unit* unit = finish(region.pc, region.mode, region.insns, region.ranges);
    unit->is_region = true;
    region_ = nullptr;
    plan_ = nullptr;
    return unit;
}

/// Are the slots already where block `block` wants them?
bool Compiler::arrives(u32 block) const {
    const Homes& homes = plan_->of(block);
    for (RegMask m = homes.mask; m; m &= m - 1) {
        const Reg reg = Reg(std::countr_zero(m));
        const s16 slot = homes.slot[reg];
        if (!is_live(block, unsigned(slot))) continue;
        const SlotState& at = state_.slots[usize(slot)];
        if (!at.value || value(at.value).reg != reg || (homes.is_clean(unsigned(slot)) && !at.in_memory)) return false;
    }
    auto waits = [&](unsigned slot) {
        const SlotState& at = state_.slots[slot];
        return at.value && !at.in_memory && is_live(block, slot) && homes.home[slot] == no_reg;
    };
    for (u16 slot : touched_)
        if (waits(slot)) return false;
    for (s16 slot : backend_.canonical.slot)
        if (slot >= 0 && waits(unsigned(slot))) return false;
    return true;
}

/// High halves that block `block` wants, and that are not beside the low ones which belong there: they are in their slots' memory
/// afterwards.
RegMask Compiler::put_apart(u32 block, RegMask wanted) {
    const Homes& homes = plan_->of(block);
    RegMask apart = 0;
    for (RegMask m = wanted & high_mask; m; m &= m - 1) {
        const Reg reg = Reg(std::countr_zero(m));
        const unsigned slot = unsigned(homes.slot[reg]);
        const SlotState &high = state_.slots[slot], &low = state_.slots[usize(homes.slot[whole_of(reg)])];
        if (high.value && low.value && wanted & bit_of(whole_of(reg))) {
            const Reg at = value(low.value).reg;
            if (at != no_reg && is_lower_xmm(at) && value(high.value).reg == high_of(at)) continue;
        }
        if (high.value && !high.in_memory) store_slot(slot);
        apart |= bit_of(reg);
    }
    return apart;
}

/// Bring the slots there. Registers but the block's homes are free afterwards.
void Compiler::hand_over(u32 block) {
    const Homes& homes = plan_->of(block);
    const RegMask none = locked_;
    auto settle = [&](unsigned slot) {
        const SlotState& at = state_.slots[slot];
        if (!at.value || at.in_memory || !is_live(block, slot)) return;
        if (homes.home[slot] == no_reg || homes.is_clean(slot)) store_slot(slot);
        locked_ = none;
    };
    for (u16 slot : touched_) settle(slot);
    for (s16 slot : backend_.canonical.slot)
        if (slot >= 0) settle(unsigned(slot));
    RegMask wanted = homes.mask;
    for (RegMask m = homes.mask; m; m &= m - 1)
        if (!is_live(block, unsigned(homes.slot[usize(std::countr_zero(m))]))) wanted &= ~(m & -m);
    for (RegMask m = wanted; m; m &= m - 1) {
        const Reg reg = Reg(std::countr_zero(m));
        const SlotState& at = state_.slots[usize(homes.slot[reg])];
        if (!best_from_memory(at) && is_pending(at.value)) compute(at.value);
        locked_ = none;
    }
    const RegMask apart = put_apart(block, wanted);
    locked_ = none;
    wanted &= ~high_mask;
    moves_.clear();
    loads_.clear();
    for (RegMask m = wanted; m; m &= m - 1) {
        const Reg reg = Reg(std::countr_zero(m));
        const SlotState& at = state_.slots[usize(homes.slot[reg])];
        const Id v = at.value;
        if (best_from_memory(at) || value(v).reg == reg) continue;
        if (value(v).reg != no_reg) moves_.push_back({reg, value(v).reg});
        else loads_.push_back({reg, v});
    }
    parallel_move(moves_, homes.mask);
    for (auto [reg, v] : loads_) load_from(reg, v);
    for (RegMask m = wanted; m; m &= m - 1) {
        const Reg reg = Reg(std::countr_zero(m));
        if (best_from_memory(state_.slots[usize(homes.slot[reg])])) load_slot(reg, unsigned(homes.slot[reg]));
    }
    for (RegMask m = apart; m; m &= m - 1) {
        const Reg reg = Reg(std::countr_zero(m)), whole = whole_of(reg);
        a.vinserti128(a.y(whole), a.y(whole), slot_at(unsigned(homes.slot[reg])), 1);
    }
}

/// To another block; `last`: nothing of this block follows, so that the next one may.
void Compiler::emit_inner_exit(const Exit& exit, bool last) {
    const u32 to = exit.block - 1;
    const bool leads_in = region_->callee && block_ == 0;
    if (ir::Region::polls(block_, pc_, exit)) {
        a.cmp(a.dword[state_at(offsetof(ir::StateHeader, poll)).getRegExp()], 0);
        const bool there = !leads_in && arrives(to);
        if (there) block_jumps_.push_back({a.jcc_forward(cc_e), to});
        const Fixup asked = there ? a.jmp_forward() : a.jcc_forward(cc_ne);
        stubs_.push_back({copy_state(), {asked}, current_, pc_, block_, true});
        if (there) return;
    }
    if (leads_in) enter_region();
    hand_over(to);
    if (!last || to != block_ + 1) jump_to_block(to);
}

void Compiler::emit_inner_exit_if(Id id, const Exit& exit) {
    const HostCond cond = emit_condition(node(id).a);
    const u32 to = exit.block - 1;
    if (ir::Region::polls(block_, pc_, exit)) {
        std::vector<Fixup> skip;
        jump_if(inverse(cond), skip, false);
        auto before = copy_state();
        const RegMask locked = locked_;
        locked_ = 0;
        emit_inner_exit(exit, false);
        locked_ = locked;
        restore(std::move(before));
        for (Fixup f : skip) a.bind(f);
        return;
    }
    std::vector<Fixup> taken;
    const bool direct = arrives(to);
    jump_if(cond, taken, false);
    if (!direct) {
        stubs_.push_back({copy_state(), std::move(taken), id, pc_, block_});
        return;
    }
    for (Fixup f : taken) block_jumps_.push_back({f, to});
}

// --- inlined calls -----------------------------------------------------------------------------------------------------------------

/// To the block behind the call, if that is where the value leads. Elsewhere as any other return would: the stack of calls and returns
/// knows nothing of the call, so its top is the right one for who was returned to by other means.
void Compiler::emit_checked_return(Id id, const Exit& exit, Id result) {
    const Reg to = use(result);
    if (s64(exit.pc) == s32(exit.pc)) {
        a.cmp(a.q(to), s32(exit.pc));
    } else {
        const Reg expected = temp();
        a.mov_imm(expected, exit.pc);
        a.cmp(a.q(to), a.q(expected));
    }
    locked_ = 0;
    stubs_.push_back({copy_state(), {a.jcc_forward(cc_ne)}, id, pc_, block_});
    stubs_.back().unexpected = true;
    emit_inner_exit(exit, true);
}

// --- a function that calls itself ------------------------------------------------------------------------------------------------

/// The entry of the stack of calls and returns that ours is returned by: on top of the caller's, for which it stands.
void Compiler::enter_region() {
    a.mov_imm(rcx, region_entry_key);
    a.push(a.rcx);
    a.db(0x48), a.db(0x8d), a.db(0x0d), a.dd(0); // lea rcx, [rip + ...]
    a.set_target(a.pos() - 4, backend_.routines.return_sentinel);
    a.push(a.rcx);
}

void Compiler::emit_inner_call(const Exit& exit) {
    a.cmp(a.dword[state_at(offsetof(ir::StateHeader, poll)).getRegExp()], 0);
    stubs_.push_back({copy_state(), {a.jcc_forward(cc_ne)}, current_, pc_, block_, true});
    hand_over(region_->callee - 1);
    push_return(~exit.ret);
    a.db(0xe8), a.dd(0);
    block_jumps_.push_back({a.pos() - 4, region_->callee - 1});
    a.add(a.rsp, 8);
    links_.push_back({.pc = exit.ret, .at = emit_link(false), .block = exit.block, .way_out = region_->blocks[exit.block - 1]->way_out});
}

void Compiler::emit_inner_return(Id id, Id result) {
    if (is_pending(result)) compute(result);
    use(result);
    take(rax);
    copy_to(rax, result);
    a.not_(a.rax);
    a.cmp(a.rax, a.ptr[a.rsp + 8]);
    locked_ = 0;
    stubs_.push_back({copy_state(), {a.jcc_forward(cc_ne)}, id, pc_, block_});
    stubs_.back().unexpected = true;
    hand_over(region_->landing - 1);
    a.ret();
}

/// To the region's caller, if it is the one that the function was called by.
void Compiler::emit_unexpected_return(Id result) {
    write_back(result);
    a.mov_imm(rcx, region_entry_key);
    a.cmp(a.rcx, a.ptr[a.rsp + 8]);
    a.jcc_to(cc_ne, backend_.routines.return_mismatch);
    a.add(a.rsp, 16);
    a.cmp(a.rax, a.ptr[a.rsp + 8]);
    a.jcc_to(cc_ne, backend_.routines.return_mismatch);
    a.ret();
}

} // namespace emu::jit
