// SPDX-License-Identifier: MIT
// The system side of A64: what whole machines need besides the instructions. EL0 and EL1 only; no EL2, EL3, AArch32.
#pragma once
#include "isa/a64/state.h"

namespace emu::isa::a64 {

/// State after a reset into EL1: MMU and caches off, interrupts masked.
void reset_system(State& state);
/// Mode bits that come from PSTATE and the system registers.
u32 system_mode(const State& state);
/// SP belongs to (EL, SPSel): change them and bring the right one in.
void change_stack(State& state, u32 el, u32 spsel);

// Isa::walk, take_exception, interrupt_enabled
bool walk(ir::StateHeader& state, u64 address, unsigned access, unsigned view, u64& physical, u64& page_size);
bool take_exception(ir::StateHeader& state, u32 code, u64 value);
bool interrupt_enabled(const ir::StateHeader& state);

extern const ir::Helper helper_flush_tlb;             ///< and drop translations
extern const ir::Helper helper_address_translate;     ///< AT: (address, view << 1 | write)
extern const ir::Helper helper_change_stack;          ///< MSR SPSel

} // namespace emu::isa::a64
