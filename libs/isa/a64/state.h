// SPDX-License-Identifier: MIT
// Registers of an A64 vCPU and the slot table over them (Arm ARM B1.2 application level, D13 system registers).
#pragma once
#include "ir/ir.h"
#include "ir/state.h"
#include "isa/aarch.h"

#include <cstddef>

namespace emu::isa::a64 {

/// Registers of EL1 that are plain storage as far as reading goes: order of SystemSlot.
struct SystemRegs {
    u64 sctlr_el1, cpacr_el1, ttbr0_el1, ttbr1_el1, tcr_el1, mair_el1, amair_el1;
    u64 vbar_el1, esr_el1, far_el1, elr_el1, spsr_el1, par_el1;
    u64 contextidr_el1, tpidr_el1, afsr0_el1, afsr1_el1, cntkctl_el1, mdscr_el1, csselr_el1;
    u64 sp_el0, sp_el1;              ///< the one that is SP now is not up to date
    u64 cntv_ctl_el0, cntv_cval_el0, cntp_ctl_el0, cntp_cval_el0;
    // PSTATE, each bit where SPSR has it.
    u64 el, spsel, daif, pan, uao;
    /// Status of the last failed translation, as in ESR.ISS; of an external abort if it did not fail.
    u64 fault_status;
};

struct State : ir::StateHeader {
    // What translated code touches most comes right after the header.
    u64 x[31] = {};
    u64 sp = 0;
    u32 nzcv = 0;                    ///< an IR flags token (ir::flag_n ...)
    u32 fpcr = 0;                    ///< only the bits of fpcr_mask; the mode bits are made of it
    u64 tpidr_el0 = 0;

    // Exclusive monitor: address of the last load-exclusive and what it read; no_monitor = none.
    u64 monitor_address = ~u64(0);
    u64 monitor_lo = 0, monitor_hi = 0;

    u64 tpidrro_el0 = 0;
    ir::V128 fpsr_qc;                ///< cumulative saturation: FPSR.QC is "any bit set"
    ir::V128 v[32];

    /// Pointer authentication keys IA, IB, DA, DB, GA as (low, high).
    u64 pac_keys[5][2] = {};
    u32 ssbs = 0, dit = 0;           ///< PSTATE bits that change nothing here
    u64 fault_address = 0;           ///< of trap_alignment
    const void* model = nullptr;     ///< the CpuModel

    SystemRegs sys = {};
};

inline constexpr u64 no_monitor = ~u64(0);

/// Indices into slot_table.
enum SlotIndex : unsigned {
    slot_x0 = 0,
    slot_sp = 31,
    slot_nzcv,
    slot_v0,
    slot_tpidr_el0 = slot_v0 + 32,
    slot_tpidrro_el0,
    slot_monitor_address,
    slot_monitor_lo,
    slot_monitor_hi,
    slot_fpsr_qc,
    slot_fpcr,
    slot_pac_keys,                   ///< ten: apia_lo, apia_hi, apib_lo ... apga_hi
    slot_ssbs = slot_pac_keys + 10,
    slot_dit,
    slot_fault_address,
    slot_sys,
    slot_sctlr_el1 = slot_sys, slot_cpacr_el1, slot_ttbr0_el1, slot_ttbr1_el1, slot_tcr_el1, slot_mair_el1, slot_amair_el1,
    slot_vbar_el1, slot_esr_el1, slot_far_el1, slot_elr_el1, slot_spsr_el1, slot_par_el1,
    slot_contextidr_el1, slot_tpidr_el1, slot_afsr0_el1, slot_afsr1_el1, slot_cntkctl_el1, slot_mdscr_el1, slot_csselr_el1,
    slot_sp_el0, slot_sp_el1,
    slot_cntv_ctl_el0, slot_cntv_cval_el0, slot_cntp_ctl_el0, slot_cntp_cval_el0,
    slot_el, slot_spsel, slot_daif, slot_pan, slot_uao, slot_fault_status,
    slot_count,
};
extern const ir::SlotTable slot_table;

namespace fpcr = aarch::fp_control;
namespace fpsr = aarch::fp_status;
using aarch::nzcv_from_token, aarch::token_from_nzcv;

/// FPSR as the guest reads it, and the effect of writing it. The header's fp_flags must be up to date.
u32 read_fpsr(const State& state);
void write_fpsr(State& state, u32 value);
/// Also chooses the host's MXCSR; the vCPU must look at Isa::mode afterwards.
void write_fpcr(State& state, u32 value);

// PSTATE as SPSR holds it.
namespace pstate {
inline constexpr u32 dit = 1u << 24, uao = 1u << 23, pan = 1u << 22, il = 1u << 20, ssbs = 1u << 12;
inline constexpr u32 daif = 0x3c0, d = 0x200, a = 0x100, i = 0x80, f = 0x40, aarch32 = 0x10, el_shift = 2, spsel = 1;
}
u32 read_pstate(const State& state);
void write_pstate(State& state, u32 value);

} // namespace emu::isa::a64
