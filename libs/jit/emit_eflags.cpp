// SPDX-License-Identifier: MIT
// EFLAGS tokens of x86 guests: the host's own flags after the same operation of the same width, kept by LAHF and SETO. A pending
// token costs nothing; a condition over one is the operation and a conditional jump.
#include "jit/compiler.h"

#include "common/bits.h"

namespace emu::jit {

using ir::Node;
using ir::Op;
using ir::Type;

namespace {

constexpr u32 logic_mask = ir::eflag_sf | ir::eflag_zf | ir::eflag_pf | ir::eflag_fixed;
constexpr u32 shift_mask = logic_mask | ir::eflag_cf, comis_mask = ir::eflag_zf | ir::eflag_pf | ir::eflag_cf | ir::eflag_fixed;

bool is_shift(Op op) { return op == Op::eflags_shl || op == Op::eflags_shr || op == Op::eflags_sar; }
/// Is making the token's value of the host's flags a matter of LAHF, SETO and moves?
bool packing_keeps_flags(Op op) { return !is_shift(op) && op != Op::eflags_logic && op != Op::eflags_imul && op != Op::eflags_comis; }
bool uses_overflow(unsigned condition) { return (condition & ~1u) == ir::cond_o || condition >= ir::cond_l; }
unsigned width_log(const Node& n) { return n.aux & 3; }
u32 immediate(u64 k, unsigned log) { return u32(sign_extend(k, 8u << log)); }

} // namespace

Xbyak::Reg Compiler::sized(Reg reg, unsigned log) const {
    return log == 0 ? Xbyak::Reg(a.b(reg)) : log == 1 ? Xbyak::Reg(a.w(reg)) : log == 2 ? Xbyak::Reg(a.d(reg)) : Xbyak::Reg(a.q(reg));
}

/// Is this token what the host's flags are after some operation of its own?
bool Compiler::has_host_eflags(Id id) const {
    const Node& n = node(id);
    switch (n.op) {
    case Op::eflags_rotate: case Op::eflags_nonzero: return false;
    case Op::eflags_comis: return exact_float_ && operand_type(id, 0) != Type::f16;
    case Op::eflags_imul: return width_log(n) != 0;
    default: return true;
    }
}

// --- the host's flags --------------------------------------------------------------------------------------------------------------

/// Are they those of this pending token already?
bool Compiler::host_eflags_match(Id id) const {
    const Node& n = node(id);
    if (host_token_.pos == a.pos() && host_token_.token == id) return true;
    if (host_token_.pos == a.pos() && host_token_.comparison) return is_flags_of(id, host_token_.comparison, host_token_.by_test, host_token_.swapped);
    if (n.op == Op::eflags_comis || width_log(n) < 2 || !host_flags_.matches(a.pos(), n.a) || !host_flags_.parity) return false;
    if (n.op == Op::eflags_logic) return host_flags_.logic;
    if (!(n.aux & undo_aux) || host_flags_.logic) return false;
    return host_flags_.subtraction == (n.op == Op::eflags_sub);
}

/// Are a token and a comparison (eq ... sle) the same host instruction?
bool Compiler::is_flags_of(Id token, Id comparison, bool by_test, bool swapped) const {
    const Node &t = node(token), &c = node(comparison);
    if (t.op != (by_test ? Op::eflags_logic : Op::eflags_sub)) return false;
    if (width_log(t) != (operand_type(comparison, 0) == Type::i64 ? 3 : 2)) return false;
    auto left = [](const Node& n) { return n.aux & undo_aux ? n.c : n.a; };
    if (left(t) != (swapped ? c.b : left(c))) return false;
    const Id right = swapped ? left(c) : c.b;
    u64 k, l;
    return by_test || t.b == right || (constant(t.b, k) && constant(right, l) && immediate(k, width_log(t)) == immediate(l, width_log(t)));
}

/// Is there a token that will be wanted and that the comparison makes if its operands are exchanged?
bool Compiler::better_swapped(Id comparison) const {
    for (u16 slot : touched_) {
        const Id id = state_.slots[slot].value;
        if (id && is_pending(id) && node(id).op == Op::eflags_sub && is_flags_of(id, comparison, false, true)) return true;
    }
    return false;
}

/// The pending token of a slot that the host flags are those of, 0: none.
Id Compiler::token_in_host_flags() const {
    if (host_token_.pos != a.pos() && host_flags_.pos != a.pos()) return 0;
    for (u16 slot : touched_) {
        const Id id = state_.slots[slot].value;
        if (id && is_pending(id) && ir::is_eflags(node(id).op) && host_eflags_match(id)) return id;
    }
    return 0;
}

/// The token is what the host flags are here, and will be wanted: keep it as long as that is for nothing. 0: there is none.
void Compiler::keep_host_eflags(Id token) {
    if (!token) return;
    host_token_ = {a.pos(), token};
    compute(token);
}

/// After a node: a token that is the flags' value until the unit is left need not be computed once more then. Conditions come
/// before it, unless the host's flags stay what they are.
void Compiler::keep_last_eflags(bool after_condition) {
    if (plan_ || backend_.options.only_fallback) return;
    const Id token = token_in_host_flags();
    if (!token || analysis_->is_replaced(token) || !(after_condition || packing_keeps_flags(node(token).op))) return;
    const bool result = host_flags_.pos == a.pos();
    current_ = 0;
    keep_host_eflags(token);
    for (u16 slot : touched_)
        if (state_.slots[slot].value == token && !state_.slots[slot].in_memory) store_slot(slot);
    end_node();
    if (!packing_keeps_flags(node(token).op)) return;
    host_token_ = {a.pos(), token};
    if (result) host_flags_.pos = a.pos();
}

void Compiler::compare_eflags(Id id) {
    const Node& n = node(id);
    const unsigned log = width_log(n);
    u64 k = 0;
    const bool imm = constant(n.b, k) && (log < 3 || s64(k) == s32(k));
    Id left = low_id(id, 0);
    if (const Reg rebuilt = undone(id, left); rebuilt != no_reg) {
        if (imm) a.cmp(sized(rebuilt, log), immediate(k, log));
        else a.cmp(sized(rebuilt, log), sized(low(id, 1), log));
        return;
    }
    if (imm) {
        Xbyak::Address at = a.ptr[a.rax];
        if (log >= 2 && !(n.aux & undo_aux) && memory_operand(left, 1u << log, at)) {
            a.cmp((log == 3 ? a.qword : a.dword)[at.getRegExp()], u32(k));
            return;
        }
        a.cmp(sized(use(left), log), immediate(k, log));
        return;
    }
    const Reg l = use(left);
    a.cmp(sized(l, log), sized(low(id, 1), log));
}

/// Additions, with and without carry, and subtraction with borrow: on a copy.
void Compiler::sum_eflags(Id id) {
    const Node& n = node(id);
    const unsigned log = width_log(n);
    const bool wide = operand_type(id, 0) == Type::i64;
    u64 k = 0;
    const bool imm = constant(n.b, k) && (log < 3 || s64(k) == s32(k));
    if (n.op != Op::eflags_add && is_pending(n.c)) use(n.c); // its condition may want registers of its own
    Reg t;
    if (n.aux & undo_aux) {
        use_undo_operands(id);
        t = temp();
        undo_operand(id, t);
    } else {
        const Reg left = low(id, 0);
        if (!imm) low(id, 1);
        t = temp();
        a.mov(a.i(t, wide), a.i(left, wide));
    }
    if (n.op != Op::eflags_add) emit_carry(n.c);
    const u32 bits = immediate(k, log);
    if (imm) {
        const Xbyak::Reg to = sized(t, log);
        n.op == Op::eflags_add ? a.add(to, bits) : n.op == Op::eflags_adc ? a.adc(to, bits) : a.sbb(to, bits);
    } else {
        const Xbyak::Reg to = sized(t, log), from = sized(low(id, 1), log);
        n.op == Op::eflags_add ? a.add(to, from) : n.op == Op::eflags_adc ? a.adc(to, from) : a.sbb(to, from);
    }
}

/// INC and DEC leave CF, which the older token has.
void Compiler::step_eflags(Id id) {
    const Node& n = node(id);
    const bool wide = operand_type(id, 0) == Type::i64;
    use(n.b);
    const Reg left = low(id, 0), old = value(n.b).reg, t = temp();
    a.mov(a.i(t, wide), a.i(left, wide));
    a.bt(a.d(old), 8);
    const Xbyak::Reg to = sized(t, width_log(n));
    n.op == Op::eflags_inc ? a.inc(to) : a.dec(to);
}

void Compiler::shift_eflags(Id id) {
    const Node& n = node(id);
    const unsigned log = width_log(n);
    const bool wide = operand_type(id, 0) == Type::i64;
    u64 k;
    const bool imm = constant(n.b, k);
    if (!imm) take(rcx);
    const Reg left = low(id, 0);
    if (!imm) copy_to(rcx, low_id(id, 1));
    const Reg t = temp();
    a.mov(a.i(t, wide), a.i(left, wide));
    const Xbyak::Reg to = sized(t, log);
    if (imm) {
        const int count = int(k & ((8u << log) - 1));
        n.op == Op::eflags_shl ? a.shl(to, count) : n.op == Op::eflags_shr ? a.shr(to, count) : a.sar(to, count);
    } else {
        n.op == Op::eflags_shl ? a.shl(to, a.cl) : n.op == Op::eflags_shr ? a.shr(to, a.cl) : a.sar(to, a.cl);
    }
}

void Compiler::emit_host_eflags(Id id) {
    if (host_eflags_match(id)) return;
    emit_fresh_eflags(id);
    // Of a shift by CL, the token is made from CL too.
    u64 k;
    if (!is_shift(node(id).op) || constant(node(id).b, k)) host_token_ = {a.pos(), id};
}

void Compiler::emit_fresh_eflags(Id id) {
    const Node& n = node(id);
    switch (n.op) {
    case Op::eflags_sub: return compare_eflags(id);
    case Op::eflags_inc: case Op::eflags_dec: return step_eflags(id);
    case Op::eflags_shl: case Op::eflags_shr: case Op::eflags_sar: return shift_eflags(id);
    case Op::eflags_logic: {
        if (test_bits(n.a, width_log(n), true)) return;
        const Xbyak::Reg r = sized(low(id, 0), width_log(n));
        a.test(r, r);
        return;
    }
    case Op::eflags_imul: {
        const Reg left = low(id, 0), right = low(id, 1), t = temp();
        a.mov(a.q(t), a.q(left));
        switch (width_log(n)) {
        case 1: a.imul(a.w(t), a.w(right)); break;
        case 2: a.imul(a.d(t), a.d(right)); break;
        default: a.imul(a.q(t), a.q(right)); break;
        }
        return;
    }
    case Op::eflags_comis: {
        const Reg left = use_any(n.a), right = use_any(n.b);
        return compare_floats(left, right, operand_type(id, 0) == Type::f64, n.aux & 1);
    }
    default: return sum_eflags(id);
    }
}

/// TEST for an AND, or for a field, that is only wanted for its flags; false: it is neither.
bool Compiler::test_bits(Id id, unsigned log, bool sign_counts) {
    const Node& n = node(id);
    if (!is_pending(id) || (n.op != Op::and_ && n.op != Op::ubfx)) return false;
    const bool field = n.op == Op::ubfx;
    const unsigned lsb = field ? ir::field_lsb(n.aux) : 0;
    u64 k = field ? ones(ir::field_width(n.aux)) << lsb : 0;
    if (sign_counts && lsb) return false;
    const bool imm = (field || constant(n.b, k)) && (log < 3 || s64(k) == s32(k) || k == u32(k));
    if (imm && log == 3 && k == u32(k) && (s32(k) >= 0 || !sign_counts)) log = 2; // the upper half does not matter
    else if (imm && log == 3 && s64(k) != s32(k)) return false;
    const Reg left = low(id, 0);
    if (field && !imm) return false;
    if (imm) a.test(sized(left, log), immediate(k, log));
    else a.test(sized(left, log), sized(low(id, 1), log));
    return true;
}

// --- as values -----------------------------------------------------------------------------------------------------------------------

/// to = the token whose CF and OF say whether the host's condition holds.
void Compiler::carry_token(Cc cc, Reg to) {
    a.setcc(cc, to);
    a.movzx(a.d(to), a.b(to));
    a.imul(a.d(to), a.d(to), int(ir::eflag_of | ir::eflag_cf));
    a.or_(a.d(to), u32(ir::eflag_fixed));
}

/// eax = token from the host's flags.
void Compiler::pack_eflags(Id id) {
    const Node& n = node(id);
    u64 k;
    if (n.op == Op::eflags_imul) return carry_token(cc_o, rax);
    a.lahf();
    if (n.op == Op::eflags_logic) {
        a.and_(a.eax, logic_mask);
    } else if (n.op == Op::eflags_comis) {
        a.and_(a.eax, comis_mask);
    } else if (!is_shift(n.op)) {
        a.setcc(cc_o, rax);
        a.movzx(a.eax, a.ax);
    } else if (constant(n.b, k)) {
        if (k == 1) a.setcc(cc_o, rax);
        a.and_(a.eax, k == 1 ? shift_mask | ir::eflag_of : shift_mask);
    } else { // OF is only defined for a count of 1
        a.setcc(cc_o, rax);
        a.cmp(a.cl, 1);
        a.setcc(cc_e, rcx);
        a.and_(a.al, a.cl);
        a.and_(a.eax, shift_mask | ir::eflag_of);
    }
}

bool Compiler::eflags(Id id) {
    if (!has_host_eflags(id)) return false;
    const bool hit = host_eflags_match(id); // making room for rax does not touch the flags
    if (!hit) { // what is computed first may want rax itself
        for_each_operand(id, [&](Id v) {
            if (is_pending(v) && node(v).op != Op::trunc) use(v);
        });
    }
    take(rax);
    if (!hit) emit_host_eflags(id);
    pack_eflags(id);
    consume(id);
    assign(id, rax);
    return true;
}

bool Compiler::eflags_rotate(Id id) {
    const Node& n = node(id);
    const bool wide = operand_type(id, 0) == Type::i64, right = n.aux & 4;
    const int top = int(8u << width_log(n)) - 1;
    use(n.b);
    const Reg result = low(id, 0), old = value(n.b).reg, carry = temp(), other = temp();
    a.mov(a.i(carry, wide), a.i(result, wide));
    a.mov(a.i(other, wide), a.i(result, wide));
    if (right) a.shr(a.i(carry, wide), top);
    a.shr(a.i(other, wide), right ? top - 1 : top);
    a.and_(a.d(carry), 1);
    a.and_(a.d(other), 1);
    a.xor_(a.d(other), a.d(carry));
    a.shl(a.d(carry), 8);
    a.or_(a.d(carry), a.d(other));
    const Reg to = def(id);
    move(to, old);
    a.and_(a.d(to), ~(ir::eflag_cf | ir::eflag_of));
    a.or_(a.d(to), a.d(carry));
    return true;
}

bool Compiler::eflags_nonzero(Id id) {
    const Xbyak::Reg r = sized(low(id, 0), width_log(node(id)));
    a.test(r, r);
    carry_token(cc_ne, def(id));
    return true;
}

// --- conditions ------------------------------------------------------------------------------------------------------------------------

/// From a token as it is stored.
HostCond Compiler::stored_eflags(Id id, unsigned condition) {
    if (condition < ir::cond_l) {
        const u32 mask = ir::eflags_masks[condition / 2];
        Xbyak::Address at = a.ptr[a.rax];
        const bool memory = memory_operand(id, 4, at);
        if (mask == ir::eflag_cf) { // where a carry is wanted, it is there already
            memory ? a.bt(a.dword[at.getRegExp()], 8) : a.bt(a.d(use(id)), 8);
            return {Cc(condition)};
        }
        if (memory) a.test(a.dword[at.getRegExp()], mask);
        else a.test(a.d(use(id)), mask);
        return {condition & 1 ? cc_e : cc_ne};
    }
    if (is_pending(id)) use(id); // it may want rax itself
    take(rax);
    copy_to(rax, id);
    a.add(a.al, 127); // overflows if OF
    a.sahf();
    return {Cc(condition)};
}

HostCond Compiler::emit_test_eflags(Id id) {
    const Id token = node(id).a;
    const unsigned condition = node(id).aux & 15;
    const Node& t = node(token);
    if (!is_pending(token) && host_token_.pos == a.pos() && host_token_.token == token) return {Cc(condition)};
    if (!is_pending(token) || !ir::is_eflags(t.op) || !has_host_eflags(token)) return stored_eflags(token, condition);
    u64 k;
    if (is_shift(t.op) && uses_overflow(condition) && !(constant(t.b, k) && k == 1)) return stored_eflags(token, condition);
    if (t.op == Op::eflags_imul && condition >= ir::cond_e) return stored_eflags(token, condition);
    emit_host_eflags(token);
    return {Cc(condition)};
}

bool Compiler::test_eflags(Id id) {
    set_bool(id, emit_test_eflags(id));
    return true;
}

/// The host's CF becomes an i1; registers in use stay, perhaps elsewhere.
void Compiler::emit_carry(Id carry) {
    if (!is_pending(carry)) {
        a.bt(a.d(use(carry)), 0);
        return;
    }
    const HostCond c = emit_condition(carry);
    if (c.parity == HostCond::ignore && (c.cc == cc_b || c.cc == cc_ae)) {
        if (c.cc == cc_ae) a.cmc();
        return;
    }
    const Reg t = temp();
    const bool strict = c.parity == HostCond::strict;
    a.setcc(c.cc, t);
    if (c.parity != HostCond::ignore) {
        const Reg other = temp();
        a.setcc(strict ? cc_np : cc_p, other);
        strict ? a.and_(a.b(t), a.b(other)) : a.or_(a.b(t), a.b(other));
    }
    a.bt(a.d(t), 0);
}

} // namespace emu::jit
