// SPDX-License-Identifier: MIT
// Locks on image files that other block tools of this kind understand: what a user does with an image, and what it will not
// stand others doing, are read locks (OFD) on single bytes. Measured on the programs of Debian 12 with /proc/locks.
#pragma once
#include "common/result.h"

#include <string>

namespace emu::block {

struct LockWish {
    bool write = false; ///< changes contents and size; otherwise only reads
};
/// Take the locks on `fd`. The error says what could not be had and, where the host tells, who holds it.
Result<void> lock_file(int fd, const std::string& name, LockWish wish);
/// Does this file system have such locks?
bool locks_work(int fd);

} // namespace emu::block
