// SPDX-License-Identifier: MIT
#include "bench.h"

using namespace emu;
using namespace emu::nbd;
using namespace emu::nbd::test;

namespace {

struct Table {
    std::shared_ptr<MemoryNode> node = std::make_shared<MemoryNode>(1u << 20);
    Exports exports;
    Table() {
        exports.add(*Export::create(
            node, {.name = "one", .description = "the first", .writable = true, .allocation_depth = true}));
        exports.add(*Export::create(node, {.name = "two"}));
    }
};

/// Feeds a negotiation, with all that is there at once.
struct Talk {
    Negotiation negotiation;
    std::vector<u8> in, out;
    explicit Talk(const Exports& exports, bool tls = false) : negotiation(exports, tls) { Writer(in).be32(3); }
    Talk& option(u32 which, std::string_view payload = {}) {
        Writer(in).be64(option_magic).be32(which).be32(u32(payload.size())).text(payload);
        return *this;
    }
    Talk& option(Option which, std::string_view payload = {}) { return option(u32(which), payload); }
    Result<Negotiation::Outcome> run() {
        for (;;) {
            const auto step = EMU_TRY(negotiation.feed(in, out));
            in.erase(in.begin(), in.begin() + std::ptrdiff_t(step.consumed));
            if (step.outcome != Negotiation::Outcome::more || !step.consumed) return step.outcome;
        }
    }
    /// Types of the answers so far.
    std::vector<u32> types() const {
        std::vector<u32> result;
        for (usize at = 0; at < out.size(); at += 20 + be32(out, at + 16)) result.push_back(be32(out, at + 12));
        return result;
    }
};

constexpr u32 ack = u32(OptionReply::ack), unsup = u32(OptionReply::unsup), invalid = u32(OptionReply::invalid),
              unknown = u32(OptionReply::unknown);

} // namespace

TEST_CASE("negotiation: options that are not known are refused, and the next ones work") {
    Table table;
    Talk talk(table.exports);
    auto outcome = talk.option(4)
                       .option(77, "some payload")
                       .option(Option::list)
                       .option(Option::go, Wire::go_payload("two"))
                       .run();
    REQUIRE(outcome);
    CHECK(*outcome == Negotiation::Outcome::transmission);
    CHECK(talk.types() == std::vector<u32>{unsup, unsup, 2, 2, ack, 3, 3, 3, ack});
    CHECK(talk.negotiation.session().chosen->name() == "two");
    CHECK_FALSE(talk.negotiation.session().chosen->writable());
}

TEST_CASE("negotiation: payloads that do not fit their contents are invalid") {
    Table table;
    for (Option option : {Option::info, Option::go}) {
        for (std::string payload : {std::string(), std::string("\0\0\0", 3), std::string("\0\0\0\x09one\0\0", 9),
                                    std::string("\0\0\0\x03one\0\1", 9), std::string("\0\0\0\x03one\0\0x", 10),
                                    std::string("\xff\xff\xff\xffone\0\0", 9)}) {
            Talk talk(table.exports);
            REQUIRE(talk.option(option, payload).run());
            CHECK(talk.types() == std::vector<u32>{invalid});
        }
    }
    for (Option option : {Option::list, Option::structured_reply, Option::extended_headers, Option::starttls}) {
        Talk talk(table.exports);
        REQUIRE(talk.option(option, "x").run());
        CHECK(talk.types() == std::vector<u32>{invalid});
    }
}

TEST_CASE("negotiation: contexts are listed, chosen, and forgotten with the export they were chosen for") {
    Table table;
    Talk early(table.exports);
    REQUIRE(early.option(Option::set_meta_context, Wire::context_payload("base:allocation", "one")).run());
    CHECK(early.types() == std::vector<u32>{invalid});

    Talk talk(table.exports);
    REQUIRE(talk.option(Option::structured_reply)
                .option(Option::list_meta_context, Wire::text([](Writer& to) { to.be32(3).text("one").be32(0); }))
                .option(Option::set_meta_context, Wire::context_payload("qemu:", "one"))
                .run());
    CHECK(talk.types() == std::vector<u32>{ack, 4, 4, ack, 4, ack});
    CHECK(talk.negotiation.session().contexts.size() == 1);
    talk.out.clear();
    REQUIRE(talk.option(Option::set_meta_context, Wire::context_payload("base:allocation", "none")).run());
    CHECK(talk.types() == std::vector<u32>{unknown});
    CHECK(talk.negotiation.session().contexts.empty());
    REQUIRE(talk.option(Option::set_meta_context, Wire::context_payload("base:allocation", "one"))
                .option(Option::go, Wire::go_payload("two"))
                .run());
    CHECK(talk.negotiation.session().contexts.empty());
}

