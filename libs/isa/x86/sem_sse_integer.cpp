// SPDX-License-Identifier: MIT
// Integer SIMD: MMX, SSE2, SSSE3 and their AVX and AVX2 forms. A row serves all of them: Unit::first is the destination in the
// legacy forms and VEX.vvvv in the others, and everything is done for each 128-bit half by itself, as AVX2 does.
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"
#include "isa/x86/vector_arg.h"

namespace emu::isa::x86 {

namespace {

void binary(Unit& u) {
    const u32 arg = u.arg();
    u.each_half([&](Val a, Val b, unsigned) {
        if (arg & swapped) std::swap(a, b);
        return u.ir.v2(arg_op(arg), arg_lane(arg), a, b, arg_imm(arg));
    });
}
void unary(Unit& u) {
    const u32 arg = u.arg();
    u.each_half([&](Val, Val b, unsigned) { return u.ir.v1(arg_op(arg), arg_lane(arg), b, arg_imm(arg)); });
}

// --- shifts --------------------------------------------------------------------------------------------------------------------------

/// By immediate; the destination is H behind VEX (the row says "Nq,Ib" or "Ux,Ib").
void shift_imm(Unit& u) {
    const u32 arg = u.arg();
    const unsigned bits = lane_bits(arg_lane(arg)), count = unsigned(u.insn.imm & 0xff);
    const bool arithmetic = arg_op(arg) == Op::vshrs;
    auto shifted = [&](Val v) {
        if (count >= bits && !arithmetic) return u.ir.vzero();
        return u.ir.v1(arg_op(arg), arg_lane(arg), v, std::min(count, arithmetic ? bits - 1 : bits));
    };
    if (!u.insn.vex) return u.set_vec({shifted(u.vec(0))});
    Val low = shifted(u.vec(0, 0)), high = u.insn.vex_l ? shifted(u.vec(0, 1)) : u.ir.vzero();
    u.set_xmm(u.insn.vex_v, 0, low);
    u.set_xmm(u.insn.vex_v, 1, high);
}

/// PSLLDQ and PSRLDQ (arg 1).
void shift_bytes(Unit& u) {
    const unsigned count = std::min(unsigned(u.insn.imm & 0xff), 16u);
    auto shifted = [&](Val v) {
        if (count == 16) return u.ir.vzero();
        return u.arg() ? u.ir.v2(Op::vext, Lane::i8, v, u.ir.vzero(), count) :
                         count ? u.ir.v2(Op::vext, Lane::i8, u.ir.vzero(), v, 16 - count) : v;
    };
    if (!u.insn.vex) return u.set_vec({shifted(u.vec(0))});
    Val low = shifted(u.vec(0, 0)), high = u.insn.vex_l ? shifted(u.vec(0, 1)) : u.ir.vzero();
    u.set_xmm(u.insn.vex_v, 0, low);
    u.set_xmm(u.insn.vex_v, 1, high);
}

/// Shift of every lane by the low quadword of the second source.
void shift_all(Unit& u) {
    const u32 arg = u.arg();
    const Lane lane = arg_lane(arg);
    const unsigned bits = lane_bits(lane);
    const bool left = arg_op(arg) == Op::vshl, arithmetic = arg_op(arg) == Op::vshrs;
    ir::Builder& ir = u.ir;
    Val count64 = u.is_mmx() || !u.is_memory(1) ? ir.vget(Type::i64, Lane::i64, u.vec(1), 0) : ir.vget(Type::i64, Lane::i64, u.vec(1), 0);
    Val fits = ir.ult(count64, ir.imm64(bits)), count = ir.select(fits, ir.trunc(count64), ir.imm32(arithmetic ? bits - 1 : bits));
    Val by = ir.vdup(lane, bits == 64 ? ir.zext(left ? count : ir.neg(count), Type::i64) : left ? count : ir.neg(count));
    // The lane shifts look at the signed low byte of each lane; a count of a whole lane gives 0.
    Val results[2];
    for (unsigned h = 0; h < u.halves(); h++) results[h] = ir.v2(arithmetic ? Op::vshlvs : Op::vshlvu, lane, u.first(h), by);
    u.set_halves(results);
}

// --- shuffles ------------------------------------------------------------------------------------------------------------------------

/// Constant byte shuffle of one vector.
Val shuffle_bytes(Unit& u, Val v, const u8 (&from)[16]) {
    ir::V128 table;
    std::memcpy(&table, from, 16);
    return u.ir.v2(Op::vtbl, Lane::i8, v, u.ir.vimm(table));
}

/// PSHUFD (0), PSHUFLW (1), PSHUFHW (2), PSHUFW (3).
void shuffle_imm(Unit& u) {
    const unsigned kind = u.arg(), order = unsigned(u.insn.imm & 0xff);
    u8 from[16];
    for (unsigned i = 0; i < 16; i++) from[i] = u8(i);
    if (kind == 0) {
        for (unsigned i = 0; i < 16; i++) from[i] = u8((order >> (i / 4 * 2) & 3) * 4 + i % 4);
    } else {
        const unsigned base = kind == 2 ? 8 : 0;
        for (unsigned i = 0; i < 8; i++) from[base + i] = u8(base + (order >> (i / 2 * 2) & 3) * 2 + i % 2);
    }
    u.each_half([&](Val, Val b, unsigned) { return shuffle_bytes(u, b, from); });
}

void pshufb(Unit& u) {
    const bool mmx = u.is_mmx();
    const ir::V128 mask = mmx ? ir::V128{0x8787878787878787, 0} : ir::V128{0x8f8f8f8f8f8f8f8f, 0x8f8f8f8f8f8f8f8f};
    u.each_half([&](Val a, Val b, unsigned) { return u.ir.v2(Op::vtbl, Lane::i8, a, u.ir.v2(Op::vand, Lane::i8, b, u.ir.vimm(mask))); });
}

void palignr(Unit& u) {
    const bool mmx = u.is_mmx();
    const unsigned count = unsigned(u.insn.imm & 0xff), width = mmx ? 8 : 16;
    u.each_half([&](Val a, Val b, unsigned) {
        ir::Builder& ir = u.ir;
        if (count >= 2 * width) return ir.vzero();
        if (mmx) { // both halves in one register: b below a
            Val pair = ir.v2(Op::vcat, Lane::i8, b, a);
            return count ? ir.v2(Op::vext, Lane::i8, pair, ir.vzero(), count) : pair;
        }
        if (count >= width) return count == width ? a : ir.v2(Op::vext, Lane::i8, a, ir.vzero(), count - width);
        return count ? ir.v2(Op::vext, Lane::i8, b, a, count) : b;
    });
}

/// PUNPCK: an MMX high half is the upper part of the interleaved whole.
void unpack(Unit& u) {
    const u32 arg = u.arg();
    const bool high = arg_op(arg) == Op::vzip2;
    if (u.is_mmx() && !high && u.insn.is_memory()) { // only these read 32 bits
        Val b = u.ir.vzext(u.load(u.address(), 32));
        return u.set_vec({u.ir.v2(Op::vzip1, arg_lane(arg), u.first(), b)});
    }
    u.each_half([&](Val a, Val b, unsigned) {
        if (!u.is_mmx()) return u.ir.v2(arg_op(arg), arg_lane(arg), a, b);
        Val all = u.ir.v2(Op::vzip1, arg_lane(arg), a, b);
        return high ? u.ir.v2(Op::vext, Lane::i8, all, u.ir.vzero(), 8) : all;
    });
}

/// PACKSS and PACKUS; lane = result lane.
void pack(Unit& u) {
    const u32 arg = u.arg();
    u.each_half([&](Val a, Val b, unsigned) {
        if (u.is_mmx()) a = u.ir.v2(Op::vcat, Lane::i8, a, b);
        return u.ir.v2(arg_op(arg), arg_lane(arg), a, u.is_mmx() ? a : b);
    });
}

// --- arithmetic that the IR spells in steps ------------------------------------------------------------------------------------------

Val v2(Unit& u, Op op, Lane lane, Val a, Val b, unsigned imm = 0) { return u.ir.v2(op, lane, a, b, imm); }

/// PMULHW, PMULHUW: arg is the long multiplication.
void multiply_high(Unit& u) {
    const Op op = Op(u.arg());
    u.each_half([&](Val a, Val b, unsigned) {
        return v2(u, Op::vuzp2, Lane::i16, v2(u, op, Lane::i16, a, b, 0), v2(u, op, Lane::i16, a, b, 1));
    });
}

void pmaddwd(Unit& u) {
    u.each_half([&](Val a, Val b, unsigned) {
        Val low = v2(u, Op::vmulls, Lane::i16, a, b, 0), high = v2(u, Op::vmulls, Lane::i16, a, b, 1);
        return v2(u, Op::vadd, Lane::i32, v2(u, Op::vuzp1, Lane::i32, low, high), v2(u, Op::vuzp2, Lane::i32, low, high));
    });
}

void pmaddubsw(Unit& u) {
    u.each_half([&](Val a, Val b, unsigned) {
        auto half = [&](unsigned i) {
            return v2(u, Op::vmul, Lane::i16, u.ir.v1(Op::vwidenu, Lane::i8, a, i), u.ir.v1(Op::vwidens, Lane::i8, b, i));
        };
        Val low = half(0), high = half(1);
        return v2(u, Op::vqadds, Lane::i16, v2(u, Op::vuzp1, Lane::i16, low, high), v2(u, Op::vuzp2, Lane::i16, low, high));
    });
}

/// PMULHRSW rounds as SQRDMULH does, but -1 * -1 wraps.
void pmulhrsw(Unit& u) {
    u.each_half([&](Val a, Val b, unsigned) {
        Val least = u.ir.vimm({0x8000800080008000, 0x8000800080008000});
        Val both = v2(u, Op::vand, Lane::i16, v2(u, Op::veq, Lane::i16, a, least), v2(u, Op::veq, Lane::i16, b, least));
        return v2(u, Op::vxor, Lane::i16, v2(u, Op::vqrdmulh, Lane::i16, a, b), both);
    });
}

/// PMULUDQ and PMULDQ: even 32-bit lanes. arg is the long multiplication.
void multiply_even(Unit& u) {
    const Op op = Op(u.arg());
    u.each_half([&](Val a, Val b, unsigned) {
        return v2(u, op, Lane::i32, v2(u, Op::vuzp1, Lane::i32, a, a), v2(u, Op::vuzp1, Lane::i32, b, b), 0);
    });
}

void psadbw(Unit& u) {
    u.each_half([&](Val a, Val b, unsigned) {
        Val d = v2(u, Op::vabdu, Lane::i8, a, b);
        d = u.ir.v1(Op::vpaddlu, Lane::i8, d);
        d = u.ir.v1(Op::vpaddlu, Lane::i16, d);
        return u.ir.v1(Op::vpaddlu, Lane::i32, d);
    });
}

/// PHADD, PHSUB: arg is the op on the even and odd lanes of both sources.
void horizontal(Unit& u) {
    const u32 arg = u.arg();
    const Lane lane = arg_lane(arg);
    u.each_half([&](Val a, Val b, unsigned) {
        if (u.is_mmx()) a = u.ir.v2(Op::vcat, Lane::i8, a, b), b = a;
        return v2(u, arg_op(arg), lane, v2(u, Op::vuzp1, lane, a, b), v2(u, Op::vuzp2, lane, a, b));
    });
}

/// PSIGN: b < 0 negates, b = 0 clears.
void psign(Unit& u) {
    const Lane lane = Lane(u.arg());
    u.each_half([&](Val a, Val b, unsigned) {
        Val zero = u.ir.vzero(), negative = v2(u, Op::vgts, lane, zero, b), none = v2(u, Op::veq, lane, b, zero);
        Val moved = u.ir.v3(Op::vsel, lane, negative, u.ir.v1(Op::vneg, lane, a), a);
        return v2(u, Op::vandn, lane, moved, none);
    });
}

void pandn(Unit& u) {
    u.each_half([&](Val a, Val b, unsigned) { return v2(u, Op::vandn, Lane::i64, b, a); });
}

// --- lanes and general registers -----------------------------------------------------------------------------------------------------

/// PMOVMSKB, MOVMSKPS, MOVMSKPD: arg = lane.
void move_mask(Unit& u) {
    const Lane lane = Lane(u.arg());
    if (u.spec(1).kind == Kind::N) {
        return u.set_reg(u.insn.reg(), 32, u.ir.and_(u.ir.emit(Op::vmask, Type::i32, ir::lane_aux(lane), u.vec(1)), u.ir.imm32(0xff)));
    }
    const bool both = u.halves() == 2;
    u.set_reg(u.insn.reg(), 32, u.ir.emit(both ? Op::vmasks : Op::vmask, Type::i32, ir::lane_aux(lane), u.vec(1, 0), both ? u.vec(1, 1) : Val{}));
}

void pinsrw(Unit& u) {
    const bool mmx = u.is_mmx();
    Val v = u.insn.is_memory() ? u.load(u.address(), 16) : u.reg(u.insn.rm(), 32);
    u.set_vec({u.ir.vset(Lane::i16, u.first(), v, unsigned(u.insn.imm & (mmx ? 3 : 7)))});
}
void pextrw(Unit& u) {
    const bool mmx = u.spec(1).kind == Kind::N;
    u.set_reg(u.insn.reg(), 32, u.ir.vget(Type::i32, Lane::i16, u.vec(1), unsigned(u.insn.imm & (mmx ? 3 : 7))));
}

void emms(Unit& u) {
    u.ir.call(helper_emms);
    if (u.mmx_mode() || u.in_mode(mode::x87_live)) u.sync();
}

using L = Lane;
constexpr auto P6 = Prefix::p66;
constexpr auto N = Prefix::none;

/// One row for MMX, one for SSE2 and its VEX form.
#define EMU_ROWS(opcode, name, semantic, arg)                                                                                   \
    {Map::two, opcode, N, -1, ' ', name, "Pq,Qq", semantic, arg, 0, feature::mmx},                                              \
        {Map::two, opcode, P6, -1, ' ', name, "Vx,Wx", semantic, arg, and_vex | vex_integer, feature::sse2}
#define EMU_ROWS38(opcode, name, semantic, arg)                                                                                 \
    {Map::three38, opcode, N, -1, ' ', name, "Pq,Qq", semantic, arg, 0, feature::ssse3},                                        \
        {Map::three38, opcode, P6, -1, ' ', name, "Vx,Wx", semantic, arg, and_vex | vex_integer, feature::ssse3}
/// Shift groups 71, 72, 73.
#define EMU_SHIFT(opcode, reg, name, arg)                                                                                       \
    {Map::two, opcode, N, reg, 'r', name, "Nq,Ib", shift_imm, arg, 0, feature::mmx},                                            \
        {Map::two, opcode, P6, reg, 'r', name, "Ux,Ib", shift_imm, arg, and_vex | vex_integer, feature::sse2}

constexpr Row rows[] = {
    EMU_ROWS(0x60, "punpcklbw", unpack, lanes(Op::vzip1, L::i8)),
    EMU_ROWS(0x61, "punpcklwd", unpack, lanes(Op::vzip1, L::i16)),
    EMU_ROWS(0x62, "punpckldq", unpack, lanes(Op::vzip1, L::i32)),
    EMU_ROWS(0x63, "packsswb", pack, lanes(Op::vqnarrows, L::i8)),
    EMU_ROWS(0x64, "pcmpgtb", binary, lanes(Op::vgts, L::i8)),
    EMU_ROWS(0x65, "pcmpgtw", binary, lanes(Op::vgts, L::i16)),
    EMU_ROWS(0x66, "pcmpgtd", binary, lanes(Op::vgts, L::i32)),
    EMU_ROWS(0x67, "packuswb", pack, lanes(Op::vqnarrowsu, L::i8)),
    EMU_ROWS(0x68, "punpckhbw", unpack, lanes(Op::vzip2, L::i8)),
    EMU_ROWS(0x69, "punpckhwd", unpack, lanes(Op::vzip2, L::i16)),
    EMU_ROWS(0x6a, "punpckhdq", unpack, lanes(Op::vzip2, L::i32)),
    EMU_ROWS(0x6b, "packssdw", pack, lanes(Op::vqnarrows, L::i16)),
    {Map::two, 0x6c, P6, -1, ' ', "punpcklqdq", "Vx,Wx", binary, lanes(Op::vzip1, L::i64), and_vex | vex_integer, feature::sse2},
    {Map::two, 0x6d, P6, -1, ' ', "punpckhqdq", "Vx,Wx", binary, lanes(Op::vzip2, L::i64), and_vex | vex_integer, feature::sse2},
    {Map::two, 0x70, N, -1, ' ', "pshufw", "Pq,Qq,Ib", shuffle_imm, 3, 0, feature::sse},
    {Map::two, 0x70, P6, -1, ' ', "pshufd", "Vx,Wx,Ib", shuffle_imm, 0, and_vex | vex_unary | vex_integer, feature::sse2},
    {Map::two, 0x70, Prefix::f2, -1, ' ', "pshuflw", "Vx,Wx,Ib", shuffle_imm, 1, and_vex | vex_unary | vex_integer, feature::sse2},
    {Map::two, 0x70, Prefix::f3, -1, ' ', "pshufhw", "Vx,Wx,Ib", shuffle_imm, 2, and_vex | vex_unary | vex_integer, feature::sse2},
    EMU_SHIFT(0x71, 2, "psrlw", lanes(Op::vshru, L::i16)),
    EMU_SHIFT(0x71, 4, "psraw", lanes(Op::vshrs, L::i16)),
    EMU_SHIFT(0x71, 6, "psllw", lanes(Op::vshl, L::i16)),
    EMU_SHIFT(0x72, 2, "psrld", lanes(Op::vshru, L::i32)),
    EMU_SHIFT(0x72, 4, "psrad", lanes(Op::vshrs, L::i32)),
    EMU_SHIFT(0x72, 6, "pslld", lanes(Op::vshl, L::i32)),
    EMU_SHIFT(0x73, 2, "psrlq", lanes(Op::vshru, L::i64)),
    EMU_SHIFT(0x73, 6, "psllq", lanes(Op::vshl, L::i64)),
    {Map::two, 0x73, P6, 3, 'r', "psrldq", "Ux,Ib", shift_bytes, 1, and_vex | vex_integer, feature::sse2},
    {Map::two, 0x73, P6, 7, 'r', "pslldq", "Ux,Ib", shift_bytes, 0, and_vex | vex_integer, feature::sse2},
    EMU_ROWS(0x74, "pcmpeqb", binary, lanes(Op::veq, L::i8)),
    EMU_ROWS(0x75, "pcmpeqw", binary, lanes(Op::veq, L::i16)),
    EMU_ROWS(0x76, "pcmpeqd", binary, lanes(Op::veq, L::i32)),
    {Map::two, 0x77, N, -1, ' ', "emms", "", emms, 0, 0, feature::mmx},
    {Map::two, 0xc4, N, -1, ' ', "pinsrw", "Pq,Ed,Ib", pinsrw, 0, 0, feature::sse},
    {Map::two, 0xc4, P6, -1, ' ', "pinsrw", "Vx,Ed,Ib", pinsrw, 0, and_vex | vex_integer | vex_l0, feature::sse2},
    {Map::two, 0xc5, N, -1, 'r', "pextrw", "Gd,Nq,Ib", pextrw, 0, 0, feature::sse},
    {Map::two, 0xc5, P6, -1, 'r', "pextrw", "Gd,Ux,Ib", pextrw, 0, and_vex | vex_unary | vex_integer | vex_l0, feature::sse2},
    EMU_ROWS(0xd1, "psrlw", shift_all, lanes(Op::vshru, L::i16)),
    EMU_ROWS(0xd2, "psrld", shift_all, lanes(Op::vshru, L::i32)),
    EMU_ROWS(0xd3, "psrlq", shift_all, lanes(Op::vshru, L::i64)),
    EMU_ROWS(0xd4, "paddq", binary, lanes(Op::vadd, L::i64)),
    EMU_ROWS(0xd5, "pmullw", binary, lanes(Op::vmul, L::i16)),
    {Map::two, 0xd7, N, -1, 'r', "pmovmskb", "Gd,Nq", move_mask, u32(L::i8), 0, feature::sse},
    {Map::two, 0xd7, P6, -1, 'r', "pmovmskb", "Gd,Ux", move_mask, u32(L::i8), and_vex | vex_unary | vex_integer, feature::sse2},
    {Map::two, 0x50, N, -1, 'r', "movmskps", "Gd,Ux", move_mask, u32(L::f32), and_vex | vex_unary, feature::sse},
    {Map::two, 0x50, P6, -1, 'r', "movmskpd", "Gd,Ux", move_mask, u32(L::f64), and_vex | vex_unary, feature::sse2},
    EMU_ROWS(0xd8, "psubusb", binary, lanes(Op::vqsubu, L::i8)),
    EMU_ROWS(0xd9, "psubusw", binary, lanes(Op::vqsubu, L::i16)),
    EMU_ROWS(0xda, "pminub", binary, lanes(Op::vminu, L::i8)),
    EMU_ROWS(0xdb, "pand", binary, lanes(Op::vand, L::i64)),
    EMU_ROWS(0xdc, "paddusb", binary, lanes(Op::vqaddu, L::i8)),
    EMU_ROWS(0xdd, "paddusw", binary, lanes(Op::vqaddu, L::i16)),
    EMU_ROWS(0xde, "pmaxub", binary, lanes(Op::vmaxu, L::i8)),
    EMU_ROWS(0xdf, "pandn", pandn, 0),
    EMU_ROWS(0xe0, "pavgb", binary, lanes(Op::vrhaddu, L::i8)),
    EMU_ROWS(0xe1, "psraw", shift_all, lanes(Op::vshrs, L::i16)),
    EMU_ROWS(0xe2, "psrad", shift_all, lanes(Op::vshrs, L::i32)),
    EMU_ROWS(0xe3, "pavgw", binary, lanes(Op::vrhaddu, L::i16)),
    EMU_ROWS(0xe4, "pmulhuw", multiply_high, u32(Op::vmullu)),
    EMU_ROWS(0xe5, "pmulhw", multiply_high, u32(Op::vmulls)),
    EMU_ROWS(0xe8, "psubsb", binary, lanes(Op::vqsubs, L::i8)),
    EMU_ROWS(0xe9, "psubsw", binary, lanes(Op::vqsubs, L::i16)),
    EMU_ROWS(0xea, "pminsw", binary, lanes(Op::vmins, L::i16)),
    EMU_ROWS(0xeb, "por", binary, lanes(Op::vor, L::i64)),
    EMU_ROWS(0xec, "paddsb", binary, lanes(Op::vqadds, L::i8)),
    EMU_ROWS(0xed, "paddsw", binary, lanes(Op::vqadds, L::i16)),
    EMU_ROWS(0xee, "pmaxsw", binary, lanes(Op::vmaxs, L::i16)),
    EMU_ROWS(0xef, "pxor", binary, lanes(Op::vxor, L::i64)),
    EMU_ROWS(0xf1, "psllw", shift_all, lanes(Op::vshl, L::i16)),
    EMU_ROWS(0xf2, "pslld", shift_all, lanes(Op::vshl, L::i32)),
    EMU_ROWS(0xf3, "psllq", shift_all, lanes(Op::vshl, L::i64)),
    EMU_ROWS(0xf4, "pmuludq", multiply_even, u32(Op::vmullu)),
    EMU_ROWS(0xf5, "pmaddwd", pmaddwd, 0),
    EMU_ROWS(0xf6, "psadbw", psadbw, 0),
    EMU_ROWS(0xf8, "psubb", binary, lanes(Op::vsub, L::i8)),
    EMU_ROWS(0xf9, "psubw", binary, lanes(Op::vsub, L::i16)),
    EMU_ROWS(0xfa, "psubd", binary, lanes(Op::vsub, L::i32)),
    EMU_ROWS(0xfb, "psubq", binary, lanes(Op::vsub, L::i64)),
    EMU_ROWS(0xfc, "paddb", binary, lanes(Op::vadd, L::i8)),
    EMU_ROWS(0xfd, "paddw", binary, lanes(Op::vadd, L::i16)),
    EMU_ROWS(0xfe, "paddd", binary, lanes(Op::vadd, L::i32)),
    // SSSE3
    EMU_ROWS38(0x00, "pshufb", pshufb, 0),
    EMU_ROWS38(0x01, "phaddw", horizontal, lanes(Op::vadd, L::i16)),
    EMU_ROWS38(0x02, "phaddd", horizontal, lanes(Op::vadd, L::i32)),
    EMU_ROWS38(0x03, "phaddsw", horizontal, lanes(Op::vqadds, L::i16)),
    EMU_ROWS38(0x04, "pmaddubsw", pmaddubsw, 0),
    EMU_ROWS38(0x05, "phsubw", horizontal, lanes(Op::vsub, L::i16)),
    EMU_ROWS38(0x06, "phsubd", horizontal, lanes(Op::vsub, L::i32)),
    EMU_ROWS38(0x07, "phsubsw", horizontal, lanes(Op::vqsubs, L::i16)),
    EMU_ROWS38(0x08, "psignb", psign, u32(L::i8)),
    EMU_ROWS38(0x09, "psignw", psign, u32(L::i16)),
    EMU_ROWS38(0x0a, "psignd", psign, u32(L::i32)),
    EMU_ROWS38(0x0b, "pmulhrsw", pmulhrsw, 0),
    {Map::three38, 0x1c, N, -1, ' ', "pabsb", "Pq,Qq", unary, lanes(Op::vabs, L::i8), 0, feature::ssse3},
    {Map::three38, 0x1c, P6, -1, ' ', "pabsb", "Vx,Wx", unary, lanes(Op::vabs, L::i8), and_vex | vex_unary | vex_integer, feature::ssse3},
    {Map::three38, 0x1d, N, -1, ' ', "pabsw", "Pq,Qq", unary, lanes(Op::vabs, L::i16), 0, feature::ssse3},
    {Map::three38, 0x1d, P6, -1, ' ', "pabsw", "Vx,Wx", unary, lanes(Op::vabs, L::i16), and_vex | vex_unary | vex_integer, feature::ssse3},
    {Map::three38, 0x1e, N, -1, ' ', "pabsd", "Pq,Qq", unary, lanes(Op::vabs, L::i32), 0, feature::ssse3},
    {Map::three38, 0x1e, P6, -1, ' ', "pabsd", "Vx,Wx", unary, lanes(Op::vabs, L::i32), and_vex | vex_unary | vex_integer, feature::ssse3},
    {Map::three3a, 0x0f, N, -1, ' ', "palignr", "Pq,Qq,Ib", palignr, 0, 0, feature::ssse3},
    {Map::three3a, 0x0f, P6, -1, ' ', "palignr", "Vx,Wx,Ib", palignr, 0, and_vex | vex_integer, feature::ssse3},
    // SSE4 rows of the same shapes
    {Map::three38, 0x28, P6, -1, ' ', "pmuldq", "Vx,Wx", multiply_even, u32(Op::vmulls), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x29, P6, -1, ' ', "pcmpeqq", "Vx,Wx", binary, lanes(Op::veq, L::i64), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x2b, P6, -1, ' ', "packusdw", "Vx,Wx", pack, lanes(Op::vqnarrowsu, L::i16), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x37, P6, -1, ' ', "pcmpgtq", "Vx,Wx", binary, lanes(Op::vgts, L::i64), and_vex | vex_integer, feature::sse42},
    {Map::three38, 0x38, P6, -1, ' ', "pminsb", "Vx,Wx", binary, lanes(Op::vmins, L::i8), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x39, P6, -1, ' ', "pminsd", "Vx,Wx", binary, lanes(Op::vmins, L::i32), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x3a, P6, -1, ' ', "pminuw", "Vx,Wx", binary, lanes(Op::vminu, L::i16), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x3b, P6, -1, ' ', "pminud", "Vx,Wx", binary, lanes(Op::vminu, L::i32), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x3c, P6, -1, ' ', "pmaxsb", "Vx,Wx", binary, lanes(Op::vmaxs, L::i8), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x3d, P6, -1, ' ', "pmaxsd", "Vx,Wx", binary, lanes(Op::vmaxs, L::i32), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x3e, P6, -1, ' ', "pmaxuw", "Vx,Wx", binary, lanes(Op::vmaxu, L::i16), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x3f, P6, -1, ' ', "pmaxud", "Vx,Wx", binary, lanes(Op::vmaxu, L::i32), and_vex | vex_integer, feature::sse41},
    {Map::three38, 0x40, P6, -1, ' ', "pmulld", "Vx,Wx", binary, lanes(Op::vmul, L::i32), and_vex | vex_integer, feature::sse41},
};
#undef EMU_ROWS
#undef EMU_ROWS38
#undef EMU_SHIFT

} // namespace

const std::span<const Row> table_sse_integer = rows;

} // namespace emu::isa::x86
