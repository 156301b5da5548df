// SPDX-License-Identifier: MIT
// Linux on x86-64, 64-bit programs.
#pragma once
#include "linux_user/abi.h"

namespace emu::linux_user::x86_64 {

extern const Abi abi;

/// The three calls at fixed addresses (vsyscall.cpp).
bool vsyscall(Thread& thread, u64 pc);
/// Shared with i386.
void own_trap(const ir::StateHeader& state, u32 trap, u64 value, SignalInfo& info);

bool push_frame(ir::StateHeader& state, AddressSpace& space, const FrameRequest& request);
bool pop_frame(ir::StateHeader& state, AddressSpace& space, FrameRestore& restore);

} // namespace emu::linux_user::x86_64
