// SPDX-License-Identifier: MIT
// Arm ARM C3.3 / C7.2: LD1-LD4 and ST1-ST4 of multiple structures, single structures, and with replication. Whole vectors are
// loaded and then shuffled; each element is accessed by a host access that contains it whole.
#include "isa/a64/sem_simd_move.h"

#include <array>

namespace emu::isa::a64 {

namespace {

using Registers = std::array<Val, 4>;

/// Base register update of the post-index forms: by Xm, or by the bytes transferred where m is 31.
void write_back(Unit& u, const Fields& f, Val address, u64 bytes) {
    if (!(f.arg() & structure::post)) return;
    Val step = f['m'] == 31 ? u.ir.imm64(bytes) : u.x(f['m']);
    u.set_x_or_sp(f['n'], u.ir.add(address, step));
}

Val at(Unit& u, Val address, u64 offset) { return u.ir.add(address, u.ir.imm64(offset)); }

/// Byte picking vectors for three-element structures: where in memory vector `chunk` byte i of register `reg` is, or the
/// other way round; bytes that are elsewhere get an index that picks zero.
ir::V128 pick_three(unsigned reg, unsigned chunk, unsigned element, bool to_memory) {
    ir::V128 index;
    for (unsigned i = 0; i < 16; i++) {
        // Position of byte i of `reg` in the 48 bytes of memory, or what memory byte chunk * 16 + i holds.
        unsigned place = to_memory ? chunk * 16 + i : (i / element * 3 + reg) * element + i % element;
        u8 pick = 0xff;
        if (to_memory) {
            unsigned structure = place / (3 * element), within = place / element % 3;
            if (within == reg) pick = u8(structure * element + place % element);
        } else if (place / 16 == chunk) {
            pick = u8(place % 16);
        }
        index.set_lane(i, pick);
    }
    return index;
}

Val or_all(Unit& u, Val a, Val b, Val c) { return u.ir.v2(Op::vor, Lane::i64, u.ir.v2(Op::vor, Lane::i64, a, b), c); }

/// Memory in 16-byte pieces to registers.
Registers split(Unit& u, unsigned count, Lane lane, bool q, const Registers& m) {
    auto& ir = u.ir;
    auto v2 = [&](Op op, Val a, Val b) { return ir.v2(op, lane, a, b); };
    Registers r{};
    if (count == 2) {
        Val high = q ? m[1] : m[0];
        r[0] = v2(Op::vuzp1, m[0], high), r[1] = v2(Op::vuzp2, m[0], high);
    } else if (count == 4) {
        Val even = v2(Op::vuzp1, m[0], m[1]), odd = v2(Op::vuzp2, m[0], m[1]);
        Val even_high = q ? v2(Op::vuzp1, m[2], m[3]) : even, odd_high = q ? v2(Op::vuzp2, m[2], m[3]) : odd;
        r[0] = v2(Op::vuzp1, even, even_high), r[2] = v2(Op::vuzp2, even, even_high);
        r[1] = v2(Op::vuzp1, odd, odd_high), r[3] = v2(Op::vuzp2, odd, odd_high);
    } else {
        for (unsigned reg = 0; reg < 3; reg++) {
            std::array<Val, 3> part;
            for (unsigned chunk = 0; chunk < 3; chunk++)
                part[chunk] = ir.v2(Op::vtbl, Lane::i8, m[chunk], ir.vimm(pick_three(reg, chunk, ir::lane_bits(lane) / 8, false)));
            r[reg] = or_all(u, part[0], part[1], part[2]);
        }
    }
    return r;
}

/// Registers to memory in 16-byte pieces.
Registers join(Unit& u, unsigned count, Lane lane, bool q, const Registers& r) {
    auto& ir = u.ir;
    auto v2 = [&](Op op, Val a, Val b) { return ir.v2(op, lane, a, b); };
    Registers m{};
    if (count == 2) {
        m[0] = v2(Op::vzip1, r[0], r[1]);
        if (q) m[1] = v2(Op::vzip2, r[0], r[1]);
    } else if (count == 4) {
        Val a = v2(Op::vzip1, r[0], r[2]), b = v2(Op::vzip1, r[1], r[3]);
        m[0] = v2(Op::vzip1, a, b), m[1] = v2(Op::vzip2, a, b);
        if (!q) return m;
        Val c = v2(Op::vzip2, r[0], r[2]), d = v2(Op::vzip2, r[1], r[3]);
        m[2] = v2(Op::vzip1, c, d), m[3] = v2(Op::vzip2, c, d);
    } else {
        for (unsigned chunk = 0; chunk < (q ? 3u : 2u); chunk++) {
            std::array<Val, 3> part;
            for (unsigned reg = 0; reg < 3; reg++)
                part[reg] = ir.v2(Op::vtbl, Lane::i8, r[reg], ir.vimm(pick_three(reg, chunk, ir::lane_bits(lane) / 8, true)));
            m[chunk] = or_all(u, part[0], part[1], part[2]);
        }
    }
    return m;
}

/// Several registers, each loaded or stored by itself (LD1, ST1).
void consecutive(Unit& u, const Fields& f, unsigned registers) {
    const unsigned size = f['q'] ? 4 : 3;
    const MemFlags flags = u.access(size);
    Val address = u.x_or_sp(f['n']);
    Registers values{};
    for (unsigned i = 0; i < registers; i++) {
        Val place = at(u, address, u64(i) << size);
        if (f.arg() & structure::load) values[i] = u.ir.load(Type::v128, place, flags);
        else u.ir.store(place, u.v((f['t'] + i) & 31), flags);
    }
    if (f.arg() & structure::load)
        for (unsigned i = 0; i < registers; i++) u.set_v((f['t'] + i) & 31, values[i]);
    write_back(u, f, address, u64(registers) << size);
}

void interleaved(Unit& u, const Fields& f, unsigned count) {
    const bool q = f['q'];
    const Lane lane = ir::int_lane(8u << f['s']);
    const u64 bytes = u64(count) * (q ? 16 : 8);
    Val address = u.x_or_sp(f['n']);
    // Three 64-bit registers end in half a piece.
    auto piece = [&](u64 offset) { return u.access(bytes - offset >= 16 ? 4 : 3); };
    if (f.arg() & structure::load) {
        Registers m{};
        for (unsigned i = 0; i * 16 < bytes; i++) m[i] = u.ir.load(Type::v128, at(u, address, 16 * i), piece(16 * i));
        for (Val& v : m)
            if (!v) v = u.ir.vzero();
        Registers r = split(u, count, lane, q, m);
        for (unsigned i = 0; i < count; i++) u.set_v((f['t'] + i) & 31, r[i], q);
    } else {
        Registers r{};
        for (unsigned i = 0; i < count; i++) r[i] = u.v((f['t'] + i) & 31);
        Registers m = join(u, count, lane, q, r);
        for (unsigned i = 0; i * 16 < bytes; i++) u.ir.store(at(u, address, 16 * i), m[i], piece(16 * i));
    }
    write_back(u, f, address, bytes);
}

/// One element of each of `count` registers.
void single(Unit& u, const Fields& f, unsigned count, unsigned size_log2, unsigned index) {
    const Lane lane = ir::int_lane(8u << size_log2);
    const Type type = size_log2 == 3 ? Type::i64 : Type::i32;
    const MemFlags flags = u.access(size_log2);
    Val address = u.x_or_sp(f['n']);
    Registers values{};
    for (unsigned i = 0; i < count; i++) {
        Val place = at(u, address, u64(i) << size_log2);
        if (f.arg() & structure::load) values[i] = u.ir.load(type, place, flags);
        else u.ir.store(place, u.ir.vget(type, lane, u.v((f['t'] + i) & 31), index), flags);
    }
    if (f.arg() & structure::load)
        for (unsigned i = 0; i < count; i++) {
            const unsigned t = (f['t'] + i) & 31;
            u.set_v(t, u.ir.vset(lane, u.v(t), values[i], index));
        }
    write_back(u, f, address, u64(count) << size_log2);
}

} // namespace

void simd_structures(Unit& u, const Fields& f) {
    switch (f['o']) {
    case 0b0111: return consecutive(u, f, 1);
    case 0b1010: return consecutive(u, f, 2);
    case 0b0110: return consecutive(u, f, 3);
    case 0b0010: return consecutive(u, f, 4);
    case 0b1000: case 0b0100: case 0b0000:
        if (f['s'] == 3 && !f['q']) return u.unallocated();
        return interleaved(u, f, f['o'] == 0b1000 ? 2 : f['o'] == 0b0100 ? 3 : 4);
    default: return u.unallocated();
    }
}

void simd_single_structure(Unit& u, const Fields& f) {
    const u32 q = f['q'], s = f['S'], size = f['s'], opcode = f['o'];
    const unsigned count = ((opcode & 1) << 1 | f['r']) + 1;
    switch (opcode >> 1) {
    case 0: return single(u, f, count, 0, q << 3 | s << 2 | size);
    case 1:
        if (size & 1) return u.unallocated();
        return single(u, f, count, 1, q << 2 | s << 1 | size >> 1);
    case 2:
        if (size & 2) return u.unallocated();
        if (!(size & 1)) return single(u, f, count, 2, q << 1 | s);
        if (s) return u.unallocated();
        return single(u, f, count, 3, q);
    default: return u.unallocated();
    }
}

void simd_replicate(Unit& u, const Fields& f) {
    const unsigned count = (f['o'] << 1 | f['r']) + 1, size = f['s'];
    const Type type = size == 3 ? Type::i64 : Type::i32;
    Val address = u.x_or_sp(f['n']);
    Registers values{};
    for (unsigned i = 0; i < count; i++) values[i] = u.ir.load(type, at(u, address, u64(i) << size), u.access(size));
    for (unsigned i = 0; i < count; i++) u.set_v((f['t'] + i) & 31, u.ir.vdup(ir::int_lane(8u << size), values[i]), f['q']);
    write_back(u, f, address, u64(count) << size);
}

} // namespace emu::isa::a64
