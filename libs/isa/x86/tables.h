// SPDX-License-Identifier: MIT
// The decode tables, one a chapter; decode_tables() strings them together.
#pragma once
#include "isa/x86/insn.h"

namespace emu::isa::x86 {

extern const std::span<const Row> table_integer, table_system, table_string, table_bits, table_x87, table_mmx_sse_move, table_sse_float,
    table_sse_integer, table_sse4, table_crypto, table_avx;

} // namespace emu::isa::x86
