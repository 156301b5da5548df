// SPDX-License-Identifier: MIT
// Linux on 32-bit Arm, both byte orders: EABI, the system calls of the old ABI, and Angel semihosting.
#pragma once
#include "linux_user/abi.h"

namespace emu::linux_user::arm {

extern const Abi abi, abi_big_endian;

bool push_frame(ir::StateHeader& state, AddressSpace& space, const FrameRequest& request);
bool pop_rt_frame(ir::StateHeader& state, AddressSpace& space, FrameRestore& restore);
bool pop_frame(ir::StateHeader& state, AddressSpace& space, FrameRestore& restore);

/// Code for handlers without a restorer: sigreturn in Arm and Thumb code, then rt_sigreturn.
inline constexpr u64 thumb_sigreturn_at = 8, arm_rt_sigreturn_at = 12, thumb_rt_sigreturn_at = 20, big_code_trampoline_at = 24;

/// The page at the top of memory with the functions that the kernel gives programs (Documentation/arm/kernel_user_helpers.rst).
Result<void> map_user_helpers(AddressSpace& space);

} // namespace emu::linux_user::arm
