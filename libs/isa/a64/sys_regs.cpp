// SPDX-License-Identifier: MIT
// System registers and instructions of EL1 (Arm ARM D13, C5.3 - C5.5).
#include "isa/a64/helpers.h"
#include "isa/a64/models.h"
#include "isa/a64/sys.h"
#include "isa/a64/sysreg.h"

namespace emu::isa::a64 {

namespace {

constexpr u16 op(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2) { return sysreg_key(op0, op1, crn, crm, op2); }

Val read_constant(Unit& u, u32 value) { return u.ir.imm64(value); }
void ignore(Unit&, Val, u32) {}

/// Registers that the MMU looks at: all that was translated may be wrong now.
void write_mmu_register(Unit& u, Val value, u32 slot) {
    u.ir.set(slot, value);
    u.ir.call(helper_flush_tlb);
    u.sync();
}
void flush(Unit& u, Val, u32) {
    u.ir.call(helper_flush_tlb);
    u.sync();
}
/// What changes the mode bits.
void write_and_sync(Unit& u, Val value, u32 slot) {
    u.ir.set(slot, value);
    u.sync();
}

void translate_address(Unit& u, Val address, u32 kind) { u.ir.call(helper_address_translate, {address, u.ir.imm64(kind)}); }
constexpr u32 at_el0 = 0, at_el1 = 2, at_write = 1;

// --- PSTATE --------------------------------------------------------------------------------------------------------------

Val read_current_el(Unit& u, u32) { return u.ir.imm64(u.el1() ? 1 << pstate::el_shift : 0); }

void write_daif(Unit& u, Val value, u32) { write_and_sync(u, u.ir.and_(value, u.ir.imm64(pstate::daif)), slot_daif); }
// The immediate's bits 3..0 are D, A, I, F.
void set_daif(Unit& u, Val value, u32) { u.ir.set(slot_daif, u.ir.or_(u.ir.get(slot_daif), u.ir.shl(value, 6))); }
void clear_daif(Unit& u, Val value, u32) { write_and_sync(u, u.ir.andn(u.ir.get(slot_daif), u.ir.shl(value, 6)), slot_daif); }

void write_spsel(Unit& u, Val value, u32) {
    u.ir.call(helper_change_stack, {value});
    u.sync();
}

/// PAN and UAO: slot arg & 255, where the register form has the bit in arg >> 8.
constexpr u32 pstate_bit(unsigned slot, unsigned bit) { return slot | bit << 8; }
Val read_pstate_bit(Unit& u, u32 arg) { return u.ir.shl(u.ir.get(arg & 255), arg >> 8); }
void write_pan(Unit& u, Val value, u32 arg) { write_mmu_register(u, u.ir.ubfx(value, arg >> 8, 1), arg & 255); }
void write_uao(Unit& u, Val value, u32 arg) { write_and_sync(u, u.ir.ubfx(value, arg >> 8, 1), arg & 255); }

// --- generic timer (D11): the counter is that of the host, the offset zero --------------------------------------------------

constexpr u64 enable = 1, istatus = 4;

/// CTL: ISTATUS is computed from the counter (CVAL is in the slot after).
Val read_timer_control(Unit& u, u32 slot) {
    auto& ir = u.ir;
    Val control = ir.get(slot);
    Val met = ir.sle(ir.imm64(0), ir.sub(ir.call(helper_counter), ir.get(slot + 1)));
    Val on = ir.and_(met, ir.ne(ir.and_(control, ir.imm64(enable)), ir.imm64(0)));
    return ir.or_(control, ir.select(on, ir.imm64(istatus), ir.imm64(0)));
}
void write_timer_control(Unit& u, Val value, u32 slot) { u.ir.set(slot, u.ir.and_(value, u.ir.imm64(3))); }
/// TVAL: a 32-bit down-counter view of CVAL.
Val read_timer_value(Unit& u, u32 slot) {
    auto& ir = u.ir;
    return ir.ubfx(ir.sub(ir.get(slot), ir.call(helper_counter)), 0, 32);
}
void write_timer_value(Unit& u, Val value, u32 slot) {
    auto& ir = u.ir;
    ir.set(slot, ir.add(ir.call(helper_counter), ir.sbfx(value, 0, 32)));
}
Val read_counter(Unit& u, u32) { return u.ir.call(helper_counter); }

// --- debug: present, never used --------------------------------------------------------------------------------------------

Val read_lock_status(Unit& u, u32) { return u.ir.imm64(0x8); }   // OS lock implemented and open

// clang-format off
constexpr SysReg rows[] = {
    {"SCTLR_EL1",   op(3, 0, 1, 0, 0), 1, read_slot, write_mmu_register, slot_sctlr_el1},
    {"ACTLR_EL1",   op(3, 0, 1, 0, 1), 1, read_constant, ignore},
    {"CPACR_EL1",   op(3, 0, 1, 0, 2), 1, read_slot, write_and_sync, slot_cpacr_el1},
    {"TTBR0_EL1",   op(3, 0, 2, 0, 0), 1, read_slot, write_mmu_register, slot_ttbr0_el1},
    {"TTBR1_EL1",   op(3, 0, 2, 0, 1), 1, read_slot, write_mmu_register, slot_ttbr1_el1},
    {"TCR_EL1",     op(3, 0, 2, 0, 2), 1, read_slot, write_mmu_register, slot_tcr_el1},
    {"APIAKEYLO_EL1", op(3, 0, 2, 1, 0), 1, read_slot, write_slot, slot_pac_keys + 0, feature::pauth},
    {"APIAKEYHI_EL1", op(3, 0, 2, 1, 1), 1, read_slot, write_slot, slot_pac_keys + 1, feature::pauth},
    {"APIBKEYLO_EL1", op(3, 0, 2, 1, 2), 1, read_slot, write_slot, slot_pac_keys + 2, feature::pauth},
    {"APIBKEYHI_EL1", op(3, 0, 2, 1, 3), 1, read_slot, write_slot, slot_pac_keys + 3, feature::pauth},
    {"APDAKEYLO_EL1", op(3, 0, 2, 2, 0), 1, read_slot, write_slot, slot_pac_keys + 4, feature::pauth},
    {"APDAKEYHI_EL1", op(3, 0, 2, 2, 1), 1, read_slot, write_slot, slot_pac_keys + 5, feature::pauth},
    {"APDBKEYLO_EL1", op(3, 0, 2, 2, 2), 1, read_slot, write_slot, slot_pac_keys + 6, feature::pauth},
    {"APDBKEYHI_EL1", op(3, 0, 2, 2, 3), 1, read_slot, write_slot, slot_pac_keys + 7, feature::pauth},
    {"APGAKEYLO_EL1", op(3, 0, 2, 3, 0), 1, read_slot, write_slot, slot_pac_keys + 8, feature::pauth},
    {"APGAKEYHI_EL1", op(3, 0, 2, 3, 1), 1, read_slot, write_slot, slot_pac_keys + 9, feature::pauth},
    {"SPSR_EL1",    op(3, 0, 4, 0, 0), 1, read_slot, write_slot, slot_spsr_el1},
    {"ELR_EL1",     op(3, 0, 4, 0, 1), 1, read_slot, write_slot, slot_elr_el1},
    {"SP_EL0",      op(3, 0, 4, 1, 0), 1, read_slot, write_slot, slot_sp_el0},
    {"SPSEL",       op(3, 0, 4, 2, 0), 1, read_slot, write_spsel, slot_spsel},
    {"SPSEL",       op(0, 0, 4, 0, 5), 1, nullptr, write_spsel},
    {"CURRENTEL",   op(3, 0, 4, 2, 2), 1, read_current_el},
    {"PAN",         op(3, 0, 4, 2, 3), 1, read_pstate_bit, write_pan, pstate_bit(slot_pan, 22), feature::pan},
    {"PAN",         op(0, 0, 4, 0, 4), 1, nullptr, write_pan, pstate_bit(slot_pan, 0), feature::pan},
    {"UAO",         op(3, 0, 4, 2, 4), 1, read_pstate_bit, write_uao, pstate_bit(slot_uao, 23), feature::uao},
    {"UAO",         op(0, 0, 4, 0, 3), 1, nullptr, write_uao, pstate_bit(slot_uao, 0), feature::uao},
    {"DAIF",        op(3, 3, 4, 2, 1), 1, read_slot, write_daif, slot_daif},
    {"DAIFSET",     op(0, 3, 4, 0, 6), 1, nullptr, set_daif},
    {"DAIFCLR",     op(0, 3, 4, 0, 7), 1, nullptr, clear_daif},
    {"AFSR0_EL1",   op(3, 0, 5, 1, 0), 1, read_slot, write_slot, slot_afsr0_el1},
    {"AFSR1_EL1",   op(3, 0, 5, 1, 1), 1, read_slot, write_slot, slot_afsr1_el1},
    {"ESR_EL1",     op(3, 0, 5, 2, 0), 1, read_slot, write_slot, slot_esr_el1},
    {"FAR_EL1",     op(3, 0, 6, 0, 0), 1, read_slot, write_slot, slot_far_el1},
    {"PAR_EL1",     op(3, 0, 7, 4, 0), 1, read_slot, write_slot, slot_par_el1},
    {"MAIR_EL1",    op(3, 0, 10, 2, 0), 1, read_slot, write_slot, slot_mair_el1},
    {"AMAIR_EL1",   op(3, 0, 10, 3, 0), 1, read_slot, write_slot, slot_amair_el1},
    {"VBAR_EL1",    op(3, 0, 12, 0, 0), 1, read_slot, write_slot, slot_vbar_el1},
    {"RVBAR_EL1",   op(3, 0, 12, 0, 1), 1, read_constant},
    {"ISR_EL1",     op(3, 0, 12, 1, 0), 1, read_constant},
    {"CONTEXTIDR_EL1", op(3, 0, 13, 0, 1), 1, read_slot, write_slot, slot_contextidr_el1},
    {"TPIDR_EL1",   op(3, 0, 13, 0, 4), 1, read_slot, write_slot, slot_tpidr_el1},
    {"CNTKCTL_EL1", op(3, 0, 14, 1, 0), 1, read_slot, write_slot, slot_cntkctl_el1},
    {"CNTPCT_EL0",  op(3, 3, 14, 0, 1), 1, read_counter},
    {"CNTP_TVAL_EL0", op(3, 3, 14, 2, 0), 1, read_timer_value, write_timer_value, slot_cntp_cval_el0},
    {"CNTP_CTL_EL0",  op(3, 3, 14, 2, 1), 1, read_timer_control, write_timer_control, slot_cntp_ctl_el0},
    {"CNTP_CVAL_EL0", op(3, 3, 14, 2, 2), 1, read_slot, write_slot, slot_cntp_cval_el0},
    {"CNTV_TVAL_EL0", op(3, 3, 14, 3, 0), 1, read_timer_value, write_timer_value, slot_cntv_cval_el0},
    {"CNTV_CTL_EL0",  op(3, 3, 14, 3, 1), 1, read_timer_control, write_timer_control, slot_cntv_ctl_el0},
    {"CNTV_CVAL_EL0", op(3, 3, 14, 3, 2), 1, read_slot, write_slot, slot_cntv_cval_el0},
    {"CCSIDR_EL1",  op(3, 1, 0, 0, 0), 1, read_constant, nullptr, 0x700fe01a},
    {"CLIDR_EL1",   op(3, 1, 0, 0, 1), 1, read_constant, nullptr, 0x0a200023},
    {"AIDR_EL1",    op(3, 1, 0, 0, 7), 1, read_constant},
    {"CSSELR_EL1",  op(3, 2, 0, 0, 0), 1, read_slot, write_slot, slot_csselr_el1},
    {"MDSCR_EL1",   op(2, 0, 0, 2, 2), 1, read_slot, write_slot, slot_mdscr_el1},
    {"OSLAR_EL1",   op(2, 0, 1, 0, 4), 1, nullptr, ignore},
    {"OSLSR_EL1",   op(2, 0, 1, 1, 4), 1, read_lock_status},
    {"OSDLR_EL1",   op(2, 0, 1, 3, 4), 1, read_constant, ignore},

    {"IC IALLUIS",  op(1, 0, 7, 1, 0), 1, nullptr, flush},
    {"IC IALLU",    op(1, 0, 7, 5, 0), 1, nullptr, flush},
    {"DC IVAC",     op(1, 0, 7, 6, 1), 1, nullptr, ignore},
    {"DC ISW",      op(1, 0, 7, 6, 2), 1, nullptr, ignore},
    {"DC CSW",      op(1, 0, 7, 10, 2), 1, nullptr, ignore},
    {"DC CISW",     op(1, 0, 7, 14, 2), 1, nullptr, ignore},
    {"AT S1E1R",    op(1, 0, 7, 8, 0), 1, nullptr, translate_address, at_el1},
    {"AT S1E1W",    op(1, 0, 7, 8, 1), 1, nullptr, translate_address, at_el1 | at_write},
    {"AT S1E0R",    op(1, 0, 7, 8, 2), 1, nullptr, translate_address, at_el0},
    {"AT S1E0W",    op(1, 0, 7, 8, 3), 1, nullptr, translate_address, at_el0 | at_write},
    {"TLBI VMALLE1IS", op(1, 0, 8, 3, 0), 1, nullptr, flush},
    {"TLBI VAE1IS",    op(1, 0, 8, 3, 1), 1, nullptr, flush},
    {"TLBI ASIDE1IS",  op(1, 0, 8, 3, 2), 1, nullptr, flush},
    {"TLBI VAAE1IS",   op(1, 0, 8, 3, 3), 1, nullptr, flush},
    {"TLBI VALE1IS",   op(1, 0, 8, 3, 5), 1, nullptr, flush},
    {"TLBI VAALE1IS",  op(1, 0, 8, 3, 7), 1, nullptr, flush},
    {"TLBI VMALLE1",   op(1, 0, 8, 7, 0), 1, nullptr, flush},
    {"TLBI VAE1",      op(1, 0, 8, 7, 1), 1, nullptr, flush},
    {"TLBI ASIDE1",    op(1, 0, 8, 7, 2), 1, nullptr, flush},
    {"TLBI VAAE1",     op(1, 0, 8, 7, 3), 1, nullptr, flush},
    {"TLBI VALE1",     op(1, 0, 8, 7, 5), 1, nullptr, flush},
    {"TLBI VAALE1",    op(1, 0, 8, 7, 7), 1, nullptr, flush},
};
// clang-format on

} // namespace

const std::span<const SysReg> system_registers = rows;

} // namespace emu::isa::a64
