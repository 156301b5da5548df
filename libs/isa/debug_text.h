// SPDX-License-Identifier: MIT
// Registers in logs: all of them as text, with the names that debuggers know.
#pragma once
#include "isa/debug.h"

namespace emu::isa {

/// Of a file in little-endian order, whatever the guest's is. Some to a line, the most significant digit first:
/// "RAX=0000000000000001 RBX=...". The general registers, and with `all` those for floating point and vectors.
std::string registers_text(const RegisterFile& registers, const ir::StateHeader& state, bool all);

} // namespace emu::isa
