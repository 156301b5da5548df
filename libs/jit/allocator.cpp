// SPDX-License-Identifier: MIT
#include "jit/allocator.h"

#include "common/result.h"

#include <algorithm>
#include <bit>

namespace emu::jit {

using ir::Node;
using ir::Op;
using ir::Type;

namespace {
Reg lowest(RegMask mask) { return Reg(std::countr_zero(mask)); }
} // namespace

void Allocator::begin(const ir::Function& function, Analysis& analysis, const Homes& homes, const std::vector<bool>* live, u64 reserved_spills) {
    f_ = &function;
    analysis_ = &analysis;
    homes_ = &homes;
    analysis_->run(function, backend_, homes, live);
    const usize values = analysis_->nodes.size();
    state_.values.resize(values);
    Value* to = state_.values.data();
    for (const ValueInfo *info = analysis_->info.data(), *end = info + values; info != end; info++, to++)
        *to = {.uses = info->uses, .pending = info->plan == Plan::lazy};
    state_.slots.assign(function.slots.size(), {});
    state_.contents.fill(0);
    state_.highs = 0;
    set_joined(0);
    state_.spills = reserved_spills;
    touched_.clear();
    locked_ = dying_ = 0;
    dead_.clear();
    unobserved_.clear();
    next_release_ = 0;
    current_ = 0;
    consumed_ = false;
    overflow_ = false;
    failed_ = false;
    for (const Analysis::Pseudo& p : analysis_->pseudos) {
        if (p.at) break;
        const Reg home = homes.home[p.slot];
        const bool clean = homes.is_clean(p.slot);
        state_.slots[p.slot] = {p.value, clean, true, true};
        value(p.value).reg = home;
        if (clean) value(p.value).memory = s16(p.slot);
        if (!is_canonical_home(p.slot)) touched_.push_back(p.slot);
        value(p.value).slots = 1;
        fill(home, p.value);
    }
    release_slots(0);
    end_node();
}

bool Allocator::constant(Id id, u64& out) const {
    if (node(id).op != Op::imm) return false;
    out = node(id).imm();
    return true;
}

void Allocator::move(Reg to, Reg from) {
    if (to == from) return;
    if (is_high(from)) {
        if (is_upper(to)) a.vextractf32x4(a.x(to), a.y(whole_of(from)), 1);
        else a.vextractf128(a.x(to), a.y(whole_of(from)), 1);
    } else if (is_xmm(to)) {
        if (backend_.host().avx) a.vmovaps(a.v(to), a.v(from));
        else a.movaps(a.x(to), a.x(from));
    } else {
        a.mov(a.q(to), a.q(from));
    }
}

/// Fill a register from wherever the value is, other than a register or a computation to come. Leaves the flags alone.
void Allocator::load_from(Reg to, Id id) {
    const Node& n = node(id);
    const Value& v = value(id);
    const bool avx = backend_.host().avx;
    if (n.op == Op::imm && !is_xmm(to)) {
        a.mov_imm(to, n.imm());
    } else if (n.op == Op::imm || n.op == Op::vimm) {
        const ir::V128 bits = n.op == Op::imm ? ir::V128{n.imm(), 0} : f_->vectors[n.a];
        if (bits == ir::V128{}) {
            if (is_upper(to)) a.vxorps(a.x(to), a.x(to), a.x(to));
            else if (avx) a.vpxor(a.x(to), a.x(to), a.x(to));
            else a.pxor(a.x(to), a.x(to));
        } else if (bits == ir::V128{~u64(0), ~u64(0)} && !is_upper(to)) {
            if (avx) a.vpcmpeqd(a.x(to), a.x(to), a.x(to));
            else a.pcmpeqd(a.x(to), a.x(to));
        } else if (avx) {
            a.vmovaps(a.x(to), constant_address(bits));
        } else {
            a.movaps(a.x(to), constant_address(bits));
        }
    } else if (v.spill >= 0) {
        if (!is_xmm(to)) a.load_state(to, spill_place(unsigned(v.spill)), true);
        else if (avx) a.vmovaps(a.x(to), spill_at(unsigned(v.spill)));
        else a.movaps(a.x(to), spill_at(unsigned(v.spill)));
    } else {
        EMU_ASSERT(v.memory >= 0);
        load_slot(to, unsigned(v.memory));
    }
}

void Allocator::load_slot(Reg to, unsigned slot) {
    const Type type = f_->slots[slot].type;
    if (type == Type::i64 || type == Type::i32) return a.load_state(to, slot_place(slot), type == Type::i64);
    const bool avx = backend_.host().avx;
    const Xbyak::Address at = slot_at(slot);
    switch (type) {
    case Type::i1: a.movzx(a.d(to), a.byte[at.getRegExp()]); break;
    case Type::f16:
    case Type::f32: avx ? a.vmovss(a.x(to), at) : a.movss(a.x(to), at); break;
    case Type::f64: avx ? a.vmovsd(a.x(to), at) : a.movsd(a.x(to), at); break;
    default: avx ? a.vmovups(a.x(to), at) : a.movups(a.x(to), at); break;
    }
}

Reg Allocator::use_in(Id id, RegMask allowed) {
    if (joined_ && wants_xmm(id)) return use_both(low_operand(id), id);
    if (value(id).pending) compute(id);
    Value& v = value(id);
    if (v.reg == no_reg) {
        const Reg hint = analysis_->info[id].hint;
        const bool hinted = hint != no_reg && node(id).op != Op::imm && empty_registers(bit_of(hint) & allowed & bank(wants_xmm(id)) & ~locked_);
        const Reg reg = hinted ? hint : allocate(wants_xmm(id), allowed);
        load_from(reg, id);
        v.reg = reg;
        fill(reg, id);
    } else if (!(bit_of(v.reg) & allowed)) {
        const Reg from = v.reg;
        const bool locked = locked_ & bit_of(from);
        lock(from);
        relocate(allocate(true, allowed), from);
        if (!locked) unlock(from);
    }
    lock(v.reg);
    return v.reg;
}

/// To an empty register. If the old one is locked, it stays so: this node's instructions may still name it.
void Allocator::relocate(Reg to, Reg from) {
    const Id id = state_.contents[from];
    move(to, from);
    fill(to, id);
    empty(from);
    value(id).reg = to;
    if (dying_ & bit_of(from)) dying_ = (dying_ & ~bit_of(from)) | bit_of(to);
}

void Allocator::copy_to(Reg to, Id id) {
    if (value(id).pending) compute(id);
    if (value(id).reg != no_reg) move(to, value(id).reg);
    else load_from(to, id);
}

// --- two halves ----------------------------------------------------------------------------------------------------------

Id Allocator::low_operand(Id high) const {
    const Node &l = node(joined_), &h = node(current_);
    return high == h.a && ir::is_operand(h.op, 0) ? l.a : high == h.b && ir::is_operand(h.op, 1) ? l.b : l.c;
}

/// The value's bits into the high half of a register.
void Allocator::insert_high(Reg whole, Id id) {
    const auto y = a.y(whole);
    const Value& v = value(id);
    if (v.reg == no_reg) {
        EMU_ASSERT(v.spill >= 0 || v.memory >= 0);
        a.vinserti128(y, y, v.spill >= 0 ? spill_at(unsigned(v.spill)) : slot_at(unsigned(v.memory)), 1);
    } else if (is_high(v.reg)) {
        a.vperm2i128(y, y, a.y(whole_of(v.reg)), 0x30);
    } else if (is_upper(v.reg)) {
        a.vinserti32x4(y, y, a.x(v.reg), 1);
    } else {
        a.vinserti128(y, y, a.x(v.reg), 1);
    }
}

Reg Allocator::use_both(Id low, Id high) {
    const Single single(*this);
    for (Id id : {low, high})
        if (value(id).pending) compute(id);
    Value &l = value(low), &h = value(high);
    if (l.reg != no_reg) lock(l.reg);
    if (h.reg != no_reg) lock(h.reg);
    if (l.reg != no_reg && is_lower_xmm(l.reg) && h.reg == high_of(l.reg)) return l.reg;
    const bool constants = node(low).op == Op::vimm && node(high).op == Op::vimm;
    if (low == high || constants) { // a copy for this node alone
        const Reg copy = temp(true);
        copy_to(copy, low);
        if (!constants) a.vinserti128(a.y(copy), a.y(copy), a.x(copy), 1);
        else if (const ir::V128& bits = f_->vectors[node(high).a]; !(bits == ir::V128{})) a.vinserti128(a.y(copy), a.y(copy), constant_address(bits), 1);
        return copy;
    }
    if (l.reg == no_reg || !is_lower_xmm(l.reg) || state_.highs & bit_of(high_of(l.reg))) {
        const Reg hint = analysis_->info[low].hint;
        const bool hinted = hint != no_reg && is_lower_xmm(hint) && empty_registers(bit_of(hint) & bank(true) & ~locked_);
        const Reg to = hinted ? hint : allocate(true, xmm_mask);
        if (follow_in_memory(low, high)) {
            a.vmovups(a.y(to), slot_at(unsigned(l.memory)));
            fill(to, low), l.reg = to;
            fill(high_of(to), high), h.reg = high_of(to);
            lock(to), lock(high_of(to));
            return to;
        }
        if (l.reg != no_reg) relocate(to, l.reg);
        else load_from(to, low), fill(to, low), l.reg = to;
        lock(to);
    }
    insert_high(l.reg, high);
    const Reg place = high_of(l.reg);
    if (const Reg from = h.reg; from != no_reg) {
        empty(from);
        if (dying_ & bit_of(from)) dying_ = (dying_ & ~bit_of(from)) | bit_of(place);
    }
    fill(place, high), h.reg = place;
    lock(place);
    return l.reg;
}

bool Allocator::follow_in_memory(Id low, Id high) const {
    const Value &l = value(low), &h = value(high);
    if (l.reg != no_reg || h.reg != no_reg || l.spill >= 0 || h.spill >= 0 || l.memory < 0 || h.memory <= 0) return false;
    return f_->slots[usize(l.memory)].upper == u16(h.memory);
}

bool Allocator::memory_operand(Id id, unsigned bytes, Xbyak::Address& out) {
    const Value& v = value(id);
    if (v.reg != no_reg || v.pending) return false;
    if (node(id).op == Op::vimm) {
        const ir::V128 bits = f_->vectors[node(id).a];
        if (bits == ir::V128{}) return false;
        out = constant_address(bits);
        return true;
    }
    if (v.uses > 1) return false;
    if (v.spill >= 0) {
        if (bytes > 8 && !wants_xmm(id)) return false;
        out = spill_at(unsigned(v.spill));
        return true;
    }
    if (v.memory < 0 || ir::byte_size(f_->slots[usize(v.memory)].type) < bytes) return false;
    out = slot_at(unsigned(v.memory));
    return true;
}

// --- choosing registers ------------------------------------------------------------------------------------------------

bool Allocator::evictable_for_free(Id id) const {
    const Value& v = value(id);
    return v.spill >= 0 || v.memory >= 0 || node(id).op == Op::imm || node(id).op == Op::vimm || (!v.uses && !v.slots);
}

/// What it costs to push a value out: those that cost nothing come first, then those only kept for the end of the unit, then by
/// uses to come.
unsigned Allocator::cost_of_eviction(Id id) const {
    const unsigned cost = evictable_for_free(id) ? 0 : committable_slot(id) >= 0 ? 4 : 10;
    return cost + std::min<unsigned>(value(id).uses, 8) * 4;
}

/// The same for all that is in a register.
unsigned Allocator::cost_of_register(Reg reg) const {
    const Id id = state_.contents[reg];
    const unsigned cost = id ? cost_of_eviction(id) : 0;
    return is_lower_xmm(reg) && state_.highs & bit_of(high_of(reg)) ? cost + cost_of_eviction(state_.contents[high_of(reg)]) : cost;
}

Reg Allocator::victim(RegMask candidates) const {
    Reg best = no_reg;
    unsigned best_cost = ~0u;
    for (RegMask m = candidates; m; m &= m - 1) {
        const unsigned cost = cost_of_register(lowest(m));
        if (cost < best_cost) best = lowest(m), best_cost = cost;
    }
    return best;
}

RegMask Allocator::empty_registers(RegMask among) const {
    RegMask empty = 0;
    for (RegMask m = among & ~(state_.highs >> 32); m; m &= m - 1)
        if (!state_.contents[lowest(m)]) empty |= bit_of(lowest(m));
    return empty;
}

/// Registers with an operand that dies here, and nothing else.
RegMask Allocator::reusable(RegMask among) const {
    const RegMask lows = dying_ & among & ~guarded();
    RegMask highs = (dying_ & high_mask) >> 32 & among & ~guarded() & ~lows;
    for (RegMask m = highs; m; m &= m - 1)
        if (state_.contents[lowest(m)]) highs &= ~(m & -m);
    return lows | highs;
}

/// One that is empty, if possible a lower one that is no home.
Reg Allocator::allocate(bool xmm, RegMask allowed) {
    const RegMask usable = bank(xmm) & ~(locked_ | (locked_ & high_mask) >> 32) & allowed;
    const RegMask empty = empty_registers(usable);
    if (empty & ~homes_->mask) return lowest(empty & ~homes_->mask);
    if (empty) return lowest(empty);
    const Reg reg = victim(usable & lower_mask);
    if (reg == no_reg) { // more operands than registers: cannot happen with the ops there are
        failed_ = true;
        return xmm ? Reg(xmm0) : Reg(rax);
    }
    vacate(reg);
    return reg;
}

Reg Allocator::temp(bool xmm, RegMask among) {
    const Reg reg = allocate(xmm, among);
    lock(reg);
    return reg;
}

void Allocator::take(Reg reg) {
    if (is_lower_xmm(reg) && state_.highs & bit_of(high_of(reg))) {
        EMU_ASSERT(!(locked_ & bit_of(high_of(reg))));
        evict(high_of(reg));
    }
    const Id id = state_.contents[reg];
    const RegMask others = bank(is_xmm(reg)) & lower_mask & ~bit_of(reg);
    const bool locked = locked_ & bit_of(reg);
    EMU_ASSERT(id || !locked); // scratch: take() comes before temp()
    auto other_is_cheaper = [&] {
        if (empty_registers(others & ~locked_)) return !evictable_for_free(id);
        const Reg other = victim(others & ~locked_);
        return other != no_reg && cost_of_eviction(state_.contents[other]) < cost_of_eviction(id);
    };
    if (id && (locked || other_is_cheaper())) {
        // In use by this very node, or there is room: give the value another register.
        const Reg other = allocate(is_xmm(reg), others);
        relocate(other, reg);
        if (locked) lock(other);
    } else if (id) {
        evict(reg);
    }
    lock(reg);
}

Reg Allocator::choose_def(Id id, RegMask among) {
    consume(current_);
    const bool xmm = wants_xmm(id);
    among &= bank(xmm);
    if (joined_) among &= xmm_mask;
    const Reg hint = hint_of(id);
    auto available = [&](Reg r) { return !(guarded() & bit_of(r)) && (dying(r) || (!state_.contents[r] && !(locked_ & bit_of(r)))); };
    const bool hinted = hint != no_reg && bit_of(hint) & among;
    Reg reg = no_reg;
    auto free_up = [&](Reg r) {
        if (!(locked_ & bit_of(r)) && state_.contents[r] && evictable_for_free(state_.contents[r])) evict(r);
    };
    if (hinted) free_up(hint);
    if (hinted && guarded() & bit_of(hint)) free_up(high_of(hint));
    if (hinted && available(hint)) {
        reg = hint;
    } else if (RegMask m = reusable(among) & ~homes_->mask) {
        // Prefer the first operand's: two-address instructions need no move then.
        reg = lowest(m);
        const Node& n = node(id);
        if (ir::is_operand(n.op, 0) && value(n.a).reg != no_reg && (m & bit_of(value(n.a).reg))) reg = value(n.a).reg;
    } else {
        const RegMask empty = empty_registers(among & ~locked_);
        if (empty & ~homes_->mask) reg = lowest(empty & ~homes_->mask);
        else if (RegMask homes = reusable(among)) reg = lowest(homes);
        else reg = allocate(xmm, among);
    }
    lock(reg);
    return reg;
}

void Allocator::displace(Reg reg) {
    if (const Id old = state_.contents[reg]) value(old).reg = no_reg;
    empty(reg);
    dying_ &= ~bit_of(reg);
}

void Allocator::assign(Id id, Reg reg) {
    EMU_ASSERT(!is_lower_xmm(reg) || !(guarded() & bit_of(reg)));
    displace(reg);
    if (is_lower_xmm(reg)) displace(high_of(reg));
    auto put = [&](Id one, Reg place) {
        fill(place, one);
        Value& v = value(one);
        v.reg = place;
        v.pending = false;
        lock(place);
        if (!v.uses && !v.slots) kill(one);
    };
    put(joined_ ? joined_ : id, reg);
    if (joined_) put(id, high_of(reg));
}

Reg Allocator::def(Id id, RegMask among) {
    const Reg reg = choose_def(id, among);
    assign(id, reg);
    return reg;
}

Reg Allocator::def_apart(Id id, RegMask among) {
    const Reg hint = hint_of(id);
    const bool xmm = wants_xmm(id);
    if (joined_) among &= xmm_mask;
    const bool hinted = hint != no_reg && bit_of(hint) & among & bank(xmm) & ~locked_ & ~(state_.highs >> 32) && !state_.contents[hint];
    const Reg reg = hinted ? hint : allocate(xmm, among);
    lock(reg);
    consume(current_);
    assign(id, reg);
    return reg;
}

// --- ends of life ------------------------------------------------------------------------------------------------------

void Allocator::kill(Id id) {
    Value& v = value(id);
    if (v.pending) {
        v.pending = false;
        for_each_operand(id, [&](Id operand) { unuse(operand); });
        return;
    }
    dead_.push_back(id);
    if (v.reg != no_reg) {
        lock(v.reg);
        dying_ |= bit_of(v.reg);
    }
}

void Allocator::unuse(Id id) {
    Value& v = value(id);
    EMU_ASSERT(v.uses > 0);
    if (--v.uses == 0 && !v.slots) kill(id);
}

void Allocator::release_slots(Id id) {
    while (next_release_ < analysis_->releases.size() && analysis_->releases[next_release_].at <= id) {
        const unsigned slot = analysis_->releases[next_release_++].slot;
        Value& v = value(state_.slots[slot].value);
        EMU_ASSERT(v.slots > 0);
        unobserved_.push_back(u16(slot));
        state_.slots[slot].counted = false;
        if (--v.slots == 0 && !v.uses) kill(state_.slots[slot].value);
    }
}

void Allocator::consume(Id id) {
    if (consumed_) return;
    consumed_ = true;
    for (Id one : {id, joined_})
        if (one) for_each_operand(one, [&](Id operand) { unuse(operand); });
    // After a state-changing call there are other values in the slots, see emit_call.
    if (node(id).op == Op::call && f_->helpers[node(id).a]->writes_state) return;
    if (ir::may_leave(*f_, node(id))) release_slots(id);
}

void Allocator::bury_dead() {
    for (Id id : dead_) {
        Value& v = value(id);
        if (v.reg != no_reg && state_.contents[v.reg] == id) empty(v.reg);
        v.reg = no_reg;
        if (v.spill >= 0) state_.spills &= ~(u64(1) << v.spill);
        v.spill = -1;
    }
    dead_.clear();
}

void Allocator::end_node() {
    if (!consumed_ && current_) consume(current_);
    bury_dead();
    for (u16 slot : unobserved_) state_.slots[slot].observed = false;
    unobserved_.clear();
    locked_ = dying_ = 0;
    consumed_ = false;
}

Allocator::Nest Allocator::begin_nested(Id id) {
    Nest outer;
    outer.locked = locked_, outer.dying = dying_, outer.current = current_, outer.joined = joined_;
    set_joined(0);
    EMU_ASSERT(usize(std::popcount(locked_)) <= outer.contents.size());
    usize next = 0;
    for (RegMask m = locked_; m; m &= m - 1) outer.contents[next++] = state_.contents[lowest(m)];
    current_ = id;
    // The outer node's operands stay locked, but are not this node's to overwrite.
    dying_ = 0;
    EMU_ASSERT(!consumed_);
    return outer;
}

void Allocator::end_nested(const Nest& outer) {
    if (!consumed_) consume(current_);
    bury_dead();
    consumed_ = false;
    locked_ = outer.locked;
    dying_ = outer.dying;
    // The inner node may have wanted a register of the outer one's operands (take): the lock goes with the value.
    usize next = 0;
    for (RegMask m = outer.locked; m; m &= m - 1) {
        const Reg reg = lowest(m);
        const Id id = outer.contents[next++];
        if (!id || state_.contents[reg] == id) continue;
        if (!is_upper(reg)) locked_ &= ~bit_of(reg); // it still holds the value, see relocate
        dying_ &= ~bit_of(reg);
        if (const Reg now = value(id).reg; now != no_reg) {
            locked_ |= bit_of(now);
            if (outer.dying & bit_of(reg)) dying_ |= bit_of(now);
        }
    }
    current_ = outer.current;
    set_joined(outer.joined);
}

// --- slots and memory ------------------------------------------------------------------------------------------------------

bool Allocator::fits_slot(Id id, unsigned slot) const {
    const Type value_type = node(id).type, slot_type = f_->slots[slot].type;
    return value_type == slot_type || (ir::is_int(slot_type) && ir::bit_width(value_type) <= ir::bit_width(slot_type));
}

/// An observed slot that holds the value and whose memory does not yet, -1 if none.
int Allocator::committable_slot(Id id) const {
    if (!value(id).slots) return -1;
    auto good = [&](unsigned slot) {
        const SlotState& s = state_.slots[slot];
        return s.value == id && s.observed && !s.in_memory && fits_slot(id, slot);
    };
    for (u16 slot : touched_)
        if (good(slot)) return slot;
    for (s16 slot : backend_.canonical.slot)
        if (slot >= 0 && good(unsigned(slot))) return slot;
    return -1;
}

void Allocator::evict(Reg reg) {
    const Single single(*this);
    const Id id = state_.contents[reg];
    Value& v = value(id);
    if (!evictable_for_free(id)) {
        const int slot = committable_slot(id);
        if (slot >= 0) {
            store_slot(unsigned(slot));
        } else {
            spill(reg);
        }
    }
    v.reg = no_reg;
    empty(reg);
}

void Allocator::vacate(Reg reg) {
    const Single single(*this);
    if (is_lower_xmm(reg) && state_.highs & bit_of(high_of(reg))) {
        evict(high_of(reg)); // whose slot is written along with the low one's
        if (!state_.contents[reg]) return;
    }
    const Id id = state_.contents[reg];
    const Value& v = value(id);
    const bool constant = node(id).op == Op::imm || node(id).op == Op::vimm;
    if (is_lower_xmm(reg) && v.uses + v.slots && !constant) {
        const RegMask empty = empty_registers(bank(true) & upper_mask & ~locked_);
        const RegMask good = empty & ~homes_->mask ? empty & ~homes_->mask : empty;
        if (good) return relocate(lowest(good), reg);
    }
    evict(reg);
}

void Allocator::spill(Reg reg) {
    Value& v = value(state_.contents[reg]);
    if (!~state_.spills) {
        overflow_ = true;
        return;
    }
    v.spill = s16(std::countr_one(state_.spills));
    state_.spills |= u64(1) << v.spill;
    if (!is_xmm(reg)) a.store_state(reg, spill_place(unsigned(v.spill)), true);
    else if (is_high(reg)) a.vextractf128(spill_at(unsigned(v.spill)), a.y(whole_of(reg)), 1);
    else if (backend_.host().avx) a.vmovaps(spill_at(unsigned(v.spill)), a.x(reg));
    else a.movaps(spill_at(unsigned(v.spill)), a.x(reg));
}

/// If the slot is half of a register that a host's register holds: the whole of it.
bool Allocator::store_both(unsigned slot) {
    if (!state_.highs || slot >= backend_.slots.size()) return false;
    const unsigned low = backend_.slots[slot].upper ? slot : backend_.lower[slot], high = backend_.slots[low].upper;
    if (!high) return false;
    SlotState &l = state_.slots[low], &h = state_.slots[high];
    if (!l.value || !h.value || l.in_memory || h.in_memory) return false;
    const Reg reg = value(l.value).reg;
    if (reg == no_reg || !is_lower_xmm(reg) || value(h.value).reg != high_of(reg)) return false;
    a.vmovups(slot_at(low), a.y(reg));
    l.in_memory = h.in_memory = true;
    value(l.value).memory = s16(low);
    value(h.value).memory = s16(high);
    return true;
}

void Allocator::store_slot(unsigned slot) {
    const Single single(*this);
    if (store_both(slot)) return;
    SlotState& s = state_.slots[slot];
    Type type = f_->slots[slot].type;
    // A region's slots are frame entries, which are read whole after a fault.
    if (slot >= backend_.slots.size() && type == Type::i32) type = Type::i64;
    u64 bits;
    if (constant(s.value, bits) && value(s.value).reg == no_reg && !wants_xmm(type) &&
        (type != Type::i64 || s64(bits) == s32(bits))) {
        if (type == Type::i1) a.mov(a.byte[slot_at(slot).getRegExp()], u8(bits));
        else a.store_state_imm(slot_place(slot), u32(bits), type == Type::i64);
    } else if (const Reg reg = type == Type::f16 ? use(s.value) : use_in(s.value, type == Type::v128 ? any_bank | high_mask : any_bank); type == Type::i64 || type == Type::i32) {
        a.store_state(reg, slot_place(slot), type == Type::i64);
    } else {
        const Xbyak::Address at = slot_at(slot);
        const bool avx = backend_.host().avx;
        switch (type) {
        case Type::i1: a.mov(at, a.b(reg)); break;
        case Type::f16: a.pextrw(a.word[at.getRegExp()], a.x(reg), 0); break;
        case Type::f32: avx ? a.vmovss(at, a.x(reg)) : a.movss(at, a.x(reg)); break;
        case Type::f64: avx ? a.vmovsd(at, a.x(reg)) : a.movsd(at, a.x(reg)); break;
        default:
            if (is_high(reg)) a.vextractf128(at, a.y(whole_of(reg)), 1);
            else avx ? a.vmovups(at, a.x(reg)) : a.movups(at, a.x(reg));
            break;
        }
    }
    s.in_memory = true;
    if (fits_slot(s.value, slot)) value(s.value).memory = s16(slot);
}

void Allocator::set_slot(unsigned slot, Id id) {
    SlotState& s = state_.slots[slot];
    if (s.value && s.value != id) {
        Value& old = value(s.value);
        if (old.memory == s16(slot)) {
            // The slot's memory will be overwritten some time: whoever still needs the old value must have it elsewhere.
            if ((old.uses || old.slots) && old.reg == no_reg && old.spill < 0) {
                use_any(s.value);
            }
            value(s.value).memory = -1;
        }
    }
    const bool unchanged = value(id).memory == s16(slot);
    s.value = id;
    s.in_memory = unchanged;
    s.observed = s.counted = true;
    value(id).slots++;
    if (!is_canonical_home(slot) && std::find(touched_.begin(), touched_.end(), u16(slot)) == touched_.end()) touched_.push_back(u16(slot));
}

/// After a helper that changed the state: nothing is known, everything is in memory.
void Allocator::forget_all_slots() {
    for (unsigned slot = 0; slot < state_.slots.size(); slot++) {
        SlotState& s = state_.slots[slot];
        if (s.value) {
            Value& old = value(s.value);
            if (old.memory == s16(slot)) {
                EMU_ASSERT(!old.uses || old.reg != no_reg || old.spill >= 0);
                old.memory = -1;
            }
            if (s.counted && --old.slots == 0 && !old.uses) kill(s.value);
        }
        s = {};
    }
}

} // namespace emu::jit
