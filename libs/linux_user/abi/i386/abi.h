// SPDX-License-Identifier: MIT
// Linux on i386: 32-bit programs, as a 64-bit kernel runs them (selectors, placement).
#pragma once
#include "isa/x86/state.h"
#include "linux_user/abi.h"

namespace emu::linux_user::i386 {

extern const Abi abi;

/// What stands in Abi::trampoline: code for sigreturn(), and for rt_sigreturn() at this offset.
inline constexpr u64 rt_trampoline_at = 16;

bool push_frame(ir::StateHeader& state, AddressSpace& space, const FrameRequest& request);
bool pop_rt_frame(ir::StateHeader& state, AddressSpace& space, FrameRestore& restore);
bool pop_frame(ir::StateHeader& state, AddressSpace& space, FrameRestore& restore);

/// set_thread_area, get_thread_area, modify_ldt.
s64 own_call(Call& call);
/// The process's LDT, which all its threads share.
const isa::x86::Ldt* shared_ldt();
/// The TLS descriptor at `address` (struct user_desc), for a child of clone().
void set_child_tls(ir::StateHeader& state, AddressSpace& space, u64 address);

} // namespace emu::linux_user::i386
