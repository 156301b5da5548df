// SPDX-License-Identifier: MIT
// The A32 guest: Armv4T to Armv8-A in AArch32 user mode, Arm and Thumb instructions.
#pragma once
#include "isa/a32/state.h"
#include "isa/isa.h"

namespace emu::isa::a32 {

extern const Isa a32_isa;
/// The same with data (and where State::big_code says so, instructions) big-endian at the start.
extern const Isa a32_be_isa;

/// Traps besides isa::Trap.
enum A32Trap : u32 {
    trap_alignment = u32(Trap::first_own), ///< an access that has to be aligned (State::fault_address)
};

/// What the Linux kernel tells a program about the CPU in AT_HWCAP and AT_HWCAP2.
u64 hwcap(const CpuModel& model);
u64 hwcap2(const CpuModel& model);

} // namespace emu::isa::a32
