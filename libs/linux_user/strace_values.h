// SPDX-License-Identifier: MIT
// -strace: arguments whose meaning depends on other arguments, and results that are more than a number.
#pragma once
#include "linux_user/syscall.h"

namespace emu::linux_user {

/// The name of a call without what tells the forms of 32-bit ABIs apart: "futex_time64" is shown like "futex".
std::string_view plain_name(const Syscall& row);

/// Bytes as a C string of at most `most` characters.
std::string strace_text(std::string_view bytes, usize most);

/// The argument is not looked at by this call, as the others stand.
bool argument_is_unused(const Call& call, unsigned index);

/// Argument `index` as text, or nothing: show it as any other.
std::optional<std::string> strace_dependent(Call& call, unsigned index, const s64* done);

/// The result with what strace adds to it, or nothing: a plain number.
std::optional<std::string> strace_outcome(Call& call, s64 result);

/// Arguments that the call itself overwrites are shown as they were before it.
bool shown_as_before(const Syscall& row);

} // namespace emu::linux_user
