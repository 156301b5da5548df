// SPDX-License-Identifier: MIT
// ioctl requests whose structures hold longs or pointers, for guests where those are not the host's.
#pragma once
#include "linux_user/syscall.h"

#include <optional>

namespace emu::linux_user {

/// The result, or nothing where the request is the same everywhere.
std::optional<s64> narrow_ioctl(Call& call);

} // namespace emu::linux_user
