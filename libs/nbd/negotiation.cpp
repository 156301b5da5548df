// SPDX-License-Identifier: MIT
#include "nbd/negotiation.h"

#include "common/trace.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::nbd {
namespace {

/// Longest payload that is kept in memory: room for the largest sensible list of queries.
constexpr usize max_kept_payload = 128u << 10;

std::string_view as_text(ConstBytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
ConstBytes as_bytes(std::string_view text) { return {reinterpret_cast<const u8*>(text.data()), text.size()}; }

/// Reads a payload from front to back; a piece that is not there makes it bad for good.
class Reader {
public:
    explicit Reader(ConstBytes bytes) : left_(bytes) {}
    bool good() const { return good_; }
    bool done() const { return good_ && left_.empty(); }
    usize left() const { return left_.size(); }
    u16 be16() { return number<u16>(); }
    u32 be32() { return number<u32>(); }
    ConstBytes bytes(usize count) {
        if (!good_ || count > left_.size()) return good_ = false, ConstBytes();
        ConstBytes out = left_.first(count);
        left_ = left_.subspan(count);
        return out;
    }

private:
    template <class T> T number() {
        ConstBytes from = bytes(sizeof(T));
        return good_ ? load<T>(from, 0, Endian::big) : T();
    }
    ConstBytes left_;
    bool good_ = true;
};

} // namespace

struct Negotiation::Row {
    Option option;
    Handler handler;
    bool empty_payload;
};
const Negotiation::Row Negotiation::rows[] = {
    {Option::export_name, &Negotiation::export_name, false},
    {Option::abort, &Negotiation::abort, false},
    {Option::list, &Negotiation::list, true},
    {Option::starttls, &Negotiation::start_tls, true},
    {Option::info, &Negotiation::info, false},
    {Option::go, &Negotiation::info, false},
    {Option::structured_reply, &Negotiation::structured_reply, true},
    {Option::list_meta_context, &Negotiation::meta_context, false},
    {Option::set_meta_context, &Negotiation::meta_context, false},
    {Option::extended_headers, &Negotiation::extended_headers, true},
};

void Negotiation::greet(std::vector<u8>& out) {
    Writer(out).be64(init_magic).be64(option_magic).be16(handshake_fixed_newstyle | handshake_no_zeroes);
}

Result<Negotiation::Step> Negotiation::client_flags(ConstBytes in) {
    if (in.size() < 4) return Step{};
    const u32 flags = be32(in);
    if (flags & ~u32(handshake_fixed_newstyle | handshake_no_zeroes))
        return fail(EPROTO, fmt::format("client sent unknown flags {:#x}", flags));
    flags_seen_ = true;
    fixed_ = flags & handshake_fixed_newstyle;
    no_zeroes_ = flags & handshake_no_zeroes;
    return Step{.consumed = 4};
}

Result<Negotiation::Step> Negotiation::feed(ConstBytes in, std::vector<u8>& out) {
    if (skip_) {
        const usize now = usize(std::min<u64>(skip_, in.size()));
        skip_ -= now;
        if (!skip_) refuse({skip_option_, {}, out}, OptionReply::too_big, "the payload is too long");
        return Step{.consumed = now};
    }
    if (!flags_seen_) return client_flags(in);
    // A wrong magic is wrong however little more has come.
    if (in.size() >= 8 && be64(in) != option_magic)
        return fail(EPROTO, fmt::format("client sent wrong option magic {:#x}", be64(in)));
    if (in.size() < option_header_size) return Step{};
    const u32 which = be32(in, 8), length = be32(in, 12);
    if (length > max_option_payload)
        return fail(EPROTO, fmt::format("option {} of {} bytes is too long", which, length));
    const bool by_name = which == u32(Option::export_name);
    if (!fixed_ && !by_name)
        return fail(EPROTO, "client without fixed newstyle sent an option other than an export's name");
    if (by_name && length > max_string) return fail(EPROTO, "the export's name is too long");
    if (length > max_kept_payload) {
        skip_ = length;
        skip_option_ = which;
        return Step{.consumed = option_header_size};
    }
    if (in.size() - option_header_size < length) return Step{};
    const Outcome outcome = EMU_TRY(option({which, in.subspan(option_header_size, length), out}));
    return Step{.consumed = option_header_size + length, .outcome = outcome};
}

Result<Negotiation::Outcome> Negotiation::option(const Message& m) {
    EMU_TRACE(nbd_option, "option={} length={}", m.option, m.payload.size());
    const auto row =
        std::find_if(std::begin(rows), std::end(rows), [&](const Row& each) { return u32(each.option) == m.option; });
    if (tls_ && !secure_ && m.option != u32(Option::starttls) && m.option != u32(Option::abort)) {
        if (m.option == u32(Option::export_name)) return fail(EPERM, "client asked for an export without TLS");
        return refuse(m, OptionReply::tls_required, "TLS is required here");
    }
    if (row == std::end(rows))
        return refuse(m, OptionReply::unsup, fmt::format("option {} is not supported", m.option));
    if (row->empty_payload && !m.payload.empty())
        return refuse(m, OptionReply::invalid, "this option takes no payload");
    return (this->*row->handler)(m);
}

void Negotiation::reply(const Message& m, OptionReply type, ConstBytes payload) {
    Writer(m.out)
        .be64(option_reply_magic)
        .be32(m.option)
        .be32(u32(type))
        .be32(u32(payload.size()))
        .text(as_text(payload));
}

Negotiation::Outcome Negotiation::refuse(const Message& m, OptionReply type, std::string_view why) {
    reply(m, type, as_bytes(why));
    return Outcome::more;
}

Result<Negotiation::Outcome> Negotiation::export_name(const Message& m) {
    const Export* chosen = exports_.find(as_text(m.payload));
    if (!chosen) return fail(ENOENT, fmt::format("client asked for the unknown export '{}'", as_text(m.payload)));
    session_.chosen = chosen;
    if (context_export_ != chosen->name()) session_.contexts.clear();
    Writer out(m.out);
    out.be64(chosen->size()).be16(chosen->flags(session_.structured, session_.extended));
    if (!no_zeroes_) out.zeroes(124);
    return Outcome::transmission;
}

Result<Negotiation::Outcome> Negotiation::abort(const Message& m) {
    reply(m, OptionReply::ack);
    return Outcome::end;
}

Result<Negotiation::Outcome> Negotiation::list(const Message& m) {
    for (const auto& each : exports_.all()) {
        std::vector<u8> text;
        Writer(text).be32(u32(each->name().size())).text(each->name()).text(each->description());
        reply(m, OptionReply::server, text);
    }
    reply(m, OptionReply::ack);
    return Outcome::more;
}

Result<Negotiation::Outcome> Negotiation::start_tls(const Message& m) {
    if (!tls_) return refuse(m, OptionReply::policy, "TLS is not configured here");
    if (secure_) return refuse(m, OptionReply::invalid, "TLS is on already");
    reply(m, OptionReply::ack);
    return Outcome::start_tls;
}

void Negotiation::tls_started() {
    secure_ = true;
    session_ = {};
    context_export_.clear();
}

void Negotiation::send_info(const Message& m, const Export& chosen, ConstBytes wanted) {
    auto asked = [&](Info kind) {
        for (usize i = 0; i + 2 <= wanted.size(); i += 2)
            if (be16(wanted, i) == u16(kind)) return true;
        return false;
    };
    auto send = [&](Info kind, auto fill) {
        std::vector<u8> payload;
        Writer to(payload);
        fill(to.be16(u16(kind)));
        reply(m, OptionReply::info, payload);
    };
    if (asked(Info::name) || !chosen.name().empty()) send(Info::name, [&](Writer& to) { to.text(chosen.name()); });
    if (asked(Info::description) || !chosen.description().empty())
        send(Info::description, [&](Writer& to) { to.text(chosen.description()); });
    // A client that does not ask for sizes may send anything; the node aligns for it.
    const bool aligns = asked(Info::block_size);
    const Export::BlockSizes sizes = chosen.block_sizes();
    send(Info::block_size,
         [&](Writer& to) { to.be32(aligns ? sizes.minimum : 1).be32(sizes.preferred).be32(sizes.maximum); });
    send(Info::export_,
         [&](Writer& to) { to.be64(chosen.size()).be16(chosen.flags(session_.structured, session_.extended)); });
}

Result<Negotiation::Outcome> Negotiation::info(const Message& m) {
    Reader in(m.payload);
    const u32 length = in.be32();
    if (in.good() && length > max_string && length <= in.left())
        return refuse(m, OptionReply::too_big, "the export's name is too long");
    const ConstBytes name = in.bytes(length);
    const u16 count = in.be16();
    const ConstBytes wanted = in.bytes(usize(count) * 2);
    if (!in.done()) return refuse(m, OptionReply::invalid, "the payload's length does not fit its contents");
    const Export* chosen = exports_.find(as_text(name));
    if (!chosen) return refuse(m, OptionReply::unknown, fmt::format("export '{}' is not here", as_text(name)));
    send_info(m, *chosen, wanted);
    reply(m, OptionReply::ack);
    if (m.option == u32(Option::info)) return Outcome::more;
    session_.chosen = chosen;
    if (context_export_ != chosen->name()) session_.contexts.clear();
    return Outcome::transmission;
}

Result<Negotiation::Outcome> Negotiation::structured_reply(const Message& m) {
    if (session_.extended) return refuse(m, OptionReply::extended_header_required, "extended headers are on already");
    session_.structured = true;
    reply(m, OptionReply::ack);
    return Outcome::more;
}

Result<Negotiation::Outcome> Negotiation::extended_headers(const Message& m) {
    if (session_.extended) return refuse(m, OptionReply::invalid, "extended headers are on already");
    session_.extended = true;
    session_.structured = false;
    reply(m, OptionReply::ack);
    return Outcome::more;
}

Result<Negotiation::Outcome> Negotiation::meta_context(const Message& m) {
    const bool set = m.option == u32(Option::set_meta_context);
    if (set) session_.contexts.clear(); // whatever comes of this call, the one before is forgotten
    if (!session_.structured && !session_.extended)
        return refuse(m, OptionReply::invalid, "contexts need structured replies");
    Reader in(m.payload);
    const u32 length = in.be32();
    if (in.good() && length > max_string && length <= in.left())
        return refuse(m, OptionReply::too_big, "the export's name is too long");
    const ConstBytes name = in.bytes(length);
    const u32 count = in.be32();
    std::vector<const MetaContext*> found;
    const Export* chosen = in.good() ? exports_.find(as_text(name)) : nullptr;
    bool too_big = false;
    for (u32 i = 0; i < count && in.good(); i++) {
        const u32 size = in.be32();
        const ConstBytes query = in.bytes(size);
        too_big |= in.good() && size > max_string;
        if (!chosen || !in.good() || too_big) continue;
        for (const MetaContext* each : chosen->find_contexts(as_text(query)))
            if (std::find(found.begin(), found.end(), each) == found.end()) found.push_back(each);
    }
    if (!in.done()) return refuse(m, OptionReply::invalid, "the payload's length does not fit its contents");
    if (too_big) return refuse(m, OptionReply::too_big, "a query is too long");
    if (!chosen) return refuse(m, OptionReply::unknown, fmt::format("export '{}' is not here", as_text(name)));
    if (!set && !count)
        for (const auto& each : chosen->contexts()) found.push_back(each.get());
    if (set) context_export_ = chosen->name();
    u32 id = 0;
    for (const MetaContext* each : found) {
        std::vector<u8> text;
        Writer(text).be32(set ? ++id : 0).text(each->name());
        reply(m, OptionReply::meta_context, text);
        if (set) session_.contexts.push_back({id, each});
    }
    reply(m, OptionReply::ack);
    return Outcome::more;
}

} // namespace emu::nbd
