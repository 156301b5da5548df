// SPDX-License-Identifier: MIT
// What the translators of all architectures do with the unit that they build.
#pragma once
#include "ir/ir.h"

namespace emu::isa {

/// Behind three branches not taken, too few units get to their end: most of the code would be translated for nothing
/// (start-up of a small program: 30 % fewer instructions translated than without a limit).
inline constexpr usize most_side_exits = 3;

/// The bytes [first, last) of the guest are an instruction of the unit.
void note_range(ir::Function& function, u64 first, u64 last);

/// An instruction that always traps may have built more after its exit: that goes.
void drop_unreached(ir::Function& function);

} // namespace emu::isa
