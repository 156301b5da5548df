// SPDX-License-Identifier: MIT
// SSE4.1 and SSE4.2 and their AVX and AVX2 forms, but for the plain lane-wise ones (sem_sse_integer.cpp).
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"
#include "isa/x86/vector_arg.h"
#include "isa/x86/vector_helper.h"

namespace emu::isa::x86 {

namespace {

/// PMOVSX and PMOVZX: arg = widening op | lane of the source | how many steps.
void widen(Unit& u) {
    ir::Builder& ir = u.ir;
    const u32 arg = u.arg();
    const unsigned steps = arg_imm(arg), bytes = (16u >> steps) * u.halves();
    Val v = !u.insn.is_memory() ? u.xmm(u.insn.rm()) : bytes == 2 ? ir.vzext(u.load(u.address(), 16)) : bytes == 16 ? u.load(u.address(), 128)
                                                       : ir.vzext(u.load(u.address(), bytes * 8));
    for (unsigned s = 0; s + 1 < steps; s++) v = ir.v1(arg_op(arg), Lane(unsigned(arg_lane(arg)) + s), v, 0);
    Val results[2];
    for (unsigned h = 0; h < u.halves(); h++) results[h] = ir.v1(arg_op(arg), Lane(unsigned(arg_lane(arg)) + steps - 1), v, h);
    u.set_halves(results);
}

/// PBLENDVB, BLENDVPS, BLENDVPD: by the top bits of XMM0, behind VEX of the register in the immediate.
void blend_variable(Unit& u) {
    const Lane lane = Lane(u.arg());
    u.each_half([&](Val a, Val b, unsigned h) {
        Val mask = u.insn.vex ? u.vec(2, h) : u.xmm(0);
        return u.ir.v3(Op::vsel, lane, u.ir.v1(Op::vshrs, lane, mask, lane_bits(lane) - 1), b, a);
    });
}

/// BLENDPS, BLENDPD, PBLENDW, VPBLENDD: by bits of the immediate.
void blend_imm(Unit& u) {
    const Lane lane = Lane(u.arg());
    const unsigned count = lane_count(lane), order = unsigned(u.insn.imm & 0xff);
    u.each_half([&](Val a, Val b, unsigned h) {
        const unsigned bits = lane == Lane::i16 ? order : order >> (h * count);
        u8 mask[16];
        for (unsigned i = 0; i < 16; i++) mask[i] = bits >> (i / (16 / count)) & 1 ? 0xff : 0;
        ir::V128 v;
        std::memcpy(&v, mask, 16);
        return u.ir.v3(Op::vsel, lane, u.ir.vimm(v), b, a);
    });
}

/// PTEST (sign bits of all) and VTESTPS, VTESTPD (arg = 1 + lane): ZF of a & b, CF of b & ~a.
void test(Unit& u) {
    ir::Builder& ir = u.ir;
    Val both, only;
    for (unsigned h = 0; h < u.halves(); h++) {
        Val a = u.vec(0, h), b = u.vec(1, h);
        Val x = ir.v2(Op::vand, Lane::i64, a, b), y = ir.v2(Op::vandn, Lane::i64, b, a);
        both = h ? ir.v2(Op::vor, Lane::i64, both, x) : x;
        only = h ? ir.v2(Op::vor, Lane::i64, only, y) : y;
    }
    auto none = [&](Val v) {
        if (u.arg()) return ir.eq(ir.emit(Op::vmask, Type::i32, ir::lane_aux(Lane(u.arg() - 1)), v), ir.imm32(0));
        Val folded = ir.or_(ir.vget(Type::i64, Lane::i64, v, 0), ir.vget(Type::i64, Lane::i64, v, 1));
        return ir.eq(folded, ir.imm64(0));
    };
    u.set_flags(u.with_flag(u.with_flag(u.no_flags(), ir::eflag_zf, none(both)), ir::eflag_cf, none(only)));
}

// --- lanes from and to general registers and memory ------------------------------------------------------------------------------

/// PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS: arg = lane; a 32-bit one is a quadword with REX.W.
void extract(Unit& u) {
    Lane lane = Lane(u.arg());
    if (lane == Lane::i32 && u.insn.rex_w && u.mode64()) lane = Lane::i64;
    const unsigned bits = lane_bits(lane), n = unsigned(u.insn.imm) & (lane_count(lane) - 1);
    Val v = u.ir.vget(Unit::type_of(bits), lane, u.vec(1), n);
    if (u.insn.is_memory()) return u.store(u.address(), v, bits);
    u.set_reg(u.insn.rm(), bits == 64 ? 64 : 32, v);
}
void extract_float(Unit& u) {
    Val v = u.ir.vget(Type::i32, Lane::i32, u.vec(1), unsigned(u.insn.imm) & 3);
    if (u.insn.is_memory()) return u.store(u.address(), v, 32);
    u.set_reg(u.insn.rm(), 32, v);
}
void insert(Unit& u) {
    Lane lane = Lane(u.arg());
    if (lane == Lane::i32 && u.insn.rex_w && u.mode64()) lane = Lane::i64;
    const unsigned bits = lane_bits(lane);
    Val v = u.insn.is_memory() ? u.load(u.address(), bits) : u.reg(u.insn.rm(), bits == 64 ? 64 : 32);
    u.set_vec({u.ir.vset(lane, u.first(), v, unsigned(u.insn.imm) & (lane_count(lane) - 1))});
}
/// INSERTPS: source lane in bits 7-6, destination lane in 5-4, lanes to clear in 3-0.
void insert_float(Unit& u) {
    ir::Builder& ir = u.ir;
    const unsigned imm = unsigned(u.insn.imm);
    Val x = u.insn.is_memory() ? u.load(u.address(), 32) : ir.vget(Type::i32, Lane::i32, u.xmm(u.insn.rm()), imm >> 6 & 3);
    Val v = ir.vset(Lane::i32, u.first(), x, imm >> 4 & 3);
    for (unsigned i = 0; i < 4; i++)
        if (imm >> i & 1) v = ir.vset(Lane::i32, v, ir.imm32(0), i);
    u.set_vec({v});
}

// --- arithmetic ------------------------------------------------------------------------------------------------------------------

/// ROUNDPS and kin: bit 2 of the immediate takes MXCSR's rounding, bit 3 keeps the precision exception down.
u16 rounding_aux(const Unit& u, Lane lane) {
    constexpr ir::Rounding modes[] = {ir::Rounding::nearest_even, ir::Rounding::down, ir::Rounding::up, ir::Rounding::toward_zero};
    const u64 imm = u.insn.imm;
    return ir::vfp_aux(lane, imm & 4 ? ir::Rounding::dynamic : modes[imm & 3], imm & 8 ? 0 : 1);
}
void round_packed(Unit& u) {
    const Lane lane = Lane(u.arg());
    u.each_half([&](Val, Val b, unsigned) { return u.ir.emit(Op::vfrint, Type::v128, rounding_aux(u, lane), b); });
}
void round_scalar(Unit& u) {
    const Lane lane = Lane(u.arg());
    Val b = u.scalar(1, float_type(lane));
    u.set_scalar(u.ir.emit(Op::frint, float_type(lane), ir::vfp_scalar_aux(rounding_aux(u, lane)), b), lane, u.first());
}

/// DPPS, DPPD: products of the lanes in the high half of the immediate, summed pairwise, to the lanes in the low half.
void dot_product(Unit& u) {
    const Lane lane = Lane(u.arg()), as_int = lane == Lane::f32 ? Lane::i32 : Lane::i64;
    const unsigned imm = unsigned(u.insn.imm), count = lane_count(lane);
    auto mask = [&](unsigned bits) {
        u8 bytes[16];
        for (unsigned i = 0; i < 16; i++) bytes[i] = bits >> (i / (16 / count)) & 1 ? 0xff : 0;
        ir::V128 v;
        std::memcpy(&v, bytes, 16);
        return u.ir.vimm(v);
    };
    ir::Builder& ir = u.ir;
    Val p[2], on = mask(imm >> 4);
    // An unmasked exception of one stage keeps the next from being done (SDM volume 2, DPPS).
    auto stage = [&](auto f) {
        for (unsigned h = 0; h < u.halves(); h++) p[h] = f(p[h], h);
    };
    stage([&](Val, unsigned h) { return u.vec(1, h); });
    // Lanes that do not take part are +0 before they are multiplied, so that they raise nothing.
    stage([&](Val b, unsigned h) {
        Val x = ir.v2(Op::vand, Lane::i64, u.first(h), on), y = ir.v2(Op::vand, Lane::i64, b, on);
        return ir.v2(Op::vand, Lane::i64, ir.v2(Op::vfmul, lane, x, y), on);
    });
    check_raised(u);
    // Neighbours, then halves: the order of operands differs by lane, which NaNs show.
    if (count == 4) {
        stage([&](Val v, unsigned) { return ir.v2(Op::vfadd, lane, ir.v1(Op::vrev, as_int, v, 2), v); });
        check_raised(u);
    }
    stage([&](Val v, unsigned) {
        return ir.v2(Op::vand, Lane::i64, ir.v2(Op::vfadd, lane, v, ir.v2(Op::vext, Lane::i8, v, v, 8)), mask(imm));
    });
    u.set_halves(p);
}

/// MPSADBW: eight sums of four absolute differences, at eight neighbouring places.
void mpsadbw(Unit& u) {
    u.each_half([&](Val a, Val b, unsigned h) {
        ir::Builder& ir = u.ir;
        const unsigned imm = unsigned(u.insn.imm) >> (3 * h), from = (imm >> 2 & 1) * 4;
        Val four = ir.vdup(Lane::i32, ir.vget(Type::i32, Lane::i32, b, imm & 3));
        // Place i takes bytes from + i .. from + i + 3: two groups of four places, each a 16-byte vector of differences.
        auto places = [&](unsigned first) {
            u8 pick[16];
            for (unsigned i = 0; i < 16; i++) pick[i] = u8(from + first + i / 4 + i % 4);
            ir::V128 v;
            std::memcpy(&v, pick, 16);
            Val d = ir.v2(Op::vabdu, Lane::i8, ir.v2(Op::vtbl, Lane::i8, a, ir.vimm(v)), four);
            return ir.v1(Op::vpaddlu, Lane::i16, ir.v1(Op::vpaddlu, Lane::i8, d));
        };
        return ir.v2(Op::vnarrow, Lane::i16, places(0), places(4));
    });
}

/// What only a helper does: arg = VectorOp.
void helped(Unit& u) { vector_call(u, VectorOp(u.arg())); }

/// PCMPESTRI and kin: arg = VectorOp; the flags come back from the helper.
void string_compare(Unit& u) {
    ir::Builder& ir = u.ir;
    Val source = u.vec(1);
    ir.set(slot_vector, source);
    const u64 wide = u.insn.rex_w && u.mode64() ? 1 : 0;
    ir.call(helper_string_compare, {ir.imm64(u.arg() | u64(u.insn.imm & 0xff) << 8 | wide << 16 | u64(u.insn.vex) << 17), ir.imm64(u.insn.reg())});
}

using L = Lane;
constexpr auto P6 = Prefix::p66;
using namespace feature;

constexpr Row rows[] = {
    {Map::three38, 0x10, P6, -1, ' ', "pblendvb", "Vx,Wx", blend_variable, u32(L::i8), 0, sse41},
    {Map::three38, 0x14, P6, -1, ' ', "blendvps", "Vx,Wx", blend_variable, u32(L::i32), 0, sse41},
    {Map::three38, 0x15, P6, -1, ' ', "blendvpd", "Vx,Wx", blend_variable, u32(L::i64), 0, sse41},
    {Map::vex3a, 0x4c, P6, -1, ' ', "vpblendvb", "Vx,Wx,Lx", blend_variable, u32(L::i8), w0 | vex_integer, avx},
    {Map::vex3a, 0x4a, P6, -1, ' ', "vblendvps", "Vx,Wx,Lx", blend_variable, u32(L::i32), w0, avx},
    {Map::vex3a, 0x4b, P6, -1, ' ', "vblendvpd", "Vx,Wx,Lx", blend_variable, u32(L::i64), w0, avx},
    {Map::three38, 0x17, P6, -1, ' ', "ptest", "Vx,Wx", test, 0, and_vex | vex_unary, sse41},
    {Map::vex38, 0x0e, P6, -1, ' ', "vtestps", "Vx,Wx", test, 1 + u32(L::i32), w0 | vex_unary, avx},
    {Map::vex38, 0x0f, P6, -1, ' ', "vtestpd", "Vx,Wx", test, 1 + u32(L::i64), w0 | vex_unary, avx},
    {Map::three38, 0x20, P6, -1, ' ', "pmovsxbw", "Vx,Wq", widen, lanes(Op::vwidens, L::i8, 1), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x21, P6, -1, ' ', "pmovsxbd", "Vx,Wd", widen, lanes(Op::vwidens, L::i8, 2), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x22, P6, -1, ' ', "pmovsxbq", "Vx,Ww", widen, lanes(Op::vwidens, L::i8, 3), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x23, P6, -1, ' ', "pmovsxwd", "Vx,Wq", widen, lanes(Op::vwidens, L::i16, 1), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x24, P6, -1, ' ', "pmovsxwq", "Vx,Wd", widen, lanes(Op::vwidens, L::i16, 2), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x25, P6, -1, ' ', "pmovsxdq", "Vx,Wq", widen, lanes(Op::vwidens, L::i32, 1), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x30, P6, -1, ' ', "pmovzxbw", "Vx,Wq", widen, lanes(Op::vwidenu, L::i8, 1), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x31, P6, -1, ' ', "pmovzxbd", "Vx,Wd", widen, lanes(Op::vwidenu, L::i8, 2), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x32, P6, -1, ' ', "pmovzxbq", "Vx,Ww", widen, lanes(Op::vwidenu, L::i8, 3), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x33, P6, -1, ' ', "pmovzxwd", "Vx,Wq", widen, lanes(Op::vwidenu, L::i16, 1), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x34, P6, -1, ' ', "pmovzxwq", "Vx,Wd", widen, lanes(Op::vwidenu, L::i16, 2), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x35, P6, -1, ' ', "pmovzxdq", "Vx,Wq", widen, lanes(Op::vwidenu, L::i32, 1), and_vex | vex_unary | vex_integer, sse41},
    {Map::three38, 0x41, P6, -1, ' ', "phminposuw", "Vx,Wx", helped, u32(VectorOp::min_position), and_vex | vex_unary | vex_l0, sse41},
    {Map::three3a, 0x08, P6, -1, ' ', "roundps", "Vx,Wx,Ib", round_packed, u32(L::f32), and_vex | vex_unary, sse41},
    {Map::three3a, 0x09, P6, -1, ' ', "roundpd", "Vx,Wx,Ib", round_packed, u32(L::f64), and_vex | vex_unary, sse41},
    {Map::three3a, 0x0a, P6, -1, ' ', "roundss", "Vx,Wss,Ib", round_scalar, u32(L::f32), and_vex, sse41},
    {Map::three3a, 0x0b, P6, -1, ' ', "roundsd", "Vx,Wsd,Ib", round_scalar, u32(L::f64), and_vex, sse41},
    {Map::three3a, 0x0c, P6, -1, ' ', "blendps", "Vx,Wx,Ib", blend_imm, u32(L::i32), and_vex, sse41},
    {Map::three3a, 0x0d, P6, -1, ' ', "blendpd", "Vx,Wx,Ib", blend_imm, u32(L::i64), and_vex, sse41},
    {Map::three3a, 0x0e, P6, -1, ' ', "pblendw", "Vx,Wx,Ib", blend_imm, u32(L::i16), and_vex | vex_integer, sse41},
    {Map::vex3a, 0x02, P6, -1, ' ', "vpblendd", "Vx,Wx,Ib", blend_imm, u32(L::i32), w0, avx2},
    {Map::three3a, 0x14, P6, -1, ' ', "pextrb", "Ed,Vx,Ib", extract, u32(L::i8), and_vex | vex_unary | vex_l0, sse41},
    {Map::three3a, 0x15, P6, -1, ' ', "pextrw", "Ed,Vx,Ib", extract, u32(L::i16), and_vex | vex_unary | vex_l0, sse41},
    {Map::three3a, 0x16, P6, -1, ' ', "pextrd", "Ey,Vx,Ib", extract, u32(L::i32), and_vex | vex_unary | vex_l0, sse41},
    {Map::three3a, 0x17, P6, -1, ' ', "extractps", "Ed,Vx,Ib", extract_float, 0, and_vex | vex_unary | vex_l0, sse41},
    {Map::three3a, 0x20, P6, -1, ' ', "pinsrb", "Vx,Ed,Ib", insert, u32(L::i8), and_vex | vex_l0, sse41},
    {Map::three3a, 0x21, P6, -1, ' ', "insertps", "Vx,Wd,Ib", insert_float, 0, and_vex | vex_l0, sse41},
    {Map::three3a, 0x22, P6, -1, ' ', "pinsrd", "Vx,Ey,Ib", insert, u32(L::i32), and_vex | vex_l0, sse41},
    {Map::three3a, 0x40, P6, -1, ' ', "dpps", "Vx,Wx,Ib", dot_product, u32(L::f32), and_vex, sse41},
    {Map::three3a, 0x41, P6, -1, ' ', "dppd", "Vx,Wx,Ib", dot_product, u32(L::f64), and_vex | vex_l0, sse41},
    {Map::three3a, 0x42, P6, -1, ' ', "mpsadbw", "Vx,Wx,Ib", mpsadbw, 0, and_vex | vex_integer, sse41},
    {Map::three3a, 0x60, P6, -1, ' ', "pcmpestrm", "Vx,Wx,Ib", string_compare, 0, and_vex | vex_unary | vex_l0, sse42},
    {Map::three3a, 0x61, P6, -1, ' ', "pcmpestri", "Vx,Wx,Ib", string_compare, 1, and_vex | vex_unary | vex_l0, sse42},
    {Map::three3a, 0x62, P6, -1, ' ', "pcmpistrm", "Vx,Wx,Ib", string_compare, 2, and_vex | vex_unary | vex_l0, sse42},
    {Map::three3a, 0x63, P6, -1, ' ', "pcmpistri", "Vx,Wx,Ib", string_compare, 3, and_vex | vex_unary | vex_l0, sse42},
};

} // namespace

const std::span<const Row> table_sse4 = rows;

} // namespace emu::isa::x86
