// SPDX-License-Identifier: MIT
// Semantic functions of branches, exception generation and system instructions.
#pragma once
#include "isa/a64/translate.h"

namespace emu::isa::a64 {

Semantic branch_conditional, branch, branch_link, compare_branch, test_branch;   // arg of the last two: 1 = on nonzero
Semantic branch_register, branch_link_register, return_register;
Semantic branch_authenticated, branch_link_authenticated, return_authenticated;  // arg: PacArg
Semantic exception_return;

Semantic supervisor_call, hypervisor_call, secure_monitor_call, breakpoint, halting_breakpoint, undefined;

Semantic hint, wait_for_interrupt, hint_pac;   // arg of hint_pac: PacArg
Semantic clear_exclusive, data_barrier, instruction_barrier, speculation_barrier;
Semantic invert_carry, flags_to_external, flags_from_external;
Semantic write_pstate, read_system, write_system, system_instruction, system_instruction_result;

extern const Table branch_sys_rows;

} // namespace emu::isa::a64
