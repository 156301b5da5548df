// SPDX-License-Identifier: MIT
// Out-of-line parts of A32 semantics, called from translated code.
#pragma once
#include "isa/a32/state.h"

namespace emu::isa::a32 {

extern const ir::Helper helper_read_fpscr, helper_write_fpscr;
/// A float (bits, width, fraction bits) as 16-bit fixed point, toward zero; sign- or zero-extended to 32 bits.
extern const ir::Helper helper_to_fixed_s16, helper_to_fixed_u16;
/// 32-bit fixed point (value, unsigned, fraction bits) as half precision, to nearest.
extern const ir::Helper helper_half_from_fixed;
extern const ir::Helper helper_counter;              ///< CNTVCT

} // namespace emu::isa::a32
