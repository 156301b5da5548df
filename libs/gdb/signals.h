// SPDX-License-Identifier: MIT
// gdb has its own numbers for signals (its include/gdb/signals.def), the same for all targets.
#pragma once

namespace emu::gdb {

/// Linux's number (of most architectures) to gdb's; 143 ("unknown") for what has none.
int signal_to_gdb(int signal);
/// And back; 0 for what Linux has not.
int signal_from_gdb(int signal);

} // namespace emu::gdb
