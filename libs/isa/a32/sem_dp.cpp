// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A8: data processing, A32 and T32.
#include "isa/a32/sem_dp.h"

#include "common/bits.h"

namespace emu::isa::a32 {

namespace {

Val bit_of(Unit& u, Val value, unsigned n) { return u.ir.ne(u.ir.ubfx(value, n, 1), u.ir.imm32(0)); }

bool sets_flags(const Unit& u, const Fields& f) {
    if (f.has('S')) return f['S'];
    return f.arg() & alu::set_flags || (f.arg() & alu::flags_outside_it && !u.in_it());
}

/// By the low byte of a register (DDI 0406C A2.2.1, Shift_C): 64-bit shifts do what the 32-bit ones would not for counts above 31.
Shifted shift_register(Unit& u, Val value, u32 kind, Val amount) {
    auto& ir = u.ir;
    Val n = ir.ubfx(amount, 0, 8), zero = ir.imm32(0);
    Val unchanged = ir.eq(n, zero), carry;
    if (kind == 3) {
        Val r = ir.rotr(value, n);
        return {r, ir.select(unchanged, u.carry(), ir.slt(r, zero))};
    }
    Val count = ir.zext(ir.select(ir.ult(n, ir.imm32(63)), n, ir.imm32(63)), Type::i64);
    if (kind == 0) {
        Val wide = ir.shl(ir.zext(value, Type::i64), count);
        carry = ir.ne(ir.and_(wide, ir.imm64(u64(1) << 32)), ir.imm64(0));
        return {ir.trunc(wide), ir.select(unchanged, u.carry(), carry)};
    }
    const Op op = kind == 1 ? Op::shr : Op::sar;
    Val wide = kind == 1 ? ir.zext(value, Type::i64) : ir.sext(value, Type::i64);
    Val last = ir.op2(op, ir.shl(wide, 1), count);
    carry = ir.ne(ir.and_(last, ir.imm64(1)), ir.imm64(0));
    return {ir.trunc(ir.op2(op, wide, count)), ir.select(unchanged, u.carry(), carry)};
}

bool compares(u32 op) { return op >= alu::tst && op <= alu::cmn; }

/// n OP m; flags if wanted.
Val result_of(Unit& u, u32 op, Val n, const Shifted& m, bool flags) {
    auto& ir = u.ir;
    auto arithmetic = [&](Val a, Val b, bool minus) {
        if (flags) u.set_nzcv(minus ? ir.flags_sub(a, b) : ir.flags_add(a, b));
        return minus ? ir.sub(a, b) : ir.add(a, b);
    };
    auto with_carry = [&](Val a, Val b) {
        Val carry = u.carry();
        if (flags) u.set_nzcv(ir.flags_adc(a, b, carry));
        return ir.adc(a, b, carry);
    };
    Val r;
    switch (op) {
    case alu::sub: case alu::cmp: return arithmetic(n, m.value, true);
    case alu::rsb: return arithmetic(m.value, n, true);
    case alu::add: case alu::cmn: return arithmetic(n, m.value, false);
    case alu::adc: return with_carry(n, m.value);
    case alu::sbc: return with_carry(n, ir.not_(m.value));
    case alu::rsc: return with_carry(m.value, ir.not_(n));
    case alu::and_: case alu::tst: r = ir.and_(n, m.value); break;
    case alu::eor: case alu::teq: r = ir.xor_(n, m.value); break;
    case alu::orr: r = ir.or_(n, m.value); break;
    case alu::mov: r = m.value; break;
    case alu::bic: r = ir.andn(n, m.value); break;
    case alu::mvn: r = ir.not_(m.value); break;
    default: r = ir.or_(n, ir.not_(m.value)); break;
    }
    if (flags) u.set_nz(r, m.carry);
    return r;
}

void data_processing(Unit& u, const Fields& f, Shifted m) {
    const u32 op = f.arg() & alu::operation;
    const bool flags = compares(op) || sets_flags(u, f);
    const unsigned d = compares(op) ? 0 : f['d'];
    if (d == 15 && flags && !compares(op)) return u.unallocated();   // exception returns
    const bool unary = op == alu::mov || op == alu::mvn;
    Val n = unary ? Val{} : u.r(f.has('n') ? f['n'] : f['d']);
    if (!flags) m.carry = {};
    if (d == 15) u.commit();
    // The carry that the operation uses is the one from before.
    Val r = result_of(u, op, n, m, flags);
    if (compares(op)) return;
    if (d != 15) return u.set_r(d, r);
    u.alu_write_pc(r, op == alu::mov && f.has('m') && f['m'] == 14);
}

} // namespace

Shifted shift_immediate(Unit& u, Val value, u32 kind, u32 amount) {
    auto& ir = u.ir;
    switch (kind) {
    case 0:
        if (!amount) return {value, {}};
        return {ir.shl(value, amount), bit_of(u, value, 32 - amount)};
    case 1:
        if (!amount) return {ir.imm32(0), bit_of(u, value, 31)};
        return {ir.shr(value, amount), bit_of(u, value, amount - 1)};
    case 2:
        if (!amount) return {ir.sar(value, 31u), bit_of(u, value, 31)};
        return {ir.sar(value, amount), bit_of(u, value, amount - 1)};
    default:
        if (!amount) return {ir.or_(ir.shr(value, 1u), ir.shl(ir.zext(u.carry(), Type::i32), 31)), bit_of(u, value, 0)};
        return {ir.rotr(value, amount), bit_of(u, value, amount - 1)};
    }
}

u32 expand_t32(u32 imm12, bool& rotated) {
    const u32 byte = imm12 & 0xff;
    rotated = imm12 >> 10 != 0;
    if (rotated) return u32(rotate_right(0x80 | (imm12 & 0x7f), imm12 >> 7, 32));
    switch (imm12 >> 8) {
    case 0: return byte;
    case 1: return byte << 16 | byte;
    case 2: return byte << 24 | byte << 8;
    default: return byte * 0x01010101;
    }
}

void dp_immediate(Unit& u, const Fields& f) {
    const u32 value = u32(rotate_right(f['i'], 2 * f['r'], 32));
    data_processing(u, f, {u.ir.imm32(value), f['r'] ? u.ir.imm1(value >> 31) : Val{}});
}

void dp_immediate_t32(Unit& u, const Fields& f) {
    bool rotated;
    const u32 value = expand_t32(f['i'], rotated);
    data_processing(u, f, {u.ir.imm32(value), rotated ? u.ir.imm1(value >> 31) : Val{}});
}

void dp_plain(Unit& u, const Fields& f) { data_processing(u, f, {u.ir.imm32(f.has('i') ? f['i'] : 0), {}}); }

void dp_shifted(Unit& u, const Fields& f) {
    const u32 kind = f.has('h') ? f['h'] : f.arg() >> 8 & 3;
    data_processing(u, f, f.has('i') ? shift_immediate(u, u.r(f['m']), kind, f['i']) : Shifted{u.r(f['m']), {}});
}

void dp_shifted_register(Unit& u, const Fields& f) {
    const u32 kind = f.has('h') ? f['h'] : f.arg() >> 8 & 3;
    // The 16-bit forms shift the destination.
    data_processing(u, f, shift_register(u, u.r(f.has('m') ? f['m'] : f['d']), kind, u.r(f['s'])));
}

void address_of(Unit& u, const Fields& f) {
    const u32 base = u.pc_value() & ~u32(3);
    u.set_r(f['d'], u.ir.imm32(f.arg() ? base - f['i'] : base + f['i']));
}
void address_of_words(Unit& u, const Fields& f) { u.set_r(f['d'], u.ir.imm32((u.pc_value() & ~u32(3)) + (f['i'] << 2))); }

void move_wide(Unit& u, const Fields& f) { u.set_r(f['d'], u.ir.imm32(f['i'])); }
void move_top(Unit& u, const Fields& f) { u.set_r(f['d'], u.ir.bfi(u.r(f['d']), u.ir.imm32(f['i']), 16, 16)); }

void move_wide_t32(Unit& u, const Fields& f) {
    const u32 value = f['i'] << 12 | f['I'] << 11 | f['J'] << 8 | f['k'];
    u.set_r(f['d'], f.arg() ? u.ir.bfi(u.r(f['d']), u.ir.imm32(value), 16, 16) : u.ir.imm32(value));
}

void adjust_sp(Unit& u, const Fields& f) {
    const u32 offset = f['i'] << 2;
    Val sp = u.r(13), r = u.ir.add(sp, u.ir.imm32(f.arg() == alu::sub ? 0 - offset : offset));
    u.set_r(f.has('d') ? f['d'] : 13, r);
}

} // namespace emu::isa::a32
