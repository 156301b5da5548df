// SPDX-License-Identifier: MIT
// Arm ARM C3.5 / C7.2: Advanced SIMD copy, modified immediate, permute, extract and table lookup.
#include "isa/a64/sem_simd_move.h"

namespace emu::isa::a64 {

namespace {

/// The imm5 field of the copy group: its lowest set bit says the lane size, the bits above it the index.
struct Element {
    unsigned size_log2, index;
    Lane lane() const { return ir::int_lane(8u << size_log2); }
    Type type() const { return size_log2 == 3 ? Type::i64 : Type::i32; }
};
bool element(u32 imm5, Element& e) {
    if (!(imm5 & 15)) return false;
    e.size_log2 = unsigned(std::countr_zero(imm5));
    e.index = imm5 >> (e.size_log2 + 1);
    return true;
}

} // namespace

void simd_dup_element(Unit& u, const Fields& f) {
    Element e;
    if (!element(f['i'], e) || (e.size_log2 == 3 && !f['q'])) return u.unallocated();
    u.set_v(f['d'], u.ir.vdup(e.lane(), u.ir.vget(e.type(), e.lane(), u.v(f['n']), e.index)), f['q']);
}

void simd_dup_scalar(Unit& u, const Fields& f) {
    Element e;
    if (!element(f['i'], e)) return u.unallocated();
    u.set_v(f['d'], u.ir.vzext(u.ir.vget(e.type(), e.lane(), u.v(f['n']), e.index)));
}

void simd_dup_general(Unit& u, const Fields& f) {
    Element e;
    if (!element(f['i'], e) || (e.size_log2 == 3 && !f['q'])) return u.unallocated();
    u.set_v(f['d'], u.ir.vdup(e.lane(), u.x(f['n'], e.type())), f['q']);
}

void simd_insert_general(Unit& u, const Fields& f) {
    Element e;
    if (!element(f['i'], e)) return u.unallocated();
    u.set_v(f['d'], u.ir.vset(e.lane(), u.v(f['d']), u.x(f['n'], e.type()), e.index));
}

void simd_insert_element(Unit& u, const Fields& f) {
    Element e;
    if (!element(f['i'], e)) return u.unallocated();
    Val from = u.ir.vget(e.type(), e.lane(), u.v(f['n']), f['j'] >> e.size_log2);
    u.set_v(f['d'], u.ir.vset(e.lane(), u.v(f['d']), from, e.index));
}

void simd_move_unsigned(Unit& u, const Fields& f) {
    Element e;
    if (!element(f['i'], e) || (e.size_log2 == 3) != bool(f['q'])) return u.unallocated();
    u.set_x(f['d'], u.ir.vget(e.type(), e.lane(), u.v(f['n']), e.index));
}

void simd_move_signed(Unit& u, const Fields& f) {
    Element e;
    if (!element(f['i'], e) || e.size_log2 == 3 || (e.size_log2 == 2 && !f['q'])) return u.unallocated();
    Val narrow = u.ir.vget(Type::i32, e.lane(), u.v(f['n']), e.index);
    Val word = e.size_log2 == 2 ? narrow : u.ir.sbfx(narrow, 0, 8u << e.size_log2);
    u.set_x(f['d'], f['q'] ? u.ir.sext(word, Type::i64) : word);
}

// --- modified immediate: AdvSIMDExpandImm (Arm ARM, shared/functions/vector) ------------------------------------------------

namespace {

constexpr u64 replicate(u64 value, unsigned width) {
    for (; width < 64; width *= 2) value |= value << width;
    return value;
}

/// VFPExpandImm for the three vector forms.
constexpr u64 expand_float(u32 imm8, unsigned exponent_bits, unsigned fraction_bits) {
    const u64 sign = imm8 >> 7, high = imm8 >> 6 & 1;
    u64 exponent = (high ^ 1) << (exponent_bits - 1) | (high ? ones(exponent_bits - 3) << 2 : 0) | (imm8 >> 4 & 3);
    return sign << (exponent_bits + fraction_bits) | exponent << fraction_bits | u64(imm8 & 15) << (fraction_bits - 4);
}

u64 expand_immediate(u32 op, u32 cmode, u32 imm8) {
    switch (cmode >> 1) {
    case 0: case 1: case 2: case 3: return replicate(u64(imm8) << (8 * (cmode >> 1)), 32);
    case 4: case 5: return replicate(u64(imm8) << (8 * (cmode >> 1 & 1)), 16);
    case 6: return replicate(cmode & 1 ? u64(imm8) << 16 | 0xffff : u64(imm8) << 8 | 0xff, 32);
    default: break;
    }
    if (cmode & 1) return op ? expand_float(imm8, 11, 52) : replicate(expand_float(imm8, 8, 23), 32);
    if (!op) return replicate(imm8, 8);
    u64 mask = 0;
    for (unsigned i = 0; i < 8; i++)
        if (imm8 >> i & 1) mask |= u64(0xff) << (8 * i);
    return mask;
}

} // namespace

void simd_modified_immediate(Unit& u, const Fields& f) {
    const u32 cmode = f['c'], op = f['p'], q = f['q'], imm8 = f['i'];
    u64 value = expand_immediate(op, cmode, imm8);
    if (f['h']) {
        if (cmode != 15 || op || !u.has(feature::fp16)) return u.unallocated();
        value = replicate(expand_float(imm8, 5, 10), 16);
    } else if (cmode == 15 && op && !q) {
        return u.unallocated();
    }
    const bool bitwise = cmode < 12 && cmode & 1;                 // ORR, BIC
    const bool inverted = op && cmode < 14;                       // MVNI, BIC
    auto& ir = u.ir;
    if (bitwise) {
        Val imm = ir.vimm({value, value}), old = u.v(f['d']);
        return u.set_v(f['d'], ir.v2(inverted ? Op::vandn : Op::vor, Lane::i64, old, imm), q);
    }
    if (inverted) value = ~value;
    u.set_v(f['d'], ir.vimm({value, q ? value : 0}));
}

// --- permutations -----------------------------------------------------------------------------------------------------------

void simd_permute(Unit& u, const Fields& f) {
    const u32 size = f['s'], q = f['q'];
    if (size == 3 && !q) return u.unallocated();
    const Op op = Op(f.arg());
    const Lane lane = ir::int_lane(8u << size);
    Val n = u.v(f['n']), m = u.v(f['m']);
    auto& ir = u.ir;
    Val r;
    if (!q && op == Op::vzip2) { // the upper half of the interleaved low halves
        r = ir.v2(Op::vext, Lane::i8, ir.v2(Op::vzip1, lane, n, m), ir.vzero(), 8);
    } else if (!q && (op == Op::vuzp1 || op == Op::vuzp2)) {
        Val both = ir.v2(Op::vcat, Lane::i64, n, m);
        r = ir.v2(op, lane, both, both);
    } else {
        r = ir.v2(op, lane, n, m);
    }
    u.set_v(f['d'], r, q);
}

void simd_extract(Unit& u, const Fields& f) {
    const u32 q = f['q'], from = f['i'];
    if (!q && from >= 8) return u.unallocated();
    Val n = u.v(f['n']), m = u.v(f['m']);
    if (q) return u.set_v(f['d'], u.ir.v2(Op::vext, Lane::i8, n, m, from));
    Val both = u.ir.v2(Op::vcat, Lane::i64, n, m);
    u.set_v(f['d'], u.ir.v2(Op::vext, Lane::i8, both, u.ir.vzero(), from), false);
}

void simd_table(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    const unsigned tables = f['l'] + 1;
    auto bytes = [&](u8 x) { return ir.vimm({replicate(x, 8), replicate(x, 8)}); };
    Val index = u.v(f['m']), result;
    for (unsigned i = 0; i < tables; i++) {
        Val within = i ? ir.v2(Op::vsub, Lane::i8, index, bytes(u8(16 * i))) : index;
        Val part = ir.v2(Op::vtbl, Lane::i8, u.v((f['n'] + i) & 31), within);
        result = i ? ir.v2(Op::vor, Lane::i64, result, part) : part;
    }
    if (f.arg()) { // TBX keeps what no table covers
        Val outside = ir.v2(Op::vgtu, Lane::i8, index, bytes(u8(16 * tables - 1)));
        result = ir.v3(Op::vsel, Lane::i64, outside, u.v(f['d']), result);
    }
    u.set_v(f['d'], result, f['q']);
}

} // namespace emu::isa::a64
