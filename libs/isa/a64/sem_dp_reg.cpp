// SPDX-License-Identifier: MIT
// Arm ARM C3.5 / C6.2: data processing with registers. Pointer authentication is in pauth.cpp.
#include "isa/a64/sem_dp_reg.h"

#include "isa/a64/sem_dp_imm.h"

namespace emu::isa::a64 {

namespace {

Val shift_by(Unit& u, Val value, u32 kind, unsigned count) {
    switch (kind) {
    case 0: return u.ir.shl(value, count);
    case 1: return u.ir.shr(value, count);
    case 2: return u.ir.sar(value, count);
    default: return u.ir.rotr(value, count);
    }
}

/// ExtendReg: option UXTB, UXTH, UXTW, UXTX, SXTB, SXTH, SXTW, SXTX, then shifted left.
Val extend(Unit& u, unsigned m, u32 option, unsigned shift, Type type) {
    const unsigned width = 8u << (option & 3);
    Val value = u.x(m, type);
    if (width < bit_width(type)) value = option & 4 ? u.ir.sbfx(value, 0, width) : u.ir.ubfx(value, 0, width);
    return u.ir.shl(value, shift);
}

} // namespace

void logical_shifted(Unit& u, const Fields& f) {
    if (!f['z'] && f['i'] > 31) return u.unallocated();
    const Type type = u.int_type(f['z']);
    u.set_x(f['d'], alu_result(u, f.arg(), u.x(f['n'], type), shift_by(u, u.x(f['m'], type), f['h'], f['i'])));
}

void add_sub_shifted(Unit& u, const Fields& f) {
    if (f['h'] == 3 || (!f['z'] && f['i'] > 31)) return u.unallocated();
    const Type type = u.int_type(f['z']);
    u.set_x(f['d'], alu_result(u, f.arg(), u.x(f['n'], type), shift_by(u, u.x(f['m'], type), f['h'], f['i'])));
}

void add_sub_extended(Unit& u, const Fields& f) {
    if (f['i'] > 4) return u.unallocated();
    const Type type = u.int_type(f['z']);
    Val r = alu_result(u, f.arg(), u.x_or_sp(f['n'], type), extend(u, f['m'], f['o'], f['i'], type));
    if (f.arg() & alu::set_flags) u.set_x(f['d'], r);
    else u.set_x_or_sp(f['d'], r);
}

void add_sub_carry(Unit& u, const Fields& f) {
    const Type type = u.int_type(f['z']);
    Val n = u.x(f['n'], type), m = u.x(f['m'], type), carry = u.carry();
    if ((f.arg() & alu::operation) == alu::sub) m = u.ir.not_(m);
    Val r = u.ir.adc(n, m, carry);
    if (f.arg() & alu::set_flags) u.set_nzcv(u.ir.flags_adc(n, m, carry));
    u.set_x(f['d'], r);
}

// --- flags ---------------------------------------------------------------------------------------------------------------

void rotate_into_flags(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val nzcv = ir.trunc(ir.rotr(u.x(f['n']), f['i']));
    const u32 mask = token_from_nzcv(f['k'] << 28);
    // Bits 3..0 of the rotated value are N, Z, C, V.
    Val token = ir.or_(ir.or_(ir.and_(ir.shl(nzcv, 12), ir.imm32(ir::flag_n | ir::flag_z)), ir.and_(ir.shl(nzcv, 7), ir.imm32(ir::flag_c))),
                       ir.and_(nzcv, ir.imm32(ir::flag_v)));
    u.set_nzcv(ir.or_(ir.and_(token, ir.imm32(mask)), ir.and_(u.nzcv(), ir.imm32(ir::flags_mask & ~mask))));
}

void set_flags_8_16(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    const unsigned top = f.arg() - 1;
    Val n = u.w(f['n']);
    Val sign = ir.ubfx(n, top, 1);
    Val zero = ir.zext(ir.eq(ir.ubfx(n, 0, top + 1), ir.imm32(0)), Type::i32);
    Val overflow = ir.xor_(ir.ubfx(n, top + 1, 1), sign);
    Val token = ir.or_(ir.or_(ir.shl(sign, 15), ir.shl(zero, 14)), overflow);
    u.set_nzcv(ir.or_(token, ir.and_(u.nzcv(), ir.imm32(ir::flag_c))));
}

namespace {
void conditional_compare(Unit& u, const Fields& f, Val n, Val m) {
    Val token = f.arg() == alu::sub ? u.ir.flags_sub(n, m) : u.ir.flags_add(n, m);
    u.set_nzcv(u.ir.select(u.test(f['c']), token, u.ir.imm32(token_from_nzcv(f['k'] << 28))));
}
} // namespace

void conditional_compare_register(Unit& u, const Fields& f) {
    const Type type = u.int_type(f['z']);
    conditional_compare(u, f, u.x(f['n'], type), u.x(f['m'], type));
}

void conditional_compare_immediate(Unit& u, const Fields& f) {
    const Type type = u.int_type(f['z']);
    conditional_compare(u, f, u.x(f['n'], type), u.ir.imm(type, f['i']));
}

void conditional_select(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    const Type type = u.int_type(f['z']);
    Val cond = u.test(f['c']);
    // CSET and CSETM: the condition itself.
    if (f['n'] == 31 && f['m'] == 31 && f.arg() == 1) return u.set_x(f['d'], ir.zext(ir.not_(cond), type));
    if (f['n'] == 31 && f['m'] == 31 && f.arg() == 2) return u.set_x(f['d'], ir.sext(ir.not_(cond), type));
    Val n = u.x(f['n'], type), m = u.x(f['m'], type);
    if (f.arg() == 1) m = ir.add(m, ir.imm(type, 1));
    else if (f.arg() == 2) m = ir.not_(m);
    else if (f.arg() == 3) m = ir.neg(m);
    u.set_x(f['d'], ir.select(cond, n, m));
}

// --- two and one source --------------------------------------------------------------------------------------------------

void divide(Unit& u, const Fields& f) {
    const Type type = u.int_type(f['z']);
    u.set_x(f['d'], u.ir.op2(Op(f.arg()), u.x(f['n'], type), u.x(f['m'], type)));
}

void shift_variable(Unit& u, const Fields& f) {
    const Type type = u.int_type(f['z']);
    u.set_x(f['d'], u.ir.op2(Op(f.arg()), u.x(f['n'], type), u.x(f['m'], type)));
}

void crc(Unit& u, const Fields& f) {
    u.set_x(f['d'], u.ir.emit(Op::crc32, Type::i32, u16(f.arg()), u.w(f['n']), u.x(f['m'])));
}

void one_source(Unit& u, const Fields& f) {
    const Type type = u.int_type(u.raw >> 31);
    u.set_x(f['d'], u.ir.op1(Op(f.arg()), u.x(f['n'], type)));
}

// --- multiply ------------------------------------------------------------------------------------------------------------

namespace {
void accumulate(Unit& u, const Fields& f, Val product, Val addend) {
    const bool subtract = (f.arg() & alu::operation) == alu::sub;
    u.set_x(f['d'], subtract ? u.ir.sub(addend, product) : u.ir.add(addend, product));
}
} // namespace

void multiply_add(Unit& u, const Fields& f) {
    const Type type = u.int_type(f['z']);
    accumulate(u, f, u.ir.mul(u.x(f['n'], type), u.x(f['m'], type)), u.x(f['a'], type));
}

void multiply_add_long(Unit& u, const Fields& f) {
    auto wide = [&](unsigned n) {
        return f.arg() & 16 ? u.ir.sext(u.w(n), Type::i64) : u.ir.zext(u.w(n), Type::i64);
    };
    accumulate(u, f, u.ir.mul(wide(f['n']), wide(f['m'])), u.x(f['a']));
}

void multiply_high(Unit& u, const Fields& f) { u.set_x(f['d'], u.ir.op2(Op(f.arg()), u.x(f['n']), u.x(f['m']))); }

} // namespace emu::isa::a64
