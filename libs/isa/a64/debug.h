// SPDX-License-Identifier: MIT
#pragma once
#include "isa/debug.h"

namespace emu::isa::a64 {

extern const DebugView debug_view;

} // namespace emu::isa::a64
