// SPDX-License-Identifier: MIT
// Vector instructions that go through a C++ function (helpers_vector.cpp): rare, or a poor fit for lane-wise IR.
#pragma once
#include "isa/x86/unit.h"

namespace emu::isa::x86 {

enum class VectorOp : u8 {
    min_position,                                        ///< PHMINPOSUW
    reciprocal_f32, reciprocal_root_f32,                 ///< RCPPS, RSQRTPS: the host's tables
    from_half, to_half,                                  ///< VCVTPH2PS, VCVTPS2PH, each on the low four
};

/// The result of `op` on the source and the immediate.
Val vector_result(Unit& u, VectorOp op, Val source);
/// The whole instruction: each 128-bit half by itself.
void vector_call(Unit& u, VectorOp op);

/// In the middle of an instruction, with an SSE exception unmasked: it ends here if what it did so far has raised that. Nothing is
/// set yet.
void check_raised(Unit& u);

} // namespace emu::isa::x86
