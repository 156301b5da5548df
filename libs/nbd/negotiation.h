// SPDX-License-Identifier: MIT
// The server's side of the handshake, from the greeting to the choice of an export: bytes in, bytes out, no
// descriptors.
#pragma once
#include "nbd/export.h"

namespace emu::nbd {

struct ChosenContext {
    u32 id = 0;
    const MetaContext* context = nullptr;
};

/// What client and server agreed on.
struct Session {
    const Export* chosen = nullptr;
    bool structured = false, extended = false;
    std::vector<ChosenContext> contexts; ///< only with structured or extended replies
};

class Negotiation {
public:
    /// `tls`: the client has to begin TLS before anything else.
    Negotiation(const Exports& exports, bool tls) : exports_(exports), tls_(tls) {}

    enum class Outcome : u8 { more, transmission, start_tls, end };
    struct Step {
        usize consumed = 0; ///< bytes of `in` that are done with; 0 with `more`: not enough there yet
        Outcome outcome = Outcome::more;
    };
    /// What the server says first.
    static void greet(std::vector<u8>& out);
    /// Take one message from the front of `in`, and append the answer to `out`. An error: the client is to be dropped
    /// without an answer. `end` is the client's wish, or an export that it cannot have in the old way of asking.
    Result<Step> feed(ConstBytes in, std::vector<u8>& out);
    /// After `start_tls`: forgets what was agreed in the clear.
    void tls_started();

    const Session& session() const { return session_; }

private:
    struct Message {
        u32 option = 0;
        ConstBytes payload;
        std::vector<u8>& out;
    };
    using Handler = Result<Outcome> (Negotiation::*)(const Message&);
    struct Row;
    static const Row rows[];

    Result<Step> client_flags(ConstBytes in);
    Result<Outcome> option(const Message& m);
    Result<Outcome> export_name(const Message& m);
    Result<Outcome> abort(const Message& m);
    Result<Outcome> list(const Message& m);
    Result<Outcome> start_tls(const Message& m);
    Result<Outcome> info(const Message& m);
    Result<Outcome> structured_reply(const Message& m);
    Result<Outcome> extended_headers(const Message& m);
    Result<Outcome> meta_context(const Message& m);

    static void reply(const Message& m, OptionReply type, ConstBytes payload = {});
    static Outcome refuse(const Message& m, OptionReply type, std::string_view why);
    void send_info(const Message& m, const Export& chosen, ConstBytes wanted);

    const Exports& exports_;
    bool tls_, secure_ = false, flags_seen_ = false, fixed_ = false, no_zeroes_ = false;
    std::string context_export_;
    u32 skip_option_ = 0;
    u64 skip_ = 0; ///< bytes of an oversized payload that are still to come
    Session session_;
};

} // namespace emu::nbd
