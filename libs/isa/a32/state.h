// SPDX-License-Identifier: MIT
// Registers of an A32/T32 vCPU and the slot table over them (Arm ARM DDI 0406C B1.3, A2.6).
//
// The instruction set and ITSTATE are part of `pc` (header and unit keys alike): bit 0 set is Thumb, ITSTATE is in bits 39..32. So
// a BX to a register is an ordinary indirect jump, a return address is what LR holds, and code in an IT block is a place of its own.
#pragma once
#include "ir/ir.h"
#include "ir/state.h"
#include "isa/aarch.h"

#include <cstddef>

namespace emu::isa::a32 {

inline constexpr u64 pc_thumb = 1;
inline constexpr unsigned pc_it_shift = 32;
/// The address that a pc stands for.
constexpr u32 code_address(u64 pc) { return u32(pc) & ~u32(pc & pc_thumb); }

struct State : ir::StateHeader {
    u32 r[15] = {};                  ///< r0-r12, sp, lr
    u32 nzcv = 0;                    ///< an IR flags token (ir::flag_n ...)
    u32 fp_nzcv = 0;                 ///< the flags of FPSCR, a token too
    u32 q = 0;                       ///< APSR.Q, 0 or 1
    u32 ge = 0;                      ///< APSR.GE as a mask: 0xff in the bytes whose bit is set
    u32 big_endian = 0;              ///< CPSR.E
    u32 fpscr = 0;                   ///< only the control bits of fpscr::mask
    u32 tpidrurw = 0, tpidruro = 0;
    u32 fault_address = 0;           ///< of trap_alignment

    // Exclusive monitor: address of the last load-exclusive and what it read; no_monitor = none.
    u64 monitor_address = ~u64(0);
    u64 monitor_value = 0;

    ir::V128 fpscr_qc;               ///< cumulative saturation: FPSCR.QC is "any bit set"
    ir::V128 v[16];                  ///< Q registers; D and S registers are lanes of them

    // Wireless MMX; wr[0] is acc0 on an XScale without it. In no slot: only helpers look at them.
    u64 wr[16] = {};
    u32 wcgr[4] = {}, wcon = 0, wcssf = 0, wcasf = 0;

    u32 big_code = 0;                ///< BE-32: instructions are big-endian too
    const void* model = nullptr;     ///< the CpuModel
};

inline constexpr u64 no_monitor = ~u64(0);

/// Indices into slot_table.
enum SlotIndex : unsigned {
    slot_r0 = 0,
    slot_sp = 13,
    slot_lr = 14,
    slot_nzcv,
    slot_fp_nzcv,
    slot_q,
    slot_ge,
    slot_big_endian,
    slot_fpscr,
    slot_tpidrurw,
    slot_tpidruro,
    slot_fault_address,
    slot_monitor_address,
    slot_monitor_value,
    slot_fpscr_qc,
    slot_v0,
    slot_count = slot_v0 + 16,
};
extern const ir::SlotTable slot_table;

// FPSCR (DDI 0406C B4.1.58, DDI 0487 G8.2.53).
namespace fpscr {
using namespace aarch::fp_control;
using namespace aarch::fp_status;
inline constexpr u32 len_stride = 0x370000, nzcv = 0xf0000000;
}

// CPSR as signal frames and MRS show it.
namespace cpsr {
inline constexpr u32 q = 1u << 27, e = 1u << 9, t = 1u << 5, user_mode = 0x10;
}

using aarch::nzcv_from_token, aarch::token_from_nzcv;
constexpr u32 ge_mask(u32 bits) { return (bits & 1) * 0xff | (bits >> 1 & 1) * 0xff00 | (bits >> 2 & 1) * 0xff0000 | (bits >> 3 & 1) * 0xff000000; }
constexpr u32 ge_bits(u32 mask) { return (mask & 1) | (mask >> 7 & 2) | (mask >> 14 & 4) | (mask >> 21 & 8); }

/// FPSCR as the guest reads it, and the effect of writing it (also chooses the host's MXCSR; the vCPU must look at Isa::mode
/// afterwards). The header's fp_flags must be up to date.
u32 read_fpscr(const State& state);
void write_fpscr(State& state, u32 value);
/// CPSR in full. Writing it changes pc's Thumb and IT parts.
u32 read_cpsr(const State& state);
void write_cpsr(State& state, u32 value);

} // namespace emu::isa::a32
