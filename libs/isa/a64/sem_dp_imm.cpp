// SPDX-License-Identifier: MIT
// Arm ARM C3.4 / C6.2: data processing with an immediate.
#include "isa/a64/sem_dp_imm.h"

#include <bit>

namespace emu::isa::a64 {

void pc_relative(Unit& u, const Fields& f) {
    const u64 offset = u64(f.s('i')) << 2 | f['l'];
    u.set_x(f['d'], u.ir.imm64(f.arg() ? (u.pc & ~u64(0xfff)) + (offset << 12) : u.pc + offset));
}

Val alu_result(Unit& u, u32 arg, Val a, Val b) {
    auto& ir = u.ir;
    const bool flags = arg & alu::set_flags;
    switch (arg & alu::operation) {
    case alu::add:
        if (flags) u.set_nzcv(ir.flags_add(a, b));
        return ir.add(a, b);
    case alu::sub:
        if (flags) u.set_nzcv(ir.flags_sub(a, b));
        return ir.sub(a, b);
    default: break;
    }
    Val r;
    switch (arg & alu::operation) {
    case alu::and_: r = ir.and_(a, b); break;
    case alu::orr: r = ir.or_(a, b); break;
    case alu::eor: r = ir.xor_(a, b); break;
    case alu::bic: r = ir.andn(a, b); break;
    case alu::orn: r = ir.or_(a, ir.not_(b)); break;
    default: r = ir.xor_(a, ir.not_(b)); break;
    }
    if (flags) u.set_nzcv(ir.flags_logic(r));
    return r;
}

void add_sub_immediate(Unit& u, const Fields& f) {
    const Type type = u.int_type(f['z']);
    Val r = alu_result(u, f.arg(), u.x_or_sp(f['n'], type), u.ir.imm(type, u64(f['i']) << (f['h'] ? 12 : 0)));
    if (f.arg() & alu::set_flags) u.set_x(f['d'], r);
    else u.set_x_or_sp(f['d'], r);
}

bool decode_bit_mask(u32 n, u32 imms, u32 immr, unsigned width, u64& mask) {
    const u32 selector = n << 6 | (~imms & 0x3f);
    if (selector < 2) return false;
    const unsigned size = 1u << (std::bit_width(selector) - 1);
    if (size > width) return false;
    const unsigned s = imms & (size - 1), r = immr & (size - 1);
    if (s == size - 1) return false;
    mask = rotate_right(ones(s + 1), r, size);
    for (unsigned w = size; w < width; w *= 2) mask |= mask << w;
    return true;
}

void logical_immediate(Unit& u, const Fields& f) {
    const Type type = u.int_type(f['z']);
    u64 mask;
    if (!decode_bit_mask(f['N'], f['s'], f['r'], bit_width(type), mask)) return u.unallocated();
    Val r = alu_result(u, f.arg(), u.x(f['n'], type), u.ir.imm(type, mask));
    if (f.arg() & alu::set_flags) u.set_x(f['d'], r);
    else u.set_x_or_sp(f['d'], r);
}

namespace {
bool bad_move_wide(const Fields& f) { return !f['z'] && f['h'] > 1; }
} // namespace

void move_wide_not(Unit& u, const Fields& f) {
    if (bad_move_wide(f)) return u.unallocated();
    u.set_x(f['d'], u.ir.imm(u.int_type(f['z']), ~(u64(f['i']) << (16 * f['h'])) & ones(f['z'] ? 64 : 32)));
}

void move_wide_zero(Unit& u, const Fields& f) {
    if (bad_move_wide(f)) return u.unallocated();
    u.set_x(f['d'], u.ir.imm(u.int_type(f['z']), u64(f['i']) << (16 * f['h'])));
}

void move_wide_keep(Unit& u, const Fields& f) {
    if (bad_move_wide(f)) return u.unallocated();
    const Type type = u.int_type(f['z']);
    u.set_x(f['d'], u.ir.bfi(u.x(f['d'], type), u.ir.imm(type, f['i']), 16 * f['h'], 16));
}

// --- bitfields: r is where the field comes from, or with s < r where it goes to -------------------------------------------

namespace {
bool bad_bitfield(const Fields& f) { return f['N'] != f['z'] || (!f['z'] && (f['r'] > 31 || f['s'] > 31)); }
} // namespace

void bitfield_signed(Unit& u, const Fields& f) {
    if (bad_bitfield(f)) return u.unallocated();
    const Type type = u.int_type(f['z']);
    const unsigned r = f['r'], s = f['s'];
    Val n = u.x(f['n'], type);
    u.set_x(f['d'], s >= r ? u.ir.sbfx(n, r, s - r + 1) : u.ir.shl(u.ir.sbfx(n, 0, s + 1), bit_width(type) - r));
}

void bitfield_insert(Unit& u, const Fields& f) {
    if (bad_bitfield(f)) return u.unallocated();
    const Type type = u.int_type(f['z']);
    const unsigned r = f['r'], s = f['s'];
    Val n = u.x(f['n'], type), d = u.x(f['d'], type);
    u.set_x(f['d'], s >= r ? u.ir.bfi(d, u.ir.shr(n, r), 0, s - r + 1) : u.ir.bfi(d, n, bit_width(type) - r, s + 1));
}

void bitfield_unsigned(Unit& u, const Fields& f) {
    if (bad_bitfield(f)) return u.unallocated();
    const Type type = u.int_type(f['z']);
    const unsigned r = f['r'], s = f['s'];
    Val n = u.x(f['n'], type);
    u.set_x(f['d'], s >= r ? u.ir.ubfx(n, r, s - r + 1) : u.ir.shl(u.ir.ubfx(n, 0, s + 1), bit_width(type) - r));
}

void extract(Unit& u, const Fields& f) {
    if (f['N'] != f['z'] || (!f['z'] && f['s'] > 31)) return u.unallocated();
    const Type type = u.int_type(f['z']);
    Val n = u.x(f['n'], type), m = u.x(f['m'], type);
    u.set_x(f['d'], f['n'] == f['m'] ? u.ir.rotr(n, f['s']) : u.ir.op2(Op::extr, n, m, u16(f['s'])));
}

} // namespace emu::isa::a64