TEST_CASE("negotiation: extended headers and structured replies do not mix") {
    Table table;
    Talk talk(table.exports);
    REQUIRE(
        talk.option(Option::extended_headers).option(Option::structured_reply).option(Option::extended_headers).run());
    CHECK(talk.types() == std::vector<u32>{ack, u32(OptionReply::extended_header_required), invalid});
    CHECK(talk.negotiation.session().extended);
    CHECK(talk.negotiation.session().contexts.empty());
}

TEST_CASE("negotiation: with TLS nothing works before it, and what was agreed before is forgotten") {
    Table table;
    Talk talk(table.exports, true);
    auto outcome = talk.option(Option::list).option(Option::go, Wire::go_payload("one")).option(Option::starttls).run();
    REQUIRE(outcome);
    CHECK(*outcome == Negotiation::Outcome::start_tls);
    const u32 required = u32(OptionReply::tls_required);
    CHECK(talk.types() == std::vector<u32>{required, required, ack});
    talk.negotiation.tls_started();
    talk.out.clear();
    outcome = talk.option(Option::starttls).option(Option::go, Wire::go_payload("one")).run();
    REQUIRE(outcome);
    CHECK(*outcome == Negotiation::Outcome::transmission);
    CHECK(talk.types().front() == invalid);

    Talk by_name(table.exports, true);
    CHECK_FALSE(by_name.option(Option::export_name, "one").run());
    Talk plain(table.exports);
    REQUIRE(plain.option(Option::starttls).run());
    CHECK(plain.types() == std::vector<u32>{u32(OptionReply::policy)});
}

TEST_CASE("negotiation: the old way of choosing an export") {
    Table table;
    Talk talk(table.exports);
    auto outcome = talk.option(Option::export_name, "one").run();
    REQUIRE(outcome);
    CHECK(*outcome == Negotiation::Outcome::transmission);
    CHECK(talk.out.size() == 10);
    CHECK(be64(talk.out) == 1u << 20);
    Talk missing(table.exports);
    CHECK_FALSE(missing.option(Option::export_name, "three").run());
    // A client that knows nothing newer gets the padding, and nothing but this option.
    Negotiation old(table.exports, false);
    std::vector<u8> in, out;
    Writer(in).be32(0).be64(option_magic).be32(1).be32(3).text("one");
    REQUIRE(old.feed(in, out)->consumed == 4);
    REQUIRE(old.feed(ConstBytes(in).subspan(4), out)->outcome == Negotiation::Outcome::transmission);
    CHECK(out.size() == 134);
    Negotiation too_old(table.exports, false);
    in.clear();
    Writer(in).be32(0).be64(option_magic).be32(3).be32(0);
    REQUIRE(too_old.feed(in, out));
    CHECK_FALSE(too_old.feed(ConstBytes(in).subspan(4), out));
}

TEST_CASE("negotiation: oversized payloads are skipped, absurd ones end the connection") {
    Table table;
    Talk talk(table.exports);
    REQUIRE(talk.option(Option::info, std::string(200'000, 'x')).option(Option::list).run());
    CHECK(talk.types() == std::vector<u32>{u32(OptionReply::too_big), 2, 2, ack});
    Talk longer(table.exports);
    REQUIRE(longer.option(Option::go, Wire::go_payload(std::string(5000, 'x'))).run());
    CHECK(longer.types() == std::vector<u32>{u32(OptionReply::too_big)});
    Talk absurd(table.exports);
    Writer(absurd.in).be64(option_magic).be32(3).be32(max_option_payload + 1);
    CHECK_FALSE(absurd.run());
    Talk magic(table.exports);
    Writer(magic.in).be64(12345);
    CHECK_FALSE(magic.run());
    Negotiation flags(table.exports, false);
    std::vector<u8> in, out;
    Writer(in).be32(0x10);
    CHECK_FALSE(flags.feed(in, out));
}

TEST_CASE("negotiation: bytes may come one at a time") {
    Table table;
    Talk talk(table.exports);
    talk.option(Option::structured_reply)
        .option(Option::set_meta_context, Wire::context_payload("base:", "one"))
        .option(Option::go, Wire::go_payload("one"));
    std::vector<u8> part;
    auto outcome = Negotiation::Outcome::more;
    for (u8 byte : talk.in) {
        part.push_back(byte);
        const auto step = talk.negotiation.feed(part, talk.out);
        REQUIRE(step);
        part.erase(part.begin(), part.begin() + std::ptrdiff_t(step->consumed));
        outcome = step->outcome;
    }
    CHECK(outcome == Negotiation::Outcome::transmission);
    CHECK(talk.negotiation.session().contexts.size() == 1);
}
