// SPDX-License-Identifier: MIT
// Arm ARM C3.3.6 - C3.3.14 / C6.2: exclusives and atomics. The monitor remembers address and value of the last load-exclusive; a
// store-exclusive is a compare-and-swap against that value.
#include "isa/a64/helpers.h"
#include "isa/a64/sem_ldst.h"

namespace emu::isa::a64 {

namespace {

MemFlags atomic_flags(const Unit& u, unsigned size_log2, bool ordered = true) {
    return u.access(size_log2, ordered ? ir::Order::seq_cst : ir::Order::relaxed);
}

void set_monitor(Unit& u, Val address, Val lo, Val hi) {
    u.ir.set(slot_monitor_lo, u.ir.zext(lo, Type::i64));
    if (hi) u.ir.set(slot_monitor_hi, hi);
    u.ir.set(slot_monitor_address, address);
}

void clear_monitor(Unit& u) { u.ir.set(slot_monitor_address, u.ir.imm64(no_monitor)); }

Val pack(Unit& u, Val lo, Val hi) {
    auto& ir = u.ir;
    return ir.or_(ir.zext(lo, Type::i64), ir.shl(ir.zext(hi, Type::i64), 32));
}

/// Store `value` if the monitor holds `address` and memory what was read then; the status as i32.
Val store_if_exclusive(Unit& u, Val address, Val value, unsigned size_log2) {
    auto& ir = u.ir;
    check_alignment(u, address, size_log2);
    Val expected = ir.resize(ir.get(slot_monitor_lo), ir.type(value));
    Val held = ir.eq(address, ir.get(slot_monitor_address));
    // Without the monitor the swap must not change anything: it may only put back what it found.
    Val old = ir.atomic_cas(address, expected, ir.select(held, value, expected), atomic_flags(u, size_log2));
    return ir.zext(ir.not_(ir.and_(held, ir.eq(old, expected))), Type::i32);
}

} // namespace

void load_exclusive(Unit& u, const Fields& f) {
    const Type type = u.int_type(f.arg() & access::wide);
    MemFlags flags = atomic_flags(u, f.arg() & access::size, false);
    if (f.arg() & access::acquire) flags.order = ir::Order::acquire;
    Val address = u.x_or_sp(f['n']);
    check_alignment(u, address, f.arg() & access::size);
    Val value = u.ir.load(type, address, flags);
    set_monitor(u, address, value, {});
    u.set_x(f['t'], value);
}

void store_exclusive(Unit& u, const Fields& f) {
    const Type type = u.int_type(f.arg() & access::wide);
    Val status = store_if_exclusive(u, u.x_or_sp(f['n']), u.x(f['t'], type), f.arg() & access::size);
    clear_monitor(u);
    u.set_x(f['s'], status);
}

void load_exclusive_pair(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    const bool wide = f.arg() & access::wide;
    MemFlags flags = atomic_flags(u, wide ? 4 : 3, false);
    if (f.arg() & access::acquire) flags.order = ir::Order::acquire;
    Val address = u.x_or_sp(f['n']);
    check_alignment(u, address, wide ? 4 : 3);
    Val both = ir.load(wide ? Type::v128 : Type::i64, address, flags);
    if (wide) {
        Val lo = ir.vget(Type::i64, Lane::i64, both, 0), hi = ir.vget(Type::i64, Lane::i64, both, 1);
        set_monitor(u, address, lo, hi);
        u.set_x(f['t'], lo);
        u.set_x(f['u'], hi);
    } else {
        set_monitor(u, address, both, {});
        u.set_x(f['t'], ir.trunc(both));
        u.set_x(f['u'], ir.trunc(ir.shr(both, 32)));
    }
}

void store_exclusive_pair(Unit& u, const Fields& f) {
    Val address = u.x_or_sp(f['n']);
    Val status;
    if (f.arg() & access::wide) {
        check_alignment(u, address, 4);
        status = u.ir.trunc(u.ir.call(helper_stxp, {address, u.x(f['t']), u.x(f['u']), u.ir.imm64(u.view())}));
    } else {
        status = store_if_exclusive(u, address, pack(u, u.w(f['t']), u.w(f['u'])), 3);
    }
    clear_monitor(u);
    u.set_x(f['s'], status);
}

void compare_swap(Unit& u, const Fields& f) {
    const Type type = u.int_type(f.arg() & access::wide);
    const Val address = u.x_or_sp(f['n']);
    check_alignment(u, address, f.arg() & access::size);
    Val old = u.ir.atomic_cas(address, u.x(f['s'], type), u.x(f['t'], type), atomic_flags(u, f.arg() & access::size));
    u.set_x(f['s'], old);
}

void compare_swap_pair(Unit& u, const Fields& f) {
    if ((f['s'] | f['t']) & 1) return u.unallocated();
    auto& ir = u.ir;
    const unsigned s = f['s'], t = f['t'];
    Val address = u.x_or_sp(f['n']);
    check_alignment(u, address, f.arg() & access::wide ? 4 : 3);
    if (f.arg() & access::wide) {
        ir.call(helper_casp, {address, ir.imm64(s | t << 8), ir.imm64(u.view())});
        return;
    }
    Val old = ir.atomic_cas(address, pack(u, u.w(s), u.w(s + 1)), pack(u, u.w(t), u.w(t + 1)), atomic_flags(u, 3));
    u.set_x(s, ir.trunc(old));
    u.set_x(s + 1, ir.trunc(ir.shr(old, 32)));
}

void atomic_operation(Unit& u, const Fields& f) {
    const unsigned size_log2 = f['z'];
    const Type type = u.int_type(size_log2 == 3);
    const Val address = u.x_or_sp(f['n']);
    check_alignment(u, address, size_log2);
    Val old = u.ir.atomic_rmw(ir::AtomicOp(f.arg()), address, u.x(f['s'], type), atomic_flags(u, size_log2));
    u.set_x(f['t'], old);
}

} // namespace emu::isa::a64
