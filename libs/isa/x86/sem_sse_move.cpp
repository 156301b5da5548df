// SPDX-License-Identifier: MIT
// Moves between vectors, general registers and memory: MMX, SSE, SSE2, SSE3 and their AVX forms.
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"
#include "isa/x86/vector_arg.h"

namespace emu::isa::x86 {

namespace {

/// Whole vectors, either way.
void move(Unit& u) {
    const unsigned memory = u.is_memory(0) ? 0 : 1;
    if (u.halves() == 2 && u.is_memory(memory) && u.vector_access(memory).aligned) {
        Val misaligned = u.ir.ne(u.ir.and_(u.address(), u.ir.imm64(31)), u.ir.imm64(0));
        u.ir.exit_if(misaligned, {ir::ExitKind::trap, trap_general_protection, u.pc, 0});
    }
    Val low = u.vec(1, 0);
    if (u.halves() == 1) return u.set_vec({low});
    u.set_vec({low, u.vec(1, 1)});
}

/// MOVSS, MOVSD: from memory the rest is cleared, between registers it is kept. arg = lane.
void move_scalar(Unit& u) {
    const Lane lane = Lane(u.arg());
    const Type type = lane == Lane::f32 ? Type::f32 : Type::f64;
    if (u.is_memory(0)) return u.ir.store(u.address(), u.scalar(1, type), Unit::access(ir::bit_width(type)));
    if (u.is_memory(1)) {
        Val v = u.ir.vzext(u.scalar(1, type));
        u.set_xmm(u.insn.reg(), 0, v);
        if (u.insn.vex) u.set_xmm(u.insn.reg(), 1, u.ir.vzero());
        return;
    }
    u.set_scalar(u.scalar(1, type), lane, u.insn.vex ? u.xmm(u.insn.vex_v) : u.vec(0));
}

/// MOVD, MOVQ between a general register or memory and a vector.
void from_general(Unit& u) {
    Val v = u.ir.vzext(u.read(1));
    u.set_vec({v});
}
void to_general(Unit& u) {
    const unsigned bits = u.bits(0);
    Val v = u.ir.vget(Unit::type_of(bits), bits == 64 ? Lane::i64 : Lane::i32, u.vec(1), 0);
    u.write(0, v);
}
/// MOVQ Vq, Wq and back: the upper half is cleared in a register.
void move_quad(Unit& u) {
    Val v = u.scalar(1, Type::i64);
    if (u.is_memory(0)) return u.store(u.address(), v, 64);
    u.set_vec({u.ir.vzext(v)});
}

/// MOVLPS, MOVLPD, MOVHPS, MOVHPD: arg = which half; MOVHLPS and MOVLHPS are the register forms.
void load_half(Unit& u) {
    const unsigned half = u.arg();
    Val v;
    if (u.insn.is_memory()) v = u.load(u.address(), 64);
    else v = u.ir.vget(Type::i64, Lane::i64, u.xmm(u.insn.rm()), half ? 0 : 1);
    u.set_vec({u.ir.vset(Lane::i64, u.first(), v, half)});
}
void store_half(Unit& u) { u.store(u.address(), u.ir.vget(Type::i64, Lane::i64, u.xmm(u.insn.reg()), u.arg()), 64); }

/// MOVDDUP (arg 0), MOVSLDUP (1), MOVSHDUP (2).
void duplicate(Unit& u) {
    ir::Builder& ir = u.ir;
    if (u.arg() == 0 && !(u.insn.vex && u.insn.vex_l)) return u.set_vec({ir.vdup(Lane::i64, u.scalar(1, Type::i64))});
    Val out[2];
    for (unsigned h = 0; h < u.halves(); h++) {
        Val v = u.vec(1, h);
        out[h] = u.arg() == 0 ? ir.v2(Op::vzip1, Lane::i64, v, v) : ir.v2(u.arg() == 1 ? Op::vtrn1 : Op::vtrn2, Lane::i32, v, v);
    }
    u.set_halves(out);
}

/// MOVQ2DQ and MOVDQ2Q.
void mmx_to_xmm(Unit& u) {
    u.set_xmm(u.insn.reg(), 0, u.ir.vzext(u.mmx(u.insn.modrm & 7)));
}
void xmm_to_mmx(Unit& u) {
    u.set_mmx(u.insn.modrm >> 3 & 7, u.ir.vget(Type::i64, Lane::i64, u.xmm(u.insn.rm()), 0));
}

/// MASKMOVDQU, MASKMOVQ: the bytes whose mask has its top bit set, to DS:rDI.
void masked_store(Unit& u) {
    ir::Builder& ir = u.ir;
    Val at = u.insn.addr_bits == 64 ? ir.get(slot_gpr + rdi) : ir.zext(u.reg(rdi, 32), Type::i64);
    at = u.linear(at, u.insn.segment < 0 ? unsigned(ds) : unsigned(u.insn.segment));
    const bool mmx = u.spec(0).kind == Kind::P;
    Val value = u.vec(0), mask = ir.v1(Op::vshrs, Lane::i8, u.vec(1), 7);
    Val old = mmx ? ir.vzext(u.load(at, 64)) : u.load(at, 128);
    Val merged = ir.v3(Op::vsel, Lane::i8, mask, value, old);
    if (mmx) u.store(at, ir.vget(Type::i64, Lane::i64, merged, 0), 64);
    else u.store(at, merged, 128);
}

void store_general(Unit& u) { u.write(0, u.read(1)); } // MOVNTI

using L = Lane;
constexpr auto P6 = Prefix::p66;
constexpr auto N = Prefix::none;
constexpr auto F3 = Prefix::f3;
constexpr auto F2 = Prefix::f2;
using namespace feature;

constexpr Row rows[] = {
    {Map::two, 0x10, N, -1, ' ', "movups", "Vx,Wx", move, 0, and_vex | vex_unary, sse},
    {Map::two, 0x11, N, -1, ' ', "movups", "Wx,Vx", move, 0, and_vex | vex_unary, sse},
    {Map::two, 0x10, P6, -1, ' ', "movupd", "Vx,Wx", move, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x11, P6, -1, ' ', "movupd", "Wx,Vx", move, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x28, N, -1, ' ', "movaps", "Vx,Wx", move, 0, and_vex | vex_unary, sse},
    {Map::two, 0x29, N, -1, ' ', "movaps", "Wx,Vx", move, 0, and_vex | vex_unary, sse},
    {Map::two, 0x28, P6, -1, ' ', "movapd", "Vx,Wx", move, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x29, P6, -1, ' ', "movapd", "Wx,Vx", move, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x6f, P6, -1, ' ', "movdqa", "Vx,Wx", move, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x7f, P6, -1, ' ', "movdqa", "Wx,Vx", move, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x6f, F3, -1, ' ', "movdqu", "Vx,Wx", move, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x7f, F3, -1, ' ', "movdqu", "Wx,Vx", move, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x6f, N, -1, ' ', "movq", "Pq,Qq", move, 0, 0, mmx},
    {Map::two, 0x7f, N, -1, ' ', "movq", "Qq,Pq", move, 0, 0, mmx},
    {Map::two, 0xe7, N, -1, 'm', "movntq", "Qq,Pq", move, 0, 0, sse},
    {Map::two, 0xe7, P6, -1, 'm', "movntdq", "Wx,Vx", move, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x2b, N, -1, 'm', "movntps", "Wx,Vx", move, 0, and_vex | vex_unary, sse},
    {Map::two, 0x2b, P6, -1, 'm', "movntpd", "Wx,Vx", move, 0, and_vex | vex_unary, sse2},
    {Map::three38, 0x2a, P6, -1, 'm', "movntdqa", "Vx,Wx", move, 0, and_vex | vex_unary | vex_integer, sse41},
    {Map::two, 0xf0, F2, -1, 'm', "lddqu", "Vx,Wx", move, 0, and_vex | vex_unary, sse3},
    {Map::two, 0x10, F3, -1, ' ', "movss", "Vx,Wss", move_scalar, u32(L::f32), and_vex | vex_unary_m, sse},
    {Map::two, 0x11, F3, -1, ' ', "movss", "Wss,Vx", move_scalar, u32(L::f32), and_vex | vex_unary_m, sse},
    {Map::two, 0x10, F2, -1, ' ', "movsd", "Vx,Wsd", move_scalar, u32(L::f64), and_vex | vex_unary_m, sse2},
    {Map::two, 0x11, F2, -1, ' ', "movsd", "Wsd,Vx", move_scalar, u32(L::f64), and_vex | vex_unary_m, sse2},
    {Map::two, 0x6e, N, -1, ' ', "movd", "Pq,Ey", from_general, 0, 0, mmx},
    {Map::two, 0x7e, N, -1, ' ', "movd", "Ey,Pq", to_general, 0, 0, mmx},
    {Map::two, 0x6e, P6, -1, ' ', "movd", "Vx,Ey", from_general, 0, and_vex | vex_unary | vex_l0, sse2},
    {Map::two, 0x7e, P6, -1, ' ', "movd", "Ey,Vx", to_general, 0, and_vex | vex_unary | vex_l0, sse2},
    {Map::two, 0x7e, F3, -1, ' ', "movq", "Vx,Wq", move_quad, 0, and_vex | vex_unary | vex_l0, sse2},
    {Map::two, 0xd6, P6, -1, ' ', "movq", "Wq,Vx", move_quad, 0, and_vex | vex_unary | vex_l0, sse2},
    {Map::two, 0xd6, F3, -1, 'r', "movq2dq", "Vx,Nq", mmx_to_xmm, 0, 0, sse2},
    {Map::two, 0xd6, F2, -1, 'r', "movdq2q", "Pq,Ux", xmm_to_mmx, 0, 0, sse2},
    {Map::two, 0x12, N, -1, ' ', "movlps", "Vx,Wq", load_half, 0, and_vex | vex_l0, sse},
    {Map::two, 0x13, N, -1, 'm', "movlps", "Wq,Vx", store_half, 0, and_vex | vex_unary | vex_l0, sse},
    {Map::two, 0x12, P6, -1, 'm', "movlpd", "Vx,Wq", load_half, 0, and_vex | vex_l0, sse2},
    {Map::two, 0x13, P6, -1, 'm', "movlpd", "Wq,Vx", store_half, 0, and_vex | vex_unary | vex_l0, sse2},
    {Map::two, 0x16, N, -1, ' ', "movhps", "Vx,Wq", load_half, 1, and_vex | vex_l0, sse},
    {Map::two, 0x17, N, -1, 'm', "movhps", "Wq,Vx", store_half, 1, and_vex | vex_unary | vex_l0, sse},
    {Map::two, 0x16, P6, -1, 'm', "movhpd", "Vx,Wq", load_half, 1, and_vex | vex_l0, sse2},
    {Map::two, 0x17, P6, -1, 'm', "movhpd", "Wq,Vx", store_half, 1, and_vex | vex_unary | vex_l0, sse2},
    {Map::two, 0x12, F2, -1, ' ', "movddup", "Vx,Wx", duplicate, 0, and_vex | vex_unary, sse3},
    {Map::two, 0x12, F3, -1, ' ', "movsldup", "Vx,Wx", duplicate, 1, and_vex | vex_unary, sse3},
    {Map::two, 0x16, F3, -1, ' ', "movshdup", "Vx,Wx", duplicate, 2, and_vex | vex_unary, sse3},
    {Map::two, 0xf7, N, -1, 'r', "maskmovq", "Pq,Nq", masked_store, 0, 0, sse},
    {Map::two, 0xf7, P6, -1, 'r', "maskmovdqu", "Vx,Ux", masked_store, 0, and_vex | vex_unary | vex_l0, sse2},
    {Map::two, 0xc3, Prefix::none, -1, 'm', "movnti", "My,Gy", store_general, 0, 0, sse2},
};

} // namespace

const std::span<const Row> table_mmx_sse_move = rows;

} // namespace emu::isa::x86
