// SPDX-License-Identifier: MIT
// The x86 guests: i386 and x86-64 in user mode, one decoder and one set of semantics for both.
#pragma once
#include "isa/isa.h"
#include "isa/x86/state.h"

namespace emu::isa::x86 {

extern const Isa x86_64_isa;
extern const Isa i386_isa;

/// Traps besides isa::Trap.
enum X86Trap : u32 {
    trap_general_protection = u32(Trap::first_own), ///< #GP (value: error code)
    trap_overflow,                                  ///< INTO
    trap_bound,                                     ///< BOUND
    trap_interrupt,                                 ///< INT n that means nothing to Linux (n)
    trap_fpu,                                       ///< #MF: an unmasked x87 exception is pending
    trap_simd,                                      ///< #XM: an unmasked SSE exception; the flags are in the state
    trap_debug,                                     ///< INT1
};

/// AT_HWCAP: CPUID.1:EDX.
u64 hwcap(const CpuModel& model);
u64 hwcap2(const CpuModel& model);

} // namespace emu::isa::x86
