// SPDX-License-Identifier: MIT
// Semantic functions of branches, status register access and system instructions.
#pragma once
#include "isa/a32/translate.h"

namespace emu::isa::a32 {

Semantic branch, branch_link, branch_link_exchange;                       // A32
Semantic branch_exchange, branch_link_exchange_register;
Semantic branch_t32, branch_conditional_t32, branch_link_t32, branch_link_exchange_t32;
Semantic branch_t16, branch_conditional_t16, compare_branch, table_branch;
Semantic if_then;
Semantic supervisor_call, breakpoint, undefined, hint;
Semantic read_status, write_status_register, write_status_immediate, set_endianness;
Semantic clear_exclusive, barrier, instruction_barrier;
Semantic coprocessor_read, coprocessor_write, coprocessor_read_pair;

} // namespace emu::isa::a32
