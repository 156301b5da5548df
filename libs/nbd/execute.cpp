// SPDX-License-Identifier: MIT
// Carrying out requests on the block node.
#include "block/chain.h"
#include "nbd/request.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>

namespace emu::nbd {
namespace {

/// From here on, a read is looked at extent by extent, and may go from file to socket by itself.
constexpr u64 large_read = 64u << 10;
constexpr u64 large_file_part = 32u << 10;

class Answer {
public:
    Answer(const Session& session, const Request& request, ExecuteOptions options, Reply& out)
        : session_(session), request_(request), options_(options), out_(out) {}

    void run(ConstBytes payload);

private:
    bool chunked() const { return session_.structured || session_.extended; }
    block::Node& node() const { return session_.chosen->node(); }
    u64 place(u64 at) const { return session_.chosen->offset() + at; }

    Segment& chunk(Chunk type, bool done, u64 payload);
    void simple(u32 error);
    void done() { chunked() ? void(chunk(Chunk::none, true, 0)) : simple(0); }
    void failed(const Error& error, std::optional<u64> at = {});
    void finish(Result<void> result) { result ? done() : failed(result.error()); }

    void read();
    void read_runs();
    Result<void> data_chunk(u64 at, u64 length, bool last);
    void hole_chunk(u64 at, u64 length, bool last);
    Result<void> fill(Segment& segment, u64 at, u64 length);
    Result<void> write_zeroes();
    Result<void> cache();
    void block_status(ConstBytes payload);
    Result<void> status_chunk(const ChosenContext& chosen, u64 length, bool last);

