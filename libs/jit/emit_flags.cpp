// SPDX-License-Identifier: MIT
// Conditions and flag tokens. A pending compare or flags node costs one host compare where it is used.
#include "jit/compiler.h"

namespace emu::jit {

using ir::Cond;
using ir::Node;
using ir::Op;
using ir::Type;

namespace {

/// Host condition of the IR compares, as written and with the operands exchanged.
struct CompareRow {
    Cc straight, swapped;
};
constexpr CompareRow compare_rows[] = {{cc_e, cc_e}, {cc_ne, cc_ne}, {cc_b, cc_a}, {cc_be, cc_ae}, {cc_l, cc_g}, {cc_le, cc_ge}};
static_assert(unsigned(Op::sle) - unsigned(Op::eq) == 5);

bool fits32(u64 bits, bool wide) { return !wide || s64(bits) == s32(bits); }

/// Host condition for an A64 one after a host compare (subtraction), whose carry is the inverse of the token's.
constexpr Cc after_sub[] = {cc_e, cc_ne, cc_ae, cc_b, cc_s, cc_ns, cc_o, cc_no, cc_a, cc_be, cc_ge, cc_l, cc_g, cc_le};

} // namespace

/// Operand a of a node in the undo form (analysis.h), computed from the result. The operands are in registers.
void Compiler::undo_operand(Id id, Reg to) {
    const Node& n = node(id);
    const bool wide = operand_type(id, 0) == Type::i64;
    const Reg result = value(n.a).reg;
    const bool addition = n.op == Op::flags_add || n.op == Op::eflags_add;
    u64 k;
    if (addition && constant(n.b, k) && fits32(k, wide)) {
        a.lea(a.i(to, wide), a.ptr[a.q(result) + s32(0 - u32(k))]);
    } else if (addition) {
        const Reg b = low(id, 1);
        a.mov(a.i(to, wide), a.i(result, wide));
        a.sub(a.i(to, wide), a.i(b, wide));
    } else if (constant(n.b, k) && fits32(k, wide)) {
        a.lea(a.i(to, wide), a.ptr[a.q(result) + s32(k)]);
    } else {
        a.lea(a.i(to, wide), a.ptr[a.q(result) + a.q(low(id, 1))]);
    }
}

/// What a comparison in the undo form compares: `left`, where it is still in a register, else the register it was rebuilt in. Of
/// other nodes: no_reg, and `left` is what it was.
Reg Compiler::undone(Id id, Id& left) {
    const Node& n = node(id);
    if (!(n.aux & undo_aux)) return no_reg;
    left = n.c;
    if (in_register(n.c) && !is_pending(n.c)) return no_reg;
    use_undo_operands(id);
    const Reg t = temp();
    undo_operand(id, t);
    return t;
}

void Compiler::use_undo_operands(Id id) {
    u64 k;
    use(node(id).a);
    if (!constant(node(id).b, k) || !fits32(k, operand_type(id, 0) == Type::i64)) low(id, 1);
}

HostCond Compiler::emit_compare(Id id) {
    const Node& n = node(id);
    const bool wide = operand_type(id, 0) == Type::i64;
    const CompareRow row = compare_rows[unsigned(n.op) - unsigned(Op::eq)];
    auto compared = [&](bool by_test = false, bool swapped = false) {
        host_token_ = {a.pos(), 0, id, by_test, swapped};
        return HostCond{swapped ? row.swapped : row.straight};
    };
    if (n.aux & undo_aux) {
        if (host_flags_.matches(a.pos(), n.a) && host_flags_.subtraction) return {row.straight};
        if (n.op == Op::eq || n.op == Op::ne) {
            const Reg r = use(n.a);
            a.test(a.i(r, wide), a.i(r, wide));
            return {row.straight};
        }
    }
    u64 k;
    Id left = low_id(id, 0);
    if (n.aux & undo_aux) {
        if (const Reg rebuilt = undone(id, left); rebuilt != no_reg) {
            if (constant(n.b, k) && fits32(k, wide)) a.cmp(a.i(rebuilt, wide), u32(k));
            else a.cmp(a.i(rebuilt, wide), a.i(low(id, 1), wide));
            return compared();
        }
    } else if (constant(n.a, k) && fits32(k, wide)) { // constants are second operands here
        if (k == 0) {
            const Reg r = low(id, 1);
            a.test(a.i(r, wide), a.i(r, wide));
        } else {
            a.cmp(a.i(low(id, 1), wide), u32(k));
        }
        return compared(k == 0, true);
    }
    if (constant(n.b, k) && fits32(k, wide)) {
        if (k == 0 && host_flags_.matches(a.pos(), n.a) && (n.op == Op::eq || n.op == Op::ne)) return {row.straight};
        if (k == 0 && (n.op == Op::eq || n.op == Op::ne) && test_bits(left, wide ? 3 : 2, false)) return {row.straight};
        Xbyak::Address at = a.ptr[a.rax];
        if (memory_operand(left, wide ? 8 : 4, at)) {
            a.cmp((wide ? a.qword : a.dword)[at.getRegExp()], u32(k));
            return compared();
        }
        const Reg r = use(left);
        if (k == 0) a.test(a.i(r, wide), a.i(r, wide));
        else a.cmp(a.i(r, wide), u32(k));
        return compared(k == 0);
    }
    if (!(n.aux & undo_aux) && better_swapped(id)) {
        const Reg right = low(id, 1);
        a.cmp(a.i(right, wide), a.i(low(id, 0), wide));
        return compared(false, true);
    }
    const Reg r = use(left);
    Xbyak::Address at = a.ptr[a.rax];
    if (memory_operand(low_id(id, 1), wide ? 8 : 4, at)) a.cmp(a.i(r, wide), at);
    else a.cmp(a.i(r, wide), a.i(low(id, 1), wide));
    return compared();
}

HostCond Compiler::emit_condition(Id id) {
    const Node& n = node(id);
    if (!backend_.options.only_fallback && is_pending(id)) {
        if (is_compare(n.op)) return emit_compare(id);
        if (n.op == Op::test_cond) return emit_test_cond(id);
        if (n.op == Op::test_eflags) return emit_test_eflags(id);
    }
    const Reg r = use(id);
    a.test(a.d(r), a.d(r));
    return {cc_ne};
}

// --- tokens ------------------------------------------------------------------------------------------------------------------

/// Bring the host flags to those of a flags_add, flags_sub or flags_logic node.
void Compiler::emit_host_flags(Id id) {
    const Node& n = node(id);
    const bool wide = operand_type(id, 0) == Type::i64;
    u64 k;
    if (n.op == Op::flags_logic) {
        if (host_flags_.matches(a.pos(), n.a) && host_flags_.logic) return;
        if (test_bits(n.a, wide ? 3 : 2, true)) return;
        const Reg r = low(id, 0);
        a.test(a.i(r, wide), a.i(r, wide));
        return;
    }
    const bool sub = n.op == Op::flags_sub;
    if (n.aux & undo_aux) {
        if (host_flags_.matches(a.pos(), n.a) && host_flags_.subtraction == sub && !host_flags_.logic) return;
        if (sub && in_register(n.c) && !is_pending(n.c)) {
            const Reg left = use(n.c);
            if (constant(n.b, k) && fits32(k, wide)) a.cmp(a.i(left, wide), u32(k));
            else a.cmp(a.i(left, wide), a.i(low(id, 1), wide));
            return;
        }
        use_undo_operands(id);
        const Reg t = temp();
        undo_operand(id, t);
        const bool imm = constant(n.b, k) && fits32(k, wide);
        if (sub) imm ? a.cmp(a.i(t, wide), u32(k)) : a.cmp(a.i(t, wide), a.i(low(id, 1), wide));
        else imm ? a.add(a.i(t, wide), u32(k)) : a.add(a.i(t, wide), a.i(low(id, 1), wide));
        return;
    }
    const bool imm = constant(n.b, k) && fits32(k, wide);
    const Reg left = low(id, 0);
    if (sub) {
        if (imm) {
            a.cmp(a.i(left, wide), u32(k));
        } else {
            const Reg right = low(id, 1);
            a.cmp(a.i(left, wide), a.i(right, wide));
        }
        return;
    }
    const Reg right = imm ? Reg(no_reg) : low(id, 1);
    const Reg t = temp();
    a.mov(a.i(t, wide), a.i(left, wide));
    if (imm) a.add(a.i(t, wide), u32(k));
    else a.add(a.i(t, wide), a.i(right, wide));
}

/// eax = token from the host flags, whose carry is inverted after a subtraction. Nothing else is changed.
void Compiler::pack_flags(bool subtraction, bool logic) {
    a.lahf();
    if (!logic) a.setcc(cc_o, rax);
    a.and_(a.eax, logic ? u32(ir::flag_n | ir::flag_z) : u32(ir::flags_mask));
    if (subtraction) a.xor_(a.eax, u32(ir::flag_c));
}

bool Compiler::flags(Id id) {
    const Op op = node(id).op;
    // Flags left by the arithmetic just before would not survive moving things out of rax... moves do not touch them.
    const bool hit = host_flags_.matches(a.pos(), node(id).a) && (node(id).aux & undo_aux || op == Op::flags_logic) &&
                     host_flags_.logic == (op == Op::flags_logic) && (op == Op::flags_logic || host_flags_.subtraction == (op == Op::flags_sub));
    take(rax);
    if (!hit) emit_host_flags(id);
    pack_flags(op == Op::flags_sub, op == Op::flags_logic);
    consume(id);
    assign(id, rax);
    return true;
}

bool Compiler::flags_adc(Id id) {
    if (is_pending(node(id).c)) use(node(id).c); // it may want rax itself
    take(rax);
    const bool wide = operand_type(id, 0) == Type::i64;
    const Reg left = low(id, 0), t = temp();
    low(id, 1);
    a.mov(a.i(t, wide), a.i(left, wide));
    emit_carry(node(id).c);
    a.adc(a.i(t, wide), a.i(low(id, 1), wide));
    pack_flags(false, false);
    consume(id);
    assign(id, rax);
    return true;
}

/// After host flags as a flags_* node has them.
HostCond Compiler::flags_condition(const Node& token, Cond cond) {
    if (token.op == Op::flags_sub) return {after_sub[unsigned(cond)]};
    switch (cond) { // the carry is not inverted here
    case Cond::cs: return {cc_b};
    case Cond::cc: return {cc_ae};
    case Cond::hi: a.cmc(); return {cc_a};
    case Cond::ls: a.cmc(); return {cc_be};
    default: return {after_sub[unsigned(cond)]};
    }
}

/// From a token as it is stored.
HostCond Compiler::token_condition(Id id, Cond cond) {
    static constexpr u32 masks[] = {ir::flag_z, ir::flag_c, ir::flag_n, ir::flag_v};
    if (cond < Cond::hi) {
        const u32 mask = masks[unsigned(cond) / 2];
        Xbyak::Address at = a.ptr[a.rax];
        if (memory_operand(id, 4, at)) a.test(a.dword[at.getRegExp()], mask);
        else a.test(a.d(use(id)), mask);
        return {unsigned(cond) & 1 ? cc_e : cc_ne};
    }
    if (is_pending(id)) use(id); // it may want rax itself
    take(rax);
    copy_to(rax, id);
    a.add(a.al, 127); // overflows if V
    a.sahf();         // N, Z, C to SF, ZF, CF
    if (cond == Cond::hi || cond == Cond::ls) a.cmc();
    return {after_sub[unsigned(cond)]};
}

HostCond Compiler::float_condition(Id id, Cond cond) {
    const Node& n = node(id);
    const bool dbl = operand_type(id, 0) == Type::f64, signaling = n.aux & 1;
    // "Less" alone is only testable with the operands exchanged: above leaves out unordered.
    const bool swapped = cond == Cond::mi || cond == Cond::pl || cond == Cond::cs || cond == Cond::cc || cond == Cond::hi || cond == Cond::ls;
    const Reg left = use_any(swapped ? n.b : n.a), right = use_any(swapped ? n.a : n.b);
    compare_floats(left, right, dbl, signaling);
    switch (cond) {
    case Cond::eq: return {cc_e, HostCond::strict};
    case Cond::ne: return {cc_ne, HostCond::or_parity};
    case Cond::mi: case Cond::cc: return {cc_a};
    case Cond::pl: case Cond::cs: return {cc_be};
    case Cond::vs: return {cc_p};
    case Cond::vc: return {cc_np};
    case Cond::hi: return {cc_b};   // b < a or unordered
    case Cond::ls: return {cc_ae};
    case Cond::ge: return {cc_ae};
    case Cond::lt: return {cc_b};
    case Cond::gt: return {cc_a};
    default: return {cc_be};
    }
}

void Compiler::compare_floats(Reg left, Reg right, bool dbl, bool signaling) {
    const auto l = a.x(left), r = a.x(right);
    if (avx()) {
        if (signaling) dbl ? a.vcomisd(l, r) : a.vcomiss(l, r);
        else dbl ? a.vucomisd(l, r) : a.vucomiss(l, r);
    } else {
        if (signaling) dbl ? a.comisd(l, r) : a.comiss(l, r);
        else dbl ? a.ucomisd(l, r) : a.ucomiss(l, r);
    }
}

HostCond Compiler::emit_test_cond(Id id) {
    const Id token = node(id).a;
    const Cond cond = Cond(node(id).aux & 15);
    const Node& t = node(token);
    if (is_pending(token)) {
        if (t.op == Op::flags_sub || t.op == Op::flags_add || t.op == Op::flags_logic) {
            emit_host_flags(token);
            return flags_condition(t, cond);
        }
        if (t.op == Op::fcmp && native_float_ && operand_type(token, 0) != Type::f16) return float_condition(token, cond);
    }
    return token_condition(token, cond);
}

// --- as values -----------------------------------------------------------------------------------------------------------------

void Compiler::set_bool(Id id, HostCond cond) {
    const Reg extra = cond.parity != HostCond::ignore ? temp() : Reg(no_reg);
    const Reg to = def(id);
    a.setcc(cond.cc, to);
    if (cond.parity != HostCond::ignore) {
        a.setcc(cond.parity == HostCond::strict ? cc_np : cc_p, extra);
        if (cond.parity == HostCond::strict) a.and_(a.b(to), a.b(extra));
        else a.or_(a.b(to), a.b(extra));
    }
    a.movzx(a.d(to), a.b(to));
}

bool Compiler::compare(Id id) {
    set_bool(id, emit_compare(id));
    return true;
}

bool Compiler::test_cond(Id id) {
    set_bool(id, emit_test_cond(id));
    return true;
}

bool Compiler::select(Id id) {
    const Node& n = node(id);
    const bool xmm = wants_xmm(n.type);
    const Id cond = n.a;
    if (xmm) {
        use_any(n.b), use_any(n.c);
        const HostCond c = emit_condition(cond);
        const Reg yes = value(n.b).reg, no = value(n.c).reg;
        const Reg to = def_apart(id, any_bank);
        // No conditional moves here: a short jump over the other value.
        move(to, yes);
        std::vector<Fixup> holds;
        jump_if(c, holds, false);
        move(to, no);
        for (Fixup f : holds) a.bind(f);
        return true;
    }
    const bool wide = n.type == Type::i64;
    use(n.b), use(n.c);
    const HostCond c = emit_condition(cond);
    const Reg yes = value(n.b).reg, no = value(n.c).reg; // the condition may have moved them
    const Reg to = def(id);
    if (c.parity != HostCond::ignore) {
        // `first` if cc and ordered (strict), or if neither cc nor unordered; else `other`.
        const bool strict = c.parity == HostCond::strict;
        const Reg first = strict ? yes : no, other = strict ? no : yes;
        const Cc is_first = strict ? c.cc : inverse(c.cc);
        if (to == other) {
            const Fixup unordered = a.jcc_forward(cc_p);
            a.cmov(is_first, to, first, wide);
            a.bind(unordered);
        } else {
            if (to != first) a.mov(a.i(to, wide), a.i(first, wide));
            a.cmov(inverse(is_first), to, other, wide);
            a.cmov(cc_p, to, other, wide);
        }
        return true;
    }
    if (to == yes) {
        a.cmov(inverse(c.cc), to, no, wide);
    } else {
        if (to != no) a.mov(a.i(to, wide), a.i(no, wide));
        a.cmov(c.cc, to, yes, wide);
    }
    return true;
}

bool Compiler::fcmp(Id id) {
    const Node& n = node(id);
    const Type type = operand_type(id, 0);
    if (type == Type::f16 || !native_float_) return false;
    take(rax);
    const Reg left = use(n.a), right = use(n.b), t = temp();
    compare_floats(left, right, type == Type::f64, n.aux & 1);
    // less (CF) N, equal (ZF) ZC, greater C, unordered (CF, ZF, PF) CV
    a.setcc(cc_p, t);
    a.lahf();                              // AH: bit 0 CF, 2 PF, 6 ZF
    a.and_(a.eax, 0x4100);                 // Z is in place; CF where C goes
    a.movzx(a.d(t), a.b(t));
    const Fixup unordered = [&] {
        a.test(a.d(t), a.d(t));
        return a.jcc_forward(cc_ne);
    }();
    // Ordered: C = !CF, N = CF.
    a.mov(a.d(t), a.eax);
    a.xor_(a.eax, u32(ir::flag_c));
    a.and_(a.d(t), u32(ir::flag_c));
    a.shl(a.d(t), 7);
    a.or_(a.eax, a.d(t));
    const Fixup done = a.jmp_forward();
    a.bind(unordered);
    a.mov(a.eax, u32(ir::flag_c | ir::flag_v));
    a.bind(done);
    consume(id);
    assign(id, rax);
    return true;
}

} // namespace emu::jit
