// SPDX-License-Identifier: MIT
// The ivshmem server's protocol: server to client only, 8-byte little-endian signed numbers over a UNIX stream socket, each
// with at most one descriptor in SCM_RIGHTS.
//
//     version (0), own id, -1 + shared memory; then id + eventfd per vector of every peer (and of the client itself);
//     later id + eventfd per vector of a newcomer, id without descriptor for a peer that left
#pragma once
#include "common/fd.h"
#include "common/result.h"

namespace emu::ivshmem {

inline constexpr s64 protocol_version = 0;
inline constexpr s64 shared_memory_mark = -1;
inline constexpr unsigned max_clients = 65536, max_vectors = 64;

struct Message {
    s64 value = 0;
    Fd fd;   ///< empty: the message carries no descriptor
};

/// Send one message whole; false: the socket's buffer is full, nothing was sent.
Result<bool> send_message(int socket, s64 value, int fd);

/// Receives messages, whatever pieces the stream comes in.
class Receiver {
public:
    /// One message; ENODATA as error code if more bytes have to come first, ECONNRESET at the end of the stream, EPROTO for
    /// more than one descriptor in a message.
    Result<Message> receive(int socket);

private:
    u8 bytes_[8] = {};
    usize have_ = 0;
    Fd fd_;
};

/// Ring the doorbell behind an eventfd. A counter that is full is rung already.
Result<void> ring(int eventfd);
/// Take the rings that have come: their number, 0 if none.
u64 drain(int eventfd);

} // namespace emu::ivshmem
