// SPDX-License-Identifier: MIT
// Appending nodes: constant folding, common subexpressions, state forwarding, exits. The algebra is in simplify.cpp.
#include "ir/builder.h"

#include "common/bits.h"
#include "common/result.h"
#include "ir/eval.h"

#include <algorithm>

namespace emu::ir {

namespace {
constexpr unsigned hash_bits = 8;

u32 hash(Op op, Type type, u16 aux, u32 a, u32 b, u32 c) {
    constexpr u64 k = 0x9e37'79b9'7f4a'7c15;
    const u64 what = u64(op) << 24 ^ u64(type) << 16 ^ aux, operands = u64(b) << 32 ^ c;
    return u32((((what << 32 ^ a) * k >> 7 ^ operands) * k) >> (64 - hash_bits));
}

/// Ops whose operands a and b may be swapped without anything noticing (FP ones may not: NaN choice depends on order).
bool commutes(Op op) {
    switch (op) {
    case Op::add: case Op::mul: case Op::mulhs: case Op::mulhu: case Op::adc: case Op::and_: case Op::or_: case Op::xor_:
    case Op::eq: case Op::ne: case Op::flags_add: case Op::flags_adc:
    case Op::vand: case Op::vor: case Op::vxor: case Op::vadd: case Op::vmul: case Op::veq: return true;
    default: return false;
    }
}
} // namespace

thread_local Builder::Tables Builder::spare_;

Builder::Builder(Function& function, Watcher* watcher) : f_(function), watcher_(watcher), tables_(std::move(spare_)) {
    tables_.known.assign(function.slots.size(), 0);
    tables_.buckets.assign(1u << hash_bits, 0);
    tables_.entries.assign(1, {});
    f_.nodes.clear();
    f_.nodes.reserve(512);
    f_.nodes.push_back({Op::imm, Type::none, 0, 0, 0, 0});
}

Builder::~Builder() { spare_ = std::move(tables_); }

void Function::clear() {
    nodes.clear();
    vectors.clear();
    extra.clear();
    exits.clear();
    helpers.clear();
    ranges.clear();
    pc = end = 0;
    mode = insns = 0;
    slots = {};
    fp = fp::Env{nullptr};
}

bool Builder::is_const(Val v, u64& out) const {
    const Node& n = node(v);
    if (!v || n.op != Op::imm) return false;
    out = n.imm();
    return true;
}

Val Builder::append(Op op, Type type, u16 aux, u32 a, u32 b, u32 c) {
    f_.nodes.push_back({op, type, aux, a, b, c});
    return {u32(f_.nodes.size() - 1)};
}

Val Builder::lookup(Op op, Type type, u16 aux, u32 a, u32 b, u32 c) {
    u32& bucket = tables_.buckets[hash(op, type, aux, a, b, c)];
    for (u32 at = bucket; at; at = tables_.entries[at].older) {
        const Id id = tables_.entries[at].node;
        const Node& n = f_.nodes[id];
        if (n.op == op && n.type == type && n.aux == aux && n.a == a && n.b == b && n.c == c) return {id};
    }
    const Val v = append(op, type, aux, a, b, c);
    tables_.entries.push_back({v.id, bucket});
    bucket = u32(tables_.entries.size() - 1);
    return v;
}

Val Builder::imm(Type type, u64 value) {
    if (bit_width(type) < 64) value &= ones(bit_width(type));
    return lookup(Op::imm, type, 0, u32(value), u32(value >> 32), 0);
}

Val Builder::vimm(V128 value) {
    auto at = std::find(f_.vectors.begin(), f_.vectors.end(), value);
    u32 index = u32(at - f_.vectors.begin());
    if (at == f_.vectors.end()) f_.vectors.push_back(value);
    return lookup(Op::vimm, Type::v128, 0, index, 0, 0);
}

Val Builder::get(unsigned slot) {
    if (!tables_.known[slot]) tables_.known[slot] = append(Op::get, f_.slots[slot].type, 0, slot, 0, 0).id;
    return {tables_.known[slot]};
}

void Builder::set(unsigned slot, Val value) {
    EMU_ASSERT(type(value) == f_.slots[slot].type);
    if (tables_.known[slot] == value.id) return;
    append(Op::set, Type::none, 0, slot, value.id, 0);
    tables_.known[slot] = value.id;
}

void Builder::forget_state() {
    std::fill(tables_.known.begin(), tables_.known.end(), 0);
    forgot_ = true;
}

void Builder::insn(u64 pc, u32 raw) {
    append(Op::insn, Type::none, 0, u32(pc), u32(pc >> 32), raw);
    f_.insns++;
}

Val Builder::fold(Op op, Type type, u16 aux, Val a, Val b, Val c) {
    Val operands[3] = {a, b, c};
    V128 values[3];
    Type arg_type = this->type(op == Op::select ? b : a);
    for (unsigned i = 0; i < 3; i++) {
        if (!operands[i]) continue;
        const Node& n = node(operands[i]);
        if (n.op == Op::imm) values[i] = {n.imm(), 0};
        else if (n.op == Op::vimm) values[i] = f_.vectors[n.a];
        else return {};
    }
    // An FP operation that raises a flag, or is rounded as the mode says, must happen at run time.
    const bool floating = (op >= Op::fadd && op < Op::vget) || (op >= Op::vfadd && op < Op::vaesenc);
    fp::Env env = f_.fp;
    if (floating && !env.rules) return {};
    env.flags = 0;
    V128 result = eval(op, type, aux, arg_type, values, env);
    if (env.flags) return {};
    return type == Type::v128 ? vimm(result) : imm(type, result.lo);
}

Val Builder::emit(Op op, Type type, u16 aux, Val a, Val b, Val c) {
    if (effect_of(op) != Effect::pure) return append(op, type, aux, a.id, b.id, c.id);
    if (commutes(op) && (node(a).op == Op::imm || node(a).op == Op::vimm)) std::swap(a, b);
    if (Val v = fold(op, type, aux, a, b, c)) return v;
    if (Val v = simplify(op, type, aux, a, b, c)) return v;
    if (commutes(op) && node(b).op != Op::imm && node(b).op != Op::vimm && a.id > b.id) std::swap(a, b);
    return lookup(op, type, aux, a.id, b.id, c.id);
}

Val Builder::call(const Helper& helper, std::initializer_list<Val> args) {
    EMU_ASSERT(args.size() == helper.args);
    auto at = std::find(f_.helpers.begin(), f_.helpers.end(), &helper);
    u32 index = u32(at - f_.helpers.begin());
    if (at == f_.helpers.end()) f_.helpers.push_back(&helper);
    u32 first = u32(f_.extra.size());
    for (Val v : args) f_.extra.push_back(v.id);
    Val result = append(Op::call, helper.result, 0, index, first, 0);
    if (helper.writes_state) forget_state();
    return helper.result == Type::none ? Val{} : result;
}

u32 Builder::exit_index(const Exit& exit) {
    auto at = std::find(f_.exits.begin(), f_.exits.end(), exit);
    if (at == f_.exits.end()) at = f_.exits.insert(at, exit);
    return u32(at - f_.exits.begin());
}

void Builder::exit_if(Val cond, const Exit& exit) {
    if (!open_) return;
    u64 value;
    if (is_const(cond, value)) {
        if (value) this->exit(exit);
        return;
    }
    Exit e = exit;
    if (watcher_) watcher_->before_exit(*this, e, true, {});
    append(Op::exit_if, Type::none, 0, cond.id, exit_index(e), 0);
}

void Builder::exit(const Exit& exit, Val value) {
    if (!open_) return;
    Exit e = exit;
    if (watcher_) watcher_->before_exit(*this, e, false, value);
    if (e.kind == ExitKind::jump) value = {}; // it may have been made one
    append(Op::exit, Type::none, 0, exit_index(e), value.id, 0);
    open_ = false;
}

} // namespace emu::ir
