// SPDX-License-Identifier: MIT
// Arithmetic, logic and moves (SDM volume 2; opcode map: appendix A, tables ).
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"

#include <array>

namespace emu::isa::x86 {

namespace {

enum Alu : u32 { alu_add, alu_or, alu_adc, alu_sbb, alu_and, alu_sub, alu_xor, alu_cmp };

Val carry_in(Unit& u, Type type) { return u.ir.zext(u.cf(), type == Type::i64 ? Type::i64 : Type::i32); }

Val alu_value(Unit& u, Alu op, Val a, Val b) {
    switch (op) {
    case alu_add: return u.ir.add(a, b);
    case alu_adc: return u.ir.adc(a, b, u.cf());
    case alu_sbb: return u.ir.sub(u.ir.sub(a, b), carry_in(u, u.ir.type(a)));
    case alu_or: return u.ir.or_(a, b);
    case alu_and: return u.ir.and_(a, b);
    case alu_xor: return u.ir.xor_(a, b);
    default: return u.ir.sub(a, b);
    }
}

void alu_flags(Unit& u, Alu op, Val a, Val b, Val result, unsigned bits) {
    switch (op) {
    case alu_add: return u.flags_add(a, b, bits);
    case alu_sub: case alu_cmp: return u.flags_sub(a, b, bits);
    case alu_adc: return u.flags_adc(a, b, u.cf(), bits);
    case alu_sbb: return u.flags_sbb(a, b, u.cf(), bits);
    default: return u.flags_logic(result, bits);
    }
}

constexpr ir::AtomicOp atomic_of(Alu op, bool& negate) {
    negate = op == alu_sub;
    switch (op) {
    case alu_or: return ir::AtomicOp::or_;
    case alu_and: return ir::AtomicOp::and_;
    case alu_xor: return ir::AtomicOp::xor_;
    default: return ir::AtomicOp::add;
    }
}

/// The old value of a locked read-modify-write of memory operand 0.
Val locked(Unit& u, Alu op, Val operand) {
    const unsigned bits = u.bits(0);
    MemFlags flags = Unit::access(bits);
    flags.order = ir::Order::seq_cst;
    bool negate;
    const ir::AtomicOp atomic = atomic_of(op, negate);
    Val value = op == alu_adc ? u.ir.add(operand, carry_in(u, u.ir.type(operand))) :
                op == alu_sbb ? u.ir.neg(u.ir.add(operand, carry_in(u, u.ir.type(operand)))) :
                negate        ? u.ir.neg(operand) : operand;
    return u.low(u.ir.atomic_rmw(atomic, u.address(), value, flags), bits);
}

void alu(Unit& u) {
    const Alu op = Alu(u.arg());
    const unsigned bits = u.bits(0);
    if (u.insn.lock) {
        Val b = u.read(1), a = locked(u, op, b);
        return alu_flags(u, op, a, b, alu_value(u, op, a, b), bits);
    }
    Val a = u.read(0), b = u.read(1), result = alu_value(u, op, a, b);
    if (op != alu_cmp && u.is_memory(0)) u.store(u.address(), result, bits);
    alu_flags(u, op, a, b, result, bits);
    if (op != alu_cmp && !u.is_memory(0)) u.write(0, result);
}

void test(Unit& u) { u.flags_logic(u.ir.and_(u.read(0), u.read(1)), u.bits(0)); }

/// INC and DEC leave CF.
void inc_dec(Unit& u) {
    const unsigned bits = u.bits(0);
    const Val one = u.imm(bits, 1);
    Val a;
    if (u.insn.lock) a = locked(u, u.arg() ? alu_sub : alu_add, one);
    else a = u.read(0);
    Val result = u.arg() ? u.ir.sub(a, one) : u.ir.add(a, one);
    if (!u.insn.lock && u.is_memory(0)) u.store(u.address(), result, bits);
    u.flags_step(a, bits, u.arg());
    if (!u.is_memory(0)) u.write(0, result);
}

void not_(Unit& u) {
    const unsigned bits = u.bits(0);
    if (u.insn.lock) {
        locked(u, alu_xor, u.imm(bits, ~u64(0)));
        return;
    }
    u.write(0, u.ir.not_(u.read(0)));
}

void neg(Unit& u) {
    const unsigned bits = u.bits(0);
    if (u.insn.lock) { // no atomic op of that kind: compare and swap until it sticks would need a loop
        Val old = u.read(0), value = u.ir.neg(old);
        MemFlags flags = Unit::access(bits);
        flags.order = ir::Order::seq_cst;
        Val seen = u.low(u.ir.atomic_cas(u.address(), old, value, flags), bits);
        u.ir.exit_if(u.ir.ne(seen, old), {ir::ExitKind::jump, 0, u.pc, 0});
        return u.flags_sub(u.imm(bits, 0), old, bits);
    }
    Val a = u.read(0), result = u.ir.neg(a);
    if (u.is_memory(0)) u.store(u.address(), result, bits);
    u.flags_sub(u.imm(bits, 0), a, bits);
    if (!u.is_memory(0)) u.write(0, result);
}

// --- multiplication and division -----------------------------------------------------------------------------------------------

/// CF and OF say whether the high half has anything to say; the others are undefined.
void flags_multiply(Unit& u, Val a, Val b, Val high, unsigned bits, bool is_signed) {
    const unsigned log = Unit::log_of(bits);
    u.set_flags(is_signed ? u.ir.eflags(Op::eflags_imul, log, a, b) : u.ir.eflags(Op::eflags_nonzero, log, high));
}

/// MUL and IMUL of one operand: arg 1 = signed.
void multiply(Unit& u) {
    const unsigned bits = u.bits(0);
    const bool is_signed = u.arg();
    ir::Builder& ir = u.ir;
    Val b = u.read(0), a = u.reg(rax, bits);
    if (bits == 64) {
        Val low = ir.mul(a, b), high = ir.op2(is_signed ? Op::mulhs : Op::mulhu, a, b);
        u.set_reg(rax, 64, low);
        u.set_reg(rdx, 64, high);
        return flags_multiply(u, a, b, high, 64, is_signed);
    }
    auto widen = [&](Val v) { return is_signed ? ir.sext(u.extended(v, bits), Type::i64) : ir.zext(v, Type::i64); };
    Val product = ir.mul(widen(a), widen(b)), low = ir.trunc(product);
    Val high = ir.trunc(ir.shr(product, bits));
    if (bits == 8) {
        u.set_reg(rax, 16, low);
    } else {
        u.set_reg(rax, bits, low);
        u.set_reg(rdx, bits, high);
    }
    flags_multiply(u, a, b, high, bits, is_signed);
}

/// IMUL Gv, Ev [, I].
void multiply_two(Unit& u) {
    const bool three = u.insn.operands->count == 3;
    Val a = u.read(1), b = three ? u.read(2) : u.read(0);
    u.write(0, u.ir.mul(a, b));
    flags_multiply(u, a, b, {}, u.bits(0), true);
}

void divide_error_if(Unit& u, Val cond) { u.ir.exit_if(cond, {ir::ExitKind::trap, u32(Trap::divide_error), u.pc, 0}); }

/// The dividend's high half only extends the low one, as CDQ, CQO or XOR EDX, EDX have just made it: a division of `bits` by
/// `bits`. False: it may be anything.
bool divide_extended(Unit& u, Val divisor, unsigned bits) {
    ir::Builder& ir = u.ir;
    const bool is_signed = u.arg();
    const Type type = Unit::type_of(bits);
    Val low = u.reg(rax, bits), high = u.reg(rdx, bits);
    if (is_signed ? high != ir.sar(low, bits - 1) : !ir.is_const(high, 0, nullptr)) return false;
    Val error = ir.eq(divisor, ir.imm(type, 0));
    if (is_signed) {
        Val minimum = ir.eq(low, ir.imm(type, u64(1) << (bits - 1)));
        error = ir.or_(error, ir.and_(minimum, ir.eq(divisor, ir.imm(type, ~u64(0)))));
    }
    divide_error_if(u, error);
    Val quotient = ir.op2(is_signed ? Op::sdiv : Op::udiv, low, divisor), remainder = ir.op2(is_signed ? Op::srem : Op::urem, low, divisor);
    u.set_reg(rax, bits, quotient);
    u.set_reg(rdx, bits, remainder);
    return true;
}

void divide64(Unit& u, Val divisor) {
    ir::Builder& ir = u.ir;
    Val low = u.reg(rax, 64);
    Val quotient = ir.call(u.arg() ? helper_divide_s64 : helper_divide_u64, {u.reg(rdx, 64), low, divisor});
    u.set_reg(rax, 64, quotient);
    u.set_reg(rdx, 64, ir.sub(low, ir.mul(quotient, divisor)));
}

/// DIV and IDIV: arg 1 = signed.
void divide(Unit& u) {
    const unsigned bits = u.bits(0);
    const bool is_signed = u.arg();
    ir::Builder& ir = u.ir;
    Val d = u.read(0);
    if (bits >= 32 && divide_extended(u, d, bits)) return;
    if (bits == 64) return divide64(u, d);
    Val dividend;
    if (bits == 8) dividend = ir.zext(u.reg(rax, 16), Type::i64);
    else dividend = ir.or_(ir.zext(u.reg(rax, bits), Type::i64), ir.shl(ir.zext(u.reg(rdx, bits), Type::i64), bits));
    if (is_signed && bits < 32) dividend = ir.sbfx(dividend, 0, 2 * bits);
    Val divisor = is_signed ? ir.sext(u.extended(d, bits), Type::i64) : ir.zext(d, Type::i64);
    divide_error_if(u, ir.eq(divisor, ir.imm64(0)));
    // Together, so that one division of the host does both.
    Val quotient = ir.op2(is_signed ? Op::sdiv : Op::udiv, dividend, divisor);
    Val wide_remainder = ir.op2(is_signed ? Op::srem : Op::urem, dividend, divisor);
    Val fits = is_signed ? ir.sbfx(quotient, 0, bits) : ir.ubfx(quotient, 0, bits);
    divide_error_if(u, ir.ne(fits, quotient));
    // MIN / -1 does not overflow in the IR; in 64 bits its quotient is MIN again, which fits no narrower type either.
    Val remainder = ir.trunc(wide_remainder);
    quotient = ir.trunc(quotient);
    if (bits == 8) {
        Val both = ir.or_(u.low(quotient, 8), ir.shl(u.low(remainder, 8), 8u));
        return u.set_reg(rax, 16, both);
    }
    u.set_reg(rax, bits, quotient);
    u.set_reg(rdx, bits, remainder);
}

// --- moves -----------------------------------------------------------------------------------------------------------------------

void mov(Unit& u) { u.write(0, u.read(1)); }

void lea(Unit& u) {
    Insn& i = u.insn;
    const unsigned bits = i.op_bits;
    if (bits < 64 && i.addr_bits == 64) i.addr_bits = 32; // the rest would be cut off
    Val at = u.effective();
    u.set_reg(i.reg(), bits, bits == 64 ? at : u.low(u.ir.trunc(at), bits));
}

void movzx(Unit& u) {
    Val v = u.read(1);
    u.write(0, u.bits(0) == 64 ? u.ir.zext(v, Type::i64) : v);
}

void movsx(Unit& u) {
    const unsigned from = u.bits(1), to = u.bits(0);
    if (u.is_memory(1)) {
        MemFlags flags = Unit::access(from);
        flags.sign_extend = true;
        Val v = u.ir.load(Unit::type_of(to), u.address(), flags);
        return u.write(0, to < 32 ? u.low(v, to) : v);
    }
    Val v = u.read(1);
    if (to == 64 && from < 32) return u.write(0, u.ir.sbfx(u.wide_field(v, from), 0, from));
    v = u.extended(v, from);
    u.write(0, to == 64 ? u.ir.sext(v, Type::i64) : v);
}

/// XCHG with memory is always locked.
void xchg(Unit& u) {
    const unsigned bits = u.bits(0);
    if (u.is_memory(0)) {
        MemFlags flags = Unit::access(bits);
        flags.order = ir::Order::seq_cst;
        Val old = u.ir.atomic_rmw(ir::AtomicOp::swap, u.address(), u.read(1), flags);
        return u.write(1, u.low(old, bits));
    }
    Val a = u.read(0), b = u.read(1);
    u.write(0, b);
    u.write(1, a);
}

void xchg_rax(Unit& u) {
    if (u.insn.opcode == 0x90 && !u.insn.rex_b) return; // NOP, PAUSE
    xchg(u);
}

void xadd(Unit& u) {
    const unsigned bits = u.bits(0);
    Val b = u.read(1), a = u.insn.lock ? locked(u, alu_add, b) : u.read(0), sum = u.ir.add(a, b);
    if (u.is_memory(0)) {
        if (!u.insn.lock) u.store(u.address(), sum, bits);
        u.flags_add(a, b, bits);
        return u.write(1, a);
    }
    u.flags_add(a, b, bits);
    u.write(1, a);
    u.write(0, sum);
}

void cmpxchg(Unit& u) {
    const unsigned bits = u.bits(0);
    ir::Builder& ir = u.ir;
    Val desired = u.read(1), expected = u.reg(rax, bits);
    if (u.is_memory(0)) {
        MemFlags flags = Unit::access(bits);
        flags.order = ir::Order::seq_cst;
        Val old = u.low(ir.atomic_cas(u.address(), expected, desired, flags), bits);
        u.flags_sub(expected, old, bits);
        // Equal: old is what is there already. In 64-bit code a 32-bit accumulator is zero-extended only when it is loaded.
        Val accumulator = ir.get(slot_gpr + rax);
        u.set_reg(rax, bits, old);
        return ir.set(slot_gpr + rax, ir.select(ir.eq(expected, old), accumulator, ir.get(slot_gpr + rax)));
    }
    Val old = u.read(0), equal = ir.eq(expected, old);
    u.flags_sub(expected, old, bits);
    Val accumulator = ir.get(slot_gpr + rax);
    u.set_reg(rax, bits, old);
    ir.set(slot_gpr + rax, ir.select(equal, accumulator, ir.get(slot_gpr + rax)));
    // Not equal: the destination stays as it is, its upper half too.
    const unsigned n = u.insn.rm();
    if (bits != 32) return u.write(0, ir.select(equal, desired, u.reg(n, bits)));
    ir.set(slot_gpr + n, ir.select(equal, ir.zext(desired, Type::i64), ir.get(slot_gpr + n)));
}

void cmpxchg8b(Unit& u) {
    ir::Builder& ir = u.ir;
    if (u.insn.rex_w) {
        Val at = u.address(), misaligned = ir.ne(ir.and_(at, ir.imm64(15)), ir.imm64(0));
        ir.exit_if(misaligned, {ir::ExitKind::trap, trap_general_protection, u.pc, 0});
        u.set_flag(ir::eflag_zf, ir.ne(ir.call(helper_cas16, {at}), ir.imm64(0)));
        return;
    }
    auto pair = [&](unsigned high, unsigned low) {
        return ir.or_(ir.zext(u.reg(low, 32), Type::i64), ir.shl(ir.zext(u.reg(high, 32), Type::i64), 32u));
    };
    MemFlags flags = Unit::access(64);
    flags.order = ir::Order::seq_cst;
    Val expected = pair(rdx, rax), old = ir.atomic_cas(u.address(), expected, pair(rcx, rbx), flags), equal = ir.eq(old, expected);
    Val a = ir.get(slot_gpr + rax), d = ir.get(slot_gpr + rdx);
    ir.set(slot_gpr + rax, ir.select(equal, a, ir.zext(ir.trunc(old), Type::i64)));
    ir.set(slot_gpr + rdx, ir.select(equal, d, ir.shr(old, 32u)));
    u.set_flag(ir::eflag_zf, equal);
}

void bswap(Unit& u) { u.write(0, u.ir.op1(Op::bswap, u.read(0))); }

void cmov(Unit& u) {
    Val cond = u.condition(u.insn.opcode & 15), yes = u.read(1), no = u.read(0);
    u.write(0, u.ir.select(cond, yes, no));
}
void setcc(Unit& u) { u.write(0, u.ir.zext(u.condition(u.insn.opcode & 15), Type::i32)); }

/// CBW, CWDE, CDQE.
void widen_rax(Unit& u) {
    const unsigned bits = u.insn.op_bits;
    Val v = u.extended(u.reg(rax, bits / 2), bits / 2);
    u.set_reg(rax, bits, bits == 64 ? u.ir.sext(v, Type::i64) : v);
}
/// CWD, CDQ, CQO.
void widen_rdx(Unit& u) {
    const unsigned bits = u.insn.op_bits;
    Val v = u.extended(u.reg(rax, bits), bits);
    u.set_reg(rdx, bits, u.ir.sar(v, bits == 64 ? 63u : 31u));
}

void lahf(Unit& u) { u.set_reg(rax, 16, u.ir.or_(u.reg(rax, 8), u.ir.and_(u.flags(), u.ir.imm32(0xd700)))); }
void sahf(Unit& u) {
    ir::Builder& ir = u.ir;
    constexpr u32 all = ir::eflag_sf | ir::eflag_zf | ir::eflag_af | ir::eflag_pf | ir::eflag_cf;
    Val fresh = ir.and_(ir.trunc(ir.get(slot_gpr + rax)), ir.imm32(all));
    u.set_flags(ir.or_(fresh, ir.and_(u.flags(), ir.imm32(ir::eflag_of | ir::eflag_fixed))));
}

void flag(Unit& u) {
    switch (u.insn.opcode) {
    case 0xf5: return u.set_flag(ir::eflag_cf, u.ir.not_(u.cf()));
    case 0xf8: return u.set_flag(ir::eflag_cf, u.ir.imm1(false));
    case 0xf9: return u.set_flag(ir::eflag_cf, u.ir.imm1(true));
    case 0xfc: return u.ir.set(slot_df, u.ir.imm1(false));
    default: return u.ir.set(slot_df, u.ir.imm1(true));
    }
}

/// DAA DAS AAA AAS AAM AAD: rare enough for a helper.
void bcd(Unit& u) {
    ir::Builder& ir = u.ir;
    if (u.arg() == 4 && (u.insn.imm & 0xff) == 0) return u.trap(u32(Trap::divide_error), u.pc);
    Val flags = ir.trunc(ir.call(helper_read_flags));
    Val in = ir.or_(u.reg(rax, 16), ir.shl(flags, 16u));
    Val out = ir.trunc(ir.call(helper_bcd, {ir.zext(in, Type::i64), ir.imm64(u.arg()), ir.imm64(u.insn.imm & 0xff)}));
    u.set_reg(rax, 16, u.low(out, 16));
    ir.call(helper_write_flags, {ir.zext(ir.shr(out, 16u), Type::i64), ir.imm64(eflags::status)});
}

void xlat(Unit& u) {
    ir::Builder& ir = u.ir;
    Val at = ir.add(ir.get(slot_gpr + rbx), ir.zext(u.reg(rax, 8), Type::i64));
    if (u.insn.addr_bits == 16) at = ir.ubfx(at, 0, 16);
    if (u.insn.addr_bits == 32) at = ir.zext(ir.trunc(at), Type::i64);
    u.set_reg(rax, 8, u.load(u.linear(at, u.insn.segment < 0 ? unsigned(ds) : unsigned(u.insn.segment)), 8));
}

/// SALC: AL = all ones where CF is set (in no manual of Intel's, in AMD's since 2003, on every processor).
void salc(Unit& u) { u.set_reg(rax, 8, u.ir.select(u.cf(), u.ir.imm32(0xff), u.ir.imm32(0))); }

/// ARPL: raise the RPL of a selector to that of another.
void arpl(Unit& u) {
    ir::Builder& ir = u.ir;
    Val to = u.read(0), from = u.read(1);
    Val lower = ir.ult(ir.and_(to, ir.imm32(3)), ir.and_(from, ir.imm32(3)));
    Val raised = ir.or_(ir.and_(to, ir.imm32(0xfffc)), ir.and_(from, ir.imm32(3)));
    u.write(0, ir.select(lower, raised, to));
    u.set_flag(ir::eflag_zf, lower);
}

// --- the tables --------------------------------------------------------------------------------------------------------------------

constexpr std::string_view alu_names[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};

constexpr auto make_alu() {
    struct Form {
        u8 opcode;
        std::string_view operands;
    };
    constexpr Form forms[] = {{0, "Eb,Gb"}, {1, "Ev,Gv"}, {2, "Gb,Eb"}, {3, "Gv,Ev"}, {4, "AL,Ib"}, {5, "rAX,Iz"}};
    constexpr Form group[] = {{0x80, "Eb,Ib"}, {0x81, "Ev,Iz"}, {0x82, "Eb,Ib"}, {0x83, "Ev,Is"}};
    std::array<Row, 80> rows{};
    usize n = 0;
    for (u32 op = 0; op < 8; op++) {
        const u16 lock = op == alu_cmp ? u16(any_flags) : u16(lockable);
        for (const Form& f : forms)
            rows[n++] = {Map::one, u8(op * 8 + f.opcode), Prefix::any, -1, ' ', alu_names[op], f.operands, alu, op, f.opcode < 2 ? lock : u16(0), 0};
        for (const Form& f : group)
            rows[n++] = {Map::one, f.opcode, Prefix::any, s16(op), ' ', alu_names[op], f.operands, alu, op, u16(lock | (f.opcode == 0x82 ? no64 : 0)), 0};
    }
    return rows;
}
constexpr auto alu_rows = make_alu();

constexpr Row integer_rows[] = {
    {Map::one, 0x84, Prefix::any, -1, ' ', "test", "Eb,Gb", test},
    {Map::one, 0x85, Prefix::any, -1, ' ', "test", "Ev,Gv", test},
    {Map::one, 0xa8, Prefix::any, -1, ' ', "test", "AL,Ib", test},
    {Map::one, 0xa9, Prefix::any, -1, ' ', "test", "rAX,Iz", test},
    {Map::one, 0xf6, Prefix::any, 0, ' ', "test", "Eb,Ib", test},
    {Map::one, 0xf6, Prefix::any, 1, ' ', "test", "Eb,Ib", test},
    {Map::one, 0xf7, Prefix::any, 0, ' ', "test", "Ev,Iz", test},
    {Map::one, 0xf7, Prefix::any, 1, ' ', "test", "Ev,Iz", test},
    {Map::one, 0xfe, Prefix::any, 0, ' ', "inc", "Eb", inc_dec, 0, lockable},
    {Map::one, 0xfe, Prefix::any, 1, ' ', "dec", "Eb", inc_dec, 1, lockable},
    {Map::one, 0xff, Prefix::any, 0, ' ', "inc", "Ev", inc_dec, 0, lockable},
    {Map::one, 0xff, Prefix::any, 1, ' ', "dec", "Ev", inc_dec, 1, lockable},
    {Map::one, 0x40, Prefix::any, -1, ' ', "inc", "Zv", inc_dec, 0, no64},
    {Map::one, 0x48, Prefix::any, -1, ' ', "dec", "Zv", inc_dec, 1, no64},
    {Map::one, 0xf6, Prefix::any, 2, ' ', "not", "Eb", not_, 0, lockable},
    {Map::one, 0xf7, Prefix::any, 2, ' ', "not", "Ev", not_, 0, lockable},
    {Map::one, 0xf6, Prefix::any, 3, ' ', "neg", "Eb", neg, 0, lockable},
    {Map::one, 0xf7, Prefix::any, 3, ' ', "neg", "Ev", neg, 0, lockable},
    {Map::one, 0xf6, Prefix::any, 4, ' ', "mul", "Eb", multiply, 0},
    {Map::one, 0xf7, Prefix::any, 4, ' ', "mul", "Ev", multiply, 0},
    {Map::one, 0xf6, Prefix::any, 5, ' ', "imul", "Eb", multiply, 1},
    {Map::one, 0xf7, Prefix::any, 5, ' ', "imul", "Ev", multiply, 1},
    {Map::two, 0xaf, Prefix::any, -1, ' ', "imul", "Gv,Ev", multiply_two},
    {Map::one, 0x69, Prefix::any, -1, ' ', "imul", "Gv,Ev,Iz", multiply_two},
    {Map::one, 0x6b, Prefix::any, -1, ' ', "imul", "Gv,Ev,Is", multiply_two},
    {Map::one, 0xf6, Prefix::any, 6, ' ', "div", "Eb", divide, 0},
    {Map::one, 0xf7, Prefix::any, 6, ' ', "div", "Ev", divide, 0},
    {Map::one, 0xf6, Prefix::any, 7, ' ', "idiv", "Eb", divide, 1},
    {Map::one, 0xf7, Prefix::any, 7, ' ', "idiv", "Ev", divide, 1},
    {Map::one, 0x88, Prefix::any, -1, ' ', "mov", "Eb,Gb", mov},
    {Map::one, 0x89, Prefix::any, -1, ' ', "mov", "Ev,Gv", mov},
    {Map::one, 0x8a, Prefix::any, -1, ' ', "mov", "Gb,Eb", mov},
    {Map::one, 0x8b, Prefix::any, -1, ' ', "mov", "Gv,Ev", mov},
    {Map::one, 0xa0, Prefix::any, -1, ' ', "mov", "AL,Ob", mov},
    {Map::one, 0xa1, Prefix::any, -1, ' ', "mov", "rAX,Ov", mov},
    {Map::one, 0xa2, Prefix::any, -1, ' ', "mov", "Ob,AL", mov},
    {Map::one, 0xa3, Prefix::any, -1, ' ', "mov", "Ov,rAX", mov},
    {Map::one, 0xb0, Prefix::any, -1, ' ', "mov", "Zb,Ib", mov},
    {Map::one, 0xb8, Prefix::any, -1, ' ', "mov", "Zv,Iv", mov},
    {Map::one, 0xc6, Prefix::any, 0, ' ', "mov", "Eb,Ib", mov},
    {Map::one, 0xc7, Prefix::any, 0, ' ', "mov", "Ev,Iz", mov},
    {Map::one, 0x8d, Prefix::any, -1, 'm', "lea", "Gv,Mb", lea},
    {Map::one, 0x63, Prefix::any, -1, ' ', "movsxd", "Gv,Ez", movsx, 0, only64},
    {Map::two, 0xb6, Prefix::any, -1, ' ', "movzx", "Gv,Eb", movzx},
    {Map::two, 0xb7, Prefix::any, -1, ' ', "movzx", "Gv,Ew", movzx},
    {Map::two, 0xbe, Prefix::any, -1, ' ', "movsx", "Gv,Eb", movsx},
    {Map::two, 0xbf, Prefix::any, -1, ' ', "movsx", "Gv,Ew", movsx},
    {Map::one, 0x86, Prefix::any, -1, ' ', "xchg", "Eb,Gb", xchg, 0, lockable},
    {Map::one, 0x87, Prefix::any, -1, ' ', "xchg", "Ev,Gv", xchg, 0, lockable},
    {Map::one, 0x90, Prefix::any, -1, ' ', "xchg", "Zv,rAX", xchg_rax},
    {Map::two, 0xc0, Prefix::any, -1, ' ', "xadd", "Eb,Gb", xadd, 0, lockable},
    {Map::two, 0xc1, Prefix::any, -1, ' ', "xadd", "Ev,Gv", xadd, 0, lockable},
    {Map::two, 0xb0, Prefix::any, -1, ' ', "cmpxchg", "Eb,Gb", cmpxchg, 0, lockable},
    {Map::two, 0xb1, Prefix::any, -1, ' ', "cmpxchg", "Ev,Gv", cmpxchg, 0, lockable},
    {Map::two, 0xc7, Prefix::any, 1, 'm', "cmpxchg8b", "Mq", cmpxchg8b, 0, lockable, feature::cx8},
    {Map::two, 0xc8, Prefix::any, -1, ' ', "bswap", "Zv", bswap},
    {Map::one, 0x98, Prefix::any, -1, ' ', "cwde", "", widen_rax},
    {Map::one, 0x99, Prefix::any, -1, ' ', "cdq", "", widen_rdx},
    {Map::one, 0x9e, Prefix::any, -1, ' ', "sahf", "", sahf},
    {Map::one, 0x9f, Prefix::any, -1, ' ', "lahf", "", lahf},
    {Map::one, 0xf5, Prefix::any, -1, ' ', "cmc", "", flag},
    {Map::one, 0xf8, Prefix::any, -1, ' ', "clc", "", flag},
    {Map::one, 0xf9, Prefix::any, -1, ' ', "stc", "", flag},
    {Map::one, 0xfc, Prefix::any, -1, ' ', "cld", "", flag},
    {Map::one, 0xfd, Prefix::any, -1, ' ', "std", "", flag},
    {Map::one, 0x27, Prefix::any, -1, ' ', "daa", "", bcd, 0, no64},
    {Map::one, 0x2f, Prefix::any, -1, ' ', "das", "", bcd, 1, no64},
    {Map::one, 0x37, Prefix::any, -1, ' ', "aaa", "", bcd, 2, no64},
    {Map::one, 0x3f, Prefix::any, -1, ' ', "aas", "", bcd, 3, no64},
    {Map::one, 0xd4, Prefix::any, -1, ' ', "aam", "Ib", bcd, 4, no64},
    {Map::one, 0xd5, Prefix::any, -1, ' ', "aad", "Ib", bcd, 5, no64},
    {Map::one, 0xd7, Prefix::any, -1, ' ', "xlat", "", xlat},
    {Map::one, 0xd6, Prefix::any, -1, ' ', "salc", "", salc, 0, no64},
    {Map::one, 0x63, Prefix::any, -1, ' ', "arpl", "Ew,Gw", arpl, 0, no64},
};

/// CMOVcc and SETcc: sixteen opcodes each.
constexpr auto make_conditional() {
    std::array<Row, 32> rows{};
    for (u8 cc = 0; cc < 16; cc++) {
        rows[cc] = {Map::two, u8(0x40 + cc), Prefix::any, -1, ' ', "cmov", "Gv,Ev", cmov, cc, 0, feature::cmov};
        rows[16 + cc] = {Map::two, u8(0x90 + cc), Prefix::any, -1, ' ', "set", "Eb", setcc, cc, 0, 0};
    }
    return rows;
}
constexpr auto conditional_rows = make_conditional();

constexpr auto all_rows = joined_rows(alu_rows, integer_rows, conditional_rows);

} // namespace

const std::span<const Row> table_integer = all_rows;

} // namespace emu::isa::x86
