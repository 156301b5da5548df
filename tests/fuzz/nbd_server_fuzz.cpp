// SPDX-License-Identifier: MIT
// Any bytes from a client: whatever the server answers is well-formed, and only of the sizes it may have.
#include "nbd/request.h"

#include <cstdlib>
#include <cstring>

using namespace emu;
using namespace emu::nbd;

namespace {

class SmallNode final : public block::Node {
public:
    SmallNode() : bytes_(1u << 16) {
        read_only_ = false;
        name_ = "small";
    }
    std::string_view driver() const override { return "small"; }
    block::Limits limits() const override { return {.fast_zero = true}; }

protected:
    u64 do_size() const override { return bytes_.size(); }
    Result<void> do_read(u64 at, Bytes to) override {
        std::memcpy(to.data(), bytes_.data() + at, to.size());
        return {};
    }
    Result<void> do_write(u64 at, ConstBytes from, block::WriteFlags) override {
        std::memcpy(bytes_.data() + at, from.data(), from.size());
        return {};
    }
    Result<block::Extent> do_extent(u64 at, u64 length) override {
        const bool hole = at >> 12 & 1;
        return block::Extent{
            .length = std::min<u64>(length, 4096 - (at & 4095)), .data = !hole, .zero = hole, .allocated = true};
    }

private:
    std::vector<u8> bytes_;
};

void check_handshake(ConstBytes out, bool ends_with_export) {
    usize at = 0;
    while (at + 20 <= out.size() && be64(out, at) == option_reply_magic) at += 20 + be32(out, at + 16);
    const usize rest = out.size() - at;
    if (rest && !(ends_with_export && (rest == 10 || rest == 134))) std::abort();
}

void check_reply(const Session& session, const Request& request, const Reply& reply) {
    if (reply.empty()) std::abort();
    for (const Segment& segment : reply) {
        const ConstBytes head(segment.head.data(), segment.head_size);
        if (segment.last != (&segment == &reply.back())) std::abort();
        if (!session.structured && !session.extended) {
            const bool data = request.command == Command::read && !be32(head, 4) && !request.refused();
            if (be32(head) != simple_reply_magic || segment.size() != 16 + (data ? request.length : 0)) std::abort();
            continue;
        }
        const u64 announced = session.extended ? be64(head, 24) : be32(head, 16);
        const usize fixed = session.extended ? extended_reply_size : structured_reply_size;
        if (segment.size() != fixed + announced) std::abort();
        if (segment.last != bool(be16(head, 4) & chunk_done)) std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const block::NodePtr node = std::make_shared<SmallNode>();
    static const Exports exports = [] {
        Exports all;
        all.add(*Export::create(node, {.name = "", .description = "d", .writable = true, .allocation_depth = true}));
        all.add(*Export::create(node, {.name = "r"}));
        return all;
    }();
    if (!size) return 0;
    Negotiation negotiation(exports, data[0] & 1);
    ConstBytes in(data + 1, size - 1);
    auto outcome = Negotiation::Outcome::more;
    while (outcome == Negotiation::Outcome::more) {
        std::vector<u8> out;
        const auto step = negotiation.feed(in, out);
        if (!step) return 0;
        outcome = step->outcome;
        if (step->consumed > in.size()) std::abort();
        check_handshake(out, outcome == Negotiation::Outcome::transmission);
        in = in.subspan(step->consumed);
        if (outcome == Negotiation::Outcome::start_tls) {
            negotiation.tls_started();
            outcome = Negotiation::Outcome::more;
        } else if (outcome == Negotiation::Outcome::more && !step->consumed)
            return 0;
    }
    if (outcome != Negotiation::Outcome::transmission) return 0;
    const Session& session = negotiation.session();
    for (unsigned count = 0; count < 64 && in.size() >= header_size(session); count++) {
        auto request = parse_request(session, in.first(header_size(session)));
        if (!request) return 0;
        in = in.subspan(header_size(session));
        if (request->command == Command::disconnect && !request->refused()) return 0;
        if (request->payload > in.size()) return 0;
        Reply reply;
        execute(session, *request, in.first(request->payload), {}, reply);
        check_reply(session, *request, reply);
        (void)request_cost(session, *request);
        in = in.subspan(request->payload);
    }
    return 0;
}
