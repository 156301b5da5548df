// SPDX-License-Identifier: MIT
// The A64 guest: Armv8-A in AArch64 state at EL0, and at EL1 for whole machines.
#pragma once
#include "isa/a64/state.h"
#include "isa/isa.h"

namespace emu::isa::a64 {

extern const Isa a64_isa;

/// What the Linux kernel tells a program about the CPU in AT_HWCAP and AT_HWCAP2.
u64 hwcap(const CpuModel& model);
u64 hwcap2(const CpuModel& model);

/// Traps besides isa::Trap: exceptions and interrupts of whole machines.
enum A64Trap : u32 {
    trap_hvc = u32(Trap::first_own),
    trap_smc,
    trap_fp_access,           ///< CPACR_EL1.FPEN refuses
    trap_eret,                ///< ERET, carried out by take_exception
    trap_alignment,           ///< an atomic or ordered access (State::fault_address)
};

} // namespace emu::isa::a64
