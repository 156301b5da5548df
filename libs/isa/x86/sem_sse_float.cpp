// SPDX-License-Identifier: MIT
// SSE, SSE2 and SSE3 floating point and their AVX forms. The IR's arithmetic follows fp::rules::x86_sse.
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"
#include "isa/x86/vector_arg.h"
#include "isa/x86/vector_helper.h"

namespace emu::isa::x86 {

namespace {

Val first_scalar(Unit& u, Lane lane) { return u.ir.vget(float_type(lane), lane, u.first(), 0); }

void packed(Unit& u) {
    const u32 arg = u.arg();
    u.each_half([&](Val a, Val b) { return u.ir.v2(arg_op(arg), arg_lane(arg), a, b); });
}
void scalar(Unit& u) {
    const u32 arg = u.arg();
    const Lane lane = arg_lane(arg);
    Val b = u.scalar(1, float_type(lane)), rest = u.first();
    u.set_scalar(u.ir.op2(arg_op(arg), first_scalar(u, lane), b), lane, rest);
}
void packed_sqrt(Unit& u) {
    const Lane lane = Lane(u.arg());
    u.each_half([&](Val, Val b) { return u.ir.v1(Op::vfsqrt, lane, b); });
}
void scalar_sqrt(Unit& u) {
    const Lane lane = Lane(u.arg());
    Val b = u.scalar(1, float_type(lane));
    u.set_scalar(u.ir.op1(Op::fsqrt, b), lane, u.first());
}

/// With DAZ, what MIN and MAX hand on is a zero too.
Val flushed(Unit& u, Lane lane, Val v) {
    if (!(u.mode_bits() & mode::daz)) return v;
    ir::Builder& ir = u.ir;
    const Lane as_int = lane == Lane::f32 ? Lane::i32 : Lane::i64;
    const ir::V128 exponent = lane == Lane::f32 ? ir::V128{0x7f8000007f800000, 0x7f8000007f800000} : ir::V128{u64(0x7ff) << 52, u64(0x7ff) << 52};
    const ir::V128 sign = lane == Lane::f32 ? ir::V128{0x8000000080000000, 0x8000000080000000} : ir::V128{u64(1) << 63, u64(1) << 63};
    Val tiny = ir.v2(Op::veq, as_int, ir.v2(Op::vand, as_int, v, ir.vimm(exponent)), ir.vzero());
    return ir.v3(Op::vsel, as_int, tiny, ir.v2(Op::vand, as_int, v, ir.vimm(sign)), v);
}

/// MIN and MAX give the second source unless the first is less (greater): for NaNs and for zeros of any sign (SDM: MINPS).
void packed_min_max(Unit& u) {
    const u32 arg = u.arg();
    const Lane lane = arg_lane(arg);
    u.each_half([&](Val a, Val b) {
        Val takes = arg_imm(arg) ? u.ir.v2(Op::vfcgt, lane, a, b) : u.ir.v2(Op::vfcgt, lane, b, a);
        return flushed(u, lane, u.ir.v3(Op::vsel, lane, takes, a, b));
    });
}
void scalar_min_max(Unit& u) {
    const u32 arg = u.arg();
    const Lane lane = arg_lane(arg);
    Val a = first_scalar(u, lane), b = u.scalar(1, float_type(lane));
    Val token = arg_imm(arg) ? u.ir.fcmp(a, b, true) : u.ir.fcmp(b, a, true);
    Val result = u.ir.select(u.ir.test(Cond::gt, token), a, b);
    if (u.mode_bits() & mode::daz) result = u.ir.vget(float_type(lane), lane, flushed(u, lane, u.ir.vzext(result)), 0);
    u.set_scalar(result, lane, u.first());
}

/// Bitwise ops keep the name of their type.
void bits(Unit& u) {
    const u32 arg = u.arg();
    u.each_half([&](Val a, Val b) {
        if (arg & swapped) std::swap(a, b);
        return u.ir.v2(arg_op(arg), Lane::i64, a, b);
    });
}

/// RCPPS, RSQRTPS.
void packed_reciprocal(Unit& u) { vector_call(u, VectorOp(u.arg())); }
void scalar_reciprocal(Unit& u) {
    Val b = u.ir.vzext(u.scalar(1, Type::f32)), rest = u.first();
    u.set_scalar(u.ir.vget(Type::f32, Lane::f32, vector_result(u, VectorOp(u.arg()), b), 0), Lane::f32, rest);
}

/// The predicates of CMPPS (SDM, table 3-1): eight shapes; bit 3 changes what unordered gives, bit 4 whether quiet NaNs signal.
Val compare_packed(Unit& u, Lane lane, Val a, Val b, unsigned predicate) {
    ir::Builder& ir = u.ir;
    constexpr u32 signals = 0x6666; // by the low four bits; bit 4 turns it over
    const bool signaling = (signals >> (predicate & 15) & 1) != (predicate >> 4);
    const Lane bits_lane = lane == Lane::f32 ? Lane::i32 : Lane::i64;
    const Val ones = ir.vimm({~u64(0), ~u64(0)});
    // All zeros, whatever m is: what is left of a comparison that is made for its flags.
    auto none_of = [&](Val m) { return ir.v2(Op::vgtu, bits_lane, m, ones); };
    auto quiet_ordered = [&] {
        const ir::V128 size = lane == Lane::f32 ? ir::V128{0x7fffffff7fffffff, 0x7fffffff7fffffff} : ir::V128{~u64(0) >> 1, ~u64(0) >> 1};
        const ir::V128 inf = lane == Lane::f32 ? ir::V128{0x7f8000007f800000, 0x7f8000007f800000} : ir::V128{u64(0x7ff) << 52, u64(0x7ff) << 52};
        auto nan = [&](Val v) { return ir.v2(Op::vgts, bits_lane, ir.v2(Op::vand, bits_lane, v, ir.vimm(size)), ir.vimm(inf)); };
        Val unordered = ir.v2(Op::vor, bits_lane, nan(a), nan(b));
        unordered = ir.v2(Op::vor, bits_lane, unordered, none_of(ir.v2(Op::vfceq, lane, a, b)));
        return ir.v1(Op::vnot, bits_lane, unordered);
    };
    // vfcgt and vfcge signal, vfceq does not; NaNs are made zeros where they must not.
    auto loudly = [&](Op op, Val x, Val y) {
        if (signaling) return ir.v2(op, lane, x, y);
        Val fine = quiet_ordered();
        return ir.v2(Op::vand, lane, fine, ir.v2(op, lane, ir.v2(Op::vand, lane, x, fine), ir.v2(Op::vand, lane, y, fine)));
    };
    auto gt = [&](Val x, Val y) { return loudly(Op::vfcgt, x, y); };
    auto ge = [&](Val x, Val y) { return loudly(Op::vfcge, x, y); };
    auto eq = [&](Val x, Val y) {
        if (!signaling) return ir.v2(Op::vfceq, lane, x, y);
        return ir.v2(Op::vand, lane, ir.v2(Op::vfcge, lane, x, y), ir.v2(Op::vfcge, lane, y, x));
    };
    auto ordered = [&] {
        if (!signaling) return quiet_ordered();
        return ir.v2(Op::vor, lane, ir.v2(Op::vfcge, lane, a, b), ir.v2(Op::vfcge, lane, b, a));
    };
    auto not_ = [&](Val x) { return ir.v1(Op::vnot, lane, x); };
    auto both = [&](Val x, Val y) { return ir.v2(Op::vand, lane, x, y); };
    auto either = [&](Val x, Val y) { return ir.v2(Op::vor, lane, x, y); };
    auto constant = [&] { return signaling ? ir.v2(Op::vfcgt, lane, a, b) : ir.v2(Op::vfceq, lane, a, b); };
    switch (predicate & 15) {
    case 0: return eq(a, b);
    case 1: return gt(b, a);
    case 2: return ge(b, a);
    case 3: return not_(ordered());
    case 4: return not_(eq(a, b));
    case 5: return not_(gt(b, a));
    case 6: return not_(ge(b, a));
    case 7: return ordered();
    case 8: return either(eq(a, b), not_(ordered()));
    case 9: return not_(ge(a, b));
    case 10: return not_(gt(a, b));
    // Always false and always true raise what the comparison would.
    case 11: return none_of(constant());
    case 12: return both(not_(eq(a, b)), ordered());
    case 13: return ge(a, b);
    case 14: return gt(a, b);
    default: return ir.v2(Op::vgeu, bits_lane, constant(), ir.vzero());
    }
}

unsigned predicate(const Unit& u) { return unsigned(u.insn.imm) & (u.insn.vex ? 31 : 7); }

void compare(Unit& u) {
    const Lane lane = Lane(u.arg());
    u.each_half([&](Val a, Val b) { return compare_packed(u, lane, a, b, predicate(u)); });
}
void compare_scalar(Unit& u) {
    const Lane lane = Lane(u.arg());
    const Lane bits_lane = lane == Lane::f32 ? Lane::i32 : Lane::i64;
    // Only the low lane may raise flags: the others are made zeros.
    Val a = u.ir.vzext(first_scalar(u, lane)), b = u.ir.vzext(u.scalar(1, float_type(lane)));
    Val mask = compare_packed(u, lane, a, b, predicate(u));
    u.set_scalar(u.ir.vget(lane == Lane::f32 ? Type::i32 : Type::i64, bits_lane, mask, 0), bits_lane, u.first());
}

/// COMISS (arg bit 4) and UCOMISS, and the double forms.
void compare_flags(Unit& u) {
    const Lane lane = Lane(u.arg() & 15);
    Val a = u.ir.vget(float_type(lane), lane, u.vec(0), 0), b = u.scalar(1, float_type(lane));
    u.flags_float(a, b, u.arg() & 16);
}

// --- conversions -----------------------------------------------------------------------------------------------------------------------

void convert_scalar(Unit& u) { // CVTSS2SD (arg f32), CVTSD2SS (arg f64): source lane
    const Lane from = Lane(u.arg()), to = from == Lane::f32 ? Lane::f64 : Lane::f32;
    Val v = u.scalar(1, float_type(from));
    u.set_scalar(u.ir.emit(Op::fcvt, float_type(to), 0, v), to, u.first());
}

void int_to_float(Unit& u) {
    const Lane lane = Lane(u.arg());
    Val v = u.read(1);
    u.set_scalar(u.ir.emit(Op::s2f, float_type(lane), 0, v), lane, u.first());
}

/// CVTSS2SI (dynamic rounding) and CVTTSS2SI (bit 4).
void float_to_int(Unit& u) {
    const Lane lane = Lane(u.arg() & 15);
    const ir::Rounding rounding = u.arg() & 16 ? ir::Rounding::toward_zero : ir::Rounding::dynamic;
    Val v = u.scalar(1, float_type(lane));
    u.write(0, u.ir.emit(Op::f2s, Unit::type_of(u.bits(0)), ir::fp_aux(rounding), v));
}

/// CVTDQ2PS, CVTPS2DQ (arg 1), CVTTPS2DQ (2).
void convert_packed_32(Unit& u) {
    u.each_half([&](Val, Val b) {
        if (u.arg() == 0) return u.ir.emit(Op::vs2f, Type::v128, ir::vfp_aux(Lane::f32, ir::Rounding::dynamic), b);
        return u.ir.emit(Op::vf2s, Type::v128, ir::vfp_aux(Lane::f32, u.arg() == 1 ? ir::Rounding::dynamic : ir::Rounding::toward_zero), b);
    });
}

/// CVTPS2PD and CVTDQ2PD (arg 1): from the low half of the source, a quarter of the result at a time.
void widen_packed(Unit& u) {
    ir::Builder& ir = u.ir;
    const bool both = u.halves() == 2;
    Val v = u.is_memory(1) && !both ? ir.vzext(u.load(u.address(), 64)) : u.vec(1, 0);
    auto half = [&](unsigned which) {
        if (u.arg() == 0) return ir.v1(Op::vfwiden, Lane::f32, v, which);
        Val lo = ir.emit(Op::s2f, Type::f64, 0, ir.vget(Type::i32, Lane::i32, v, 2 * which));
        Val hi = ir.emit(Op::s2f, Type::f64, 0, ir.vget(Type::i32, Lane::i32, v, 2 * which + 1));
        return ir.vset(Lane::f64, ir.vzext(lo), hi, 1);
    };
    if (both) u.set_vec({half(0), half(1)});
    else u.set_vec({half(0)});
}

/// CVTPD2PS (0), CVTPD2DQ (1), CVTTPD2DQ (2): two doubles a half to the low half of the result.
void narrow_packed(Unit& u) {
    ir::Builder& ir = u.ir;
    auto half = [&](Val v) {
        if (u.arg() == 0) return ir.v2(Op::vfnarrow, Lane::f32, v, ir.vzero());
        const ir::Rounding rounding = u.arg() == 1 ? ir::Rounding::dynamic : ir::Rounding::toward_zero;
        Val lo = ir.emit(Op::f2s, Type::i32, ir::fp_aux(rounding), ir.vget(Type::f64, Lane::f64, v, 0));
        Val hi = ir.emit(Op::f2s, Type::i32, ir::fp_aux(rounding), ir.vget(Type::f64, Lane::f64, v, 1));
        return ir.vset(Lane::i32, ir.vzext(lo), hi, 1);
    };
    const bool both = u.halves() == 2;
    Val lower = u.vec(1, 0), upper = both ? u.vec(1, 1) : Val{}, low = half(lower);
    if (both) low = ir.v2(Op::vcat, Lane::i8, low, half(upper));
    u.set_xmm(u.insn.reg(), 0, low);
    if (u.insn.vex) u.set_xmm(u.insn.reg(), 1, ir.vzero());
}

/// CVTPI2PS, CVTPI2PD (arg f64): from MMX or memory.
void mmx_to_float(Unit& u) {
    ir::Builder& ir = u.ir;
    const Lane lane = Lane(u.arg());
    Val v = u.vec(1), lo = ir.emit(Op::s2f, float_type(lane), 0, ir.vget(Type::i32, Lane::i32, v, 0));
    Val hi = ir.emit(Op::s2f, float_type(lane), 0, ir.vget(Type::i32, Lane::i32, v, 1));
    u.set_xmm(u.insn.reg(), 0, ir.vset(lane, ir.vset(lane, lane == Lane::f64 ? ir.vzero() : u.xmm(u.insn.reg()), lo, 0), hi, 1));
}
/// CVTPS2PI, CVTTPS2PI (bit 4) and the double forms.
void float_to_mmx(Unit& u) {
    ir::Builder& ir = u.ir;
    const Lane lane = Lane(u.arg() & 15);
    const ir::Rounding rounding = u.arg() & 16 ? ir::Rounding::toward_zero : ir::Rounding::dynamic;
    Val v = lane == Lane::f32 && u.insn.is_memory() ? ir.vzext(u.load(u.address(), 64)) : u.vec(1);
    auto part = [&](unsigned i) { return ir.emit(Op::f2s, Type::i32, ir::fp_aux(rounding), ir.vget(float_type(lane), lane, v, i)); };
    Val result = ir.vset(Lane::i32, ir.vzext(part(0)), part(1), 1);
    u.set_mmx(u.insn.modrm >> 3 & 7, ir.vget(Type::i64, Lane::i64, result, 0));
}

// --- shuffles, horizontal ----------------------------------------------------------------------------------------------------------------

void shufps(Unit& u) {
    const unsigned order = unsigned(u.insn.imm & 0xff);
    u.each_half([&](Val a, Val b) {
        ir::Builder& ir = u.ir;
        auto two = [&](Val v, unsigned shift) {
            u8 from[16];
            for (unsigned i = 0; i < 16; i++) from[i] = i < 8 ? u8((order >> (shift + i / 4 * 2) & 3) * 4 + i % 4) : u8(0xff);
            ir::V128 table;
            std::memcpy(&table, from, 16);
            return ir.v2(Op::vtbl, Lane::i8, v, ir.vimm(table));
        };
        return ir.v2(Op::vcat, Lane::i8, two(a, 0), two(b, 4));
    });
}
void shufpd(Unit& u) {
    unsigned order = unsigned(u.insn.imm & 15);
    u.each_half([&](Val a, Val b) {
        ir::Builder& ir = u.ir;
        Val lo = ir.vget(Type::i64, Lane::i64, a, order & 1), hi = ir.vget(Type::i64, Lane::i64, b, order >> 1 & 1);
        order >>= 2;
        return ir.vset(Lane::i64, ir.vzext(lo), hi, 1);
    });
}

/// HADD, HSUB: arg's op on even and odd lanes.
void horizontal(Unit& u) {
    const u32 arg = u.arg();
    const Lane lane = arg_lane(arg);
    u.each_half([&](Val a, Val b) { return u.ir.v2(arg_op(arg), lane, u.ir.v2(Op::vuzp1, lane, a, b), u.ir.v2(Op::vuzp2, lane, a, b)); });
}
/// ADDSUB: even lanes are subtracted, odd ones added.
void add_sub(Unit& u) {
    const Lane lane = Lane(u.arg());
    const ir::V128 odd = lane == Lane::f32 ? ir::V128{0xffffffff00000000, 0xffffffff00000000} : ir::V128{0, ~u64(0)};
    u.each_half([&](Val a, Val b) {
        return u.ir.v2(Op::vfadd, lane, a, u.ir.v3(Op::vsel, lane, u.ir.vimm(odd), b, u.negated(lane, b)));
    });
}

using L = Lane;
constexpr auto P6 = Prefix::p66;
constexpr auto N = Prefix::none;
constexpr auto F3 = Prefix::f3;
constexpr auto F2 = Prefix::f2;
using namespace feature;

/// The four forms of an arithmetic instruction.
#define EMU_ARITHMETIC(opcode, name, packed_f, scalar_f, pf32, pf64, sf32, sf64)                                                \
    {Map::two, opcode, N, -1, ' ', name "ps", "Vx,Wx", packed_f, pf32, and_vex, sse},                                           \
        {Map::two, opcode, P6, -1, ' ', name "pd", "Vx,Wx", packed_f, pf64, and_vex, sse2},                                     \
        {Map::two, opcode, F3, -1, ' ', name "ss", "Vx,Wss", scalar_f, sf32, and_vex, sse},                                     \
        {Map::two, opcode, F2, -1, ' ', name "sd", "Vx,Wsd", scalar_f, sf64, and_vex, sse2}
#define EMU_BINARY(opcode, name, vector_op, scalar_op)                                                                          \
    EMU_ARITHMETIC(opcode, name, packed, scalar, lanes(vector_op, L::f32), lanes(vector_op, L::f64), lanes(scalar_op, L::f32),  \
                   lanes(scalar_op, L::f64))

constexpr Row rows[] = {
    EMU_BINARY(0x58, "add", Op::vfadd, Op::fadd),
    EMU_BINARY(0x59, "mul", Op::vfmul, Op::fmul),
    EMU_BINARY(0x5c, "sub", Op::vfsub, Op::fsub),
    EMU_BINARY(0x5e, "div", Op::vfdiv, Op::fdiv),
    {Map::two, 0x51, N, -1, ' ', "sqrtps", "Vx,Wx", packed_sqrt, u32(L::f32), and_vex | vex_unary, sse},
    {Map::two, 0x51, P6, -1, ' ', "sqrtpd", "Vx,Wx", packed_sqrt, u32(L::f64), and_vex | vex_unary, sse2},
    {Map::two, 0x51, F3, -1, ' ', "sqrtss", "Vx,Wss", scalar_sqrt, u32(L::f32), and_vex, sse},
    {Map::two, 0x51, F2, -1, ' ', "sqrtsd", "Vx,Wsd", scalar_sqrt, u32(L::f64), and_vex, sse2},
    EMU_ARITHMETIC(0x5d, "min", packed_min_max, scalar_min_max, lanes(Op::vsel, L::f32, 0), lanes(Op::vsel, L::f64, 0),
                   lanes(Op::vsel, L::f32, 0), lanes(Op::vsel, L::f64, 0)),
    EMU_ARITHMETIC(0x5f, "max", packed_min_max, scalar_min_max, lanes(Op::vsel, L::f32, 1), lanes(Op::vsel, L::f64, 1),
                   lanes(Op::vsel, L::f32, 1), lanes(Op::vsel, L::f64, 1)),
    {Map::two, 0x52, N, -1, ' ', "rsqrtps", "Vx,Wx", packed_reciprocal, u32(VectorOp::reciprocal_root_f32), and_vex | vex_unary, sse},
    {Map::two, 0x52, F3, -1, ' ', "rsqrtss", "Vx,Wss", scalar_reciprocal, u32(VectorOp::reciprocal_root_f32), and_vex, sse},
    {Map::two, 0x53, N, -1, ' ', "rcpps", "Vx,Wx", packed_reciprocal, u32(VectorOp::reciprocal_f32), and_vex | vex_unary, sse},
    {Map::two, 0x53, F3, -1, ' ', "rcpss", "Vx,Wss", scalar_reciprocal, u32(VectorOp::reciprocal_f32), and_vex, sse},
    {Map::two, 0x54, N, -1, ' ', "andps", "Vx,Wx", bits, lanes(Op::vand, L::i64), and_vex, sse},
    {Map::two, 0x54, P6, -1, ' ', "andpd", "Vx,Wx", bits, lanes(Op::vand, L::i64), and_vex, sse2},
    {Map::two, 0x55, N, -1, ' ', "andnps", "Vx,Wx", bits, lanes(Op::vandn, L::i64) | swapped, and_vex, sse},
    {Map::two, 0x55, P6, -1, ' ', "andnpd", "Vx,Wx", bits, lanes(Op::vandn, L::i64) | swapped, and_vex, sse2},
    {Map::two, 0x56, N, -1, ' ', "orps", "Vx,Wx", bits, lanes(Op::vor, L::i64), and_vex, sse},
    {Map::two, 0x56, P6, -1, ' ', "orpd", "Vx,Wx", bits, lanes(Op::vor, L::i64), and_vex, sse2},
    {Map::two, 0x57, N, -1, ' ', "xorps", "Vx,Wx", bits, lanes(Op::vxor, L::i64), and_vex, sse},
    {Map::two, 0x57, P6, -1, ' ', "xorpd", "Vx,Wx", bits, lanes(Op::vxor, L::i64), and_vex, sse2},
    {Map::two, 0x14, N, -1, ' ', "unpcklps", "Vx,Wx", packed, lanes(Op::vzip1, L::i32), and_vex, sse},
    {Map::two, 0x14, P6, -1, ' ', "unpcklpd", "Vx,Wx", packed, lanes(Op::vzip1, L::i64), and_vex, sse2},
    {Map::two, 0x15, N, -1, ' ', "unpckhps", "Vx,Wx", packed, lanes(Op::vzip2, L::i32), and_vex, sse},
    {Map::two, 0x15, P6, -1, ' ', "unpckhpd", "Vx,Wx", packed, lanes(Op::vzip2, L::i64), and_vex, sse2},
    {Map::two, 0xc6, N, -1, ' ', "shufps", "Vx,Wx,Ib", shufps, 0, and_vex, sse},
    {Map::two, 0xc6, P6, -1, ' ', "shufpd", "Vx,Wx,Ib", shufpd, 0, and_vex, sse2},
    {Map::two, 0xc2, N, -1, ' ', "cmpps", "Vx,Wx,Ib", compare, u32(L::f32), and_vex, sse},
    {Map::two, 0xc2, P6, -1, ' ', "cmppd", "Vx,Wx,Ib", compare, u32(L::f64), and_vex, sse2},
    {Map::two, 0xc2, F3, -1, ' ', "cmpss", "Vx,Wss,Ib", compare_scalar, u32(L::f32), and_vex, sse},
    {Map::two, 0xc2, F2, -1, ' ', "cmpsd", "Vx,Wsd,Ib", compare_scalar, u32(L::f64), and_vex, sse2},
    {Map::two, 0x2e, N, -1, ' ', "ucomiss", "Vx,Wss", compare_flags, u32(L::f32), and_vex | vex_unary, sse},
    {Map::two, 0x2e, P6, -1, ' ', "ucomisd", "Vx,Wsd", compare_flags, u32(L::f64), and_vex | vex_unary, sse2},
    {Map::two, 0x2f, N, -1, ' ', "comiss", "Vx,Wss", compare_flags, u32(L::f32) | 16, and_vex | vex_unary, sse},
    {Map::two, 0x2f, P6, -1, ' ', "comisd", "Vx,Wsd", compare_flags, u32(L::f64) | 16, and_vex | vex_unary, sse2},
    {Map::two, 0x5a, N, -1, ' ', "cvtps2pd", "Vx,Wx", widen_packed, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x5a, P6, -1, ' ', "cvtpd2ps", "Vx,Wx", narrow_packed, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x5a, F3, -1, ' ', "cvtss2sd", "Vx,Wss", convert_scalar, u32(L::f32), and_vex, sse2},
    {Map::two, 0x5a, F2, -1, ' ', "cvtsd2ss", "Vx,Wsd", convert_scalar, u32(L::f64), and_vex, sse2},
    {Map::two, 0x5b, N, -1, ' ', "cvtdq2ps", "Vx,Wx", convert_packed_32, 0, and_vex | vex_unary, sse2},
    {Map::two, 0x5b, P6, -1, ' ', "cvtps2dq", "Vx,Wx", convert_packed_32, 1, and_vex | vex_unary, sse2},
    {Map::two, 0x5b, F3, -1, ' ', "cvttps2dq", "Vx,Wx", convert_packed_32, 2, and_vex | vex_unary, sse2},
    {Map::two, 0xe6, F3, -1, ' ', "cvtdq2pd", "Vx,Wx", widen_packed, 1, and_vex | vex_unary, sse2},
    {Map::two, 0xe6, F2, -1, ' ', "cvtpd2dq", "Vx,Wx", narrow_packed, 1, and_vex | vex_unary, sse2},
    {Map::two, 0xe6, P6, -1, ' ', "cvttpd2dq", "Vx,Wx", narrow_packed, 2, and_vex | vex_unary, sse2},
    {Map::two, 0x2a, F3, -1, ' ', "cvtsi2ss", "Vx,Ey", int_to_float, u32(L::f32), and_vex, sse},
    {Map::two, 0x2a, F2, -1, ' ', "cvtsi2sd", "Vx,Ey", int_to_float, u32(L::f64), and_vex, sse2},
    {Map::two, 0x2c, F3, -1, ' ', "cvttss2si", "Gy,Wss", float_to_int, u32(L::f32) | 16, and_vex | vex_unary, sse},
    {Map::two, 0x2c, F2, -1, ' ', "cvttsd2si", "Gy,Wsd", float_to_int, u32(L::f64) | 16, and_vex | vex_unary, sse2},
    {Map::two, 0x2d, F3, -1, ' ', "cvtss2si", "Gy,Wss", float_to_int, u32(L::f32), and_vex | vex_unary, sse},
    {Map::two, 0x2d, F2, -1, ' ', "cvtsd2si", "Gy,Wsd", float_to_int, u32(L::f64), and_vex | vex_unary, sse2},
    {Map::two, 0x2a, N, -1, ' ', "cvtpi2ps", "Vx,Qq", mmx_to_float, u32(L::f32), 0, sse},
    {Map::two, 0x2a, P6, -1, ' ', "cvtpi2pd", "Vx,Qq", mmx_to_float, u32(L::f64), 0, sse2},
    {Map::two, 0x2c, N, -1, ' ', "cvttps2pi", "Pq,Wx", float_to_mmx, u32(L::f32) | 16, 0, sse},
    {Map::two, 0x2d, N, -1, ' ', "cvtps2pi", "Pq,Wx", float_to_mmx, u32(L::f32), 0, sse},
    {Map::two, 0x2c, P6, -1, ' ', "cvttpd2pi", "Pq,Wx", float_to_mmx, u32(L::f64) | 16, 0, sse2},
    {Map::two, 0x2d, P6, -1, ' ', "cvtpd2pi", "Pq,Wx", float_to_mmx, u32(L::f64), 0, sse2},
    {Map::two, 0x7c, P6, -1, ' ', "haddpd", "Vx,Wx", horizontal, lanes(Op::vfadd, L::f64), and_vex, sse3},
    {Map::two, 0x7c, F2, -1, ' ', "haddps", "Vx,Wx", horizontal, lanes(Op::vfadd, L::f32), and_vex, sse3},
    {Map::two, 0x7d, P6, -1, ' ', "hsubpd", "Vx,Wx", horizontal, lanes(Op::vfsub, L::f64), and_vex, sse3},
    {Map::two, 0x7d, F2, -1, ' ', "hsubps", "Vx,Wx", horizontal, lanes(Op::vfsub, L::f32), and_vex, sse3},
    {Map::two, 0xd0, P6, -1, ' ', "addsubpd", "Vx,Wx", add_sub, u32(L::f64), and_vex, sse3},
    {Map::two, 0xd0, F2, -1, ' ', "addsubps", "Vx,Wx", add_sub, u32(L::f32), and_vex, sse3},
};
#undef EMU_ARITHMETIC
#undef EMU_BINARY

} // namespace

const std::span<const Row> table_sse_float = rows;

} // namespace emu::isa::x86
