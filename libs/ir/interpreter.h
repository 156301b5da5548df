// SPDX-License-Identifier: MIT
// Runs IR directly: the portable engine, the oracle of the tests, and what finishes an instruction that translated code cannot.
#pragma once
#include "ir/memory.h"
#include "ir/state.h"

namespace emu::ir {

/// Run `function` once over `state`, from its top to the exit taken, which is returned and whose kind, code and value are
/// left in the state's exit_* fields; state.pc is the guest address to continue at. state.pc is also kept exact during the
/// run (the instruction being executed), so that a helper or a memory access that raises may simply abandon the interpreter.
/// `insn_limit`: stop before instruction number `insn_limit` (0 = no limit), as by a jump to it.
const Exit* interpret(const Function& function, StateHeader& state, Memory& memory, unsigned insn_limit = 0);

/// Byte-swap the low `size` bytes.
u64 swap_bytes(u64 value, unsigned size);

/// What a load of `type` makes of the memory bytes, and what a store puts there.
V128 extend_loaded(V128 raw, Type type, MemFlags flags);
V128 prepare_stored(V128 value, MemFlags flags);

} // namespace emu::ir
