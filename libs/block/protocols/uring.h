// SPDX-License-Identifier: MIT
// Requests by io_uring(7). Calls still block: what is gained is that the parts of one long request are on their way together, which
// devices like that are read past the page cache (cache.direct=on). Each thread has a ring of its own.
#pragma once
#include "common/result.h"
#include "common/types.h"

namespace emu::block {

/// An error where the kernel has no io_uring, or forbids it.
Result<void> check_uring();
/// Bytes that were read, less than asked for only at the end of the file.
Result<usize> uring_read(int fd, u64 at, Bytes to);
Result<void> uring_write(int fd, u64 at, ConstBytes from);

} // namespace emu::block
