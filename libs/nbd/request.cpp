// SPDX-License-Identifier: MIT
// The header of a request, and what is wrong with it.
#include "nbd/request.h"

#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>

namespace emu::nbd {
namespace {

struct Rules {
    u16 flags; ///< that the command understands
    bool writes;
    bool ranged; ///< offset and length name a part of the export
    int beyond;  ///< error for a part that lies outside
    u64 longest;
};
constexpr u64 no_limit = ~u64(0);
constexpr Rules rules[command_count] = {
    {dont_fragment, false, true, EINVAL, max_payload},         // read
    {fua, true, true, ENOSPC, max_payload},                    // write
    {0, false, false, 0, no_limit},                            // disconnect
    {0, false, false, 0, no_limit},                            // flush
    {fua, true, true, EINVAL, no_limit},                       // trim
    {0, false, true, EINVAL, max_payload},                     // cache
    {fua | no_hole | fast_zero, true, true, ENOSPC, no_limit}, // write zeroes
    {request_one, false, true, EINVAL, no_limit},              // block status
};

Error judge(const Session& session, const Request& r, unsigned raw) {
    if (raw >= command_count) return {EINVAL, fmt::format("unknown command {}", raw), {}};
    const Rules& rule = rules[raw];
    const bool takes_payload = r.command == Command::write || r.command == Command::block_status;
    u16 allowed = u16(rule.flags | (session.extended && takes_payload ? payload_length : 0));
    if (!session.structured && !session.extended) allowed &= u16(~dont_fragment);
    if (r.flags & ~allowed)
        return {EINVAL, fmt::format("flags {:#x} do not go with {}", r.flags & ~allowed, command_name(r.command)), {}};
    if (rule.writes && !session.chosen->writable()) return {EPERM, "the export is read-only", {}};
    if (r.length > rule.longest) return {EINVAL, fmt::format("{} bytes are too many", r.length), {}};
    if (r.command == Command::block_status) {
        if (session.contexts.empty()) return {EINVAL, "no metadata context was negotiated", {}};
        if (!r.length && !r.payload) return {EINVAL, "block status of nothing", {}};
        if (r.payload) return {}; // the range is in the payload
    }
    if (rule.ranged && !in_range(r.offset, r.length, session.chosen->size()))
        return {rule.beyond,
                fmt::format("{} of {} bytes at {} goes beyond the end", command_name(r.command), r.length, r.offset),
                {}};
    return {};
}

} // namespace

Result<Request> parse_request(const Session& session, ConstBytes header) {
    EMU_ASSERT(header.size() == header_size(session));
    const u32 magic = be32(header), wanted = session.extended ? extended_request_magic : request_magic;
    if (magic != wanted) return fail(EPROTO, fmt::format("client sent wrong request magic {:#x}", magic));
    Request r;
    const u16 raw = be16(header, 6);
    r.command = Command(raw);
    r.flags = be16(header, 4);
    r.cookie = be64(header, 8);
    r.offset = be64(header, 16);
    r.length = session.extended ? be64(header, 24) : be32(header, 24);
    const bool write = r.command == Command::write;
    if (session.extended) {
        if (r.flags & payload_length) r.payload = r.length;
        // Whether bytes follow is anyone's guess then.
        else if (write)
            return fail(EPROTO, "client sent a write without the payload flag");
    } else if (write)
        r.payload = r.length;
    if (r.payload > max_payload) return fail(EPROTO, fmt::format("client announced a payload of {} bytes", r.payload));
    r.refusal = judge(session, r, raw);
    return r;
}

u64 request_cost(const Session& session, const Request& r) {
    if (r.payload) return r.payload;
    if (r.refused()) return 0;
    if (r.command == Command::read) return r.length;
    if (r.command == Command::block_status && !(r.flags & request_one))
        return session.contexts.size() * max_status_descriptors * (session.extended ? 16 : 8);
    return 0;
}

Buffer::Buffer(usize size, usize alignment) : size_(size) {
    void* memory =
        alignment > 1 ? std::aligned_alloc(4096, (size + 4095) & ~usize(4095)) : std::malloc(size ? size : 1);
    EMU_ASSERT(memory);
    memory_.reset(static_cast<u8*>(memory));
}
void Buffer::Free::operator()(u8* memory) const { std::free(memory); }

} // namespace emu::nbd
