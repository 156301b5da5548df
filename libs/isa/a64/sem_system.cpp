// SPDX-License-Identifier: MIT
// Arm ARM C3.2.3 - C3.2.6: hints, barriers, PSTATE, access to system registers.
#include "isa/a64/pauth.h"
#include "isa/a64/sem_branch_sys.h"
#include "isa/a64/sysreg.h"

namespace emu::isa::a64 {

namespace {
u16 key_of(const Fields& f, unsigned op0) { return sysreg_key(op0, f['o'], f['n'], f['m'], f['p']); }
} // namespace

void hint(Unit&, const Fields&) {}

void wait_for_interrupt(Unit& u, const Fields&) {
    if (u.system()) u.ir.trap(u32(Trap::halt), u.pc + 4);
}

void hint_pac(Unit& u, const Fields& f) {
    const u32 key = f.arg() & pac_key;
    const unsigned reg = f.arg() & pac_x17_x16 ? 17 : 30;
    if (key == pac_ga) return u.set_x(reg, pac_strip_code(u, u.x(reg)));   // XPACLRI
    Val modifier = f.arg() & pac_x17_x16 ? u.x(16) : f.arg() & pac_x30_sp ? u.x_or_sp(31) : u.ir.imm64(0);
    u.set_x(reg, f.arg() & pac_authenticate ? pac_auth(u, u.x(reg), modifier, key) : pac_sign(u, u.x(reg), modifier, key));
}

// --- barriers ------------------------------------------------------------------------------------------------------------

void clear_exclusive(Unit& u, const Fields&) { u.ir.set(slot_monitor_address, u.ir.imm64(no_monitor)); }

void data_barrier(Unit& u, const Fields& f) {
    switch (f['i'] & 3) {
    case 1: return u.ir.fence(ir::Order::acquire);    // loads before everything after
    case 2: return u.ir.fence(ir::Order::release);    // stores before stores
    default: return u.ir.fence(ir::Order::seq_cst);
    }
}

void instruction_barrier(Unit& u, const Fields&) {
    if (u.system()) u.sync();
    else u.jump(u.pc + 4);
}

void speculation_barrier(Unit&, const Fields&) {}

// --- PSTATE --------------------------------------------------------------------------------------------------------------

void invert_carry(Unit& u, const Fields&) { u.set_nzcv(u.ir.xor_(u.nzcv(), u.ir.imm32(ir::flag_c))); }

namespace {
struct FlagBits {
    Val n, z, c, v;      // i1
};
FlagBits flag_bits(Unit& u) {
    auto flag = [&](Cond cond) { return u.ir.test(cond, u.nzcv()); };
    return {flag(Cond::mi), flag(Cond::eq), flag(Cond::cs), flag(Cond::vs)};
}
void set_flag_bits(Unit& u, const FlagBits& flags) {
    auto& ir = u.ir;
    auto at = [&](Val flag, unsigned bit) { return ir.shl(ir.zext(flag, Type::i32), bit); };
    u.set_nzcv(ir.or_(ir.or_(at(flags.n, 15), at(flags.z, 14)), ir.or_(at(flags.c, 8), at(flags.v, 0))));
}
} // namespace

// The "external" format is what x86 compares leave: unordered is Z = 1, C = 0.
void flags_to_external(Unit& u, const Fields&) {
    auto [n, z, c, v] = flag_bits(u);
    set_flag_bits(u, {u.ir.imm1(false), u.ir.or_(z, v), u.ir.andn(c, v), u.ir.imm1(false)});
}

void flags_from_external(Unit& u, const Fields&) {
    auto [n, z, c, v] = flag_bits(u);
    Val not_c = u.ir.not_(c);
    set_flag_bits(u, {u.ir.andn(not_c, z), u.ir.and_(z, c), u.ir.or_(c, z), u.ir.and_(not_c, z)});
}

void write_pstate(Unit& u, const Fields& f) {
    // Immediate forms are rows of the same tables, with op0 = 0 and CRm free.
    const SysReg* reg = find_sysreg(u, sysreg_key(0, f['o'], 4, 0, f['p']));
    if (!reg || !reg->write) return u.unallocated();
    reg->write(u, u.ir.imm64(f['i']), reg->arg);
}

// --- system registers ----------------------------------------------------------------------------------------------------

void read_system(Unit& u, const Fields& f) {
    const SysReg* reg = find_sysreg(u, key_of(f, 2 + f['q']));
    if (!reg || !reg->read) return u.unallocated();
    Val value = reg->read(u, reg->arg);
    if (u.ir.open()) u.set_x(f['t'], value);   // it may have been refused
}

void write_system(Unit& u, const Fields& f) {
    const SysReg* reg = find_sysreg(u, key_of(f, 2 + f['q']));
    if (!reg || !reg->write) return u.unallocated();
    reg->write(u, u.x(f['t']), reg->arg);
}

void system_instruction(Unit& u, const Fields& f) {
    const SysReg* reg = find_sysreg(u, key_of(f, 1));
    if (!reg || !reg->write) return u.unallocated();
    reg->write(u, u.x(f['t']), reg->arg);
}

void system_instruction_result(Unit& u, const Fields& f) {
    const SysReg* reg = find_sysreg(u, key_of(f, 1));
    if (!reg || !reg->read) return u.unallocated();
    u.set_x(f['t'], reg->read(u, reg->arg));
}

} // namespace emu::isa::a64
