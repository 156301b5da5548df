// SPDX-License-Identifier: MIT
// Integer arithmetic.
#include "jit/compiler.h"

#include "common/bits.h"

namespace emu::jit {

using ir::Node;
using ir::Op;
using ir::Type;

namespace {
bool fits32(u64 bits, bool wide) { return !wide || s64(bits) == s32(bits); }
} // namespace

/// An operand as the second one of a two-address instruction: register or memory. Call before def.
Compiler::RegMem Compiler::reg_mem(Id id, unsigned k) {
    const Id v = low_id(id, k);
    Xbyak::Address at = a.ptr[a.rax];
    if (memory_operand(v, operand_type(id, k) == Type::i64 ? 8 : 4, at)) return {no_reg, at};
    return {use(v), at};
}

void Compiler::note_flags(Id result, bool subtraction, bool logic) { host_flags_ = {a.pos(), result, subtraction, logic, true}; }

// --- addition and the like -------------------------------------------------------------------------------------------------

bool Compiler::add(Id id) {
    const bool w = wide(id);
    u64 k;
    if (constant(node(id).b, k) && fits32(k, w)) {
        const s32 value = s32(k);
        const Reg left = low(id, 0), to = def(id);
        if (to != left) {
            a.lea(a.i(to, w), a.ptr[a.q(left) + value]);
        } else if (value < 0 && value != INT32_MIN) { // as flags_sub wants its carry
            a.sub(a.i(to, w), u32(-value));
            note_flags(id, true, false);
        } else {
            a.add(a.i(to, w), u32(value));
            note_flags(id, false, false);
        }
        return true;
    }
    // A pending shift by a small constant is an index.
    const Id shifted = node(id).b, other = node(id).a;
    if (w && is_pending(shifted) && node(shifted).op == Op::shl && constant(node(shifted).b, k)) {
        const Reg left = use(other), index = use(node(shifted).a), to = def(id);
        a.lea(a.q(to), a.ptr[a.q(left) + a.q(index) * int(1u << k)]);
        return true;
    }
    const Reg left = low(id, 0);
    const RegMem right = reg_mem(id, 1);
    const Reg to = def(id);
    if (right.reg == no_reg) {
        if (to != left) a.mov(a.i(to, w), a.i(left, w));
        a.add(a.i(to, w), right.at);
    } else if (to == left) {
        a.add(a.i(to, w), a.i(right.reg, w));
    } else if (to == right.reg) {
        a.add(a.i(to, w), a.i(left, w));
    } else {
        a.lea(a.i(to, w), a.ptr[a.q(left) + a.q(right.reg)]);
        return true;
    }
    note_flags(id, false, false);
    return true;
}

bool Compiler::sub(Id id) {
    const bool w = wide(id);
    u64 k;
    if (constant(node(id).a, k) && fits32(k, w)) { // k - b
        const Reg right = low(id, 1), to = def(id);
        if (to != right) a.mov(a.i(to, w), a.i(right, w));
        a.neg(a.i(to, w));
        if (k) a.add(a.i(to, w), u32(k));
        return true;
    }
    const Reg left = low(id, 0);
    if (constant(node(id).b, k) && fits32(k, w)) {
        const Reg to = def(id);
        if (to != left) a.mov(a.i(to, w), a.i(left, w));
        a.sub(a.i(to, w), u32(k));
        note_flags(id, true, false);
        return true;
    }
    const RegMem right = reg_mem(id, 1);
    const Reg to = def(id);
    if (to == right.reg && to != left) {
        a.neg(a.i(to, w));
        a.add(a.i(to, w), a.i(left, w));
        return true;
    }
    if (to != left) a.mov(a.i(to, w), a.i(left, w));
    if (right.reg == no_reg) a.sub(a.i(to, w), right.at);
    else a.sub(a.i(to, w), a.i(right.reg, w));
    note_flags(id, true, false);
    return true;
}

/// and, or, xor on i1, i32, i64.
bool Compiler::logic(Id id) {
    const Op op = node(id).op;
    const bool w = wide(id);
    auto apply = [&](Reg to, const Xbyak::Operand& right) {
        if (op == Op::and_) a.and_(a.i(to, w), right);
        else if (op == Op::or_) a.or_(a.i(to, w), right);
        else a.xor_(a.i(to, w), right);
    };
    u64 k;
    if (constant(node(id).b, k) && (fits32(k, w) || (op == Op::and_ && k == u32(k)))) {
        const Reg left = low(id, 0), to = def(id);
        // A 32-bit AND clears the upper half as a positive mask does.
        const bool narrow = op == Op::and_ && k == u32(k);
        if (to != left) a.mov(a.i(to, w && !narrow), a.i(left, w && !narrow));
        const auto reg = a.i(to, w && !narrow);
        if (op == Op::and_) a.and_(reg, u32(k));
        else if (op == Op::or_) a.or_(reg, u32(k));
        else a.xor_(reg, u32(k));
        if (!narrow || !w || s32(k) >= 0) note_flags(id, false, true);
        return true;
    }
    const Reg left = low(id, 0);
    const RegMem right = reg_mem(id, 1);
    const Reg to = def(id);
    if (right.reg != no_reg && to == right.reg) {
        apply(to, a.i(left, w));
    } else {
        if (to != left) a.mov(a.i(to, w), a.i(left, w));
        if (right.reg == no_reg) apply(to, right.at);
        else apply(to, a.i(right.reg, w));
    }
    note_flags(id, false, true);
    return true;
}

bool Compiler::andn(Id id) {
    const bool w = wide(id);
    const Reg left = low(id, 0), right = low(id, 1);
    if (host().bmi1) {
        const Reg to = def(id);
        if (w) a.andn(a.q(to), a.q(right), a.q(left));
        else a.andn(a.d(to), a.d(right), a.d(left));
        note_flags(id, false, true);
        host_flags_.parity = false; // ANDN leaves it undefined
        return true;
    }
    const Reg to = def_apart(id); // a & ~b = (a | b) ^ b
    a.mov(a.i(to, w), a.i(left, w));
    a.or_(a.i(to, w), a.i(right, w));
    a.xor_(a.i(to, w), a.i(right, w));
    return true;
}

bool Compiler::unary(Id id) {
    const bool w = wide(id);
    const Reg from = low(id, 0), to = def(id);
    if (to != from) a.mov(a.i(to, w), a.i(from, w));
    switch (node(id).op) {
    case Op::not_: node(id).type == Type::i1 ? a.xor_(a.d(to), 1) : a.not_(a.i(to, w)); break;
    case Op::neg: a.neg(a.i(to, w)); break;
    case Op::bswap: a.bswap(Xbyak::Reg32e(a.i(to, w).getIdx(), w ? 64 : 32)); break;
    default: // bswap32: both halves, then the halves back
        a.bswap(a.q(to));
        a.ror(a.q(to), 32);
        break;
    }
    return true;
}

bool Compiler::adc(Id id) {
    const bool w = wide(id);
    low(id, 0), low(id, 1);
    emit_carry(node(id).c);
    const Reg left = value(low_id(id, 0)).reg, right = value(low_id(id, 1)).reg; // the condition may have moved them
    const Reg to = def_apart(id);
    a.mov(a.i(to, w), a.i(left, w));
    a.adc(a.i(to, w), a.i(right, w));
    keep_carry(id);
    return true;
}

/// The host's CF is the carry of this adc: keep it for the next one of a long addition, which would have to add once more.
void Compiler::keep_carry(Id id) {
    constexpr Id reach = 24;
    const Node& n = node(id);
    for (Id at = id + 1; at < f_->nodes.size() && at < id + reach; at++) {
        const Node& m = node(at);
        const bool eflags = m.op == Op::test_eflags && m.aux == ir::cond_b;
        if (!is_pending(at) || (!eflags && (m.op != Op::test_cond || ir::Cond(m.aux) != ir::Cond::cs))) continue;
        const Node& token = node(m.a);
        if (token.op != (eflags ? Op::eflags_adc : Op::flags_adc) || token.c != n.c || (eflags && token.aux != (wide(id) ? 3 : 2))) continue;
        if (operand_type(m.a, 0) != n.type || !((token.a == n.a && token.b == n.b) || (token.a == n.b && token.b == n.a))) continue;
        const Reg carry = temp();
        a.setcc(cc_b, carry);
        a.movzx(a.d(carry), a.b(carry));
        assign(at, carry);
        unuse(m.a);
        return;
    }
}

// --- multiplication and division -------------------------------------------------------------------------------------------

bool Compiler::mul(Id id) {
    const bool w = wide(id);
    u64 k;
    const Reg left = low(id, 0);
    auto wide_reg = [&](Reg r) { return Xbyak::Reg32e(r, w ? 64 : 32); };
    if (constant(node(id).b, k) && fits32(k, w)) {
        const Reg to = def(id);
        a.imul(wide_reg(to), wide_reg(left), int(k));
        return true;
    }
    const RegMem right = reg_mem(id, 1);
    const Reg to = def(id);
    if (right.reg != no_reg && to == right.reg) {
        a.imul(wide_reg(to), wide_reg(left));
    } else {
        if (to != left) a.mov(a.i(to, w), a.i(left, w));
        if (right.reg == no_reg) a.imul(wide_reg(to), right.at);
        else a.imul(wide_reg(to), wide_reg(right.reg));
    }
    return true;
}

bool Compiler::mul_high(Id id) {
    if (node(id).op == Op::mulhu && host().bmi2) {
        take(rdx);
        const Reg left = use(node(id).a), right = use(node(id).b);
        a.mov(a.rdx, a.q(left));
        const Reg to = def(id);
        a.mulx(a.q(to), a.rdx, a.q(right)); // the low half is not wanted
        return true;
    }
    take(rax);
    take(rdx);
    const Reg left = use(node(id).a), right = use(node(id).b);
    a.mov(a.rax, a.q(left));
    if (node(id).op == Op::mulhs) a.imul(a.q(right));
    else a.mul(a.q(right));
    consume(id);
    assign(id, rdx);
    return true;
}

/// The division just behind it that wants the other result of the host's, 0: none.
Id Compiler::other_half(Id id) const {
    const ir::Node& n = node(id);
    const Op wanted = n.op == Op::sdiv ? Op::srem : n.op == Op::srem ? Op::sdiv : n.op == Op::udiv ? Op::urem : Op::udiv;
    const Id other = id + 1;
    if (other >= f_->nodes.size() || analysis_->info[other].plan != Plan::eager) return 0;
    const ir::Node& m = node(other);
    return m.op == wanted && m.type == n.type && m.a == n.a && m.b == n.b ? other : 0;
}

/// Division by zero and MIN / -1 have results here that the host faults for: found by one compare, done out of line.
bool Compiler::divide(Id id) {
    const Op op = node(id).op;
    const bool w = wide(id), is_signed = op == Op::sdiv || op == Op::srem, remainder = op == Op::srem || op == Op::urem;
    if (in_register(id)) return true; // as the other half of the node before
    take(rax);
    take(rdx);
    const Reg left = low(id, 0), right = low(id, 1);
    u64 k;
    const u64 all = w ? ~u64(0) : 0xffffffff;
    const bool checked = !(constant(node(id).b, k) && k != 0 && k != all);
    const Reg t = checked && is_signed ? temp() : Reg(no_reg);
    a.mov(a.i(rax, w), a.i(left, w));
    Fixup special = 0;
    if (checked && is_signed) { // 0 and -1
        a.lea(a.i(t, w), a.ptr[a.q(right) + 1]);
        a.cmp(a.i(t, w), 1);
        special = a.jcc_forward(cc_be);
    } else if (checked) {
        a.test(a.i(right, w), a.i(right, w));
        special = a.jcc_forward(cc_e);
    }
    if (!is_signed) {
        a.xor_(a.edx, a.edx);
        a.div(a.i(right, w));
    } else {
        w ? a.cqo() : a.cdq();
        a.idiv(a.i(right, w));
    }
    if (checked) {
        cold({special}, [this, w, is_signed, t] {
            // Quotient in rax, remainder in rdx. x / 0 = 0 remainder x; x / -1 = -x remainder 0.
            a.mov(a.i(rdx, w), a.i(rax, w));
            if (is_signed) {
                a.test(a.i(t, w), a.i(t, w)); // divisor + 1
                const Fixup by_zero = a.jcc_forward(cc_ne);
                a.neg(a.i(rax, w));
                a.xor_(a.edx, a.edx);
                const Fixup done = a.jmp_forward();
                a.bind(by_zero);
                a.xor_(a.eax, a.eax);
                a.bind(done);
            } else {
                a.xor_(a.eax, a.eax);
            }
        });
    }
    const Id other = other_half(id);
    consume(id);
    assign(id, remainder ? rdx : rax);
    if (other) assign(other, remainder ? rax : rdx);
    return true;
}

// --- shifts ----------------------------------------------------------------------------------------------------------------

bool Compiler::shift(Id id) {
    const Op op = node(id).op;
    const bool w = wide(id);
    u64 k;
    if (constant(node(id).b, k)) {
        const int n = int(k & (w ? 63 : 31));
        const Reg from = low(id, 0), to = def(id);
        if (op == Op::rotr && host().bmi2 && to != from) {
            if (w) a.rorx(a.q(to), a.q(from), u8(n));
            else a.rorx(a.d(to), a.d(from), u8(n));
            return true;
        }
        if (op == Op::shl && n <= 3 && n > 0 && to != from) {
            if (n == 1) a.lea(a.i(to, w), a.ptr[a.q(from) + a.q(from)]);
            else a.lea(a.i(to, w), a.ptr[a.q(from) * (1 << n)]);
            return true;
        }
        if (to != from || (n == 0 && !w)) a.mov(a.i(to, w), a.i(from, w));
        if (n == 0) return true;
        const auto reg = a.i(to, w);
        if (op == Op::shl) a.shl(reg, n);
        else if (op == Op::shr) a.shr(reg, n);
        else if (op == Op::sar) a.sar(reg, n);
        else a.ror(reg, n);
        return true;
    }
    if (host().bmi2 && op != Op::rotr) {
        const Reg from = low(id, 0), count = low(id, 1), to = def(id);
        const Xbyak::Reg32e x(to, w ? 64 : 32), y(from, w ? 64 : 32), z(count, w ? 64 : 32);
        if (op == Op::shl) a.shlx(x, y, z);
        else if (op == Op::shr) a.shrx(x, y, z);
        else a.sarx(x, y, z);
        return true;
    }
    take(rcx);
    const Reg from = low(id, 0), count = low(id, 1);
    const Reg to = def_apart(id);
    a.mov(a.ecx, a.d(count));
    a.mov(a.i(to, w), a.i(from, w));
    const auto reg = a.i(to, w);
    if (op == Op::shl) a.shl(reg, a.cl);
    else if (op == Op::shr) a.shr(reg, a.cl);
    else if (op == Op::sar) a.sar(reg, a.cl);
    else a.ror(reg, a.cl);
    return true;
}

bool Compiler::extract(Id id) {
    const bool w = wide(id);
    const u8 n = u8(node(id).aux);
    const Reg high = low(id, 0), lower = low(id, 1), to = def_apart(id);
    a.mov(a.i(to, w), a.i(lower, w));
    if (n) a.shrd(a.i(to, w), a.i(high, w), n);
    return true;
}

// --- fields ----------------------------------------------------------------------------------------------------------------

/// to = unsigned field of from; they may be the same register.
void Compiler::take_field(Reg to, Reg from, unsigned lsb, unsigned width, bool w) {
    const unsigned bits = w ? 64 : 32;
    if (lsb == 0 && width == 8) return a.movzx(a.d(to), a.b(from));
    if (lsb == 0 && width == 16) return a.movzx(a.d(to), a.w(from));
    if (lsb == 0 && width == 32) return a.mov(a.d(to), a.d(from));
    if (lsb + width == bits || lsb + width == 32) { // what is above falls out by itself
        const bool wide_shift = lsb + width == 64;
        a.mov(a.i(to, wide_shift), a.i(from, wide_shift));
        if (lsb) a.shr(a.i(to, wide_shift), int(lsb));
        return;
    }
    if (width < 32) {
        if (lsb && host().bmi2 && to != from) {
            if (w) a.rorx(a.q(to), a.q(from), u8(lsb));
            else a.rorx(a.d(to), a.d(from), u8(lsb));
        } else {
            const bool wide_move = w && lsb + width > 32;
            if (to != from) a.mov(a.i(to, wide_move), a.i(from, wide_move));
            if (lsb) a.shr(a.i(to, wide_move), int(lsb));
        }
        a.and_(a.d(to), u32(ones(width)));
        return;
    }
    if (to != from) a.mov(a.q(to), a.q(from));
    a.shl(a.q(to), int(64 - lsb - width));
    a.shr(a.q(to), int(64 - width));
}

bool Compiler::ubfx(Id id) {
    const Reg from = low(id, 0), to = def(id);
    take_field(to, from, ir::field_lsb(node(id).aux), ir::field_width(node(id).aux), wide(id));
    return true;
}

bool Compiler::sbfx(Id id) {
    const bool w = wide(id);
    const unsigned lsb = ir::field_lsb(node(id).aux), width = ir::field_width(node(id).aux), bits = w ? 64 : 32;
    const Reg from = low(id, 0), to = def(id);
    if (lsb == 0 && width == 8) {
        w ? a.movsx(a.q(to), a.b(from)) : a.movsx(a.d(to), a.b(from));
    } else if (lsb == 0 && width == 16) {
        w ? a.movsx(a.q(to), a.w(from)) : a.movsx(a.d(to), a.w(from));
    } else if (lsb == 0 && width == 32 && w) {
        a.movsxd(a.q(to), a.d(from));
    } else {
        if (to != from || !w) a.mov(a.i(to, w), a.i(from, w));
        if (lsb + width < bits) a.shl(a.i(to, w), int(bits - lsb - width));
        if (width < bits) a.sar(a.i(to, w), int(bits - width));
    }
    return true;
}

bool Compiler::bfi(Id id) {
    const bool w = wide(id);
    const unsigned lsb = ir::field_lsb(node(id).aux), width = ir::field_width(node(id).aux);
    const u64 mask = ones(width) << lsb, all = w ? ~u64(0) : 0xffffffff;
    const Reg into = low(id, 0), field = low(id, 1);
    if (lsb == 0 && (width == 8 || width == 16)) {
        consume(id);
        const Reg to = dying(field) && field != into ? def_apart(id) : def(id); // def might choose the field's register
        if (w) move(to, into);
        else a.mov(a.d(to), a.d(into)); // the upper half of a 64-bit operand does not stay
        width == 8 ? a.mov(a.b(to), a.b(field)) : a.mov(a.w(to), a.w(field));
        return true;
    }
    const Reg t = temp();
    const Reg to = def_apart(id);
    // The field in place, zeros around it.
    if (lsb + width == (w ? 64u : 32u)) a.mov(a.i(t, w), a.i(field, w));
    else take_field(t, field, 0, width, w);
    if (lsb) a.shl(a.i(t, w), int(lsb));
    // The rest.
    const u64 keep = ~mask & all;
    if (fits32(keep, w)) {
        a.mov(a.i(to, w), a.i(into, w));
        a.and_(a.i(to, w), u32(keep));
    } else if (keep == u32(keep)) {
        a.mov(a.d(to), a.d(into));
        a.and_(a.d(to), u32(keep));
    } else {
        a.mov_imm(to, keep);
        a.and_(a.q(to), a.q(into));
    }
    a.or_(a.i(to, w), a.i(t, w));
    return true;
}

// --- counting and reversing ------------------------------------------------------------------------------------------------

bool Compiler::count_bits(Id id) {
    const Op op = node(id).op;
    const bool w = wide(id);
    const u32 bits = w ? 64 : 32;
    const Reg from = low(id, 0);
    if (op == Op::popcnt) {
        const Reg to = def(id);
        a.popcnt(a.i(to, w), a.i(from, w));
        return true;
    }
    if (op == Op::ctz) {
        const Reg to = def_apart(id);
        if (host().bmi1) {
            a.tzcnt(a.i(to, w), a.i(from, w));
        } else {
            a.mov(a.d(to), bits);
            bsf_keeping(to, from, w, false);
        }
        return true;
    }
    const Reg t = temp();
    const Reg to = def_apart(id);
    Reg source = from;
    if (op == Op::cls) { // bits that differ from their upper neighbour
        a.mov(a.i(t, w), a.i(from, w));
        a.sar(a.i(t, w), 1);
        a.xor_(a.i(t, w), a.i(from, w));
        source = t;
    }
    if (host().lzcnt) {
        a.lzcnt(a.i(to, w), a.i(source, w));
    } else {
        // bsr gives the position from the right; 2 * bits - 1 makes the xor give `bits` for zero.
        a.mov(a.d(to), 2 * bits - 1);
        bsf_keeping(to, source, w, true);
        a.xor_(a.d(to), bits - 1);
    }
    if (op == Op::cls) a.sub(a.d(to), 1);
    return true;
}

/// bsf or bsr; `to` stays as it is for zero.
void Compiler::bsf_keeping(Reg to, Reg from, bool w, bool reverse) {
    a.test(a.i(from, w), a.i(from, w));
    const Fixup zero = a.jcc_forward(cc_e);
    reverse ? a.bsr(a.i(to, w), a.i(from, w)) : a.bsf(a.i(to, w), a.i(from, w));
    a.bind(zero);
}

/// to = ((x >> shift) & mask) | ((x & mask) << shift), x in `to`.
void Compiler::swap_groups(Reg to, Reg t, Reg m, u64 mask, int shift, bool w) {
    a.mov_imm(m, w ? mask : u32(mask));
    a.mov(a.i(t, w), a.i(to, w));
    a.shr(a.i(t, w), shift);
    a.and_(a.i(t, w), a.i(m, w));
    a.and_(a.i(to, w), a.i(m, w));
    a.shl(a.i(to, w), shift);
    a.or_(a.i(to, w), a.i(t, w));
}

bool Compiler::reverse(Id id) {
    const bool w = wide(id);
    const Reg from = low(id, 0), t = temp(), m = temp();
    const Reg to = def(id);
    if (to != from || !w) a.mov(a.i(to, w), a.i(from, w));
    if (node(id).op == Op::bswap16) {
        swap_groups(to, t, m, 0x00ff00ff00ff00ff, 8, w);
        return true;
    }
    a.bswap(Xbyak::Reg32e(to, w ? 64 : 32));
    swap_groups(to, t, m, 0x0f0f0f0f0f0f0f0f, 4, w);
    swap_groups(to, t, m, 0x3333333333333333, 2, w);
    swap_groups(to, t, m, 0x5555555555555555, 1, w);
    return true;
}

// --- widths ----------------------------------------------------------------------------------------------------------------

bool Compiler::sext(Id id) {
    const Type from_type = operand_type(id, 0);
    const Reg from = low(id, 0), to = def(id);
    if (from_type == Type::i32) {
        if (wide(id)) a.movsxd(a.q(to), a.d(from));
        else a.mov(a.d(to), a.d(from));
        return true;
    }
    if (to != from) a.mov(a.d(to), a.d(from)); // i1
    a.neg(a.i(to, wide(id)));
    return true;
}

bool Compiler::trunc(Id id) {
    const Reg from = use(node(id).a), to = def(id);
    a.mov(a.d(to), a.d(from));
    return true;
}

bool Compiler::crc32(Id id) {
    const u16 aux = node(id).aux;
    if (!(aux & 1)) return false; // the host only has Castagnoli's
    const Reg crc = use(node(id).a), data = use(node(id).b), to = def_apart(id);
    a.mov(a.d(to), a.d(crc));
    switch (aux >> 1) {
    case 1: a.crc32(Xbyak::Reg32e(to, 32), a.b(data)); break;
    case 2: a.crc32(Xbyak::Reg32e(to, 32), a.w(data)); break;
    case 4: a.crc32(Xbyak::Reg32e(to, 32), a.d(data)); break;
    default: a.crc32(Xbyak::Reg32e(to, 64), a.q(data)); break;
    }
    return true;
}

} // namespace emu::jit
