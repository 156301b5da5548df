// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A8: loads and stores of general registers.
#include "isa/a32/sem_ldst.h"

#include "isa/a32/sem_dp.h"

#include <bit>

namespace emu::isa::a32 {

namespace {

struct Mode {
    bool before, up, write_back;
    unsigned n;
};

unsigned base_register(const Fields& f) { return f.has('n') ? f['n'] : f.arg() & access::sp_base ? 13 : 15; }

Mode mode_of(const Fields& f) {
    const bool p = f.has('P') ? f['P'] : true, u = f.has('U') ? f['U'] : true, w = f.has('W') ? f['W'] : false;
    return {p, u, !p || w, base_register(f)};
}

/// PC as a base is the word-aligned address.
Val base_of(Unit& u, unsigned n) { return n == 15 ? u.ir.imm32(u.pc_value() & ~u32(3)) : u.r(n); }

s32 displacement(const Fields& f, const Mode& m) {
    u32 i = f['i'];
    if (f.arg() & access::scaled) i <<= f.arg() & access::size;
    return m.up ? s32(i) : -s32(i);
}

/// Index register as A32 shifts it, or T32 (i: a left shift).
Val index_of(Unit& u, const Fields& f) {
    Val m = u.r(f['m']);
    if (!f.has('i')) return m;
    return f.has('h') ? shift_immediate(u, m, f['h'], f['i']).value : u.ir.shl(m, f['i']);
}

/// Address of the access, and the base's new value.
struct Place {
    Val address, after;
};
Place place_immediate(Unit& u, const Fields& f, const Mode& m) {
    const s32 offset = displacement(f, m);
    Val base = base_of(u, m.n);
    return {u.address(base, m.before ? offset : 0), m.write_back ? u.ir.add(base, u.ir.imm32(u32(offset))) : Val{}};
}
Place place_register(Unit& u, const Fields& f, const Mode& m) {
    Val base = base_of(u, m.n), index = index_of(u, f);
    Val sum = m.up ? u.ir.add(base, index) : u.ir.sub(base, index);
    return {u.address(m.before ? sum : base), m.write_back ? sum : Val{}};
}

void transfer(Unit& u, const Fields& f, const Mode& m, const Place& place) {
    const u32 arg = f.arg();
    const unsigned t = f['t'];
    if ((m.write_back && m.n == 15) || (u.thumb && f.has('P') && !f['P'] && !f['W'])) return u.unallocated();
    const MemFlags flags = u.access(arg & access::size, arg & access::sign);
    if (arg & access::store) {
        u.store(place.address, u.r(t), flags);
        if (m.write_back) u.set_r(m.n, place.after);
        return;
    }
    Val value = u.load(place.address, flags);
    if (m.write_back) u.set_r(m.n, place.after);
    if (t != 15) return u.set_r(t, value);
    u.load_write_pc(value, m.n == 13 && !m.before);
}

void transfer_dual(Unit& u, const Fields& f, const Mode& m, const Place& place) {
    const unsigned t = f['t'], second = f.has('u') ? f['u'] : t + 1;
    // P = 0: A32 has no W = 1 then, T32 no W = 0.
    const bool odd_mode = f.has('P') && !f['P'] && f['W'] != u.thumb;
    if (odd_mode || (!f.has('u') && t & 1) || t == 15 || second == 15 || (m.write_back && m.n == 15)) return u.unallocated();
    const MemFlags flags = u.access(2);
    Val next = u.ir.add(place.address, u.ir.imm64(4));
    if (f.arg() & access::store) {
        u.store(place.address, u.r(t), flags);
        u.store(next, u.r(second), flags);
        if (m.write_back) u.set_r(m.n, place.after);
        return;
    }
    Val low = u.load(place.address, flags), high = u.load(next, flags);
    if (m.write_back) u.set_r(m.n, place.after);
    u.set_r(t, low);
    u.set_r(second, high);
}

} // namespace

void load_store_immediate(Unit& u, const Fields& f) {
    const Mode m = mode_of(f);
    transfer(u, f, m, place_immediate(u, f, m));
}
void load_store_register(Unit& u, const Fields& f) {
    const Mode m = mode_of(f);
    transfer(u, f, m, place_register(u, f, m));
}
void dual_immediate(Unit& u, const Fields& f) {
    const Mode m = mode_of(f);
    Place place = place_immediate(u, f, m);
    transfer_dual(u, f, m, place);
}
void dual_register(Unit& u, const Fields& f) {
    const Mode m = mode_of(f);
    transfer_dual(u, f, m, place_register(u, f, m));
}
void dual_immediate_t32(Unit& u, const Fields& f) {
    const Mode m = mode_of(f);
    const s32 offset = m.up ? s32(f['i'] << 2) : -s32(f['i'] << 2);
    Val base = base_of(u, m.n);
    transfer_dual(u, f, m, {u.address(base, m.before ? offset : 0), m.write_back ? u.ir.add(base, u.ir.imm32(u32(offset))) : Val{}});
}
void preload(Unit&, const Fields&) {}

// --- exclusive and ordered ------------------------------------------------------------------------------------------------------

namespace {

Val exclusive_address(Unit& u, const Fields& f) { return u.address(u.r(f['n']), f.has('i') ? s32(f['i'] << 2) : 0); }

MemFlags exclusive_flags(const Unit& u, unsigned size_log2, ir::Order order) {
    MemFlags flags = u.access(size_log2);
    flags.order = order;
    return flags;
}

unsigned second_register(const Fields& f) { return f.has('u') ? f['u'] : f['t'] + 1; }
bool bad_pair(const Fields& f) { return (f.arg() & access::size) == access::d && !f.has('u') && (f['t'] & 1 || f['t'] == 14); }

} // namespace

void load_exclusive(Unit& u, const Fields& f) {
    if (bad_pair(f) || f['t'] == 15) return u.unallocated();
    u.commit();
    auto& ir = u.ir;
    const unsigned size = f.arg() & access::size;
    const MemFlags flags = exclusive_flags(u, size, f.arg() & access::acquire ? ir::Order::acquire : ir::Order::relaxed);
    Val address = exclusive_address(u, f);
    u.check_alignment(address, 1u << size);
    Val value = ir.load(size == access::d ? Type::i64 : Type::i32, address, flags);
    ir.set(slot_monitor_value, ir.zext(value, Type::i64));
    ir.set(slot_monitor_address, address);
    if (size != access::d) return u.set_r(f['t'], value);
    // As two words in memory order.
    Val low = ir.trunc(value), high = ir.trunc(ir.shr(value, 32));
    u.set_r(f['t'], u.big_endian() ? high : low);
    u.set_r(second_register(f), u.big_endian() ? low : high);
}

void store_exclusive(Unit& u, const Fields& f) {
    if (bad_pair(f) || f['t'] == 15 || f['d'] == 15) return u.unallocated();
    u.commit();
    auto& ir = u.ir;
    const unsigned size = f.arg() & access::size;
    Val address = exclusive_address(u, f), value = u.r(f['t']);
    u.check_alignment(address, 1u << size);
    if (size == access::d) {
        Val first = u.r64(f['t']), second = u.r64(second_register(f));
        value = u.big_endian() ? ir.or_(second, ir.shl(first, 32)) : ir.or_(first, ir.shl(second, 32));
    }
    Val expected = ir.resize(ir.get(slot_monitor_value), ir.type(value));
    Val held = ir.eq(address, ir.get(slot_monitor_address));
    // Without the monitor the swap must not change anything: it may only put back what it found.
    Val old = ir.atomic_cas(address, expected, ir.select(held, value, expected), exclusive_flags(u, size, ir::Order::seq_cst));
    Val failed = ir.zext(ir.not_(ir.and_(held, ir.eq(old, expected))), Type::i32);
    ir.set(slot_monitor_address, ir.imm64(no_monitor));
    u.set_r(f['d'], failed);
}

void load_ordered(Unit& u, const Fields& f) {
    if (f['t'] == 15) return u.unallocated();
    const Val address = u.address(u.r(f['n']));
    u.check_alignment(address, 1u << (f.arg() & access::size));
    Val value = u.load(address, exclusive_flags(u, f.arg() & access::size, ir::Order::acquire));
    u.set_r(f['t'], value);
}
void store_ordered(Unit& u, const Fields& f) {
    const Val address = u.address(u.r(f['n']));
    u.check_alignment(address, 1u << (f.arg() & access::size));
    u.store(address, u.r(f['t']), exclusive_flags(u, f.arg() & access::size, ir::Order::seq_cst));
}

void swap(Unit& u, const Fields& f) {
    u.commit();
    MemFlags flags = u.access(f.arg() & access::size);
    flags.order = ir::Order::seq_cst;
    u.set_r(f['t'], u.ir.atomic_rmw(ir::AtomicOp::swap, u.address(u.r(f['n'])), u.r(f['m']), flags));
}

// --- multiple -------------------------------------------------------------------------------------------------------------------

namespace {

struct Block {
    u32 list;
    unsigned n;
    bool load, up, before, write_back;
};

/// Registers are set one by one: a fault on the way leaves the base as it was, and the others are allowed to be changed.
void transfer_block(Unit& u, const Block& b) {
    const unsigned count = unsigned(std::popcount(b.list));
    if (!b.list || b.n == 15) return u.unallocated();
    u.commit();
    const s32 bytes = s32(4 * count);
    Val base = u.r(b.n), new_base{};
    s32 offset = b.up ? (b.before ? 4 : 0) : (b.before ? -bytes : 4 - bytes);
    Val after = u.ir.add(base, u.ir.imm32(u32(b.up ? bytes : -bytes)));
    Val target{};
    for (unsigned r = 0; r < 16; r++) {
        if (!(b.list >> r & 1)) continue;
        Val at = u.address(base, offset);
        offset += 4;
        if (!b.load) {
            u.store32(at, r == b.n ? base : u.r(r));
            continue;
        }
        Val value = u.load32(at);
        if (r == 15) target = value;
        else if (r == b.n) new_base = value;
        else u.set_r(r, value);
    }
    if (new_base) u.set_r(b.n, new_base);
    else if (b.write_back) u.set_r(b.n, after);
    if (target) u.load_write_pc(target, b.n == 13 && b.write_back);
}

} // namespace

void multiple(Unit& u, const Fields& f) {
    const bool p = f.has('P') ? f['P'] : f.arg() & access::down, up = f.has('U') ? f['U'] : !(f.arg() & access::down);
    transfer_block(u, {f['l'], f['n'], !(f.arg() & access::store), up, p, bool(f['W'])});
}

void push(Unit& u, const Fields& f) { transfer_block(u, {f['l'] | f['M'] << 14, 13, false, false, true, true}); }
void pop(Unit& u, const Fields& f) { transfer_block(u, {f['l'] | f['M'] << 15, 13, true, true, false, true}); }
void multiple_t16(Unit& u, const Fields& f) {
    const bool load = !(f.arg() & access::store);
    transfer_block(u, {f['l'], f['n'], load, true, false, !(load && f['l'] >> f['n'] & 1)});
}

} // namespace emu::isa::a32
