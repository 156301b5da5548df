// SPDX-License-Identifier: MIT
// XMM, YMM and MMX operands.
#include "isa/x86/helpers.h"
#include "isa/x86/unit.h"

#include "common/result.h"

#include <algorithm>

namespace emu::isa::x86 {

/// Legacy instructions refuse misaligned vectors, but for a few; behind VEX only the moves that say so do (SDM volume 1, 14.9).
MemFlags Unit::vector_access(unsigned k) const {
    MemFlags flags = access(128);
    if (spec(k).bits != size_x) return flags;
    const std::string_view name = insn.row->name;
    auto is = [&](std::initializer_list<std::string_view> starts) {
        return std::any_of(starts.begin(), starts.end(), [&](std::string_view s) { return name.starts_with(s); });
    };
    if (insn.vex) flags.aligned = is({"movap", "movdqa", "movnt"});
    else flags.aligned = !is({"movup", "movdqu", "lddqu", "movddup", "pcmpestr", "pcmpistr"});
    return flags;
}

MemFlags Unit::half_access(unsigned k) const {
    MemFlags flags = vector_access(k);
    if (halves() == 2) flags.aligned = false;
    return flags;
}

Val Unit::vec(unsigned k, unsigned half) {
    switch (spec(k).kind) {
    case Kind::V: return xmm(insn.reg(), half);
    case Kind::H: return xmm(insn.vex_v, half);
    case Kind::U: return xmm(insn.rm(), half);
    case Kind::L: return xmm(unsigned((k > 2 && spec(2).kind == Kind::I ? insn.imm2 : insn.imm) & (mode64_ ? 15 : 7)), half);
    case Kind::W: return insn.is_memory() ? ir.load(Type::v128, address(half * 16), half_access(k)) : xmm(insn.rm(), half);
    case Kind::M: return ir.load(Type::v128, address(half * 16), half_access(k));
    case Kind::P: return ir.vzext(mmx(insn.modrm >> 3 & 7));
    case Kind::N: return ir.vzext(mmx(insn.modrm & 7));
    case Kind::Q: return ir.vzext(insn.is_memory() ? load(address(), 64) : mmx(insn.modrm & 7));
    default: EMU_ASSERT(!"vector operand"); return {};
    }
}

Val Unit::scalar(unsigned k, Type type) {
    const Lane lane = type == Type::f32 ? Lane::f32 : type == Type::f64 ? Lane::f64 : type == Type::i32 ? Lane::i32 : Lane::i64;
    if (is_memory(k)) return ir.load(type, address(), access(ir::bit_width(type)));
    return ir.vget(type, lane, vec(k), 0);
}

Val Unit::first(unsigned half) {
    if (insn.vex) return xmm(insn.vex_v, half);
    return vec(0, half);
}

void Unit::set_vec(std::initializer_list<Val> by_half) {
    const Kind kind = spec(0).kind;
    if (kind == Kind::P || kind == Kind::N || kind == Kind::Q) {
        Val v = ir.vget(Type::i64, Lane::i64, *by_half.begin(), 0);
        if (kind == Kind::Q && insn.is_memory()) return store(address(), v, 64);
        return set_mmx(kind == Kind::P ? insn.modrm >> 3 & 7 : insn.modrm & 7, v);
    }
    if (kind == Kind::M || (kind == Kind::W && insn.is_memory())) {
        // Where the second half faults, the first is not stored; and where the first is not there at all, neither is the second.
        if (by_half.size() == 2) {
            (void)ir.load(Type::i32, address(), access(8));
            ir.store(address(16), by_half.begin()[1], half_access(0));
        }
        ir.store(address(), *by_half.begin(), half_access(0));
        return;
    }
    const unsigned n = kind == Kind::V ? insn.reg() : insn.rm();
    unsigned half = 0;
    for (Val v : by_half) set_xmm(n, half++, v);
    if (insn.vex && half == 1) set_xmm(n, 1, ir.vzero());
}

void Unit::set_scalar(Val value, Lane lane, Val rest) {
    const unsigned n = spec(0).kind == Kind::V ? insn.reg() : insn.rm();
    set_xmm(n, 0, ir.vset(lane, rest, value, 0));
    if (insn.vex) set_xmm(n, 1, ir.vzero());
}

Val Unit::negated(Lane lane, Val v) {
    const ir::V128 sign = lane == Lane::f32 ? ir::V128{0x8000000080000000, 0x8000000080000000} : ir::V128{u64(1) << 63, u64(1) << 63};
    const ir::V128 size = lane == Lane::f32 ? ir::V128{0x7fffffff7fffffff, 0x7fffffff7fffffff} : ir::V128{~u64(0) >> 1, ~u64(0) >> 1};
    const ir::V128 inf = lane == Lane::f32 ? ir::V128{0x7f8000007f800000, 0x7f8000007f800000} : ir::V128{u64(0x7ff) << 52, u64(0x7ff) << 52};
    const Lane as_int = lane == Lane::f32 ? Lane::i32 : Lane::i64;
    Val nan = ir.v2(Op::vgts, as_int, ir.v2(Op::vand, as_int, v, ir.vimm(size)), ir.vimm(inf));
    return ir.v2(Op::vxor, as_int, v, ir.v2(Op::vandn, as_int, ir.vimm(sign), nan));
}

Val Unit::mmx(unsigned n) { return ir.get(slot_mmx + n); }
void Unit::set_mmx(unsigned n, Val value) {
    ir.set(slot_mmx + n, value);
    ir.set(slot_mmx_written, ir.or_(ir.get(slot_mmx_written), ir.imm32(1u << n)));
}

} // namespace emu::isa::x86
