// SPDX-License-Identifier: MIT
// Operands, addresses and flags.
#include "isa/x86/unit.h"

#include "common/result.h"

#include <bit>

namespace emu::isa::x86 {

// --- operands ----------------------------------------------------------------------------------------------------------------

unsigned Unit::bits(unsigned k) const {
    const OperandSpec& o = spec(k);
    switch (o.bits) {
    case size_v: return insn.op_bits;
    case size_z: return insn.op_bits == 16 ? 16 : 32;
    case size_y: return insn.op_bits == 64 ? 64 : 32;
    case size_s: return insn.op_bits;
    case size_x: return vector_bits();
    default: return o.bits;
    }
}

bool Unit::is_memory(unsigned k) const {
    switch (spec(k).kind) {
    case Kind::M: case Kind::O: case Kind::X: case Kind::Y: return true;
    case Kind::E: case Kind::W: case Kind::Q: return insn.is_memory();
    default: return false;
    }
}

Val Unit::read(unsigned k) {
    const OperandSpec& o = spec(k);
    const unsigned n = bits(k);
    switch (o.kind) {
    case Kind::E: return insn.is_memory() ? load(address(), n) : reg(insn.rm(), n);
    case Kind::M: return load(address(), n);
    case Kind::R: return reg(insn.rm(), n);
    case Kind::G: return reg(insn.reg(), n);
    case Kind::B: return reg(insn.vex_v, n);
    case Kind::Z: return reg(unsigned(insn.opcode & 7) | (insn.rex_b ? 8u : 0u), n);
    case Kind::fixed: return reg(o.fixed, n);
    case Kind::one: return imm(8, 1);
    case Kind::O: return load(linear(ir.imm64(insn.imm), insn.segment < 0 ? unsigned(ds) : unsigned(insn.segment)), n);
    case Kind::I: {
        unsigned which = 0;
        for (unsigned j = 0; j < k; j++) which += spec(j).kind == Kind::I || spec(j).kind == Kind::L;
        // An immediate of 32 bits at most is sign-extended to the operation's size.
        const u64 value = which ? insn.imm2 : insn.imm;
        return imm(o.bits == size_z ? insn.op_bits : n, value);
    }
    default: EMU_ASSERT(!"readable operand"); return {};
    }
}

void Unit::write(unsigned k, Val value) {
    const OperandSpec& o = spec(k);
    const unsigned n = bits(k);
    switch (o.kind) {
    case Kind::E: return insn.is_memory() ? store(address(), value, n) : set_reg(insn.rm(), n, value);
    case Kind::M: return store(address(), value, n);
    case Kind::R: return set_reg(insn.rm(), n, value);
    case Kind::G: return set_reg(insn.reg(), n, value);
    case Kind::B: return set_reg(insn.vex_v, n, value);
    case Kind::Z: return set_reg(unsigned(insn.opcode & 7) | (insn.rex_b ? 8u : 0u), n, value);
    case Kind::fixed: return set_reg(o.fixed, n, value);
    case Kind::O: return store(linear(ir.imm64(insn.imm), insn.segment < 0 ? unsigned(ds) : unsigned(insn.segment)), value, n);
    default: EMU_ASSERT(!"writable operand");
    }
}

Val Unit::reg(unsigned n, unsigned bits) {
    if (bits == 64) return ir.get(slot_gpr + n);
    if (bits == 32) return ir.trunc(ir.get(slot_gpr + n));
    // Without REX, 4 to 7 are AH, CH, DH and BH (SDM volume 2, 2.2.1.2).
    if (bits == 8 && n >= 4 && n < 8 && !insn.rex) return ir.ubfx(ir.trunc(ir.get(slot_gpr + n - 4)), 8, 8);
    return ir.ubfx(ir.trunc(ir.get(slot_gpr + n)), 0, bits);
}

void Unit::set_reg(unsigned n, unsigned bits, Val value) {
    if (bits == 64) return ir.set(slot_gpr + n, value);
    if (bits == 32) return ir.set(slot_gpr + n, ir.zext(value, Type::i64));
    unsigned lsb = 0;
    if (bits == 8 && n >= 4 && n < 8 && !insn.rex) n -= 4, lsb = 8;
    ir.set(slot_gpr + n, ir.bfi(ir.get(slot_gpr + n), wide_field(value, bits), lsb, bits));
}

Val Unit::wide_field(Val v, unsigned bits) {
    v = unmasked(v, bits);
    return ir.node(v).op == Op::trunc ? Val{ir.node(v).a} : ir.zext(v, Type::i64);
}

Val Unit::unmasked(Val v, unsigned bits) const {
    const ir::Node& n = ir.node(v);
    return n.op == Op::ubfx && ir::field_lsb(n.aux) == 0 && ir::field_width(n.aux) >= bits ? Val{n.a} : v;
}

// --- memory --------------------------------------------------------------------------------------------------------------------

/// Base + index * scale + displacement, in the address size, zero-extended to i64.
Val Unit::effective() {
    const bool wide = insn.addr_bits == 64;
    const Type type = wide ? Type::i64 : Type::i32;
    auto part = [&](unsigned n) { return wide ? ir.get(slot_gpr + n) : ir.trunc(ir.get(slot_gpr + n)); };
    if (insn.base == Insn::rip) {
        const u64 at = next + u64(insn.disp);
        return ir.imm64(wide ? at : u32(at));
    }
    Val sum;
    if (insn.base != Insn::no_register) sum = part(insn.base);
    if (insn.index != Insn::no_register) {
        Val index = ir.shl(part(insn.index), insn.scale);
        sum = sum ? ir.add(sum, index) : index;
    }
    const Val disp = ir.imm(type, wide ? u64(insn.disp) : u32(insn.disp));
    sum = !sum ? disp : insn.disp ? ir.add(sum, disp) : sum;
    if (insn.addr_bits == 16) sum = ir.ubfx(sum, 0, 16);
    return ir.zext(sum, Type::i64);
}

Val Unit::linear(Val at, unsigned segment) {
    const bool based = segment == fs || segment == gs || (request_.mode & mode::segmented);
    if (!based) return at;
    Val sum = ir.add(at, ir.get(segment == fs ? slot_fs_base : segment == gs ? slot_gs_base : slot_flat_base + segment));
    return mode64_ ? sum : ir.zext(ir.trunc(sum), Type::i64);
}

Val Unit::address(s64 offset) {
    Val at = effective();
    if (offset) {
        at = ir.add(at, ir.imm64(u64(offset)));
        if (insn.addr_bits == 32) at = ir.zext(ir.trunc(at), Type::i64);
        if (insn.addr_bits == 16) at = ir.ubfx(at, 0, 16);
    }
    return linear(at, data_segment());
}

MemFlags Unit::access(unsigned bits) {
    return {.size_log2 = u8(bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : bits == 64 ? 3 : 4)};
}
Val Unit::load(Val at, unsigned bits) { return ir.load(bits == 128 ? Type::v128 : type_of(bits), at, access(bits)); }
void Unit::store(Val at, Val value, unsigned bits) { ir.store(at, bits < 32 ? unmasked(value, bits) : value, access(bits)); }

void Unit::push(Val value, unsigned bits) {
    Val sp = ir.sub(word(rsp), word_imm(bits / 8));
    store(stack_address(sp), value, bits);
    set_word(rsp, sp);
}

// --- flags ---------------------------------------------------------------------------------------------------------------------

Val Unit::low(Val value, unsigned bits) { return bits >= 32 ? value : ir.ubfx(value, 0, bits); }
Val Unit::extended(Val value, unsigned bits) { return bits >= 32 ? value : ir.sbfx(value, 0, bits); }
Val Unit::is_zero(Val value, unsigned bits) {
    Val v = low(value, bits);
    return ir.eq(v, ir.imm(ir.type(v), 0));
}
Val Unit::sign(Val value, unsigned bits) {
    if (bits >= 32) return ir.slt(value, ir.imm(ir.type(value), 0));
    return ir.ne(ir.and_(value, ir.imm(ir.type(value), u64(1) << (bits - 1))), ir.imm(ir.type(value), 0));
}

void Unit::flags_step(Val value, unsigned bits, bool down) {
    set_flags(ir.eflags(down ? Op::eflags_dec : Op::eflags_inc, log_of(bits), value, flags()));
}

void Unit::flags_float(Val a, Val b, bool signaling) { set_flags(ir.emit(Op::eflags_comis, Type::i32, signaling, a, b)); }

Val Unit::with_flag(Val token, u32 flag, Val i1) { return ir.bfi(token, ir.zext(i1, Type::i32), unsigned(std::countr_zero(flag)), 1); }

void Unit::undefined() { ir.trap(u32(Trap::undefined), pc, ir.imm64(insn.opcode)); }

} // namespace emu::isa::x86
