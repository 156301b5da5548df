// SPDX-License-Identifier: MIT
// Exceptions between EL0 and EL1.
#include "isa/a64/sem_branch_sys.h"

namespace emu::isa::a64 {

void exception_return(Unit& u, const Fields&) { u.unallocated(); }

} // namespace emu::isa::a64
