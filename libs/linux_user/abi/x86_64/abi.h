// SPDX-License-Identifier: MIT
// Linux on x86-64, 64-bit programs.
#pragma once
#include "linux_user/abi.h"

namespace emu::linux_user::x86_64 {

extern const Abi abi;

bool push_frame(ir::StateHeader& state, AddressSpace& space, const FrameRequest& request);
bool pop_frame(ir::StateHeader& state, AddressSpace& space, FrameRestore& restore);

} // namespace emu::linux_user::x86_64
