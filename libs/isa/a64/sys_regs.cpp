// SPDX-License-Identifier: MIT
// System registers of EL1.
#include "isa/a64/sysreg.h"

namespace emu::isa::a64 {

const std::span<const SysReg> system_registers = {};

} // namespace emu::isa::a64
