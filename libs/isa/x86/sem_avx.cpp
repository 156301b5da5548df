// SPDX-License-Identifier: MIT
// What exists only behind VEX: AVX, AVX2, F16C and FMA. The upper halves of YMM registers are slots of their own; the JIT makes one
// instruction of what is done to both halves (jit/pairs.cpp).
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"
#include "isa/x86/vector_arg.h"
#include "isa/x86/vector_helper.h"

#include <array>

namespace emu::isa::x86 {

namespace {

void set_both(Unit& u, unsigned n, Val low, Val high) {
    u.set_xmm(n, 0, low);
    u.set_xmm(n, 1, high);
}
// --- moving halves and elements ---------------------------------------------------------------------------------------------------

/// VBROADCASTSS, VPBROADCASTB and kin: arg = lane.
void broadcast(Unit& u) {
    const Lane lane = Lane(u.arg());
    const unsigned bits = lane_bits(lane);
    Val x = u.insn.is_memory() ? u.load(u.address(), bits) : u.ir.vget(Unit::type_of(bits), lane, u.xmm(u.insn.rm()), 0);
    Val v = u.ir.vdup(lane, x);
    set_both(u, u.insn.reg(), v, u.insn.vex_l ? v : u.ir.vzero());
}
void broadcast_half(Unit& u) {
    Val v = u.load(u.address(), 128);
    set_both(u, u.insn.reg(), v, v);
}
void insert_half(Unit& u) {
    Val v = u.insn.is_memory() ? u.load(u.address(), 128) : u.xmm(u.insn.rm());
    Val other = u.xmm(u.insn.vex_v, u.insn.imm & 1 ? 0 : 1);
    if (u.insn.imm & 1) set_both(u, u.insn.reg(), other, v);
    else set_both(u, u.insn.reg(), v, other);
}
void extract_half(Unit& u) {
    Val v = u.xmm(u.insn.reg(), u.insn.imm & 1);
    if (u.insn.is_memory()) return u.store(u.address(), v, 128);
    set_both(u, u.insn.rm(), v, u.ir.vzero());
}
/// VPERM2F128: each half of the result is one of four halves, or nothing.
void permute_halves(Unit& u) {
    const unsigned imm = unsigned(u.insn.imm);
    Val from[4] = {u.xmm(u.insn.vex_v, 0), u.xmm(u.insn.vex_v, 1), u.vec(1, 0), u.vec(1, 1)};
    auto pick = [&](unsigned code) { return code & 8 ? u.ir.vzero() : from[code & 3]; };
    set_both(u, u.insn.reg(), pick(imm), pick(imm >> 4));
}

ir::V128 table(const u8 (&bytes)[16]) {
    ir::V128 v;
    std::memcpy(&v, bytes, 16);
    return v;
}
/// VPERMILPS, VPERMILPD by immediate.
void permute_imm(Unit& u) {
    const bool wide = u.arg();
    u.each_half([&](Val, Val b, unsigned h) {
        const unsigned imm = unsigned(u.insn.imm);
        u8 from[16];
        for (unsigned i = 0; i < 16; i++) from[i] = u8(wide ? (imm >> (2 * h + i / 8) & 1) * 8 + i % 8 : (imm >> (i / 4 * 2) & 3) * 4 + i % 4);
        return u.ir.v2(Op::vtbl, Lane::i8, b, u.ir.vimm(table(from)));
    });
}
/// By register: VPERMILPS takes two bits of each lane of the second source, VPERMILPD bit 1 of each.
void permute_variable(Unit& u) {
    const bool wide = u.arg();
    u.each_half([&](Val a, Val b, unsigned) {
        ir::Builder& ir = u.ir;
        // The selector of each lane, spread over its bytes, times the lane's size, plus the byte's own place.
        Val sel = wide ? ir.v2(Op::vand, Lane::i64, ir.v1(Op::vshru, Lane::i64, b, 1), ir.vimm({1, 1})) :
                         ir.v2(Op::vand, Lane::i64, b, ir.vimm({0x0000000300000003, 0x0000000300000003}));
        const u8 low4[16] = {0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12}, low8[16] = {0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8};
        Val spread = ir.v2(Op::vtbl, Lane::i8, sel, ir.vimm(wide ? table(low8) : table(low4)));
        Val at = ir.v1(Op::vshl, Lane::i8, spread, wide ? 3 : 2);
        const ir::V128 place = wide ? ir::V128{0x0706050403020100, 0x0706050403020100} : ir::V128{0x0302010003020100, 0x0302010003020100};
        return ir.v2(Op::vtbl, Lane::i8, a, ir.v2(Op::vadd, Lane::i8, at, ir.vimm(place)));
    });
}
/// VPERMQ, VPERMPD by immediate: any of the four quadwords anywhere.
void permute_quads(Unit& u) {
    const unsigned imm = unsigned(u.insn.imm);
    ir::Builder& ir = u.ir;
    Val half[2] = {u.vec(1, 0), u.vec(1, 1)};
    auto quad = [&](unsigned n) { return ir.vget(Type::i64, Lane::i64, half[n >> 1], n & 1); };
    auto pair = [&](unsigned bits) { return ir.vset(Lane::i64, ir.vzext(quad(bits & 3)), quad(bits >> 2 & 3), 1); };
    Val low = pair(imm), high = pair(imm >> 4);
    set_both(u, u.insn.reg(), low, high);
}
/// VPERMD, VPERMPS: eight doublewords by the low three bits of the first source's lanes.
void permute_lanes(Unit& u) {
    ir::Builder& ir = u.ir;
    Val from[2] = {u.vec(1, 0), u.vec(1, 1)}, results[2];
    for (unsigned h = 0; h < 2; h++) {
        Val sel = ir.v2(Op::vand, Lane::i64, u.first(h), ir.vimm({0x0000000700000007, 0x0000000700000007}));
        const u8 low4[16] = {0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12};
        Val at = ir.v1(Op::vshl, Lane::i8, ir.v2(Op::vtbl, Lane::i8, sel, ir.vimm(table(low4))), 2);
        at = ir.v2(Op::vadd, Lane::i8, at, ir.vimm({0x0302010003020100, 0x0302010003020100}));
        // Indices 16 to 31 are the upper half's; a table look-up gives 0 for those beyond its 16.
        Val upper = ir.v2(Op::vsub, Lane::i8, at, ir.vimm({0x1010101010101010, 0x1010101010101010}));
        results[h] = ir.v2(Op::vor, Lane::i64, ir.v2(Op::vtbl, Lane::i8, from[0], at), ir.v2(Op::vtbl, Lane::i8, from[1], upper));
    }
    set_both(u, u.insn.reg(), results[0], results[1]);
}

void zero_upper(Unit& u) {
    for (unsigned n = 0; n < (u.mode64() ? 16u : 8u); n++) {
        if (u.insn.vex_l) u.set_xmm(n, 0, u.ir.vzero());
        u.set_xmm(n, 1, u.ir.vzero());
    }
}

/// VPSLLV and kin: each lane by its own count; counts of a whole lane and more clear it.
void shift_variable(Unit& u) {
    const u32 arg = u.arg();
    const bool left = arg_op(arg) == Op::vshl, arithmetic = arg_op(arg) == Op::vshrs;
    const Lane lane = u.insn.rex_w ? Lane::i64 : Lane::i32;
    const u64 most = lane_bits(lane) - (arithmetic ? 1 : 0), both = lane == Lane::i64 ? most : most | most << 32;
    u.each_half([&](Val a, Val b, unsigned) {
        ir::Builder& ir = u.ir;
        Val limit = ir.vimm({both, both});
        Val count = ir.v3(Op::vsel, lane, ir.v2(Op::vgtu, lane, b, limit), limit, b);
        if (!left) count = ir.v1(Op::vneg, lane, count);
        return ir.v2(arithmetic ? Op::vshlvs : Op::vshlvu, lane, a, count);
    });
}

// --- masked and gathered accesses: element by element, in C++ ---------------------------------------------------------------------------

/// VMASKMOV and VPMASKMOV: bit 0 of arg = store, bit 1 = 64-bit elements (or VEX.W where the row says so: bit 2).
void masked(Unit& u) {
    ir::Builder& ir = u.ir;
    const bool store = u.arg() & 1, wide = u.arg() & 4 ? u.insn.rex_w : u.arg() & 2;
    const u64 what = u.insn.reg() | u64(u.insn.vex_v) << 8 | u64(wide) << 16 | u64(store) << 17 | u64(u.insn.vex_l) << 18;
    ir.call(helper_masked_move, {ir.imm64(what), u.address()});
}
/// VGATHER and VPGATHER: arg bit 0 = 64-bit indices. The index register is where SIB says.
void gather(Unit& u) {
    ir::Builder& ir = u.ir;
    const Insn& i = u.insn;
    const unsigned index = i.vector_index;
    const u64 what = i.reg() | u64(i.vex_v) << 4 | u64(index) << 8 | u64(i.rex_w) << 12 | u64(u.arg() & 1) << 13 | u64(i.vex_l) << 14 |
                     u64(i.scale) << 16 | u64(i.addr_bits == 32) << 18;
    if ((i.modrm & 7) != 4 || i.reg() == i.vex_v || i.reg() == index || i.vex_v == index) return u.undefined();
    ir.call(helper_gather, {ir.imm64(what), u.gather_base()});
}

// --- F16C, FMA -----------------------------------------------------------------------------------------------------------------------------

void from_half(Unit& u) {
    ir::Builder& ir = u.ir;
    const bool both = u.halves() == 2;
    Val v = u.insn.is_memory() ? (both ? u.load(u.address(), 128) : ir.vzext(u.load(u.address(), 64))) : u.xmm(u.insn.rm());
    Val upper = ir.v2(Op::vzip2, Lane::i64, v, v);
    Val low = vector_result(u, VectorOp::from_half, v);
    Val high = both ? vector_result(u, VectorOp::from_half, upper) : ir.vzero();
    set_both(u, u.insn.reg(), low, high);
}
void to_half(Unit& u) {
    ir::Builder& ir = u.ir;
    Val a = u.xmm(u.insn.reg(), 0), b = u.xmm(u.insn.reg(), 1);
    const bool both = u.halves() == 2;
    Val low = vector_result(u, VectorOp::to_half, a);
    if (both) low = ir.v2(Op::vcat, Lane::i8, low, vector_result(u, VectorOp::to_half, b));
    if (!u.insn.is_memory()) return set_both(u, u.insn.rm(), low, ir.vzero());
    check_raised(u); // before memory is changed
    if (both) u.store(u.address(), low, 128);
    else u.store(u.address(), ir.vget(Type::i64, Lane::i64, low, 0), 64);
}

enum FmaSign : u32 { fma_plain = 0, fma_sub = 1, fma_negate = 2, fma_addsub = 4, fma_subadd = 8, fma_scalar = 16 };
/// arg: order (132, 213, 231 as 0, 1, 2) in bits 8 and 9, FmaSign in the low bits.
void multiply_add(Unit& u) {
    ir::Builder& ir = u.ir;
    const u32 arg = u.arg(), order = arg >> 8;
    const Lane lane = u.insn.rex_w ? Lane::f64 : Lane::f32;
    const unsigned n = u.insn.reg();
    auto compute = [&](Val one, Val two, Val three) {
        // one: destination, two: VEX.vvvv, three: register or memory.
        Val a = order == 0 ? one : two, b = order == 1 ? one : three, c = order == 0 ? two : order == 1 ? three : one;
        if (arg & fma_negate) a = u.negated(lane, a);
        if (arg & fma_sub) c = u.negated(lane, c);
        if (arg & (fma_addsub | fma_subadd)) {
            const ir::V128 odd = lane == Lane::f32 ? ir::V128{0xffffffff00000000, 0xffffffff00000000} : ir::V128{0, ~u64(0)};
            Val minus = u.negated(lane, c), mask = ir.vimm(odd);
            c = arg & fma_addsub ? ir.v3(Op::vsel, lane, mask, c, minus) : ir.v3(Op::vsel, lane, mask, minus, c);
        }
        return ir.v3(Op::vfma, lane, a, b, c);
    };
    if (!(arg & fma_scalar)) {
        Val results[2], three[2];
        for (unsigned h = 0; h < u.halves(); h++) three[h] = u.vec(1, h);
        for (unsigned h = 0; h < u.halves(); h++) results[h] = compute(u.xmm(n, h), u.xmm(u.insn.vex_v, h), three[h]);
        set_both(u, n, results[0], u.halves() == 2 ? results[1] : ir.vzero());
        return;
    }
    // One lane: the others of the vectors are cleared, so that they raise nothing.
    const Type type = float_type(lane);
    auto low = [&](Val v) { return ir.vzext(ir.vget(type, lane, v, 0)); };
    Val three = u.insn.is_memory() ? ir.vzext(u.scalar(1, type)) : low(u.xmm(u.insn.rm()));
    Val old = u.xmm(n), result = compute(low(old), low(u.xmm(u.insn.vex_v)), three);
    set_both(u, n, ir.vset(lane, old, ir.vget(type, lane, result, 0), 0), ir.vzero());
}

using L = Lane;
constexpr auto P6 = Prefix::p66;
using namespace feature;

constexpr Row plain_rows[] = {
    {Map::vex38, 0x18, P6, -1, ' ', "vbroadcastss", "Vx,Wss", broadcast, u32(L::i32), w0 | vex_unary, avx},
    {Map::vex38, 0x19, P6, -1, ' ', "vbroadcastsd", "Vx,Wsd", broadcast, u32(L::i64), w0 | vex_l1 | vex_unary, avx},
    {Map::vex38, 0x1a, P6, -1, 'm', "vbroadcastf128", "Vx,Wdq", broadcast_half, 0, w0 | vex_l1 | vex_unary, avx},
    {Map::vex38, 0x5a, P6, -1, 'm', "vbroadcasti128", "Vx,Wdq", broadcast_half, 0, w0 | vex_l1 | vex_unary, avx2},
    {Map::vex38, 0x58, P6, -1, ' ', "vpbroadcastd", "Vx,Wss", broadcast, u32(L::i32), w0 | vex_unary, avx2},
    {Map::vex38, 0x59, P6, -1, ' ', "vpbroadcastq", "Vx,Wsd", broadcast, u32(L::i64), w0 | vex_unary, avx2},
    {Map::vex38, 0x78, P6, -1, ' ', "vpbroadcastb", "Vx,Wb", broadcast, u32(L::i8), w0 | vex_unary, avx2},
    {Map::vex38, 0x79, P6, -1, ' ', "vpbroadcastw", "Vx,Ww", broadcast, u32(L::i16), w0 | vex_unary, avx2},
    {Map::vex3a, 0x18, P6, -1, ' ', "vinsertf128", "Vx,Wdq,Ib", insert_half, 0, w0 | vex_l1, avx},
    {Map::vex3a, 0x38, P6, -1, ' ', "vinserti128", "Vx,Wdq,Ib", insert_half, 0, w0 | vex_l1, avx2},
    {Map::vex3a, 0x19, P6, -1, ' ', "vextractf128", "Wdq,Vx,Ib", extract_half, 0, w0 | vex_l1 | vex_unary, avx},
    {Map::vex3a, 0x39, P6, -1, ' ', "vextracti128", "Wdq,Vx,Ib", extract_half, 0, w0 | vex_l1 | vex_unary, avx2},
    {Map::vex3a, 0x06, P6, -1, ' ', "vperm2f128", "Vx,Wx,Ib", permute_halves, 0, w0 | vex_l1, avx},
    {Map::vex3a, 0x46, P6, -1, ' ', "vperm2i128", "Vx,Wx,Ib", permute_halves, 0, w0 | vex_l1, avx2},
    {Map::vex3a, 0x04, P6, -1, ' ', "vpermilps", "Vx,Wx,Ib", permute_imm, 0, w0 | vex_unary, avx},
    {Map::vex3a, 0x05, P6, -1, ' ', "vpermilpd", "Vx,Wx,Ib", permute_imm, 1, w0 | vex_unary, avx},
    {Map::vex38, 0x0c, P6, -1, ' ', "vpermilps", "Vx,Wx", permute_variable, 0, w0, avx},
    {Map::vex38, 0x0d, P6, -1, ' ', "vpermilpd", "Vx,Wx", permute_variable, 1, w0, avx},
    {Map::vex3a, 0x00, P6, -1, ' ', "vpermq", "Vx,Wx,Ib", permute_quads, 0, w1 | vex_l1 | vex_unary, avx2},
    {Map::vex3a, 0x01, P6, -1, ' ', "vpermpd", "Vx,Wx,Ib", permute_quads, 0, w1 | vex_l1 | vex_unary, avx2},
    {Map::vex38, 0x36, P6, -1, ' ', "vpermd", "Vx,Wx", permute_lanes, 0, w0 | vex_l1, avx2},
    {Map::vex38, 0x16, P6, -1, ' ', "vpermps", "Vx,Wx", permute_lanes, 0, w0 | vex_l1, avx2},
    {Map::vex0f, 0x77, Prefix::none, -1, ' ', "vzeroupper", "", zero_upper, 0, vex_unary, avx},
    {Map::vex38, 0x45, P6, -1, ' ', "vpsrlv", "Vx,Wx", shift_variable, u32(Op::vshru), 0, avx2},
    {Map::vex38, 0x46, P6, -1, ' ', "vpsravd", "Vx,Wx", shift_variable, u32(Op::vshrs), w0, avx2},
    {Map::vex38, 0x47, P6, -1, ' ', "vpsllv", "Vx,Wx", shift_variable, u32(Op::vshl), 0, avx2},
    {Map::vex38, 0x2c, P6, -1, 'm', "vmaskmovps", "Vx,Wx", masked, 0, w0, avx},
    {Map::vex38, 0x2d, P6, -1, 'm', "vmaskmovpd", "Vx,Wx", masked, 2, w0, avx},
    {Map::vex38, 0x2e, P6, -1, 'm', "vmaskmovps", "Wx,Vx", masked, 1, w0, avx},
    {Map::vex38, 0x2f, P6, -1, 'm', "vmaskmovpd", "Wx,Vx", masked, 3, w0, avx},
    {Map::vex38, 0x8c, P6, -1, 'm', "vpmaskmov", "Vx,Wx", masked, 4, 0, avx2},
    {Map::vex38, 0x8e, P6, -1, 'm', "vpmaskmov", "Wx,Vx", masked, 5, 0, avx2},
    {Map::vex38, 0x90, P6, -1, 'm', "vpgatherd", "Vx,Wx", gather, 0, 0, avx2},
    {Map::vex38, 0x91, P6, -1, 'm', "vpgatherq", "Vx,Wx", gather, 1, 0, avx2},
    {Map::vex38, 0x92, P6, -1, 'm', "vgatherd", "Vx,Wx", gather, 0, 0, avx2},
    {Map::vex38, 0x93, P6, -1, 'm', "vgatherq", "Vx,Wx", gather, 1, 0, avx2},
    {Map::vex38, 0x13, P6, -1, ' ', "vcvtph2ps", "Vx,Wq", from_half, 0, w0 | vex_unary, f16c},
    {Map::vex3a, 0x1d, P6, -1, ' ', "vcvtps2ph", "Wq,Vx,Ib", to_half, 0, w0 | vex_unary, f16c},
};

constexpr auto make_fma() {
    struct Form {
        u8 opcode;
        std::string_view name;
        u32 sign;
    };
    constexpr Form forms[] = {{6, "vfmaddsub", fma_addsub},  {7, "vfmsubadd", fma_subadd}, {8, "vfmadd", fma_plain},
                              {9, "vfmadd", fma_scalar},     {10, "vfmsub", fma_sub},      {11, "vfmsub", fma_sub | fma_scalar},
                              {12, "vfnmadd", fma_negate},   {13, "vfnmadd", fma_negate | fma_scalar}, {14, "vfnmsub", fma_negate | fma_sub},
                              {15, "vfnmsub", fma_negate | fma_sub | fma_scalar}};
    std::array<Row, 3 * std::size(forms)> rows{};
    usize n = 0;
    for (u32 order = 0; order < 3; order++)
        for (const Form& f : forms) rows[n++] = {Map::vex38, u8(0x90 + 16 * order + f.opcode), P6, -1, ' ', f.name, "Vx,Wx", multiply_add, f.sign | order << 8, 0, feature::fma};
    return rows;
}
constexpr auto fma_rows = make_fma();

constexpr auto all_rows = joined_rows(plain_rows, fma_rows);

} // namespace

const std::span<const Row> table_avx = all_rows;

} // namespace emu::isa::x86
