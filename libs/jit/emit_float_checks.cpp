// SPDX-License-Identifier: MIT
// One check for several results of the host's FPU (what is checked, and why: emit_float.cpp). With AVX-512 a compare narrows a mask
// that earlier ones left, so that a row of operations needs one jump, before anything may depend on the results other than
// arithmetic of the same kind: an exit, an access to memory, a call, a conversion. Its cold side does all of them again, in order.
// Compares into masks are what costs most: scalars are put together into vectors for them.
//
// A NaN need not be looked for where the result goes into another operation of the row, whose result is a NaN then; nor where
// nobody wants the result any more. The host's flags are complete in both cases.
#include "jit/compiler.h"

#include "common/bits.h"

#include <algorithm>
#include <bit>

namespace emu::jit {

using ir::Effect;
using ir::Lane;
using ir::Op;
using ir::Type;

namespace {

/// In a row. What they are made of is kept until the check.
constexpr usize most_unchecked = 12;

/// Predicates of VCMPPS.
constexpr u8 ordered = 7, ordered_not_equal = 12;

const Xbyak::Xmm magnitude_bits(first_row_constant), smallest_normal(first_row_constant + 1), carrier(carrier_xmm);

enum : u8 { scalar = 1, vector = 2, tiny = 4, follows = 8 };
/// Operations that give a NaN if an operand is one. `tiny`: whose results may have been rounded up to the smallest normal number
/// (no sums: tiny ones are exact); `follows`: that need no check of their own, but have to be done again if what they are made of is.
constexpr std::array<u8, unsigned(Op::count_)> kinds = [] {
    std::array<u8, unsigned(Op::count_)> t{};
    for (Op op : {Op::fadd, Op::fsub, Op::fsqrt}) t[unsigned(op)] = scalar;
    for (Op op : {Op::fmul, Op::fdiv, Op::fma}) t[unsigned(op)] = scalar | tiny;
    for (Op op : {Op::vfadd, Op::vfsub, Op::vfsqrt}) t[unsigned(op)] = vector;
    for (Op op : {Op::vfmul, Op::vfdiv, Op::vfma}) t[unsigned(op)] = vector | tiny;
    for (Op op : {Op::vzext, Op::fneg, Op::fabs, Op::vfneg, Op::vfabs}) t[unsigned(op)] = follows;
    return t;
}();
u8 kind_of(Op op) { return kinds[unsigned(op)]; }

} // namespace

// --- what may wait -----------------------------------------------------------------------------------------------------------

/// May the operation's check wait for others?
bool Compiler::mergeable(Id id) const {
    if (!host().avx512vl || exact_float_ || backend_.options.only_fallback) return false;
    const u8 kind = kind_of(node(id).op);
    bool dbl;
    return kind & scalar ? native_float(node(id).type) : kind & vector && native_lanes(id, dbl);
}

/// What the masks have bits for. Operations of different shapes do not share a row.
Compiler::RowShape Compiler::row_shape(Id id) const {
    const bool is_vector = node(id).type == Type::v128;
    return {is_vector, is_vector ? ir::aux_lane(node(id).aux) == ir::Lane::f64 : node(id).type == Type::f64};
}

/// Is it made of a result of the row, all of it and nothing else?
bool Compiler::follows_unchecked(Id id) const {
    if (unchecked_.empty() || !(kind_of(node(id).op) & follows) || !value(node(id).a).unchecked) return false;
    const RowShape shape = row_shape(unchecked_.front().id);
    bool dbl;
    if (shape.is_vector) return node(id).op != Op::vzext && native_lanes(id, dbl) && dbl == shape.dbl;
    return operand_type(id, 0) == (shape.dbl ? Type::f64 : Type::f32);
}

bool Compiler::depends_on_unchecked(Id id) const {
    if (value(id).unchecked) return true;
    if (!is_pending(id)) return false;
    bool any = false;
    for_each_operand(id, [&](Id operand) { any |= depends_on_unchecked(operand); });
    return any;
}

/// Need results not be checked before this node?
bool Compiler::may_wait(Id id) const {
    const Op op = node(id).op;
    if (op == Op::imm || op == Op::vimm || op == Op::get || op == Op::insn || op == Op::set) return true;
    if (ir::effect_of(op) != Effect::pure) return false;
    const bool full = unchecked_.size() == most_unchecked;
    if (follows_unchecked(id)) return !full;
    const bool joins = mergeable(id);
    if (joins && (full || row_shape(id) != row_shape(unchecked_.front().id))) return false;
    if (!joins && ir::raises_flags(node(id))) return false;
    bool waits = true;
    for_each_operand(id, [&](Id operand) {
        if (joins && !is_pending(operand)) return; // a result of the row, or of nobody's concern
        waits &= !depends_on_unchecked(operand);
    });
    return waits;
}

// --- a row ---------------------------------------------------------------------------------------------------------------------

/// Before the operation's operands are used. True: it will not be checked at once, and its operands stay until it is.
bool Compiler::begin_float(Id id) {
    if (!mergeable(id)) return false;
    for_each_operand(id, [&](Id operand) {
        if (!value(operand).unchecked) value(operand).uses++;
    });
    return true;
}

/// It was emitted: `to` is its result. At once, unless it joins a row, its check and what to do if that fails.
void Compiler::finish_float(Id id, bool joins, std::array<Reg, 3> operands, Reg to) {
    if (joins) return add_unchecked(id, to);
    if (!exact_float_) cold_eval({check_float(id, to, kind_of(node(id).op) & tiny)}, id, operands, to);
}

/// Jump away if the result of operation `id`, which `reg` tells of, is odd.
Fixup Compiler::check_float(Id id, Reg reg, bool can_be_tiny) {
    const RowShape shape = row_shape(id);
    return shape.is_vector ? check_lanes(reg, shape.dbl, can_be_tiny, temp(true)) : check_result(reg, node(id).type, can_be_tiny);
}

void Compiler::add_unchecked(Id id, Reg to) {
    value(id).unchecked = true;
    const bool can_be_tiny = kind_of(node(id).op) & tiny && f_->fp.rules->tininess_before_rounding;
    unchecked_.push_back({id});
    if (!can_be_tiny) return;
    Unchecked& u = unchecked_.back();
    u.compared = true;
    if (!value(id).uses && !value(id).slots) return compare_magnitudes({{to, is_square(id)}}); // its register is about to be lost
    u.held = true;
    value(id).uses++;
    // The first one perhaps remains the only one.
    const auto held = usize(std::count_if(unchecked_.begin(), unchecked_.end(), [](const Unchecked& other) { return other.held; }));
    if (unchecked_.size() > 1 && held >= lanes(row_shape(id))) compare_held();
}

/// Results that one compare tells of.
usize Compiler::lanes(RowShape shape) { return shape.is_vector ? 1 : shape.dbl ? 2 : 4; }

bool Compiler::is_square(Id id) const {
    const ir::Node& n = node(id);
    return (n.op == Op::fmul || n.op == Op::vfmul) && n.a == n.b;
}

/// A compare of vectors, which narrows the mask: only lanes where it holds keep their bits.
void Compiler::narrow(RowShape shape, Reg x, const Xbyak::Xmm& y, u8 predicate) {
    const Xbyak::Opmask k = mask_started_ ? a.k1 | a.k1 : a.k1;
    mask_started_ = true;
    shape.dbl ? a.vcmppd(k, a.x(x), y, predicate) : a.vcmpps(k, a.x(x), y, predicate);
}

/// Up to lanes() scalars in one register, with zeros where there is none.
Reg Compiler::gather(RowShape shape, std::span<const Reg> scalars) {
    const Reg to = temp(true, any_bank);
    const auto t = a.x(to), first = a.x(scalars[0]);
    if (shape.dbl) {
        if (scalars.size() == 2) a.vunpcklpd(t, first, a.x(scalars[1]));
        else a.vmovq(t, first);
        return to;
    }
    const u8 zeros = u8(0xf << scalars.size() & 0xf);
    if (scalars.size() == 1) a.vinsertps(t, first, first, zeros);
    for (usize i = 1; i < scalars.size(); i++) a.vinsertps(t, i == 1 ? first : t, a.x(scalars[i]), u8(i << 4 | zeros));
    return to;
}

/// Not NaNs, nor of the magnitude of the smallest normal number?
void Compiler::compare_magnitudes(std::vector<Magnitude> results) {
    const RowShape shape = row_shape(unchecked_.front().id);
    if (row_constants_ != (shape.dbl ? Lane::f64 : Lane::f32)) {
        row_constants_ = shape.dbl ? Lane::f64 : Lane::f32;
        auto all_lanes = [&](u64 bits) {
            if (!shape.dbl) bits |= bits << 32;
            return constant_address({bits, bits});
        };
        a.vmovaps(magnitude_bits, all_lanes(shape.dbl ? ~u64(0) >> 1 : 0x7fffffff));
        a.vmovaps(smallest_normal, all_lanes(u64(1) << (shape.dbl ? 52 : 23)));
    }
    const usize most = lanes(shape);
    for (usize i = 0; i < results.size(); i += most) {
        std::array<Reg, 4> regs{};
        bool positive = true;
        usize n = 0;
        for (; n < most && i + n < results.size(); n++) regs[n] = results[i + n].reg, positive &= results[i + n].positive;
        Reg from = shape.is_vector ? regs[0] : gather(shape, {regs.data(), n});
        if (!positive) {
            const Reg t = shape.is_vector ? temp(true, any_bank) : from;
            a.vandps(a.x(t), a.x(from), magnitude_bits);
            from = t;
        }
        narrow(shape, from, smallest_normal, ordered_not_equal);
    }
}

void Compiler::compare_held() {
    std::vector<Magnitude> results;
    for (const Unchecked& u : unchecked_)
        if (u.held) results.push_back({use_any(u.id), is_square(u.id)});
    compare_magnitudes(std::move(results));
    for (Unchecked& u : unchecked_) {
        if (u.held) unuse(u.id);
        u.held = false;
    }
}

/// The results that are still wanted, were not compared, and of which no other one tells.
std::vector<Id> Compiler::not_compared() const {
    std::vector<Id> wanted;
    std::vector<bool> covered(unchecked_.size());
    for (usize i = unchecked_.size(); i-- > 0;) {
        const Unchecked& u = unchecked_[i];
        if (!u.compared && !covered[i]) {
            if (!value(u.id).uses && !value(u.id).slots) continue;
            wanted.push_back(u.id);
        }
        for_each_operand(u.id, [&](Id operand) {
            for (usize k = 0; k < i; k++)
                if (unchecked_[k].id == operand) covered[k] = true;
        });
    }
    return wanted;
}

/// Not NaNs? Vectors, or scalars with nothing above them that matters.
void Compiler::compare_ordered(RowShape shape, std::span<const Id> results) {
    auto comparable = [&](Id id) {
        const Reg reg = use_any(id);
        return shape.is_vector || zero_above(id, node(id).type) ? reg : gather(shape, {&reg, 1});
    };
    const RegMask locked = locked_;
    for (usize i = 0; i < results.size(); i += 2) {
        const Reg x = comparable(results[i]), y = i + 1 < results.size() ? comparable(results[i + 1]) : x;
        narrow(shape, x, a.x(y), ordered);
        locked_ = locked;
    }
}

/// Check what was not yet; between nodes.
void Compiler::check_floats() {
    const Id front = unchecked_.front().id; // whose shape they all have; what follows has another node's type
    const RowShape shape = row_shape(front);
    std::vector<Fixup> odd;
    std::vector<Id> held;
    for (const Unchecked& u : unchecked_)
        if (u.held) held.push_back(u.id);
    const std::vector<Id> wanted = not_compared();
    const bool simple = !mask_started_ && held.size() + wanted.size() <= (held.empty() && !shape.is_vector ? 2 : 1);
    if (!simple) {
        if (!held.empty()) compare_held();
        compare_ordered(shape, wanted);
        const Reg bits = temp();
        a.kmovb(a.d(bits), a.k1);
        a.cmp(a.d(bits), shape.dbl ? 3 : 15);
        odd.push_back(a.jcc_forward(cc_ne));
    } else if (!held.empty()) {
        odd.push_back(check_float(front, use_any(held[0]), true));
    } else if (wanted.size() == 2) {
        compare_floats(use_any(wanted[0]), use_any(wanted[1]), shape.dbl, false);
        odd.push_back(a.jcc_forward(cc_p));
    } else if (!wanted.empty()) {
        odd.push_back(check_float(front, use_any(wanted[0]), false));
    }
    if (!odd.empty()) redo_floats(std::move(odd));
    for (const Unchecked& u : unchecked_) {
        if (u.held) unuse(u.id);
        for_each_operand(u.id, [&](Id operand) {
            if (!value(operand).unchecked) unuse(operand);
        });
    }
    for (const Unchecked& u : unchecked_) value(u.id).unchecked = false;
    unchecked_.clear();
    mask_started_ = false;
    current_ = 0;
    end_node();
}

// --- once more -----------------------------------------------------------------------------------------------------------------

Compiler::Place Compiler::place_of(Id id) const {
    const Value& v = value(id);
    Place place{v.reg, v.spill, v.memory, {}, false};
    if (node(id).op == Op::imm) place.bits = {node(id).imm(), 0}, place.constant = true;
    if (node(id).op == Op::vimm) place.bits = f_->vectors[node(id).a], place.constant = true;
    return place;
}

/// The operations by ir::eval, into all places that have their results.
void Compiler::redo_floats(std::vector<Fixup> at) {
    struct Redo {
        ir::Node node;
        Type argument;
        std::array<Type, 3> types;
        std::array<Place, 3> from;
        Place to;
    };
    u64 taken = state_.spills;
    std::vector<Redo> list;
    for (usize i = 0; i < unchecked_.size(); i++) {
        const Id id = unchecked_[i].id;
        Redo redo{f_->nodes[id], arg_type(id), {}, {}, {}};
        for (unsigned k = 0; k < 3; k++) {
            if (!ir::is_operand(redo.node.op, k)) continue;
            redo.types[k] = operand_type(id, k);
            const Id from = operand(id, k);
            redo.from[k] = place_of(from);
            for (usize m = 0; m < i; m++)
                if (unchecked_[m].id == from) redo.from[k] = list[m].to;
        }
        if (value(id).uses || value(id).slots) {
            redo.to = place_of(id);
        } else if (!~taken) {
            failed_ = true;
            return;
        } else { // gone, but others may be made of it
            redo.to.spill = s16(std::countr_one(taken));
            taken |= u64(1) << redo.to.spill;
        }
        list.push_back(redo);
    }
    cold(std::move(at), [this, list = std::move(list)] {
        for (const Redo& redo : list) {
            for (unsigned k = 0; k < 3; k++)
                if (ir::is_operand(redo.node.op, k)) scratch_from_place(k, redo.types[k], redo.from[k]);
            emit_eval_call(redo.node, redo.argument);
            const Type type = redo.node.type;
            if (redo.to.reg != no_reg) load_scratch(redo.to.reg, type);
            if (redo.to.spill < 0 && redo.to.memory < 0) continue;
            a.vmovups(carrier, scratch_at(0));
            if (redo.to.spill >= 0) a.vmovups(spill_at(unsigned(redo.to.spill)), carrier);
            if (redo.to.memory < 0) continue;
            const Xbyak::Address slot = slot_at(unsigned(redo.to.memory));
            if (type == Type::f64) a.vmovsd(slot, carrier);
            else if (type == Type::f32) a.vmovss(slot, carrier);
            else a.vmovups(slot, carrier);
        }
    });
}

void Compiler::scratch_from_place(unsigned k, Type type, const Place& from) {
    if (from.reg != no_reg) return scratch_from(k, type, from.reg);
    const Xbyak::Address at = from.constant ? constant_address(from.bits) : from.spill >= 0 ? spill_at(unsigned(from.spill)) : slot_at(unsigned(from.memory));
    if (type == Type::f64) a.vmovsd(carrier, at);
    else if (type == Type::f32) a.vmovss(carrier, at);
    else a.vmovups(carrier, at);
    a.vmovups(scratch_at(k), carrier);
}

} // namespace emu::jit
