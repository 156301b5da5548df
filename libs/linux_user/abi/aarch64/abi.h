// SPDX-License-Identifier: MIT
// Linux on arm64, little-endian, 64-bit programs.
#pragma once
#include "linux_user/abi.h"

namespace emu::linux_user::aarch64 {

extern const Abi abi;

bool push_frame(ir::StateHeader& state, AddressSpace& space, const FrameRequest& request);
bool pop_frame(ir::StateHeader& state, AddressSpace& space, FrameRestore& restore);

} // namespace emu::linux_user::aarch64