    const Session& session_;
    const Request& request_;
    ExecuteOptions options_;
    Reply& out_;
};

void put_head(Segment& s, u16 value) { store_bytes(s.head.data() + s.head_size, value, Endian::big), s.head_size += 2; }
void put_head(Segment& s, u32 value) { store_bytes(s.head.data() + s.head_size, value, Endian::big), s.head_size += 4; }
void put_head(Segment& s, u64 value) { store_bytes(s.head.data() + s.head_size, value, Endian::big), s.head_size += 8; }

Segment& Answer::chunk(Chunk type, bool last, u64 payload) {
    Segment& s = out_.emplace_back();
    put_head(s, session_.extended ? extended_reply_magic : structured_reply_magic);
    put_head(s, u16(last ? chunk_done : 0));
    put_head(s, u16(type));
    put_head(s, request_.cookie);
    if (session_.extended) {
        put_head(s, request_.offset);
        put_head(s, payload);
    } else
        put_head(s, u32(payload));
    s.last = last;
    return s;
}

void Answer::simple(u32 error) {
    Segment& s = out_.emplace_back();
    put_head(s, simple_reply_magic);
    put_head(s, error);
    put_head(s, request_.cookie);
    s.last = true;
}

void Answer::failed(const Error& error, std::optional<u64> at) {
    const u32 code = wire_error(error.code);
    if (!chunked()) return simple(code);
    const std::string_view text = std::string_view(error.text).substr(0, max_string);
    const u64 size = 6 + text.size() + (at ? 8 : 0);
    Segment& s = chunk(at ? Chunk::error_offset : Chunk::error, true, size);
    std::vector<u8> body;
    Writer to(body);
    to.be32(code).be16(u16(text.size())).text(text);
    if (at) to.be64(*at);
    s.data = Buffer(body.size());
    std::copy(body.begin(), body.end(), s.data.data());
}

/// Are the ends of this part in the page cache, as far as one can tell without waiting?
bool cached(int file, u64 at, u64 length) {
    u8 byte;
    const iovec part{&byte, 1};
    for (u64 place : {at, at + length - 1})
        if (::preadv2(file, &part, 1, off_t(place), RWF_NOWAIT) < 0) return false;
    return true;
}

Result<void> Answer::fill(Segment& s, u64 at, u64 length) {
    const u32 alignment = node().limits().request_alignment;
    const bool may = options_.send_files && length >= large_file_part && alignment == 1;
    int file = may ? session_.chosen->native_fd() : -1;
    if (file >= 0 && !cached(file, place(at), length)) file = -1;
    if (file >= 0) {
        s.file = file;
        s.file_at = place(at);
        s.file_length = length;
        return {};
    }
    s.data = Buffer(length, alignment);
    return node().read(place(at), s.data.bytes());
}

Result<void> Answer::data_chunk(u64 at, u64 length, bool last) {
    Segment& s = chunk(Chunk::offset_data, last, 8 + length);
    put_head(s, at);
    auto filled = fill(s, at, length);
    if (!filled) out_.pop_back();
    return filled;
}

void Answer::hole_chunk(u64 at, u64 length, bool last) {
    Segment& s = chunk(Chunk::offset_hole, last, 12);
    put_head(s, at);
    put_head(s, u32(length));
}

void Answer::read() {
    const u64 at = request_.offset, length = request_.length;
    if (!length) return done();
    if (!chunked()) {
        simple(0);
        if (auto filled = fill(out_.back(), at, length); !filled) {
            out_.pop_back();
            failed(filled.error());
        }
        return;
    }
    if (!(request_.flags & dont_fragment) && length >= large_read) return read_runs();
    if (auto sent = data_chunk(at, length, true); !sent) return failed(sent.error(), at);
    // Short reads are not worth a question; what turns out to be zero costs no bandwidth.
    if (request_.flags & dont_fragment || out_.back().file >= 0 || !block::is_zero(out_.back().data.bytes())) return;
    out_.pop_back();
    hole_chunk(at, length, true);
}

void Answer::read_runs() {
    u64 at = request_.offset;
    const u64 end = at + request_.length;
    auto extent = [&](u64 from) { return block::chain_extent(node(), nullptr, place(from), end - from); };
    auto next = extent(at);
    while (at < end) {
        if (!next) return failed(next.error(), at);
        const bool zero = next->zero;
        u64 stop = at + next->length;
        while (stop < end && (next = extent(stop)) && next->zero == zero) stop += next->length;
        if (zero)
            hole_chunk(at, stop - at, stop == end);
        else if (auto sent = data_chunk(at, stop - at, stop == end); !sent)
            return failed(sent.error(), at);
        at = stop;
    }
}

block::WriteFlags write_flags(u16 flags) {
    block::WriteFlags out = flags & fua ? block::WriteFlags::fua : block::WriteFlags::none;
    return out;
}

Result<void> Answer::write_zeroes() {
    block::WriteFlags flags = write_flags(request_.flags);
    if (!(request_.flags & no_hole)) flags = flags | block::WriteFlags::may_unmap;
    if (request_.flags & fast_zero) {
        if (!node().limits().fast_zero) return fail(ENOTSUP, "zeroes would be written as data");
        flags = flags | block::WriteFlags::no_fallback;
    }
    return node().write_zeroes(place(request_.offset), request_.length, flags);
}

Result<void> Answer::cache() {
    if (const int file = session_.chosen->native_fd(); file >= 0) {
        ::posix_fadvise(file, off_t(place(request_.offset)), off_t(request_.length), POSIX_FADV_WILLNEED);
        return {};
    }
    constexpr u64 step = 1u << 20;
    Buffer scratch(std::min(step, request_.length), node().limits().request_alignment);
    for (u64 done = 0; done < request_.length; done += step)
        EMU_CHECK(
            node().read(place(request_.offset + done), scratch.bytes().first(std::min(step, request_.length - done))));
    return {};
}

Result<void> Answer::status_chunk(const ChosenContext& chosen, u64 length, bool last) {
    const usize most = request_.flags & request_one ? 1 : max_status_descriptors;
    const std::vector<Status> runs = EMU_TRY(chosen.context->status(request_.offset, length, most));
    std::vector<u8> body;
    Writer to(body);
    to.be32(chosen.id);
    if (session_.extended) to.be32(u32(runs.size()));
    for (const Status& run : runs)
        session_.extended ? to.be64(run.length).be64(run.state) : to.be32(u32(run.length)).be32(run.state);
    Segment& s = chunk(session_.extended ? Chunk::block_status_extended : Chunk::block_status, last, body.size());
    s.data = Buffer(body.size());
    std::copy(body.begin(), body.end(), s.data.data());
    return {};
}

void Answer::block_status(ConstBytes payload) {
    u64 length = request_.length;
    std::vector<ChosenContext> wanted = session_.contexts;
    if (request_.payload) { // an effect length, then ids of contexts (extended headers only)
        if (payload.size() < 8 || payload.size() % 4) return failed({EINVAL, "the payload's length is wrong", {}});
        length = be64(payload);
        if (!length || !in_range(request_.offset, length, session_.chosen->size()))
            return failed({EINVAL, "block status goes beyond the end", {}});
        auto asked = [&](u32 id) {
            for (usize at = 8; at < payload.size(); at += 4)
                if (be32(payload, at) == id) return true;
            return false;
        };
        std::erase_if(wanted, [&](const ChosenContext& each) { return !asked(each.id); });
        if (wanted.size() != payload.size() / 4 - 2)
            return failed({EINVAL, "a context was not negotiated, or is named twice", {}});
    }
    if (wanted.empty()) return done();
    for (const ChosenContext& each : wanted)
        if (auto sent = status_chunk(each, length, &each == &wanted.back()); !sent) return failed(sent.error());
}

void Answer::run(ConstBytes payload) {
    if (request_.refused()) return failed(request_.refusal);
    const u64 at = place(request_.offset);
    switch (request_.command) {
    case Command::read: return read();
    case Command::write: return finish(node().write(at, payload, write_flags(request_.flags)));
    case Command::flush: return finish(node().flush());
    case Command::trim: {
        auto result = node().discard(at, request_.length);
        if (result && request_.flags & fua) result = node().flush();
        return finish(std::move(result));
    }
    case Command::cache: return finish(cache());
    case Command::write_zeroes: return finish(write_zeroes());
    case Command::block_status: return block_status(payload);
    case Command::disconnect: break; // the connection's business
    }
}

} // namespace

void execute(const Session& session, const Request& request, ConstBytes payload, ExecuteOptions options, Reply& out) {
    Answer(session, request, options, out).run(payload);
    if (!out.empty()) out.back().last = true;
}

} // namespace emu::nbd
