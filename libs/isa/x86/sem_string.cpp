// SPDX-License-Identifier: MIT
// String instructions (SDM volume 1, 7.3.9). Single ones are IR; behind REP a helper does the whole run, counting as it goes, so
// that a fault in the middle finds RCX, RSI and RDI where the processor would have them.
#include "isa/x86/helpers.h"
#include "isa/x86/string_op.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"

namespace emu::isa::x86 {

namespace {

Val string_pointer(Unit& u, unsigned n) {
    return u.insn.addr_bits == 64 ? u.ir.get(slot_gpr + n) : u.ir.zext(u.reg(n, u.insn.addr_bits), Type::i64);
}
void advance(Unit& u, unsigned n, unsigned bytes) {
    const unsigned bits = u.insn.addr_bits;
    const Type type = Unit::type_of(bits);
    Val step = u.ir.select(u.ir.get(slot_df), u.ir.imm(type, u64(0) - bytes), u.ir.imm(type, bytes));
    u.set_reg(n, bits, u.ir.add(u.reg(n, bits), step));
}
unsigned source_segment(const Unit& u) { return u.insn.segment < 0 ? unsigned(ds) : unsigned(u.insn.segment); }

void repeated(Unit& u, StringOp op, unsigned bits) {
    ir::Builder& ir = u.ir;
    const unsigned segment = source_segment(u);
    Val base = segment == fs ? ir.get(slot_fs_base) : segment == gs ? ir.get(slot_gs_base) : u.mode64() ? ir.imm64(0) : ir.get(slot_flat_base + segment);
    const u64 what = unsigned(op) | bits << 8 | u64(u.insn.rep) << 16 | u64(u.insn.addr_bits) << 24;
    ir.call(helper_string, {ir.imm64(what), base});
}

void string(Unit& u) {
    const StringOp op = StringOp(u.arg());
    const unsigned bits = u.insn.opcode & 1 ? u.insn.op_bits : 8, bytes = bits / 8;
    if (u.insn.rep) return repeated(u, op, bits);
    auto source = [&] { return u.linear(string_pointer(u, rsi), source_segment(u)); };
    auto destination = [&] { return u.linear(string_pointer(u, rdi), es); };
    switch (op) {
    case StringOp::movs:
        u.store(destination(), u.load(source(), bits), bits);
        advance(u, rsi, bytes);
        return advance(u, rdi, bytes);
    case StringOp::cmps: {
        Val a = u.load(source(), bits), b = u.load(destination(), bits);
        advance(u, rsi, bytes);
        advance(u, rdi, bytes);
        return u.flags_sub(a, b, bits);
    }
    case StringOp::stos:
        u.store(destination(), u.reg(rax, bits), bits);
        return advance(u, rdi, bytes);
    case StringOp::lods: {
        Val v = u.load(source(), bits);
        advance(u, rsi, bytes);
        return u.set_reg(rax, bits, v);
    }
    default: {
        Val a = u.reg(rax, bits), b = u.load(destination(), bits);
        advance(u, rdi, bytes);
        return u.flags_sub(a, b, bits);
    }
    }
}

constexpr u32 arg(StringOp op) { return u32(op); }

constexpr Row rows[] = {
    {Map::one, 0xa4, Prefix::any, -1, ' ', "movsb", "", string, arg(StringOp::movs)},
    {Map::one, 0xa5, Prefix::any, -1, ' ', "movs", "", string, arg(StringOp::movs)},
    {Map::one, 0xa6, Prefix::any, -1, ' ', "cmpsb", "", string, arg(StringOp::cmps)},
    {Map::one, 0xa7, Prefix::any, -1, ' ', "cmps", "", string, arg(StringOp::cmps)},
    {Map::one, 0xaa, Prefix::any, -1, ' ', "stosb", "", string, arg(StringOp::stos)},
    {Map::one, 0xab, Prefix::any, -1, ' ', "stos", "", string, arg(StringOp::stos)},
    {Map::one, 0xac, Prefix::any, -1, ' ', "lodsb", "", string, arg(StringOp::lods)},
    {Map::one, 0xad, Prefix::any, -1, ' ', "lods", "", string, arg(StringOp::lods)},
    {Map::one, 0xae, Prefix::any, -1, ' ', "scasb", "", string, arg(StringOp::scas)},
    {Map::one, 0xaf, Prefix::any, -1, ' ', "scas", "", string, arg(StringOp::scas)},
};

} // namespace

const std::span<const Row> table_string = rows;

} // namespace emu::isa::x86
