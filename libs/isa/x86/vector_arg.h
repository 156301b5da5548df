// SPDX-License-Identifier: MIT
// Row arguments of the lane-wise instructions: which IR op on which lanes.
#pragma once
#include "ir/ir.h"

namespace emu::isa::x86 {

/// op in bits 0-7, lane in 8-11, an immediate in 12-15; bit 16: the sources change places.
constexpr u32 lanes(ir::Op op, ir::Lane lane, unsigned imm = 0) { return u32(op) | u32(lane) << 8 | imm << 12; }
constexpr ir::Type float_type(ir::Lane lane) { return lane == ir::Lane::f32 ? ir::Type::f32 : ir::Type::f64; }
inline constexpr u32 swapped = 1u << 16;
constexpr ir::Op arg_op(u32 arg) { return ir::Op(arg & 0xff); }
constexpr ir::Lane arg_lane(u32 arg) { return ir::Lane(arg >> 8 & 15); }
constexpr unsigned arg_imm(u32 arg) { return arg >> 12 & 15; }
static_assert(unsigned(ir::Op::count_) <= 256);

} // namespace emu::isa::x86
