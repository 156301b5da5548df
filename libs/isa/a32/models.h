// SPDX-License-Identifier: MIT
#pragma once
#include "isa/isa.h"

#include <span>

namespace emu::isa::a32 {

extern const std::span<const CpuModel> models;
/// Ticks a second of the generic timer.
inline constexpr u64 counter_frequency = 62'500'000;

} // namespace emu::isa::a32
