// SPDX-License-Identifier: MIT
// One request of the transmission phase: parsed, judged, carried out, answered.
#pragma once
#include "nbd/negotiation.h"

#include <array>
#include <memory>
#include <optional>

namespace emu::nbd {

struct Request {
    Command command = Command::read;
    u16 flags = 0;
    u64 cookie = 0, offset = 0, length = 0;
    u64 payload = 0; ///< bytes that follow the header
    Error refusal;   ///< code 0: good; else the answer, once the payload has come

    bool refused() const { return refusal.code != 0; }
};

constexpr usize header_size(const Session& session) { return session.extended ? extended_request_size : request_size; }
/// The request that `header` (header_size() bytes) holds. An error: the client is to be dropped.
Result<Request> parse_request(const Session& session, ConstBytes header);

/// Memory that nothing has written to yet.
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(usize size, usize alignment = 1);
    u8* data() { return memory_.get(); }
    const u8* data() const { return memory_.get(); }
    usize size() const { return size_; }
    Bytes bytes() { return {memory_.get(), size_}; }
    ConstBytes bytes() const { return {memory_.get(), size_}; }

private:
    struct Free {
        void operator()(u8* memory) const;
    };
    std::unique_ptr<u8[], Free> memory_;
    usize size_ = 0;
};

/// One message of a reply, ready to be sent: a header, then bytes from memory or from a host file.
struct Segment {
    std::array<u8, 48> head;
    u8 head_size = 0;
    bool last = false; ///< of its request
    u64 charge = 0;    ///< what the connection accounts the request with, on the last segment
    Buffer data;
    int file = -1;
    u64 file_at = 0, file_length = 0;

    u64 size() const { return head_size + (file < 0 ? data.size() : file_length); }
};
using Reply = std::vector<Segment>;

struct ExecuteOptions {
    bool send_files = false; ///< the stream can send parts of host files by itself
};
/// Do what the request asks for, and append the answer. Any thread; blocks.
void execute(const Session& session, const Request& request, ConstBytes payload, ExecuteOptions options, Reply& out);

/// Bytes of memory that the request may take until it is answered.
u64 request_cost(const Session& session, const Request& request);

} // namespace emu::nbd
