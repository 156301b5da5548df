// SPDX-License-Identifier: MIT
// What the code generator wants to know before its forward pass: which nodes are needed, how often each value is used and for
// how long a guest register needs it, which nodes had better be computed where they are used (lazily) than where they stand.
//
// Values are numbered as the nodes; nodes that are mere aliases (a get of a known slot, zext of a zero-extended value, lane 0 of
// a vector as a float) are replaced by what they stand for, and what pinned slots hold at entry or after a helper call
// changed the state gets numbers past the last node.
#pragma once
#include "ir/ir.h"
#include "jit/backend.h"

#include <vector>

namespace emu::jit {

using ir::Id;

enum class Plan : u8 {
    skip,     ///< not needed; of a set: nobody sees it
    eager,    ///< computed where it stands
    lazy,     ///< computed where a user needs it in a register; most users know a way without
};

struct ValueInfo {
    u16 uses = 0;            ///< by nodes that are emitted, or lazy and needed
    Plan plan = Plan::skip;
    Reg hint = no_reg;       ///< the home of the slot it ends up in,
    bool sure = false;       ///< or (not sure) that of a slot a result made from it ends up in
};

/// A slot whose value is not needed any more once node `at` was emitted.
struct Release {
    u32 at;
    u16 slot;
};

class Analysis {
public:
    /// `homes`: where slots are at the start; `live`: those that are there (null: all).
    void run(const ir::Function& function, const Backend& backend, const Homes& homes, const std::vector<bool>* live);

    std::vector<ir::Node> nodes;        ///< operands replaced by what they stand for
    std::vector<u32> extra;             ///< the same for arguments of calls
    std::vector<ValueInfo> info;
    std::vector<Release> releases;      ///< in order of `at`
    /// (node, slot, value): at the start (node 0) and after each state-changing call, what pinned slots hold.
    struct Pseudo {
        u32 at;
        u16 slot;
        Id value;
    };
    std::vector<Pseudo> pseudos;
    /// The other half, of a value that is half of one of 256 bits (pairs.cpp); 0: there is none, or `id` is not the low / the high half.
    Id high_half(Id id) const { return work_[id].is_high ? 0 : work_[id].other; }
    Id low_half(Id id) const { return work_[id].is_high ? work_[id].other : 0; }
    /// Is there any?
    bool has_pairs() const { return has_pairs_; }
    /// Is it a slot's value for a while only, and not at the end?
    bool is_replaced(Id id) const { return work_[id].replaced; }

private:
    struct SlotLife {
        Id value = 0;         ///< 0 = unknown, in memory
        u32 since = 0;        ///< node that put it there
        bool pseudo = false;  ///< put there by entry or a call, not by a set
    };
    /// Of a node, in both passes.
    struct Work {
        u32 certain = ~u32(0);     ///< the first node where one of `fused` is emitted in any case
        u16 fused = 0, sets = 0;   ///< of the uses that matter: by users that can do without the value, by sets
        u16 addresses = 0;         ///< uses as an address
        u16 tested = 0;            ///< by users that TEST will do for
        bool part_of_address = false;   ///< used in an addition that is one
        bool replaced = false;     ///< was a slot's value once and is not any more
        bool dead = false;         ///< a set that nobody sees
        bool is_high = false;
        bool covered = false;      ///< a load that only asks whether memory is there, which a store will
        Id other = 0;              ///< the other half
    };

    void forward();
    void forward_call(Id id);
    void backward();
    void plan_node(Id id);
    void count_operands(Id id);
    void end_slot_value(unsigned slot, u32 at);
    void new_pseudos(u32 at);
    Id alias(Id id, const ir::Node& node);
    Id find_result(Id id, bool add) const;
    bool keeps_rest(const ir::Node& vset) const;
    void use_result_instead(Id id);
    // pairs.cpp
    void join(Id low, Id high);
    void part(Id id);
    void pair_known(unsigned slot);
    void pair_node(Id id);
    bool widens_halves(Id low, Id high) const;
    void pair_access(Id id);
    void note_effect(Id id) { effect_before_ = last_effect_, last_effect_ = id; }
    bool is_pair(Id low, Id high) const;
    bool operands_match(Id low, Id high) const;
    bool follows_in_memory(Id low, Id high) const;

    const ir::Function* f_ = nullptr;
    const Backend* backend_ = nullptr;
    const Homes* homes_ = nullptr;
    const std::vector<bool>* live_ = nullptr;
    std::vector<Id> alias_;
    std::vector<Work> work_;
    std::vector<SlotLife> slots_;
    u32 next_stop_ = 0;               ///< the first exit or call behind the node that is looked at
    u32 last_leave_ = 0;
    u32 last_effect_ = 0, effect_before_ = 0;   ///< the last nodes that do more than to compute
    u32 last_insn_ = 0;               ///< where the instruction begins
    bool has_pairs_ = false;
};

/// A fused operand form (aux bit of the working copy): operand a of a flags or compare node is the result of the addition or
/// subtraction, the original a being a - b or a + b.
inline constexpr u16 undo_aux = 0x8000;

/// Does the user only look at the low 32 bits of its operand k, an i32 that is the node `operand` itself?
bool low_half_will_do(const ir::Function& function, Id user, unsigned k, Id operand);
bool is_compare(ir::Op op);
bool is_flags(ir::Op op);

} // namespace emu::jit
