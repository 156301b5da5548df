// SPDX-License-Identifier: MIT
// Arm ARM C3.3 / C6.2, C7.2: plain loads and stores.
#include "isa/a64/sem_ldst.h"

#include "isa/a64/pauth.h"

namespace emu::isa::a64 {

namespace {

MemFlags flags_of(const Unit& u, u32 arg) {
    MemFlags flags = u.access(arg & access::size);
    flags.sign_extend = arg & access::sign;
    return flags;
}

/// Load into the kind of value that register `arg` describes takes.
Val load(Unit& u, Val address, u32 arg, MemFlags flags) {
    const Type type = arg & access::simd ? Type::v128 : Unit::int_type(arg & access::wide);
    return u.ir.load(type, address, flags);
}

void set_target(Unit& u, unsigned t, u32 arg, Val value) {
    if (arg & access::simd) u.set_v(t, value);
    else u.set_x(t, value);
}

Val source(Unit& u, unsigned t, u32 arg) {
    if (arg & access::simd) return u.v(t);
    return u.x(t, Unit::int_type(arg & access::wide));
}

void load_store_at(Unit& u, Val address, unsigned t, u32 arg, MemFlags flags) {
    if (arg & access::store) u.ir.store(address, source(u, t, arg), flags);
    else set_target(u, t, arg, load(u, address, arg, flags));
}

Val base_plus(Unit& u, const Fields& f, s64 offset) { return u.ir.add(u.x_or_sp(f['n']), u.ir.imm64(u64(offset))); }

} // namespace

void load_store_unsigned(Unit& u, const Fields& f) {
    load_store_at(u, base_plus(u, f, s64(f['i']) << (f.arg() & access::size)), f['t'], f.arg(), flags_of(u, f.arg()));
}

void load_store_unscaled(Unit& u, const Fields& f) { load_store_at(u, base_plus(u, f, f.s('i')), f['t'], f.arg(), flags_of(u, f.arg())); }

void load_store_unprivileged(Unit& u, const Fields& f) {
    MemFlags flags = flags_of(u, f.arg());
    flags.mmu = u.unprivileged_view();
    load_store_at(u, base_plus(u, f, f.s('i')), f['t'], f.arg(), flags);
}

// Where base and target are the same register the architecture leaves the result open: the base's new value stays.
void load_store_pre(Unit& u, const Fields& f) {
    Val address = base_plus(u, f, f.s('i'));
    load_store_at(u, address, f['t'], f.arg(), flags_of(u, f.arg()));
    u.set_x_or_sp(f['n'], address);
}

void load_store_post(Unit& u, const Fields& f) {
    Val address = u.x_or_sp(f['n']), after = base_plus(u, f, f.s('i'));
    load_store_at(u, address, f['t'], f.arg(), flags_of(u, f.arg()));
    u.set_x_or_sp(f['n'], after);
}

void load_store_register(Unit& u, const Fields& f) {
    const u32 option = f['o'];
    if (!(option & 2)) return u.unallocated();
    auto& ir = u.ir;
    Val index = option == 2 ? ir.zext(u.w(f['m']), Type::i64) : option == 6 ? ir.sext(u.w(f['m']), Type::i64) : u.x(f['m']);
    if (f['S']) index = ir.shl(index, f.arg() & access::size);
    load_store_at(u, ir.add(u.x_or_sp(f['n']), index), f['t'], f.arg(), flags_of(u, f.arg()));
}

void load_literal(Unit& u, const Fields& f) {
    load_store_at(u, u.ir.imm64(u.pc + (u64(f.s('i')) << 2)), f['t'], f.arg(), flags_of(u, f.arg()));
}

void load_pac(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val address = ir.add(pac_auth(u, u.x_or_sp(f['n']), ir.imm64(0), f.arg()), ir.imm64(u64(f.s('i')) << 3));
    Val value = ir.load(Type::i64, address, u.access(3));
    u.set_x(f['t'], value);
    if (f['W']) u.set_x_or_sp(f['n'], address);
}

void prefetch(Unit& u, const Fields& f) {
    if (f.has('o') && !(f['o'] & 2)) u.unallocated();
}

// --- pairs ---------------------------------------------------------------------------------------------------------------

namespace {

void pair_at(Unit& u, const Fields& f, Val address) {
    const u32 arg = f.arg();
    const MemFlags flags = flags_of(u, arg);
    Val second = u.ir.add(address, u.ir.imm64(flags.bytes()));
    if (arg & access::store) {
        u.ir.store(address, source(u, f['t'], arg), flags);
        u.ir.store(second, source(u, f['u'], arg), flags);
        return;
    }
    Val a = load(u, address, arg, flags), b = load(u, second, arg, flags);
    set_target(u, f['t'], arg, a);
    set_target(u, f['u'], arg, b);
}

s64 pair_displacement(const Fields& f) { return f.s('i') * (1 << (f.arg() & access::size)); }

} // namespace

void pair_offset(Unit& u, const Fields& f) { pair_at(u, f, base_plus(u, f, pair_displacement(f))); }

void pair_pre(Unit& u, const Fields& f) {
    Val address = base_plus(u, f, pair_displacement(f));
    pair_at(u, f, address);
    u.set_x_or_sp(f['n'], address);
}

void pair_post(Unit& u, const Fields& f) {
    Val address = u.x_or_sp(f['n']), after = base_plus(u, f, pair_displacement(f));
    pair_at(u, f, address);
    u.set_x_or_sp(f['n'], after);
}

// --- ordered -------------------------------------------------------------------------------------------------------------

namespace {
// A store-release is ordered before later load-acquires, which the host's plain stores are not: it takes a full barrier.
MemFlags ordered(const Unit& u, u32 arg) {
    MemFlags flags = flags_of(u, arg);
    flags.order = arg & access::store ? ir::Order::seq_cst : ir::Order::acquire;
    return flags;
}

void ordered_at(Unit& u, const Fields& f, Val address) {
    check_alignment(u, address, f.arg() & access::size);
    load_store_at(u, address, f['t'], f.arg(), ordered(u, f.arg()));
}
} // namespace

void ordered_plain(Unit& u, const Fields& f) { ordered_at(u, f, u.x_or_sp(f['n'])); }
void ordered_unscaled(Unit& u, const Fields& f) { ordered_at(u, f, base_plus(u, f, f.s('i'))); }

void check_alignment(Unit& u, Val address, unsigned size_log2) {
    if (size_log2 == 0) return;
    auto& ir = u.ir;
    const u64 bytes = u64(1) << size_log2;
    const bool loose = u.has(feature::lse2) && size_log2 < 4;
    const Val low = ir.and_(address, ir.imm64(loose ? 15 : bytes - 1));
    const Val faults = loose ? ir.ult(ir.imm64(16 - bytes), low) : ir.ne(low, ir.imm64(0));
    aarch::raise_alignment(ir, faults, trap_alignment, u.pc, slot_fault_address, address);
}

} // namespace emu::isa::a64
