// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A7.4.6, A7.7: Advanced SIMD moves, tables, and element and structure loads and stores.
#include "isa/a32/sem_neon.h"

#include "common/bits.h"

#include <array>

namespace emu::isa::a32 {

using namespace neon;

namespace {

constexpr u64 replicate(u64 value, unsigned width) {
    for (; width < 64; width *= 2) value |= value << width;
    return value;
}

/// AdvSIMDExpandImm.
u64 expand_immediate(u32 op, u32 cmode, u32 imm8) {
    switch (cmode >> 1) {
    case 0: case 1: case 2: case 3: return replicate(u64(imm8) << (8 * (cmode >> 1)), 32);
    case 4: case 5: return replicate(u64(imm8) << (8 * (cmode >> 1 & 1)), 16);
    case 6: return replicate(cmode & 1 ? u64(imm8) << 16 | 0xffff : u64(imm8) << 8 | 0xff, 32);
    default: break;
    }
    if (cmode & 1) { // a single-precision number
        const u64 high = imm8 >> 6 & 1, exponent = (high ^ 1) << 7 | (high ? 31u << 2 : 0) | (imm8 >> 4 & 3);
        return replicate(u64(imm8 >> 7) << 31 | exponent << 23 | u64(imm8 & 15) << 19, 32);
    }
    if (!op) return replicate(imm8, 8);
    u64 mask = 0;
    for (unsigned i = 0; i < 8; i++)
        if (imm8 >> i & 1) mask |= u64(0xff) << (8 * i);
    return mask;
}

bool begin(Unit& u, const Shape& shape, bool exists = true) {
    if (!shape.ok() || !exists) {
        u.unallocated();
        return false;
    }
    u.commit();
    return true;
}

} // namespace

void neon_immediate(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const u32 cmode = f['c'], op = f['p'];
    if (!begin(u, shape, !(cmode == 15 && op))) return;
    u64 value = expand_immediate(op, cmode, f['i']);
    const bool bitwise = cmode < 12 && cmode & 1, inverted = op && cmode < 14;   // VORR, VBIC; VMVN, VBIC
    auto& ir = u.ir;
    if (bitwise) return shape.out(ir.v2(inverted ? Op::vandn : Op::vor, Lane::i64, shape.in(shape.d), ir.vimm({value, value})));
    if (inverted) value = ~value;
    shape.out(ir.vimm({value, value}));
}

void neon_extract(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const unsigned from = f['i'];
    if (!begin(u, shape, shape.q || from < 8)) return;
    if (shape.q) return shape.out(u.ir.v2(Op::vext, Lane::i8, shape.in(shape.n), shape.in(shape.m), from));
    Val both = u.ir.emit(Op::vcat, Type::v128, 0, u.d(shape.n), u.d(shape.m));
    shape.out(u.ir.v2(Op::vext, Lane::i8, both, both, from));
}

/// VTBL, VTBX (arg 1): the table is up to four D registers.
void neon_table(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Shape shape(u, f);
    const unsigned length = f['l'] + 1;
    if (!begin(u, shape, shape.n + length <= 32)) return;
    auto bytes = [&](u8 x) { return splat(u, Lane::i8, x); };
    Val index = u.d(shape.m), result;
    for (unsigned i = 0; i < length; i += 2) {
        Val low = u.d(shape.n + i);
        Val part = i + 1 < length ? ir.emit(Op::vcat, Type::v128, 0, low, u.d(shape.n + i + 1)) : ir.vlow(low);
        Val picked = ir.v2(Op::vtbl, Lane::i8, part, i ? ir.v2(Op::vsub, Lane::i8, index, bytes(u8(8 * i))) : index);
        result = i ? ir.v2(Op::vor, Lane::i64, result, picked) : picked;
    }
    if (f.arg()) {
        Val outside = ir.v2(Op::vgtu, Lane::i8, index, bytes(u8(8 * length - 1)));
        result = ir.v3(Op::vsel, Lane::i64, outside, u.d(shape.d), result);
    }
    u.set_d(shape.d, result);
}

void neon_dup(Unit& u, const Fields& f) {
    Shape shape(u, f);
    const u32 i = f['i'];
    shape.m = 0;
    if (!begin(u, shape, i & 7)) return;
    const unsigned size = unsigned(std::countr_zero(i)), m = f['M'] << 4 | f['m'];
    const Lane lane = ir::int_lane(8u << size);
    shape.out(u.ir.vdup(lane, u.ir.vget(Type::i32, lane, u.q(m >> 1), (m & 1) * (8 >> size) + (i >> (size + 1)))));
}

// --- memory: whole registers are loaded and then shuffled ---------------------------------------------------------------------------

namespace {

using Registers = std::array<Val, 4>;

/// Rm = 15: no write-back; 13: by the bytes transferred; else by Rm.
void write_back(Unit& u, const Fields& f, u32 bytes) {
    if (f['m'] == 15) return;
    Val base = u.r(f['n']);
    u.set_r(f['n'], u.ir.add(base, f['m'] == 13 ? u.ir.imm32(bytes) : u.r(f['m'])));
}

/// Eight bytes of elements of 1 << size bytes at an address, in the low half.
Val load_elements(Unit& u, Val at, unsigned size, unsigned bytes_log2 = 3) {
    Val v = u.ir.load(Type::v128, at, {.size_log2 = u8(bytes_log2)});
    return u.big_endian() && size ? u.ir.v1(Op::vrev, Lane::i8, v, 1u << size) : v;
}
void store_elements(Unit& u, Val at, Val v, unsigned size, unsigned bytes_log2 = 3) {
    if (u.big_endian() && size) v = u.ir.v1(Op::vrev, Lane::i8, v, 1u << size);
    u.ir.store(at, v, {.size_log2 = u8(bytes_log2)});
}

/// Byte picking for three-element structures of D registers: where in memory's eight-byte piece `chunk` the bytes of register `reg`
/// are, or the other way round; bytes that are elsewhere get an index that picks zero.
ir::V128 pick_three(unsigned reg, unsigned chunk, unsigned element, bool to_memory) {
    ir::V128 index;
    for (unsigned i = 0; i < 16; i++) {
        u8 pick = 0xff;
        if (i < 8 && to_memory) {
            const unsigned place = chunk * 8 + i;
            if (place / element % 3 == reg) pick = u8(place / (3 * element) * element + place % element);
        } else if (i < 8) {
            const unsigned place = (i / element * 3 + reg) * element + i % element;
            if (place / 8 == chunk) pick = u8(place % 8);
        }
        index.set_lane(i, pick);
    }
    return index;
}

Val or_all(Unit& u, Val a, Val b, Val c) { return u.ir.v2(Op::vor, Lane::i64, u.ir.v2(Op::vor, Lane::i64, a, b), c); }

/// Between pieces of memory and D registers, all in low halves.
Registers shuffle_three(Unit& u, unsigned element, const Registers& from, bool to_memory) {
    Registers to{};
    for (unsigned i = 0; i < 3; i++) {
        std::array<Val, 3> part;
        for (unsigned k = 0; k < 3; k++) {
            const ir::V128 pick = to_memory ? pick_three(k, i, element, true) : pick_three(i, k, element, false);
            part[k] = u.ir.v2(Op::vtbl, Lane::i8, from[k], u.ir.vimm(pick));
        }
        to[i] = or_all(u, part[0], part[1], part[2]);
    }
    return to;
}

Val high(Unit& u, Val v) { return u.ir.v2(Op::vzip2, Lane::i64, v, v); }
Val cat(Unit& u, Val a, Val b) { return u.ir.emit(Op::vcat, Type::v128, 0, a, b); }

Registers split(Unit& u, unsigned count, Lane lane, const Registers& m) {
    auto& ir = u.ir;
    if (count == 1) return m;
    if (count == 3) return shuffle_three(u, ir::lane_bits(lane) / 8, m, false);
    Registers r{};
    if (count == 2) {
        Val both = cat(u, m[0], m[1]);
        r[0] = ir.v2(Op::vuzp1, lane, both, both), r[1] = ir.v2(Op::vuzp2, lane, both, both);
        return r;
    }
    Val low = cat(u, m[0], m[1]), top = cat(u, m[2], m[3]);
    Val even = ir.v2(Op::vuzp1, lane, low, top), odd = ir.v2(Op::vuzp2, lane, low, top);
    r[0] = ir.v2(Op::vuzp1, lane, even, even), r[2] = ir.v2(Op::vuzp2, lane, even, even);
    r[1] = ir.v2(Op::vuzp1, lane, odd, odd), r[3] = ir.v2(Op::vuzp2, lane, odd, odd);
    return r;
}

Registers join(Unit& u, unsigned count, Lane lane, const Registers& r) {
    auto& ir = u.ir;
    if (count == 1) return r;
    if (count == 3) return shuffle_three(u, ir::lane_bits(lane) / 8, r, true);
    Registers m{};
    if (count == 2) {
        m[0] = ir.v2(Op::vzip1, lane, r[0], r[1]);
        m[1] = high(u, m[0]);
        return m;
    }
    Val a = ir.v2(Op::vzip1, lane, r[0], r[2]), b = ir.v2(Op::vzip1, lane, r[1], r[3]);
    m[0] = ir.v2(Op::vzip1, lane, a, b), m[2] = ir.v2(Op::vzip2, lane, a, b);
    m[1] = high(u, m[0]), m[3] = high(u, m[2]);
    return m;
}

/// How the type field of the multiple forms divides the registers.
struct Structures {
    unsigned elements = 0, spacing = 1, times = 1;
};
bool structures_of(u32 type, u32 size, Structures& s) {
    switch (type) {
    case 0b0111: s = {1, 1, 1}; return true;
    case 0b1010: s = {1, 1, 2}; return true;
    case 0b0110: s = {1, 1, 3}; return true;
    case 0b0010: s = {1, 1, 4}; return true;
    case 0b1000: s = {2, 1, 1}; break;
    case 0b1001: s = {2, 2, 1}; break;
    case 0b0011: s = {2, 2, 2}; break;
    case 0b0100: s = {3, 1, 1}; break;
    case 0b0101: s = {3, 2, 1}; break;
    case 0b0000: s = {4, 1, 1}; break;
    case 0b0001: s = {4, 2, 1}; break;
    default: return false;
    }
    return size < 3;
}

} // namespace

/// Field y: the type.
void neon_structures(Unit& u, const Fields& f) {
    const unsigned size = f['s'], d = f['D'] << 4 | f['d'];
    Structures s;
    if (!structures_of(f['y'], size, s) || f['n'] == 15) return u.unallocated();
    const unsigned last = s.elements == 1 ? d + s.times - 1 : d + (s.elements - 1) * s.spacing + s.times - 1;
    if (last > 31) return u.unallocated();
    u.commit();
    const Lane lane = ir::int_lane(8u << size);
    Val base = u.r(f['n']);
    s32 offset = 0;
    for (unsigned t = 0; t < s.times; t++) {
        auto reg = [&](unsigned i) { return d + t + i * s.spacing; };
        // Whole Q registers at once where nothing is interleaved.
        if (s.elements == 1 && t + 1 < s.times && !(reg(0) & 1)) {
            Val at = u.address(base, offset);
            if (f['L']) u.set_qreg(reg(0) >> 1, load_elements(u, at, size, 4));
            else store_elements(u, at, u.q(reg(0) >> 1), size, 4);
            t++, offset += 16;
            continue;
        }
        Registers values{};
        if (f['L']) {
            for (unsigned i = 0; i < s.elements; i++, offset += 8) values[i] = load_elements(u, u.address(base, offset), size);
            values = split(u, s.elements, lane, values);
            for (unsigned i = 0; i < s.elements; i++) u.set_d(reg(i), values[i]);
        } else {
            for (unsigned i = 0; i < s.elements; i++) values[i] = u.d(reg(i));
            values = join(u, s.elements, lane, values);
            for (unsigned i = 0; i < s.elements; i++, offset += 8) store_elements(u, u.address(base, offset), values[i], size);
        }
    }
    write_back(u, f, u32(offset));
}

/// One element of each register. Fields: e = elements - 1, s = size, a = index_align.
void neon_single_structure(Unit& u, const Fields& f) {
    const unsigned size = f['s'], elements = f['e'] + 1, d = f['D'] << 4 | f['d'], a = f['a'];
    const unsigned index = a >> (size + 1);
    const bool spaced = size && a >> size & 1;
    // What the low bits of index_align may be depends on the alignment that can be asked for.
    const unsigned low = a & ((1u << (size + (size ? 0 : 1))) - 1);
    bool bad = f['n'] == 15 || d + (elements - 1) * (spaced ? 2 : 1) > 31;
    if (elements == 1) bad |= size == 0 ? low & 1 : size == 1 ? a & 2 : (a & 4) || ((a & 3) != 0 && (a & 3) != 3);
    if (elements == 2) bad |= size == 2 && a & 2;
    if (elements == 3) bad |= size == 2 ? a & 3 : a & 1;
    if (elements == 4) bad |= size == 2 && (a & 3) == 3;
    if (bad) return u.unallocated();
    u.commit();
    const Lane lane = ir::int_lane(8u << size);
    Val base = u.r(f['n']);
    for (unsigned i = 0; i < elements; i++) {
        const unsigned r = d + i * (spaced ? 2 : 1), at = (r & 1) * (8 >> size) + index;
        Val place = u.address(base, s32(i << size));
        if (f['L']) u.set_qreg(r >> 1, u.ir.vset(lane, u.q(r >> 1), u.ir.load(Type::i32, place, u.access(size)), at));
        else u.ir.store(place, u.ir.vget(Type::i32, lane, u.q(r >> 1), at), u.access(size));
    }
    write_back(u, f, elements << size);
}

/// To all lanes. Fields: e, s, T = two registers (or spacing), a = alignment.
void neon_replicate(Unit& u, const Fields& f) {
    unsigned size = f['s'];
    const unsigned elements = f['e'] + 1, d = f['D'] << 4 | f['d'];
    bool bad = f['n'] == 15;
    if (size == 3) bad |= elements != 4 || !f['a'], size = 2;
    if (elements == 3) bad |= f['a'];
    if (elements == 1) bad |= size == 0 && f['a'];
    const unsigned spacing = elements > 1 && f['T'] ? 2 : 1, registers = elements == 1 && f['T'] ? 2 : 1;
    bad |= d + (elements - 1) * spacing + registers - 1 > 31;
    if (bad) return u.unallocated();
    u.commit();
    const Lane lane = ir::int_lane(8u << size);
    Val base = u.r(f['n']);
    for (unsigned i = 0; i < elements; i++) {
        Val v = u.ir.vdup(lane, u.ir.load(Type::i32, u.address(base, s32(i << size)), u.access(size)));
        for (unsigned k = 0; k < registers; k++) u.set_d(d + i * spacing + k, v);
    }
    write_back(u, f, elements << size);
}

} // namespace emu::isa::a32
