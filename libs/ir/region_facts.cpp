// SPDX-License-Identifier: MIT
#include "ir/region_facts.h"

#include <algorithm>

namespace emu::ir {

namespace {

bool has_form(const Builder& builder, const Node& n) {
    switch (n.op) {
    case Op::zext: return n.type == Type::i64 && builder.type({n.a}) == Type::i32;
    case Op::vzext: return builder.type({n.a}) == Type::f32 || builder.type({n.a}) == Type::f64;
    case Op::flags_add: case Op::flags_sub: case Op::flags_logic: return true;
    case Op::eflags_add: case Op::eflags_sub: case Op::eflags_logic: return true;
    case Op::fcmp: case Op::eflags_comis: return builder.type({n.a}) != Type::f16;
    default: return false;
    }
}

/// Does operand `id` equal what slot value `v` is, or its low half, or that minus a constant?
bool find_origin(const Builder& builder, Id id, Val v, FactOperand::Origin& origin) {
    const Type type = builder.type({id});
    const Node& n = builder.node({id});
    if (v.id == id || (n.op == Op::trunc && n.a == v.id)) {
        origin.plus = 0;
        return true;
    }
    const Node* value = &builder.node(v);
    if (value->op == Op::vzext) return value->a == id;
    if (type == Type::i32 && value->op == Op::zext) {
        if (value->a == id) return true;
        value = &builder.node({value->a});
    }
    u64 k;
    if (value->op == Op::add && value->type == type && value->a == id && builder.is_const({value->b}, k)) {
        origin.plus = s64(k);
        return true;
    }
    return false;
}

FactOperand describe_operand(const Builder& builder, Id id, unsigned slots, bool origins) {
    FactOperand operand;
    operand.type = builder.type({id});
    if (builder.is_const({id}, operand.bits)) {
        operand.constant = true;
        return operand;
    }
    operand.bits = 0;
    if (!origins) return operand;
    for (unsigned slot = 0; slot < slots; slot++) {
        FactOperand::Origin origin{u16(slot), 0};
        if (Val v = builder.known(slot); v && find_origin(builder, id, v, origin)) operand.origins.push_back(origin);
    }
    return operand;
}

Fact describe_value(const Builder& builder, Val v, unsigned slots) {
    const Node& n = builder.node(v);
    Fact fact;
    if (n.op == Op::imm || n.op == Op::vimm) {
        fact.form = Fact::constant;
        fact.bits = n.op == Op::imm ? V128{n.imm(), 0} : builder.vector(v);
        return fact;
    }
    if (!has_form(builder, n)) return fact;
    fact.form = Fact::pure;
    fact.op = n.op;
    fact.aux = n.op == Op::fcmp || n.op == Op::eflags_comis ? u16(n.aux | fcmp_again) : n.aux;
    // Where the form only says how wide a value is, other slots are no help.
    const bool origins = n.op == Op::flags_sub || n.op == Op::flags_logic || n.op == Op::fcmp || is_eflags(n.op);
    fact.args[0] = describe_operand(builder, n.a, slots, origins);
    if (is_operand(n.op, 1)) fact.args[1] = describe_operand(builder, n.b, slots, origins);
    // The builder may exchange these next time: nothing can be said of one of them alone.
    if (n.op == Op::flags_add)
        for (FactOperand& operand : fact.args) operand = {operand.type, false, 0, {}};
    return fact;
}

const ExitFacts::Entry* find(const ExitFacts& exit, unsigned slot) {
    auto at = std::lower_bound(exit.entries.begin(), exit.entries.end(), slot, [](const auto& e, unsigned s) { return e.slot < s; });
    return at != exit.entries.end() && at->slot == slot ? &*at : nullptr;
}

bool unchanged(const ExitFacts& exit, unsigned slot) {
    const ExitFacts::Entry* entry = find(exit, slot);
    return entry ? entry->copy && entry->from == slot : !exit.forgot;
}

/// A constant in the form of `like`; false if it is none of those.
bool constant_as(const Fact& constant, const Fact& like, Fact& out) {
    const Type type = like.args[0].type;
    const bool fits = like.op == Op::zext ? constant.bits.lo >> 32 == 0
                    : like.op == Op::vzext ? constant.bits.hi == 0 && (type == Type::f64 || constant.bits.lo >> 32 == 0) : false;
    if (!fits) return false;
    out = like;
    out.args[0] = {type, true, constant.bits.lo, {}};
    return true;
}

FactOperand meet(const FactOperand& a, const FactOperand& b) {
    if (a == b) return a;
    FactOperand result;
    result.type = a.type;
    for (const auto& origin : a.origins)
        if (std::find(b.origins.begin(), b.origins.end(), origin) != b.origins.end()) result.origins.push_back(origin);
    return result;
}

} // namespace

ExitFacts describe_exit(const Builder& builder, unsigned slots) {
    ExitFacts result;
    result.forgot = builder.forgot();
    for (unsigned slot = 0; slot < slots; slot++) {
        const Val v = builder.known(slot);
        if (!v) continue;
        const Node& n = builder.node(v);
        ExitFacts::Entry entry;
        entry.slot = u16(slot);
        if (n.op == Op::get && !result.forgot) {
            if (n.a == slot) continue;
            entry.copy = true;
            entry.from = u16(n.a);
        } else {
            entry.fact = describe_value(builder, v, slots);
        }
        result.entries.push_back(std::move(entry));
    }
    return result;
}

Fact fact_at_exit(const ExitFacts& exit, unsigned slot, const std::vector<Fact>& entry) {
    unsigned from = slot;
    if (const ExitFacts::Entry* e = find(exit, slot)) {
        if (!e->copy) return e->fact;
        from = e->from;
    } else if (exit.forgot) {
        return Fact::of(Fact::nothing);
    }
    Fact fact = entry[from];
    if (fact.form == Fact::pure)
        for (FactOperand& operand : fact.args)
            std::erase_if(operand.origins, [&](const auto& origin) { return !unchanged(exit, origin.slot); });
    return fact;
}

Fact meet(const Fact& a, const Fact& b, Type type) {
    if (a.form == Fact::any) return b;
    if (b.form == Fact::any || a == b) return a;
    if (a.form == Fact::nothing || b.form == Fact::nothing) return Fact::of(Fact::nothing);
    if (a.form == Fact::constant && b.form == Fact::constant) {
        // Two constants that fit 32 bits: the width at least is known.
        if (type != Type::i64) return Fact::of(Fact::nothing);
        Fact wide = Fact::of(Fact::pure), x, y;
        wide.op = Op::zext;
        wide.args[0].type = Type::i32;
        return constant_as(a, wide, x) && constant_as(b, wide, y) ? meet(x, y, type) : Fact::of(Fact::nothing);
    }
    Fact other;
    if (a.form == Fact::constant) return constant_as(a, b, other) ? meet(other, b, type) : Fact::of(Fact::nothing);
    if (b.form == Fact::constant) return constant_as(b, a, other) ? meet(a, other, type) : Fact::of(Fact::nothing);
    if (a.op != b.op || a.aux != b.aux || a.args[0].type != b.args[0].type) return Fact::of(Fact::nothing);
    Fact result = a;
    for (unsigned k = 0; k < 2; k++) result.args[k] = meet(a.args[k], b.args[k]);
    return result;
}

} // namespace emu::ir
