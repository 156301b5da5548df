// SPDX-License-Identifier: MIT
#include "jit/analysis.h"

#include "common/bits.h"
#include "ir/host_x87.h"

#include <bit>

namespace emu::jit {

using ir::Effect;
using ir::Node;
using ir::Op;
using ir::Type;

bool is_compare(Op op) { return op >= Op::eq && op <= Op::sle; }
bool is_flags(Op op) { return op >= Op::flags_add && op <= Op::flags_logic; }

bool low_half_will_do(const ir::Function& f, Id user, unsigned k, Id operand) {
    const Node& n = f.nodes[user];
    const Id original = k == 0 ? n.a : k == 1 ? n.b : n.c;
    if (original != operand) return false; // widened on the way
    switch (n.op) {
    case Op::select: case Op::crc32: case Op::atomic_cas: case Op::atomic_rmw: case Op::set: return false;
    case Op::store: return k == 1 && ir::MemFlags::unpack(n.aux).size_log2 <= 2;
    default: return ir::effect_of(n.op) == Effect::pure;
    }
}

namespace {

bool is_float_lane0(const Node& n) {
    return n.op == Op::vget && ir::is_float(n.type) && ir::aux_imm(n.aux) == 0 && ir::lane_bits(ir::aux_lane(n.aux)) == ir::bit_width(n.type);
}

bool is_address(Op op, unsigned operand) {
    return operand == 0 && (op == Op::load || op == Op::vload || op == Op::store || op == Op::atomic_rmw || op == Op::atomic_cas);
}

/// Is argument `k` of a call an address that the host's addressing can compute?
bool is_address(const ir::Helper& helper, unsigned k) { return k == 1 && ir::x87_form(helper) == ir::X87Form::memory; }

/// Users that can do without the value of an operand in a register, because they know a way of their own to what it says. Bit k:
/// operand k.
struct Fusion {
    u8 always = 0;
    u8 lazy = 0;    ///< where they are computed lazily themselves
    u8 tests = 0;   ///< of an and_: TEST will do
};
constexpr std::array<Fusion, unsigned(Op::count_)> fusions = [] {
    constexpr u8 a = 1, b = 2, c = 4;
    std::array<Fusion, unsigned(Op::count_)> t{};
    auto at = [&](Op op) -> Fusion& { return t[unsigned(op)]; };
    for (Op op : {Op::load, Op::vload, Op::store, Op::atomic_rmw, Op::atomic_cas}) at(op).always = a;
    for (Op op : {Op::select, Op::test_cond, Op::test_eflags}) at(op).always = a;
    for (Op op : {Op::adc, Op::flags_adc, Op::eflags_adc, Op::eflags_sbb}) at(op).always = c;
    for (Op op : {Op::add, Op::select}) at(op).lazy = a | b | c;
    for (Op op : {Op::eflags_inc, Op::eflags_dec, Op::eflags_rotate}) at(op).lazy = b;
    at(Op::bfi).lazy = a;
    for (Op op : {Op::flags_logic, Op::eflags_logic, Op::eq, Op::ne}) at(op).tests = a;
    return t;
}();

bool is_flags_value(Op op) { return (is_flags(op) && op != Op::flags_adc) || ir::is_eflags(op); }

} // namespace

void Analysis::run(const ir::Function& function, const Backend& backend, const Homes& homes, const std::vector<bool>* live) {
    f_ = &function;
    backend_ = &backend;
    homes_ = &homes;
    live_ = live;
    const usize count = function.nodes.size();
    nodes.assign(function.nodes.begin(), function.nodes.end());
    extra.assign(function.extra.begin(), function.extra.end());
    alias_.resize(count);
    slots_.assign(function.slots.size(), {});
    releases.clear();
    pseudos.clear();
    work_.assign(count, {});
    next_stop_ = u32(count);
    last_leave_ = last_effect_ = effect_before_ = last_insn_ = 0;
    has_pairs_ = false;
    forward();
    info.assign(nodes.size(), {});
    backward();
}

void Analysis::new_pseudos(u32 at) {
    for (s16 slot : homes_->slot) {
        if (slot < 0 || (!at && live_ && !(*live_)[usize(slot)])) continue;
        const Id value = Id(nodes.size());
        nodes.push_back({Op::get, f_->slots[usize(slot)].type, 0, u32(slot), 0, 0});
        work_.emplace_back();
        pseudos.push_back({at, u16(slot), value});
        slots_[usize(slot)] = {value, at, true};
    }
    for (s16 slot : homes_->slot)
        if (slot >= 0) pair_known(unsigned(slot));
}

void Analysis::end_slot_value(unsigned slot, u32) {
    SlotLife& life = slots_[slot];
    if (!life.value) return;
    work_[life.value].replaced = true;
    if (life.pseudo) {
        releases.push_back({std::max(last_leave_, life.since), u16(slot)});
    } else if (nodes[life.since].op == Op::set) {
        if (last_leave_ > life.since) releases.push_back({last_leave_, u16(slot)});
        else work_[life.since].dead = true;
    }
}

Id Analysis::alias(Id id, const Node& n) {
    if (n.op == Op::get) {
        SlotLife& life = slots_[n.a];
        if (life.value) return life.value;
        life = {id, id, false};
        pair_known(n.a);
    }
    if (n.op == Op::zext || is_float_lane0(n)) return n.a;
    if (n.op == Op::vset && keeps_rest(n)) {
        nodes[n.b].type = Type::v128;
        return n.b;
    }
    return id;
}

/// Does the host's scalar instruction leave in its result what is to be above it? Then the scalar is the vector.
bool Analysis::keeps_rest(const Node& vset) const {
    const Node& scalar = nodes[vset.b];
    if (f_->fp.rules != &fp::rules::x86_sse || backend_->options.only_fallback || ir::aux_imm(vset.aux)) return false;
    if ((scalar.type != Type::f32 && scalar.type != Type::f64) || ir::bit_width(scalar.type) != ir::lane_bits(ir::aux_lane(vset.aux))) return false;
    switch (scalar.op) {
    case Op::fadd: case Op::fsub: case Op::fmul: case Op::fdiv: case Op::fsqrt: return scalar.a == vset.a;
    case Op::fcvt: return scalar.a == vset.a && backend_->host().avx && f_->nodes[f_->nodes[vset.b].a].type != Type::f16;
    default: return false;
    }
}

void Analysis::forward() {
    const u32 count = u32(f_->nodes.size());
    new_pseudos(0);
    for (u32 id = 1; id < count; id++) {
        Node& n = nodes[id];
        alias_[id] = id;
        const unsigned operands = ir::operands_of(n.op);
        if (operands & 1) {
            n.a = alias_[n.a];
            if (is_address(n.op, 0)) work_[n.a].addresses++;
        }
        if (operands & 2 || (n.op == Op::exit && n.b)) n.b = alias_[n.b];
        if (operands & 4) n.c = alias_[n.c];
        switch (ir::effect_of(n.op)) {
        case Effect::call: forward_call(id); continue;
        case Effect::state:
            if (n.op == Op::set) {
                end_slot_value(n.a, id);
                slots_[n.a] = {n.b, id, false};
                note_effect(id);
                continue;
            }
            break;
        case Effect::pure: break;
        case Effect::mark: last_insn_ = id; continue;
        default:
            pair_node(id);
            note_effect(id);
            if (ir::may_leave(*f_, n)) last_leave_ = id;
            continue;
        }
        alias_[id] = alias(id, n);
        if (alias_[id] == id) pair_node(id);
    }
}

void Analysis::forward_call(Id id) {
    const Node& n = nodes[id];
    const ir::Helper& helper = *f_->helpers[n.a];
    for (unsigned k = 0; k < helper.args; k++) {
        u32& arg = extra[n.b + k];
        arg = alias_[f_->extra[n.b + k]];
        if (is_address(helper, k)) work_[arg].addresses++;
    }
    note_effect(id);
    if (ir::may_leave(*f_, n)) last_leave_ = id;
    if (!helper.writes_state) return;
    for (SlotLife& life : slots_) {
        if (life.value) work_[life.value].replaced = true;
        life = {};
    }
    new_pseudos(id);
}

Id Analysis::find_result(Id id, bool add) const {
    const Node& n = nodes[id];
    u64 negated = 0;
    const bool constant = nodes[n.b].op == Op::imm;
    const Type type = f_->nodes[f_->nodes[id].a].type;
    if (constant) negated = (0 - nodes[n.b].imm()) & ones(ir::bit_width(type));
    for (Id at = id - 1; at > 0 && at + 16 > id; at--) {
        const Node& m = nodes[at];
        if (m.a != n.a || m.type != type) continue;
        if (m.op == (add ? Op::add : Op::sub) && m.b == n.b) return at;
        if (!add && constant && m.op == Op::add && nodes[m.b].op == Op::imm && nodes[m.b].imm() == negated) return at;
    }
    return 0;
}

/// If operand a of a compare or flags node is about to be replaced by the node's own arithmetic result (subs x1, x1, #1),
/// refer to the result: a need not be kept then.
void Analysis::use_result_instead(Id id) {
    Node& n = nodes[id];
    const bool eflags = n.op == Op::eflags_add || n.op == Op::eflags_sub;
    if (!eflags && !is_compare(n.op) && !is_flags(n.op)) return;
    if (!work_[n.a].replaced || n.a == n.b || backend_->options.only_fallback) return;
    if (n.op == Op::flags_logic || n.op == Op::flags_adc) return;
    const Id result = find_result(id, n.op == Op::flags_add || n.op == Op::eflags_add);
    if (!result || result == n.b) return;
    n.c = n.a;
    n.a = result;
    n.aux |= undo_aux;
}

void Analysis::plan_node(Id id) {
    const Node& n = nodes[id];
    const u16 uses = info[id].uses, fused = work_[id].fused, sets = work_[id].sets;
    bool lazy = false;
    // The host computes narrow addresses too, unless it has to add the place of the guest's memory.
    const bool addressable = n.type == Type::i64 || (n.type == Type::i32 && !backend_->options.memory_base);
    switch (n.op) {
    case Op::trunc: lazy = fused == uses; break;
    case Op::test_cond: case Op::test_eflags: lazy = fused == uses; break;
    case Op::flags_add: case Op::flags_sub: case Op::flags_adc: case Op::flags_logic: lazy = fused + sets == uses; break;
    case Op::eflags_add: case Op::eflags_sub: case Op::eflags_adc: case Op::eflags_sbb: case Op::eflags_logic: case Op::eflags_inc:
    case Op::eflags_dec: case Op::eflags_shl: case Op::eflags_shr: case Op::eflags_sar: case Op::eflags_imul: case Op::eflags_rotate:
    case Op::eflags_nonzero:
        lazy = fused + sets == uses;
        break;
    // A flag of a token; or a register of which a part was written, and then all of it: only exits in between want it.
    case Op::bfi: lazy = sets == uses && ((n.type == Type::i32 && ir::field_width(n.aux) == 1) || work_[id].replaced); break;
    // The exceptions they raise must not wait until the program may see them.
    case Op::fcmp: case Op::eflags_comis: lazy = (work_[id].certain <= next_stop_ || !ir::raises_flags(n)) && fused + sets == uses; break;
    case Op::vzext: lazy = ir::is_float(f_->nodes[f_->nodes[id].a].type) && sets == uses; break;
    case Op::select: {
        const Op yes = nodes[n.b].op, no = nodes[n.c].op;
        if (nodes[n.a].op == Op::test_eflags) break;
        lazy = n.type == Type::i32 && sets == uses && (is_flags_value(yes) || is_flags_value(no) || yes == Op::select || no == Op::select) &&
               nodes[n.a].op != Op::test_cond;
        break;
    }
    case Op::add: lazy = addressable && (work_[id].addresses || work_[id].part_of_address) && fused + sets == uses; break;
    case Op::and_: lazy = n.type != Type::i1 && fused == uses; break;
    case Op::ubfx: lazy = work_[id].tested == uses; break;
    case Op::shl: lazy = addressable && nodes[n.b].op == Op::imm && nodes[n.b].imm() <= 3 && fused == uses && uses; break;
    default: lazy = is_compare(n.op) && fused == uses; break;
    }
    // The low half waits for the other one.
    if (const Id high = high_half(id)) {
        if (uses && info[high].uses) lazy = true;
        else part(id);
    }
    info[id].plan = lazy && uses ? Plan::lazy : Plan::eager;
    use_result_instead(id);
}

void Analysis::count_operands(Id id) {
    const Node& n = nodes[id];
    const bool lazy = info[id].plan == Plan::lazy;
    const u32 fields[3] = {n.a, n.b, n.c};
    const Fusion& fusion = fusions[unsigned(n.op)];
    const bool hints = info[id].hint != no_reg && !is_flags(n.op) && !ir::is_eflags(n.op) && ir::effect_of(n.op) == Effect::pure && !ir::raises_flags(n);
    const unsigned hinted = n.op == Op::select ? 2 : 0;
    for (unsigned left = ir::operands_of(n.op); left; left &= left - 1) {
        const unsigned k = unsigned(std::countr_zero(left));
        const Id operand = fields[k];
        info[operand].uses++;
        const Op made_by = nodes[operand].op;
        bool fused = fusion.always >> k & 1;
        const bool raises = made_by == Op::fcmp || made_by == Op::eflags_comis;
        fused |= lazy && fusion.lazy >> k & 1 && !(raises && (n.op == Op::add || n.op == Op::select));
        if (made_by == Op::and_ && fusion.tests >> k & 1) fused |= !is_compare(n.op) || (nodes[n.b].op == Op::imm && !nodes[n.b].imm());
        if (made_by == Op::ubfx && fusion.tests >> k & 1 && ir::field_lsb(nodes[operand].aux) == 0 && (!is_compare(n.op) || (nodes[n.b].op == Op::imm && !nodes[n.b].imm())))
            work_[operand].tested++;
        // The low half of a wide register will do for most narrow ops.
        if (made_by == Op::trunc) fused = low_half_will_do(*f_, id, k, operand) || (is_address(n.op, k) && !backend_->options.memory_base);
        if (fused) {
            if (lazy && n.op == Op::add) work_[operand].part_of_address = true; // only addresses are lazy sums
            work_[operand].fused++;
            work_[operand].certain = std::min(work_[operand].certain, lazy ? work_[id].certain : id);
        }
        if (hints && k == hinted && info[operand].hint == no_reg &&
            is_xmm(info[id].hint) == (nodes[operand].type == Type::v128 || ir::is_float(nodes[operand].type)))
            info[operand].hint = info[id].hint;
    }
}

void Analysis::backward() {
    for (Id id = Id(f_->nodes.size()) - 1; id > 0; id--) {
        const Node& n = nodes[id];
        switch (ir::effect_of(n.op)) {
        case Effect::mark: break;
        case Effect::state:
            if (n.op == Op::get || work_[id].dead) break;
            info[id].plan = Plan::eager;
            info[n.b].uses++;
            work_[n.b].sets++;
            if (homes_->home[n.a] == no_reg || info[n.b].sure) break;
            info[n.b].hint = homes_->home[n.a];
            info[n.b].sure = true;
            break;
        case Effect::exit: {
            info[id].plan = Plan::eager;
            next_stop_ = id;
            const Id operand = n.op == Op::exit_if ? n.a : n.b;
            if (!operand) break;
            info[operand].uses++;
            if (n.op == Op::exit_if) work_[operand].fused++, work_[operand].certain = id;
            break;
        }
        case Effect::call:
            info[id].plan = Plan::eager;
            next_stop_ = id;
            for (unsigned k = 0; k < f_->helpers[n.a]->args; k++) {
                info[extra[n.b + k]].uses++;
                if (is_address(*f_->helpers[n.a], k)) work_[extra[n.b + k]].fused++;
            }
            break;
        case Effect::load: case Effect::store:
            if (work_[id].covered && !info[id].uses) break;
            info[id].plan = Plan::eager;
            count_operands(id);
            break;
        case Effect::pure:
            if (n.op == Op::imm || n.op == Op::vimm || alias_[id] != id) break;
            if (!info[id].uses && !ir::raises_flags(n)) break;
            plan_node(id);
            count_operands(id);
            break;
        }
    }
}

} // namespace emu::jit
