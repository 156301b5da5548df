// SPDX-License-Identifier: MIT
#pragma once
#include "common/types.h"

namespace emu::isa::x86 {

enum class StringOp : u8 { movs, cmps, stos, lods, scas };

} // namespace emu::isa::x86
