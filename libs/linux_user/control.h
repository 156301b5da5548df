// SPDX-License-Identifier: MIT
// Control messages of sockets (cmsg(3)) between the guest's layout and the host's: the header starts with a word, and
// everything is aligned to words.
#pragma once
#include "linux_user/vectors.h"

namespace emu::linux_user {

/// The guest's messages as the host's; where the kernel is to write, room for what the guest has room for. 0 or -errno.
s64 load_control(const Call& call, u64 at, u64 size, Transfer transfer, std::vector<u8>& host);
/// What the kernel wrote, to the guest's buffer. `size` becomes what is used of it; `flags` gets MSG_CTRUNC where it is too
/// small. False: the memory is not there.
bool store_control(const Call& call, const Message& message, u64 at, u64& size, u32& flags);

} // namespace emu::linux_user
