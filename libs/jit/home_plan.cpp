// SPDX-License-Identifier: MIT
#include "jit/home_plan.h"

#include <algorithm>
#include <bit>

namespace emu::jit {

namespace {

/// What remains is for temporaries: rax, rcx and rdx, which some instructions want, and three vector registers.
constexpr Reg gprs[] = {rbx, rbp, r12, r13, r14, r8, r9, r10, r11, rsi, rdi};
/// More than that are not kept free for the sake of temporaries.
constexpr int most_idle_temporaries = 2;
constexpr RegMask low_xmm_temporaries = bit_of(xmm0) | bit_of(xmm0 + 1) | bit_of(xmm0 + 2);

bool is_vector(ir::Type type) { return type == ir::Type::v128 || ir::is_float(type); }

} // namespace

HomePlan::HomePlan(const ir::Region& region, const Backend& backend) : region_(region), backend_(backend), canonical_(backend.canonical) {
    canonical_.home.resize(region.slots.size(), Reg(no_reg));
    for (u32 i = 0; i < region.loops.size(); i++) plan_loop(i);
}

bool HomePlan::is_within(u32 block, u32 loop) const {
    u32 at = region_.blocks[block]->loop;
    while (at != loop && at != 0) at = region_.loops[at].parent;
    return at == loop;
}

bool HomePlan::has_returns(u32 loop, bool ir::RegionBlock::*kind) const {
    for (u32 i = 0; i < region_.blocks.size(); i++)
        if ((*region_.blocks[i]).*kind && is_within(i, loop)) return true;
    return false;
}

void HomePlan::plan_loop(u32 index) {
    const ir::RegionLoop& loop = region_.loops[index];
    const usize count = region_.slots.size();
    // Calls leave the loop in the canonical state and come back in it: nothing else is worth going to in between.
    if (index && has_returns(index, &ir::RegionBlock::outer)) {
        loops_.push_back(canonical_);
        return;
    }
    if (index && has_returns(index, &ir::RegionBlock::landing)) {
        loops_.push_back(Homes(loops_[0]));
        return;
    }
    Homes homes(count);
    // Only what some block of the loop, or of one inside it, takes over.
    std::vector<bool> taken_over(count);
    for (u32 i = 0; i < region_.blocks.size(); i++) {
        const ir::RegionBlock& block = *region_.blocks[i];
        if (block.outer || !is_within(i, index)) continue;
        for (usize s = 0; s < count; s++)
            if (block.live[s]) taken_over[s] = true;
    }
    const Homes* parent = index ? &loops_[loop.parent] : nullptr;
    std::vector<unsigned> order;
    for (unsigned s = 0; s < count; s++) {
        const ir::Type type = region_.slots[s].type;
        if (type == ir::Type::i1 || type == ir::Type::f16 || !taken_over[s] || (backend_.joins_halves() && s < backend_.lower.size() && backend_.lower[s])) continue;
        if (loop.weight[s] || (parent && parent->home[s] != no_reg)) order.push_back(s);
    }
    std::stable_sort(order.begin(), order.end(), [&](unsigned x, unsigned y) { return loop.weight[x] > loop.weight[y]; });

    RegMask free = 0;
    if (backend_.options.pinned_gprs)
        for (Reg r : gprs)
            if (backend_.allocatable & bit_of(r)) free |= bit_of(r);
    if (backend_.options.pinned_xmms)
        free |= (xmm_mask | upper_mask) & backend_.allocatable & ~low_xmm_temporaries;
    usize room[2] = {usize(std::popcount(free & gpr_mask)), usize(std::popcount(free & ~gpr_mask))};
    std::erase_if(order, [&](unsigned s) {
        usize& left = room[is_vector(region_.slots[s].type)];
        return left ? (left--, false) : true;
    });
    // Where they are in the loop around, or in the canonical state, or wherever there is room.
    auto wants_whole = [&](unsigned s) {
        const unsigned upper = region_.slots[s].upper;
        return upper && backend_.joins_halves() && taken_over[upper] && loop.weight[upper];
    };
    auto pin_as = [&](const Homes& model) {
        std::erase_if(order, [&](unsigned s) {
            const Reg reg = s < model.home.size() ? model.home[s] : Reg(no_reg);
            if (reg == no_reg || !(free & bit_of(reg)) || (wants_whole(s) && is_upper(reg))) return false;
            homes.pin(s, reg);
            free &= ~bit_of(reg);
            return true;
        });
    };
    const bool wholes = std::any_of(order.begin(), order.end(), wants_whole);
    if (parent) pin_as(*parent);
    pin_as(canonical_);
    for (unsigned s : order) {
        RegMask good = free & (is_vector(region_.slots[s].type) ? ~gpr_mask : gpr_mask);
        // The upper ones have no high halves to be reached.
        if (const RegMask better = good & (wants_whole(s) ? xmm_mask : upper_mask); wholes && better) good = better;
        const Reg reg = Reg(std::countr_zero(good));
        homes.pin(s, reg);
        free &= ~bit_of(reg);
    }
    for (unsigned s = 0; s < count; s++) {
        if (homes.home[s] == no_reg || !is_lower_xmm(homes.home[s]) || !wants_whole(s)) continue;
        homes.pin(region_.slots[s].upper, high_of(homes.home[s]));
        has_high_halves_ = true;
    }
    homes.clean.resize(count);
    for (unsigned s = 0; s < count; s++) {
        // Memory is up to date where the way in does not have to write it for that.
        const bool written = parent ? parent->home[s] == no_reg || parent->is_clean(s) : canonical_.home[s] == no_reg;
        homes.clean[s] = homes.home[s] != no_reg && !loop.changed[s] && written;
    }
    // What the loop does not touch stays where it is, as far as there are temporaries enough: a short loop should not have to
    // put it into memory first and to fetch it again behind.
    for (RegMask m = canonical_.mask & free; m; m &= m - 1) {
        const Reg reg = Reg(std::countr_zero(m));
        const s16 slot = canonical_.slot[reg];
        if (!(free & bit_of(reg)) || homes.home[usize(slot)] != no_reg || !taken_over[usize(slot)]) continue;
        const RegMask same_class = is_xmm(reg) ? xmm_mask : gpr_mask;
        if (std::popcount(free & same_class) <= most_idle_temporaries) continue;
        homes.pin(unsigned(slot), reg);
        free &= ~bit_of(reg);
    }
    loops_.push_back(std::move(homes));
}

u64 HomePlan::reserved_spills() const {
    const usize own = region_.slots.size() - region_.isa_slots;
    return own ? ~u64(0) << (64 - own) : 0;
}

} // namespace emu::jit
