// SPDX-License-Identifier: MIT
// Out-of-line parts of A64 semantics, called from translated code.
#pragma once
#include "isa/a64/state.h"

namespace emu::isa::a64 {

extern const ir::Helper helper_read_fpsr, helper_write_fpsr, helper_write_fpcr;
extern const ir::Helper helper_counter;              ///< CNTVCT_EL0
extern const ir::Helper helper_random;               ///< RNDR
extern const ir::Helper helper_invalidate_line;      ///< IC IVAU: (address)
/// CASP of 2 x 64 bits: (address, Rs | Rt << 8, view).
extern const ir::Helper helper_casp;
/// STXP of 2 x 64 bits: (address, low, high, view); returns the status.
extern const ir::Helper helper_stxp;

/// FPCR bits that a mode stands for, and back (see write_fpcr in state.h).

} // namespace emu::isa::a64
