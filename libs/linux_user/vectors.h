// SPDX-License-Identifier: MIT
// struct iovec and struct msghdr of the guest, as the host wants them.
#pragma once
#include "linux_user/syscall.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

namespace emu::linux_user {

/// What the kernel will do with the memory.
enum class Transfer { from_guest, to_guest };

/// An array of `count` iovecs at a guest address. 0 or -errno.
s64 load_vectors(const Call& call, u64 at, u64 count, Transfer transfer, std::vector<iovec>& vectors);

/// A message header and what it points to, alive as long as the call.
struct Message {
    msghdr header{};
    std::vector<iovec> vectors;
    std::vector<u8> control; ///< where control messages of the guest's layout are not the host's
    u64 guest = 0; ///< where it came from
};
s64 load_message(const Call& call, u64 at, Transfer transfer, Message& message);
/// After recvmsg: the members that the kernel changes.
bool store_message(const Call& call, const Message& message);
usize message_size(const DataModel& model);

} // namespace emu::linux_user
