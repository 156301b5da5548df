// SPDX-License-Identifier: MIT
// Replies on their way to a client.
#pragma once
#include "nbd/request.h"
#include "nbd/stream.h"

#include <deque>

namespace emu::nbd {

class Output {
public:
    void add(Reply&& reply);
    /// Bytes of the handshake.
    void add(std::vector<u8>&& bytes);
    bool empty() const { return segments_.empty(); }
    /// Bytes that wait.
    u64 pending() const { return pending_; }

    struct Sent {
        u64 charge = 0; ///< sum over the replies that went out whole
        unsigned replies = 0;
    };
    /// Send what the stream takes now.
    Result<Sent> send(Stream& stream);

private:
    Result<bool> send_memory(Stream& stream);
    Result<bool> send_file(Stream& stream);
    void advance(u64 count, Sent& sent);

    std::deque<Segment> segments_;
    u64 done_ = 0; ///< of the first segment
    u64 pending_ = 0;
    u64 moved_ = 0;
};

} // namespace emu::nbd
