// SPDX-License-Identifier: MIT
// Registers during the forward pass: which value is where, and which guest slot has which value.
//
// A guest slot is never written when the IR sets it; the map slot -> value changes instead, and the value is put into the
// slot's home register or memory where the unit is left. Out of registers, the current value of a slot may be written to the
// slot's memory early: that is what the architecture says the slot holds. Invariants:
// - A value in general registers is zero-extended to 64 bits (i1: 0 or 1).
// - A float in an xmm register has anything above its own bits.
// - Value::memory names a slot whose current value this is, so that memory of slots is never overwritten under a value.
#pragma once
#include "jit/analysis.h"

#include <bit>
#include <cstddef>

namespace emu::jit {

struct Value {
    u16 uses = 0;         ///< reads to come, of itself or by pending lazy nodes
    u16 slots = 0;        ///< slots that hold it where somebody looks
    s16 spill = -1;       ///< entry in the frame
    s16 memory = -1;      ///< slot whose memory holds it
    Reg reg = no_reg;
    bool pending = false; ///< lazy and not computed yet
    bool zero_above = false; ///< a float whose register is zero above its bits
    bool unchecked = false;  ///< see emit_float_checks.cpp
};

struct SlotState {
    Id value = 0;            ///< 0: not known, in memory
    bool in_memory = true;
    bool observed = true;    ///< somebody looks at it before it is set again
    bool counted = false;    ///< it is one of Value::slots
};

/// Everything that a stub off the hot path needs to continue from an earlier point.
struct AllocatorState {
    std::vector<Value> values;
    std::vector<SlotState> slots;
    std::array<Id, reg_count> contents{};
    RegMask highs = 0;       ///< high halves that hold a value
    u64 spills = 0;
};

class Allocator {
protected:
    Allocator(Assembler& as, const Backend& backend) : a(as), backend_(backend) {}
    virtual ~Allocator() = default;

    // --- what the code generator provides
    virtual void compute(Id id) = 0;                            ///< emit a pending node; it ends with end_nested()
    virtual Xbyak::Address constant_address(ir::V128 value) = 0;

    static constexpr RegMask any_bank = gpr_mask | xmm_mask | upper_mask, lower_mask = gpr_mask | xmm_mask;
    // --- reading values; registers stay locked until the node ends
    /// In a register, and a lower one. An i32 is zero-extended. While two halves are emitted together: in the register with its low half.
    Reg use(Id id) { return use_in(id, lower_mask); }
    /// As use, whatever is emitted: for operands that have no halves.
    Reg use_whole(Id id) {
        const Single single(*this);
        return use(id);
    }
    /// For instructions that reach the upper vector registers too.
    Reg use_any(Id id) { return use_in(id, any_bank); }
    Reg use_in(Id id, RegMask allowed);
    /// A copy of the value in a given register, which the caller took.
    void copy_to(Reg to, Id id);
    bool constant(Id id, u64& value) const;
    /// Both halves of 256 bits in one register.
    Reg use_both(Id low, Id high);
    /// The current node's low half, if both are emitted at once; see emit_both.
    Id joined() const { return joined_; }
    void set_joined(Id low) { joined_ = low, a.wide_vectors = low != 0; }
    /// Are both only in the memory of one register's two slots?
    bool follow_in_memory(Id low, Id high) const;
    /// Of an operand of the current node, in the low half's place of it.
    Id low_operand(Id high) const;
    bool is_pending(Id id) const { return state_.values[id].pending; }
    bool in_register(Id id) const { return state_.values[id].reg != no_reg; }
    /// Where `bytes` of the value may be read from memory, if it has no register and this is its last use.
    bool memory_operand(Id id, unsigned bytes, Xbyak::Address& out);
    static bool wants_xmm(ir::Type type) { return type == ir::Type::v128 || ir::is_float(type); }
    bool wants_xmm(Id id) const { return wants_xmm(node(id).type); }

    // --- registers for results and scratch
    Reg temp(bool xmm = false, RegMask among = lower_mask);
    /// This register, emptied and locked.
    void take(Reg reg);
    /// The result's register; may be that of an operand that dies here. `among`: any_bank if an upper one will do.
    Reg def(Id id, RegMask among = lower_mask);
    /// The result's register, different from all operands'.
    Reg def_apart(Id id, RegMask among = lower_mask);
    /// Choose as def does without assigning yet: the caller still describes the state before (a snapshot), then assigns.
    Reg choose_def(Id id, RegMask among = lower_mask);
    void assign(Id id, Reg reg);
    /// Does the register hold an operand that has no further use (and may thus be overwritten)?
    bool dying(Reg reg) const { return dying_ & bit_of(reg); }

    // --- ends of life
    /// The node's operands are read: those without further use may give their registers to the result. Implied by def.
    void consume(Id id);
    void end_node();
    struct Nest {
        RegMask locked, dying;
        Id current, joined;
        std::array<Id, 24> contents;   ///< of the locked registers, in order
    };
    Nest begin_nested(Id id);
    void end_nested(const Nest& outer);

    // --- slots
    void set_slot(unsigned slot, Id value);
    /// Write the value to the frame or to its slot, and forget its register.
    void evict(Reg reg);
    /// Empty the register: evict, unless its value may move to an upper one.
    void vacate(Reg reg);
    /// Write the register's value to the frame; it keeps the register.
    void spill(Reg reg);
    /// Write the slot's value to its memory.
    void store_slot(unsigned slot);
    void forget_all_slots();
    /// Slots whose value nobody looks at after node `id`.
    void release_slots(Id id);
    bool overflow() const { return overflow_; }

