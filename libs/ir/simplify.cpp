// SPDX-License-Identifier: MIT
// The algebra the builder applies: identities, strength reduction, and the resolution of flag tokens at their consumers.
// Each rule returns an equivalent, cheaper value, or an empty Val.
#include "common/bits.h"
#include "ir/builder.h"

#include <algorithm>

namespace emu::ir {

Val Builder::simplify(Op op, Type type, u16 aux, Val a, Val b, Val c) {
    switch (op) {
    case Op::select:
        if (b == c) return b;
        if (u64 k; is_const(a, k)) return k ? b : c;
        if (type == Type::i1) { // boolean selects are logic
            u64 k;
            if (is_const(b, k)) return k ? or_(a, c) : andn(c, a);
            if (is_const(c, k)) return k ? or_(not_(a), b) : and_(a, b);
        }
        if (node(a).op == Op::not_) return select({node(a).a}, c, b);
        return {};
    case Op::test_cond: case Op::test_eflags: return {};
    case Op::bitsf:
        if (node(a).op == Op::fbits && this->type({node(a).a}) == type) return {node(a).a};
        return {};
    case Op::fbits:
        if (node(a).op == Op::bitsf && this->type({node(a).a}) == type) return {node(a).a};
        return {};
    case Op::fneg:
        if (node(a).op == Op::fneg) return {node(a).a};
        return {};
    default: break;
    }
    if (type == Type::v128 || (a && this->type(a) == Type::v128)) return simplify_vector(op, type, aux, a, b);
    if (is_int(type)) return simplify_integer(op, type, aux, a, b, c);
    return {};
}

/// Of a value that another was inserted into, perhaps narrowed since: which of the two has the field, and where. None: both.
Val Builder::field_source(Val v, unsigned& lsb, unsigned width) {
    Node n = node(v);
    const bool narrowed = n.op == Op::trunc;
    if (narrowed) n = node({n.a});
    if (n.op != Op::bfi) return {};
    const unsigned at = field_lsb(n.aux), end = at + field_width(n.aux);
    Val source{n.a};
    if (lsb >= at && lsb + width <= end) source = {n.b}, lsb -= at;
    else if (lsb < end && lsb + width > at) return {};
    return narrowed ? trunc(source) : source;
}

Val Builder::simplify_integer(Op op, Type type, u16 aux, Val a, Val b, Val c) {
    const u64 all = ones(bit_width(type));
    u64 k = 0;
    const bool right_const = b && is_const(b, k);
    const Node na = node(a);
    switch (op) {
    case Op::add:
        if (right_const && k == 0) return a;
        if (u64 inner; right_const && na.op == Op::add && is_const({na.b}, inner)) return add({na.a}, imm(type, k + inner));
        break;
    case Op::sub:
        if (a == b) return imm(type, 0);
        if (right_const) return add(a, imm(type, -k));
        if (is_const(a, 0, nullptr)) return neg(b);
        break;
    case Op::mul:
        if (right_const && k == 0) return b;
        if (right_const && k == 1) return a;
        if (right_const && is_power_of_two(k)) return shl(a, unsigned(std::countr_zero(k)));
        break;
    case Op::udiv:
        if (right_const && is_power_of_two(k)) return shr(a, unsigned(std::countr_zero(k)));
        break;
    case Op::and_:
        if (a == b) return a;
        if (right_const && k == 0) return b;
        if (right_const && k == all) return a;
        if (u64 inner; right_const && na.op == Op::and_ && is_const({na.b}, inner)) return and_({na.a}, imm(type, k & inner));
        if (right_const && type != Type::i1 && is_power_of_two(k + 1)) return ubfx(a, 0, unsigned(std::popcount(k)));
        break;
    case Op::or_:
        if (a == b) return a;
        if (right_const && k == 0) return a;
        if (right_const && k == all) return b;
        break;
    case Op::xor_:
        if (a == b) return imm(type, 0);
        if (right_const && k == 0) return a;
        if (right_const && k == all) return not_(a);
        break;
    case Op::andn:
        if (a == b) return imm(type, 0);
        if (right_const) return and_(a, imm(type, ~k));
        if (is_const(a, 0, nullptr)) return a;
        if (is_const(a, all, nullptr)) return not_(b);
        break;
    case Op::not_:
        if (na.op == Op::not_) return {na.a};
        if (type == Type::i1) {
            if (na.op == Op::eq) return ne({na.a}, {na.b});
            if (na.op == Op::ne) return eq({na.a}, {na.b});
            if (na.op == Op::ult) return ule({na.b}, {na.a});
            if (na.op == Op::ule) return ult({na.b}, {na.a});
            if (na.op == Op::slt) return sle({na.b}, {na.a});
            if (na.op == Op::sle) return slt({na.b}, {na.a});
            if (na.op == Op::test_cond) return test(Cond(na.aux ^ 1), {na.a});
            if (na.op == Op::test_eflags) return test_eflags(na.aux ^ 1, {na.a});
        }
        break;
    case Op::neg:
        if (na.op == Op::neg) return {na.a};
        break;
    case Op::shl: case Op::shr: case Op::sar: case Op::rotr:
        if (right_const) {
            k &= bit_width(type) - 1;
            if (k == 0) return a;
            if (u64 raw; is_const(b, raw) && raw != k) return op2(op, a, imm(type, k));
        }
        break;
    case Op::extr:
        if (a == b) return rotr(a, unsigned(aux));
        if (aux == 0) return b;
        break;
    case Op::ubfx: case Op::sbfx: {
        unsigned lsb = field_lsb(aux), width = field_width(aux);
        if (lsb == 0 && width == bit_width(type)) return a;
        if (lsb + width == bit_width(type)) return op == Op::ubfx ? shr(a, lsb) : sar(a, lsb);
        if (op == Op::ubfx && na.op == Op::ubfx) { // a field of a field
            unsigned inner_width = field_width(na.aux);
            if (lsb < inner_width) return ubfx({na.a}, field_lsb(na.aux) + lsb, std::min(width, inner_width - lsb));
        }
        if (const Val source = field_source(a, lsb, width)) return op1(op, source, field_aux(lsb, width));
        if (op == Op::ubfx && lsb == 0 && na.op == Op::zext && bit_width(this->type({na.a})) <= width) return a;
        if (op == Op::ubfx && lsb == 0 && na.op == Op::load && !MemFlags::unpack(na.aux).sign_extend &&
            (8u << MemFlags::unpack(na.aux).size_log2) <= width)
            return a;
        break;
    }
    case Op::bfi:
        if (field_width(aux) == bit_width(type)) return b;
        if (na.op == Op::bfi && na.aux == aux) return bfi({na.a}, b, field_lsb(aux), field_width(aux)); // what was there is gone
        break;
    case Op::zext:
        if (na.op == Op::zext) return zext({na.a}, type);
        break;
    case Op::trunc:
        if (na.op == Op::zext || na.op == Op::sext) {
            if (this->type({na.a}) == Type::i32) return {na.a};
            return emit(na.op, Type::i32, 0, {na.a});
        }
        // Low halves of wide arithmetic are narrow arithmetic: keeps 32-bit guests' address sums short.
        break;
    case Op::eq: case Op::ule: case Op::sle:
        if (a == b) return imm1(true);
        if (op == Op::eq && right_const && k == 0 && na.op == Op::zext && this->type({na.a}) == Type::i1) return not_({na.a});
        break;
    case Op::ne: case Op::ult: case Op::slt:
        if (a == b) return imm1(false);
        if (op == Op::ne && right_const && k == 0 && na.op == Op::zext && this->type({na.a}) == Type::i1) return {na.a};
        if (op == Op::ult && right_const && k == 0) return imm1(false);
        if (op == Op::ult && right_const && k == 1) return eq(a, imm(this->type(a), 0));
        break;
    case Op::adc:
        if (u64 carry; is_const(c, carry)) return carry ? add(add(a, b), imm(type, 1)) : add(a, b);
        break;
    case Op::flags_adc:
        if (is_const(c, 0, nullptr)) return flags_add(a, b);
        if (u64 not_b; is_const(c, 1, nullptr) && is_const(b, not_b)) return flags_sub(a, imm(this->type(a), ~not_b));
        if (is_const(c, 1, nullptr) && node(b).op == Op::not_) return flags_sub(a, {node(b).a});
        break;
    default: break;
    }
    return {};
}

Val Builder::simplify_vector(Op op, Type type, u16 aux, Val a, Val b) {
    const Node na = node(a);
    auto is_zero = [&](Val v) { return node(v).op == Op::vimm && f_.vectors[node(v).a] == V128{}; };
    switch (op) {
    case Op::vget:
        // The scalar that was just put there: reading back d0 after writing it costs nothing.
        if (na.op == Op::vzext && aux_imm(aux) == 0) {
            Type inner = this->type({na.a});
            if (inner == type && bit_width(type) == lane_bits(aux_lane(aux))) return {na.a};
        }
        if (na.op == Op::vset && na.aux == aux && this->type({na.b}) == type && bit_width(type) == lane_bits(aux_lane(aux)))
            return {na.b};
        if (na.op == Op::vset && aux_lane(na.aux) == aux_lane(aux) && aux_imm(na.aux) != aux_imm(aux))
            return emit(op, type, aux, {na.a});
        break;
    case Op::vset: {
        // The lowest lane of a vector that has nothing else: a scalar, still.
        const unsigned bits = lane_bits(aux_lane(aux));
        const bool empty = is_zero(a) || (na.op == Op::vzext && bit_width(this->type({na.a})) <= bits) || (na.op == Op::vload && 8 * MemFlags::unpack(na.aux).bytes() <= bits);
        if (aux_imm(aux) == 0 && empty && bit_width(this->type(b)) == bits) return vzext(b);
        break;
    }
    case Op::vlow:
        if (na.op == Op::vlow || na.op == Op::vzext) return a;
        break;
    case Op::vand:
        if (a == b) return a;
        if (is_zero(b)) return b;
        break;
    case Op::vor:
        if (a == b || is_zero(b)) return a;
        break;
    case Op::vxor:
        if (a == b) return vzero();
        if (is_zero(b)) return a;
        break;
    case Op::vadd: case Op::vsub:
        if (is_zero(b)) return a;
        break;
    case Op::vshl: case Op::vshru: case Op::vshrs:
        if (aux_imm(aux) == 0) return a;
        break;
    default: break;
    }
    return {};
}

// --- tokens of which a part is older ---------------------------------------------------------------------------------------------

/// What flags_logic_keeping made: the token is the sum of these parts.
struct Builder::KeptFlags {
    Val result;               ///< N and Z are of this
    Val carry;                ///< i1, or none
    Val old;                  ///< the others are of this one, or 0
    bool old_carry = false;   ///< C is of the old one too
};

Val Builder::flags_logic_keeping(Val a, Val carry, Val old) {
    // What the old token itself kept is taken from where that did.
    for (KeptFlags kept; kept_flags(old, kept);) {
        if (!carry && !kept.old_carry) carry = kept.carry ? kept.carry : imm1(false);
        if (!kept.old) {
            old = imm32(0);
            break;
        }
        old = kept.old;
    }
    if (const Node& n = node(old); n.op == Op::flags_logic) {
        if (!carry) carry = imm1(false);
        old = imm32(0);
    }
    Val token = flags_logic(a);
    if (carry) token = or_(token, shl(zext(carry, Type::i32), 8));
    return or_(token, and_(old, imm32(carry ? flag_v : flag_c | flag_v)));
}

bool Builder::kept_flags(Val token, KeptFlags& kept) {
    kept = {};
    if (node(token).op != Op::or_) return false;
    Val parts[4];
    unsigned count = 0;
    auto add = [&](u32 id) {
        if (count < 4) parts[count] = {id};
        count++;
    };
    for (u32 id : {node(token).a, node(token).b}) {
        if (node({id}).op == Op::or_) add(node({id}).a), add(node({id}).b);
        else add(id);
    }
    if (count > 3) return false;
    for (unsigned i = 0; i < count; i++) {
        const Node n = node(parts[i]);
        u64 k;
        if (n.op == Op::flags_logic && !kept.result) {
            kept.result = {n.a};
        } else if (n.op == Op::and_ && is_const({n.b}, k) && (k == flag_v || k == (flag_c | flag_v)) && !kept.old) {
            kept.old = {n.a};
            kept.old_carry = k != flag_v;
        } else if (n.op == Op::ubfx && n.aux == field_aux(0, 1) && !kept.old) { // what `and` with flag_v is simplified to
            kept.old = {n.a};
        } else if (n.op == Op::imm && n.imm() == flag_c && !kept.carry) {
            kept.carry = imm1(true);
        } else if (n.op == Op::shl && is_const({n.b}, k) && k == 8 && node({n.a}).op == Op::zext && type({node({n.a}).a}) == Type::i1 && !kept.carry) {
            kept.carry = {node({n.a}).a};
        } else {
            return false;
        }
    }
    return bool(kept.result) && !(kept.carry && kept.old_carry);
}

Val Builder::test_kept(Cond cond, const KeptFlags& kept) {
    const Val zero = imm(type(kept.result), 0);
    auto carry = [&] { return kept.carry ? kept.carry : kept.old_carry ? test(Cond::cs, kept.old) : imm1(false); };
    auto overflow = [&] { return kept.old ? test(Cond::vs, kept.old) : imm1(false); };
    switch (cond) {
    case Cond::eq: return eq(kept.result, zero);
    case Cond::mi: return slt(kept.result, zero);
    case Cond::cs: return carry();
    case Cond::vs: return overflow();
    case Cond::hi: return and_(carry(), ne(kept.result, zero));
    case Cond::lt: return xor_(slt(kept.result, zero), overflow());
    case Cond::gt: return andn(ne(kept.result, zero), xor_(slt(kept.result, zero), overflow()));
    default: return not_(test_kept(Cond(unsigned(cond) ^ 1), kept));
    }
}

Val Builder::test(Cond cond, Val flags) {
    if (cond == Cond::al || cond == Cond::nv) return imm1(true);
    if (u64 k; is_const(flags, k)) return imm1(holds(cond, u32(k)));
    if (KeptFlags kept; kept_flags(flags, kept)) return test_kept(cond, kept);
    const Node n = node(flags);
    const Val a{n.a}, b{n.b};
    switch (n.op) {
    case Op::flags_sub:
        switch (cond) {
        case Cond::eq: return eq(a, b);
        case Cond::ne: return ne(a, b);
        case Cond::cs: return ule(b, a);
        case Cond::cc: return ult(a, b);
        case Cond::hi: return ult(b, a);
        case Cond::ls: return ule(a, b);
        case Cond::ge: return sle(b, a);
        case Cond::lt: return slt(a, b);
        case Cond::gt: return slt(b, a);
        case Cond::le: return sle(a, b);
        case Cond::mi: return slt(sub(a, b), imm(type(a), 0));
        case Cond::pl: return sle(imm(type(a), 0), sub(a, b));
        default: break;
        }
        break;
    case Op::flags_logic: {
        Val zero = imm(type(a), 0);
        switch (cond) {
        case Cond::eq: case Cond::ls: return cond == Cond::eq ? eq(a, zero) : imm1(true);
        case Cond::ne: return ne(a, zero);
        case Cond::cs: case Cond::vs: case Cond::hi: return imm1(false);
        case Cond::cc: case Cond::vc: return imm1(true);
        case Cond::mi: case Cond::lt: return slt(a, zero);
        case Cond::pl: case Cond::ge: return sle(zero, a);
        case Cond::gt: return slt(zero, a);
        case Cond::le: return sle(a, zero);
        default: break;
        }
        break;
    }
    case Op::flags_add:
        switch (cond) {
        case Cond::eq: return eq(add(a, b), imm(type(a), 0));
        case Cond::ne: return ne(add(a, b), imm(type(a), 0));
        case Cond::mi: return slt(add(a, b), imm(type(a), 0));
        case Cond::pl: return sle(imm(type(a), 0), add(a, b));
        case Cond::cs: return ult(add(a, b), a);
        case Cond::cc: return ule(a, add(a, b));
        default: break;
        }
        break;
    case Op::select: // a conditional compare: test the two sides on their own
        return select({n.a}, test(cond, {n.b}), test(cond, {n.c}));
    default: break;
    }
    return emit(Op::test_cond, Type::i1, u16(cond), flags);
}

} // namespace emu::ir
