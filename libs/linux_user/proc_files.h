// SPDX-License-Identifier: MIT
// Files below /proc that would show Emu instead of the guest: written afresh from what the guest would see.
#pragma once
#include "common/types.h"

#include <string>
#include <string_view>

namespace emu::linux_user {

class Process;

inline constexpr int not_a_proc_file = -100000;
/// A descriptor of the file the guest should see, -errno, or not_a_proc_file where `path` is none of these.
int open_proc_file(Process& process, std::string_view path, u32 flags);

/// The contents, for tests.
std::string proc_maps(Process& process);
std::string proc_stat(Process& process);

} // namespace emu::linux_user
