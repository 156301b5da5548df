// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A8, B9: branches, status register, hints, barriers, the coprocessor registers that user mode has.
#include "isa/a32/sem_branch.h"

#include "common/bits.h"
#include "isa/a32/helpers.h"
#include "isa/a32/models.h"

namespace emu::isa::a32 {

namespace {

constexpr u32 follow_distance = 1024;
constexpr unsigned follow_insns = 32;

void branch_to(Unit& u, u32 to) {
    if (u.pred) { // the taken side leaves
        u.ir.exit_if(u.pred, {ir::ExitKind::jump, 0, u.key(to, u.thumb), 0});
        u.assumed = u.ir.not_(u.pred);
        u.pred = {};
        return;
    }
    const bool near_ahead = to > u.pc && to - u.pc <= follow_distance;
    if (near_ahead && u.ir.function().insns < follow_insns && !u.next_it) u.next = u.key(to, u.thumb);
    else u.jump(to, u.thumb);
}

void call(Unit& u, u32 to, bool to_thumb) {
    u.commit();
    const u64 back = u.next_key();
    u.set_r(14, u.ir.imm32(u32(back)));
    u.ir.exit({ir::ExitKind::call, 0, u.key(to, to_thumb), u32(back)});
}

/// imm32 of T32 branches: S:I1:I2:imm10:imm11:0 with I = not(J xor S).
u32 offset_t32(const Fields& f) {
    const u32 s = f['s'], i1 = ~(f['J'] ^ s) & 1, i2 = ~(f['K'] ^ s) & 1;
    return u32(sign_extend(u64(s) << 24 | u64(i1) << 23 | u64(i2) << 22 | u64(f['i']) << 12 | u64(f['j']) << 1, 25));
}

} // namespace

void branch(Unit& u, const Fields& f) { branch_to(u, u.pc_value() + u32(f.s('i') << 2)); }
void branch_link(Unit& u, const Fields& f) { call(u, u.pc_value() + u32(f.s('i') << 2), false); }
void branch_link_exchange(Unit& u, const Fields& f) { call(u, u.pc_value() + u32(f.s('i') << 2) + (f['H'] << 1), true); }

void branch_exchange(Unit& u, const Fields& f) { u.bx_write_pc(u.r(f['m']), f['m'] == 14); }

void branch_link_exchange_register(Unit& u, const Fields& f) {
    if (f['m'] == 15) return u.unallocated();
    u.commit();
    Val to = u.ir.zext(u.r(f['m']), Type::i64);
    const u64 back = u.next_key();
    u.set_r(14, u.ir.imm32(u32(back)));
    u.ir.exit({ir::ExitKind::call_indirect, 0, 0, u32(back)}, to);
}

void branch_t32(Unit& u, const Fields& f) { branch_to(u, u.pc_value() + offset_t32(f)); }
void branch_link_t32(Unit& u, const Fields& f) { call(u, u.pc_value() + offset_t32(f), true); }
void branch_link_exchange_t32(Unit& u, const Fields& f) {
    if (f['j'] & 1) return u.unallocated(); // H: half of an Arm instruction
    call(u, (u.pc_value() & ~u32(3)) + (offset_t32(f) & ~u32(3)), false);
}

namespace {
/// Outside of IT blocks: a condition of its own. Inside it is unpredictable (DDI 0406C, A8.8.18).
void branch_if(Unit& u, u32 cond, u32 to) {
    if (u.in_it()) return u.unallocated();
    u.commit();
    u.ir.exit_if(u.ir.test(Cond(cond), u.nzcv()), {ir::ExitKind::jump, 0, u.key(to, true), 0});
}
} // namespace

void branch_conditional_t32(Unit& u, const Fields& f) {
    if (f['c'] >= 14) return u.unallocated();
    const u64 offset = u64(f['s']) << 20 | u64(f['K']) << 19 | u64(f['J']) << 18 | u64(f['i']) << 12 | u64(f['j']) << 1;
    branch_if(u, f['c'], u.pc_value() + u32(sign_extend(offset, 21)));
}
void branch_t16(Unit& u, const Fields& f) { branch_to(u, u.pc_value() + u32(f.s('i') << 1)); }
void branch_conditional_t16(Unit& u, const Fields& f) { branch_if(u, f['c'], u.pc_value() + u32(f.s('i') << 1)); }

void compare_branch(Unit& u, const Fields& f) {
    u.commit();
    Val n = u.r(f['n']), zero = u.ir.imm32(0);
    u.ir.exit_if(f['o'] ? u.ir.ne(n, zero) : u.ir.eq(n, zero), {ir::ExitKind::jump, 0, u.key(u.pc_value() + (f['i'] << 1), true), 0});
}

void table_branch(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    const bool halves = f['H'];
    Val index = halves ? ir.shl(u.r(f['m']), 1) : u.r(f['m']);
    Val offset = u.load(u.address(ir.add(u.r(f['n']), index)), u.access(halves ? 1 : 0));
    u.branch_write_pc(ir.add(ir.imm32(u.pc_value()), ir.shl(offset, 1)));
}

/// ITSTATE is in the pc of the instructions that follow.
void if_then(Unit& u, const Fields& f) {
    if (u.in_it()) return u.unallocated();
    u.next_it = u8(f['c'] << 4 | f['m']);
    u.next = u.next_key();
}

// --- exceptions, hints ------------------------------------------------------------------------------------------------------------

void supervisor_call(Unit& u, const Fields& f) { u.trap(u32(Trap::syscall), u.next_key(), f['i']); }
void breakpoint(Unit& u, const Fields& f) { u.trap(u32(Trap::breakpoint), u.pc_key(), f['i']); }
void undefined(Unit& u, const Fields&) { u.unallocated(); }
void hint(Unit&, const Fields&) {}

void clear_exclusive(Unit& u, const Fields&) { u.set(slot_monitor_address, u.ir.imm64(no_monitor)); }
void barrier(Unit& u, const Fields&) {
    u.commit();
    u.ir.fence(ir::Order::seq_cst);
}
void instruction_barrier(Unit& u, const Fields&) {
    u.commit();
    u.ir.jump(u.next_key());
}

// --- status register --------------------------------------------------------------------------------------------------------------

/// CPSR as user mode sees it: the execution state bits read as zero.
void read_status(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    if (f['d'] == 15) return u.unallocated();
    Val token = u.nzcv(), ge = ir.get(slot_ge);
    Val value = ir.or_(ir.shl(ir.and_(token, ir.imm32(ir::flag_n | ir::flag_z)), 16), ir.shl(ir.and_(token, ir.imm32(ir::flag_c)), 21));
    value = ir.or_(value, ir.shl(ir.and_(token, ir.imm32(ir::flag_v)), 28));
    value = ir.or_(value, ir.shl(ir.get(slot_q), 27));
    for (unsigned i = 0; i < 4; i++) value = ir.or_(value, ir.shl(ir.ubfx(ge, 8 * i, 1), 16 + i));
    u.set_r(f['d'], ir.or_(value, ir.imm32(cpsr::user_mode | (u.big_endian() ? cpsr::e : 0))));
}

namespace {
void write_status(Unit& u, u32 mask, Val value) {
    auto& ir = u.ir;
    if (mask & 8) {
        Val token = ir.or_(ir.and_(ir.shr(value, 16u), ir.imm32(ir::flag_n | ir::flag_z)),
                           ir.or_(ir.and_(ir.shr(value, 21u), ir.imm32(ir::flag_c)), ir.shr(ir.and_(value, ir.imm32(1u << 28)), 28u)));
        Val q = ir.ubfx(value, 27, 1);
        u.set_nzcv(token);
        if (u.has(feature::v5e)) u.set(slot_q, q);
    }
    if (mask & 4 && u.has(feature::v6)) u.set(slot_ge, ir.mul(ir.or_(ir.or_(ir.ubfx(value, 16, 1), ir.shl(ir.ubfx(value, 17, 1), 8)),
                                                                     ir.or_(ir.shl(ir.ubfx(value, 18, 1), 16), ir.shl(ir.ubfx(value, 19, 1), 24))),
                                                              ir.imm32(255)));
}
} // namespace

void write_status_register(Unit& u, const Fields& f) { write_status(u, f['k'], u.r(f['n'])); }
void write_status_immediate(Unit& u, const Fields& f) { write_status(u, f['k'], u.ir.imm32(u32(rotate_right(f['i'], 2 * f['r'], 32)))); }

void set_endianness(Unit& u, const Fields& f) {
    u.commit();
    if (bool(f['E']) == u.big_endian()) return;
    u.ir.set(slot_big_endian, u.ir.imm32(f['E']));
    u.sync();
}

// --- coprocessor 15 ---------------------------------------------------------------------------------------------------------------

namespace {
constexpr u32 register_key(u32 opc1, u32 crn, u32 crm, u32 opc2) { return opc1 << 12 | crn << 8 | crm << 4 | opc2; }
u32 key_of(const Fields& f) { return register_key(f['o'], f['n'], f['m'], f['p']); }
constexpr u32 tpidrurw = register_key(0, 13, 0, 2), tpidruro = register_key(0, 13, 0, 3), cntfrq = register_key(0, 14, 0, 0);
constexpr u32 cp15_isb = register_key(0, 7, 5, 4), cp15_dsb = register_key(0, 7, 10, 4), cp15_dmb = register_key(0, 7, 10, 5);
} // namespace

void coprocessor_read(Unit& u, const Fields& f) {
    Val value;
    const u32 key = key_of(f);
    if (key == tpidruro && u.has(feature::v6k)) value = u.ir.get(slot_tpidruro);
    else if (key == tpidrurw && u.has(feature::v6k)) value = u.ir.get(slot_tpidrurw);
    else if (key == cntfrq && u.has(feature::idiva)) value = u.ir.imm32(counter_frequency);
    else return u.unallocated();
    if (f['t'] == 15) { // the flags
        Val token = u.ir.or_(u.ir.and_(u.ir.shr(value, 16u), u.ir.imm32(ir::flag_n | ir::flag_z)),
                             u.ir.or_(u.ir.and_(u.ir.shr(value, 21u), u.ir.imm32(ir::flag_c)), u.ir.ubfx(value, 28, 1)));
        return u.set_nzcv(token);
    }
    u.set_r(f['t'], value);
}

void coprocessor_write(Unit& u, const Fields& f) {
    switch (key_of(f)) {
    case tpidrurw:
        if (!u.has(feature::v6k)) return u.unallocated();
        return u.set(slot_tpidrurw, u.r(f['t']));
    case cp15_isb: return u.has(feature::v6) ? instruction_barrier(u, f) : u.unallocated();
    case cp15_dsb: case cp15_dmb: return u.has(feature::v6) ? barrier(u, f) : u.unallocated();
    default: return u.unallocated();
    }
}

/// CNTVCT.
void coprocessor_read_pair(Unit& u, const Fields& f) {
    if (f['o'] != 1 || f['m'] != 14 || !u.has(feature::idiva) || f['t'] == 15 || f['u'] == 15) return u.unallocated();
    u.commit();
    Val count = u.ir.call(helper_counter);
    u.set_r(f['t'], u.ir.trunc(count));
    u.set_r(f['u'], u.ir.trunc(u.ir.shr(count, 32)));
}

} // namespace emu::isa::a32
