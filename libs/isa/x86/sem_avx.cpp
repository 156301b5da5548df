// SPDX-License-Identifier: MIT
#include "isa/x86/tables.h"

namespace emu::isa::x86 {
const std::span<const Row> table_avx;
} // namespace emu::isa::x86
