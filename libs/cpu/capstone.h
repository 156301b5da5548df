// SPDX-License-Identifier: MIT
// The disassembler library of listings (-d in_asm, out_asm). It is loaded by the first listing: its tables hold so many addresses
// that to relocate them at every start took longer than all else before a short program's first instruction.
#pragma once
#include "common/library.h"

#include <capstone/capstone.h>

namespace emu::cpu {

#define EMU_CAPSTONE_API(X) X(cs_open) X(cs_close) X(cs_disasm) X(cs_free)
EMU_LIBRARY_API(Capstone, EMU_CAPSTONE_API, "libcapstone.so.4")

/// Set by programs without shared libraries, which have it linked in.
extern const Capstone* linked_capstone;

} // namespace emu::cpu
