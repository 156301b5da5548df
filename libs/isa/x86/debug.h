// SPDX-License-Identifier: MIT
#pragma once
#include "isa/debug.h"

namespace emu::isa::x86 {

extern const DebugView debug_view_64, debug_view_32;

} // namespace emu::isa::x86
