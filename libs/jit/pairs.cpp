// SPDX-License-Identifier: MIT
// Halves that belong together. A guest register of 256 bits is two slots, and an instruction on it two nodes, one for each half
// (isa/x86/sem_avx.cpp). Where both do the same to operands that belong together, one host instruction of 256 bits does it: the low
// half waits until the other one is emitted, and both end up in one register (Allocator::use_both, Compiler::emit_both).
#include "jit/analysis.h"

#include <algorithm>

namespace emu::jit {

using ir::Effect;
using ir::Node;
using ir::Op;
using ir::Type;

namespace {

/// So far back the low half is looked for.
constexpr Id most_distance = 40;

/// Ops whose emitters know both widths: what they write goes through the assembler's VEX forms, and whatever they do with lanes stays
/// within 128 bits.
constexpr std::array<bool, unsigned(Op::count_)> widening = [] {
    std::array<bool, unsigned(Op::count_)> t{};
    for (Op op : {Op::vand, Op::vor, Op::vxor, Op::vandn, Op::vnot, Op::vsel, Op::vadd, Op::vsub, Op::vmul, Op::vqadds, Op::vqaddu, Op::vqsubs,
                  Op::vqsubu, Op::vmins, Op::vmaxs, Op::vminu, Op::vmaxu, Op::veq, Op::vgts, Op::vqnarrows, Op::vqnarrowsu, Op::vneg, Op::vabs,
                  Op::vges, Op::vgtu, Op::vgeu, Op::vabds, Op::vabdu, Op::vhadds, Op::vhaddu, Op::vrhadds, Op::vrhaddu, Op::vshl, Op::vshru,
                  Op::vshrs, Op::vrshru, Op::vrshrs, Op::vshlvs, Op::vshlvu, Op::vmulls, Op::vmullu, Op::vnarrow, Op::vpaddls, Op::vpaddlu,
                  Op::vcat, Op::vzip1, Op::vzip2, Op::vuzp1, Op::vuzp2, Op::vtrn1, Op::vtrn2, Op::vext, Op::vrev, Op::vtbl, Op::vcnt, Op::vfneg,
                  Op::vfabs, Op::vfadd, Op::vfsub, Op::vfmul, Op::vfdiv, Op::vfsqrt, Op::vfma, Op::vfceq, Op::vfcgt, Op::vfcge, Op::vfrint, Op::vs2f})
        t[unsigned(op)] = true;
    return t;
}();

bool widens(const ir::Function& f, const Node& n) {
    if (n.type != Type::v128 || !widening[unsigned(n.op)]) return false;
    // The host's results are checked where the guest's rules differ from its own, which is only done for 128 bits.
    if (n.op >= Op::vfadd && n.op <= Op::vu2f && n.op != Op::vfneg && n.op != Op::vfabs) return f.fp.rules == &fp::rules::x86_sse;
    // Narrower lanes are widened first, which crosses the halves.
    if (n.op == Op::vmulls || n.op == Op::vmullu) return ir::lane_bits(ir::aux_lane(n.aux)) == 32;
    if (n.op == Op::vpaddls) return ir::lane_bits(ir::aux_lane(n.aux)) != 32;
    return true;
}

} // namespace

void Analysis::join(Id low, Id high) {
    work_[low].other = high;
    work_[high].other = low;
    work_[high].is_high = true;
    has_pairs_ = true;
}

void Analysis::part(Id id) {
    Work &one = work_[id], &other = work_[one.other];
    one.other = other.other = 0;
    one.is_high = other.is_high = false;
}

/// A slot's value, whatever it is, became known: is that of the other half as well?
void Analysis::pair_known(unsigned slot) {
    if (!backend_->joins_halves() || slot >= backend_->slots.size()) return;
    const unsigned low = backend_->slots[slot].upper ? slot : backend_->lower[slot];
    if (!low) return;
    const unsigned high = backend_->slots[low].upper;
    const Id l = slots_[low].value, h = slots_[high].value;
    auto is_unpaired_get = [&](Id id, unsigned of) { return id && nodes[id].op == Op::get && nodes[id].a == of && !work_[id].other; };
    if (is_unpaired_get(l, low) && is_unpaired_get(h, high)) join(l, h);
}

bool Analysis::is_pair(Id low, Id high) const { return work_[low].other == high && work_[high].is_high && low != high; }

bool Analysis::operands_match(Id low, Id high) const {
    const Node &l = nodes[low], &h = nodes[high];
    const u32 lows[3] = {l.a, l.b, l.c}, highs[3] = {h.a, h.b, h.c};
    bool any = false;
    for (unsigned k = 0; k < 3; k++) {
        if (!ir::is_operand(h.op, k)) {
            if (lows[k] != highs[k]) return false;
            continue;
        }
        const bool constants = nodes[lows[k]].op == Op::vimm && nodes[highs[k]].op == Op::vimm;
        if (is_pair(lows[k], highs[k])) any = true;
        else if (lows[k] != highs[k] && !(constants && h.op != Op::vtbl)) return false; // tables are made of the constant
        // An operand's low half is found by the high one.
        for (unsigned j = 0; j < k; j++)
            if (ir::is_operand(h.op, j) && highs[j] == highs[k] && lows[j] != lows[k]) return false;
    }
    return any;
}

/// Are these accesses to 16 bytes each, the second right behind the first?
bool Analysis::follows_in_memory(Id low, Id high) const {
    const Node &l = nodes[low], &h = nodes[high];
    const ir::MemFlags flags = ir::MemFlags::unpack(h.aux);
    if (l.op != h.op || l.aux != h.aux || flags.size_log2 != 4 || flags.aligned || flags.big_endian || flags.order != ir::Order::relaxed) return false;
    // Narrow addresses wrap.
    if (nodes[l.a].type != Type::i64 || nodes[h.a].type != Type::i64) return false;
    auto split = [&](Id id, u64& plus) {
        const Node& n = nodes[id];
        plus = n.op == Op::add && nodes[n.b].op == Op::imm ? nodes[n.b].imm() : 0;
        return n.op == Op::add && nodes[n.b].op == Op::imm ? n.a : id;
    };
    u64 first, second;
    if (split(l.a, first) == split(h.a, second)) return second == first + 16;
    return nodes[l.a].op == Op::imm && nodes[h.a].op == Op::imm && nodes[h.a].imm() == nodes[l.a].imm() + 16;
}

/// Two accesses that are one of the guest's: others are two registers. The high half is stored first, so that a fault on it leaves the
/// low half alone, and a load before it asks whether that is there.
void Analysis::pair_access(Id id) {
    const Id first = last_effect_;
    if (!backend_->joins_halves() || first <= last_insn_ || work_[first].other) return;
    if (nodes[id].op == Op::vload) {
        if (follows_in_memory(first, id)) join(first, id);
        return;
    }
    // Values from the start of the block have the highest numbers.
    auto is_there = [&](Id v) { return v < first || v >= f_->nodes.size(); };
    if (!follows_in_memory(id, first) || !is_pair(nodes[id].b, nodes[first].b) || !is_there(nodes[id].a) || !is_there(nodes[id].b)) return;
    join(id, first);
    const Node& probe = nodes[effect_before_];
    if (effect_before_ > last_insn_ && probe.op == Op::load && probe.a == nodes[id].a && ir::MemFlags::unpack(probe.aux).size_log2 == 0)
        work_[effect_before_].covered = true;
}

/// Are these a vector's halves with its lanes widened? They are one instruction that takes no halves, but a whole of 128 bits.
bool Analysis::widens_halves(Id low, Id high) const {
    const Node &l = nodes[low], &h = nodes[high];
    return (h.op == Op::vwidens || h.op == Op::vwidenu) && l.op == h.op && l.a == h.a && ir::aux_lane(l.aux) == ir::aux_lane(h.aux) &&
           !ir::aux_imm(l.aux) && ir::aux_imm(h.aux);
}

/// Is there a low half to this one?
void Analysis::pair_node(Id id) {
    const Node& n = nodes[id];
    if (n.op == Op::vload || n.op == Op::store) return pair_access(id);
    const bool halves = (n.op == Op::vwidens || n.op == Op::vwidenu) && ir::aux_imm(n.aux) && ir::lane_bits(ir::aux_lane(n.aux)) < 64 && backend_->joins_halves();
    if (!halves && (!has_pairs_ || !widens(*f_, n))) return;
    for (Id at = id - 1; at > last_effect_ && at + most_distance > id; at--) {
        const Node& m = nodes[at];
        if (m.op != n.op || m.type != n.type || alias_[at] != at || work_[at].other) continue;
        if (halves ? !widens_halves(at, id) : m.aux != n.aux || !operands_match(at, id)) continue;
        return join(at, id);
    }
}

} // namespace emu::jit