    /// Of the block that `analysis` is to describe: homes and live slots at its start, frame entries that are not for spills.
    void begin(const ir::Function& function, Analysis& analysis, const Homes& homes, const std::vector<bool>* live, u64 reserved_spills);
    const ir::Node& node(Id id) const { return analysis_->nodes[id]; }
    Value& value(Id id) { return state_.values[id]; }
    const Value& value(Id id) const { return state_.values[id]; }
    Xbyak::Address state_at(usize offset) { return a.ptr[a.r15 + (s32(offset) - state_bias)]; }
    /// The places of slots and spilled values, relative to r15.
    s32 slot_place(unsigned slot) const { return s32(f_->slots[slot].offset) - state_bias; }
    static s32 spill_place(unsigned index) {
        return s32(offsetof(ir::StateHeader, frame) + offsetof(ir::JitFrame, spill) + 16 * index) - state_bias;
    }
    Xbyak::Address slot_at(unsigned slot) { return a.ptr[a.r15 + slot_place(slot)]; }
    Xbyak::Address spill_at(unsigned index) { return a.ptr[a.r15 + spill_place(index)]; }
    /// One of the slots that are in registers in the canonical state; the others are in touched_ if they may have changed.
    bool is_canonical_home(unsigned slot) const { return slot < backend_.canonical.home.size() && backend_.canonical.home[slot] != no_reg; }
    /// Is the slot's memory the place to get its value from? (The value itself may be gone, if nobody but the slot wanted it.)
    bool best_from_memory(const SlotState& slot) const {
        return !slot.value || (slot.in_memory && value(slot.value).reg == no_reg && node(slot.value).op != ir::Op::imm);
    }
    /// Canonical registers that do not hold their slot's value now.
    RegMask displaced() const {
        RegMask out = 0;
        for (RegMask m = backend_.canonical.mask; m; m &= m - 1) {
            const Reg reg = Reg(std::countr_zero(m));
            const Id now = state_.slots[usize(backend_.canonical.slot[reg])].value;
            if (!now || state_.contents[reg] != now) out |= bit_of(reg);
        }
        return out;
    }
    void lock(Reg reg) { locked_ |= bit_of(reg); }
    void unlock(Reg reg) { locked_ &= ~bit_of(reg); }
    void fill(Reg reg, Id id) { state_.contents[reg] = id, state_.highs |= bit_of(reg) & high_mask; }
    void empty(Reg reg) { state_.contents[reg] = 0, state_.highs &= ~bit_of(reg); }
    void insert_high(Reg whole, Id id);
    /// While it exists, what is done is about single values, not about halves that are emitted together.
    class Single {
    public:
        explicit Single(Allocator& allocator) : allocator_(allocator), joined_(allocator.joined_) { allocator.set_joined(0); }
        Single(const Single&) = delete;
        Single& operator=(const Single&) = delete;
        ~Single() { allocator_.set_joined(joined_); }

    private:
        Allocator& allocator_;
        Id joined_;
    };
    void move(Reg to, Reg from);

    Assembler& a;
    const Backend& backend_;
    const ir::Function* f_ = nullptr;
    Analysis* analysis_ = nullptr;
    const Homes* homes_ = nullptr;       ///< at the start of the block
    AllocatorState state_;
    std::vector<u16> touched_;           ///< slots without canonical home that were ever set
    usize next_release_ = 0;
    Id current_ = 0;                     ///< node being emitted
    bool failed_ = false;
    RegMask locked_ = 0;                 ///< operands and scratch of the node being emitted

    template <class F> void for_each_operand(Id id, F f) const;
    void load_from(Reg to, Id id);
    /// From the slot's memory.
    void load_slot(Reg to, unsigned slot);
    void unuse(Id id);

private:
    Reg allocate(bool xmm, RegMask allowed);
    /// Registers that an instruction may not write for the sake of the high half's value.
    RegMask guarded() const { return (state_.highs & ~dying_) >> 32; }
    RegMask reusable(RegMask among) const;
    void displace(Reg reg);
    bool store_both(unsigned slot);
    Reg hint_of(Id id) const { return analysis_->info[joined_ ? joined_ : id].hint; }
    unsigned cost_of_register(Reg reg) const;
    /// Registers of the class that may hold values.
    RegMask bank(bool xmm) const { return (xmm ? xmm_mask | upper_mask : gpr_mask) & backend_.allocatable; }
    void relocate(Reg to, Reg from);
    unsigned cost_of_eviction(Id id) const;
    Reg victim(RegMask candidates) const;
    bool evictable_for_free(Id id) const;
    bool fits_slot(Id id, unsigned slot) const;
    int committable_slot(Id id) const;
    void kill(Id id);
    void bury_dead();
    RegMask empty_registers(RegMask among) const;

    RegMask dying_ = 0;
    std::vector<Id> dead_;
    std::vector<u16> unobserved_;
    Id joined_ = 0;
    bool consumed_ = false;
    bool overflow_ = false;
};

template <class F> void Allocator::for_each_operand(Id id, F f) const {
    const ir::Node& n = node(id);
    if (n.op == ir::Op::call) {
        for (unsigned k = 0; k < f_->helpers[n.a]->args; k++) f(analysis_->extra[n.b + k]);
        return;
    }
    if (n.op == ir::Op::exit && n.b) f(n.b);
    const unsigned operands = ir::operands_of(n.op);
    if (operands & 1) f(n.a);
    if (operands & 2) f(n.b);
    if (operands & 4) f(n.c);
}

} // namespace emu::jit
