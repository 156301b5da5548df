// SPDX-License-Identifier: MIT
// The text form of IR, both ways: for logs (-d op) and for tests that start from or compare with text.
#pragma once
#include "common/result.h"
#include "ir/ir.h"

namespace emu::ir {

/// Read what print() wrote. Slots and helpers are found by name in the tables given. Node numbers in the text are free to
/// differ from the positions they get; everything else must be in place, and the result passes verify().
Result<Function> parse(std::string_view text, SlotTable slots, std::span<const Helper* const> helpers = {});

} // namespace emu::ir
