// SPDX-License-Identifier: MIT
// What the instruction sets of Arm share: the control and status bits of floating point, which AArch32 has in one register
// (FPSCR) and AArch64 in two (FPCR, FPSR; Arm ARM C5.2.7, C5.2.8), condition flags, and alignment faults.
#pragma once
#include "ir/builder.h"
#include "ir/state.h"

namespace emu::isa::aarch {

/// FPCR: bits that exist here.
namespace fp_control {
inline constexpr u32 ahp = 1u << 26, dn = 1u << 25, fz = 1u << 24, rmode = 3u << 22, fz16 = 1u << 19;
inline constexpr u32 mask = ahp | dn | fz | rmode | fz16;
}
/// FPSR.
namespace fp_status {
inline constexpr u32 ioc = 1, dzc = 2, ofc = 4, ufc = 8, ixc = 16, idc = 128, qc = 1u << 27;
}
/// FPCR in the low bits of Isa::mode.
namespace fp_mode {
inline constexpr u32 rounding = 3, flush = 4, default_nan = 8, flush_f16 = 16, alt_half = 32;
inline constexpr u32 fp = 63;
}
u32 mode_of_control(u32 control);
u32 control_of_mode(u32 mode);
fp::Env env_of_mode(u32 mode);
/// The host's MXCSR that goes with it.
u32 mxcsr_of_control(u32 control);
/// The cumulative exception bits of FPSR from and to fp::Flag bits.
u32 status_of_flags(u32 flags);
u32 flags_of_status(u32 status);

// NZCV in bits 31..28, as MRS, SPSR and signal frames show it, from and to the IR's token.
constexpr u32 nzcv_from_token(u32 token) {
    return (token & (ir::flag_n | ir::flag_z)) << 16 | (token & ir::flag_c) << 21 | (token & ir::flag_v) << 28;
}
constexpr u32 token_from_nzcv(u32 nzcv) {
    return (nzcv >> 16 & (ir::flag_n | ir::flag_z)) | (nzcv >> 21 & ir::flag_c) | (nzcv >> 28 & ir::flag_v);
}

/// A trap of the instruction at `pc` where `faults` holds, with the address in a slot for whoever takes it.
void raise_alignment(ir::Builder& ir, ir::Val faults, u32 trap, u64 pc, unsigned slot, ir::Val address);

} // namespace emu::isa::aarch
