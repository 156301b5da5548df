// SPDX-License-Identifier: MIT
#include "gdb/packet.h"

#include "gdb/signals.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::gdb;

namespace {
void feed(PacketReader& reader, std::string_view text) { reader.feed(ConstBytes(reinterpret_cast<const u8*>(text.data()), text.size())); }
} // namespace

TEST_CASE("packets come whole, in pieces, with noise between them") {
    PacketReader reader;
    feed(reader, "+noise$g#6");
    CHECK(reader.next()->kind == PacketReader::Kind::acknowledged);
    CHECK(!reader.next());
    feed(reader, "7\x03$OK#9a");
    auto item = reader.next();
    REQUIRE(item);
    CHECK(item->kind == PacketReader::Kind::packet);
    CHECK(item->payload == "g");
    CHECK(reader.next()->kind == PacketReader::Kind::interrupt);
    CHECK(reader.next()->payload == "OK");
    CHECK(!reader.next());
}

TEST_CASE("a wrong checksum, and a packet without end, are broken") {
    PacketReader reader;
    feed(reader, "$g#00");
    CHECK(reader.next()->kind == PacketReader::Kind::broken);
    feed(reader, "$" + std::string(3 * most_payload, 'x'));
    CHECK(reader.next()->kind == PacketReader::Kind::broken);
    feed(reader, "$g#67");
    CHECK(reader.next()->payload == "g");
}

TEST_CASE("special bytes survive the way there and back") {
    std::string all;
    for (int i = 0; i < 256; i++) all += char(i);
    PacketReader reader;
    feed(reader, packet(all));
    CHECK(reader.next()->payload == all);
}

TEST_CASE("hexadecimal numbers and bytes") {
    std::string_view text = "1fG";
    CHECK(take_number(text) == 0x1f);
    CHECK(text == "G");
    CHECK(!take_number(text));
    text = "10000000000000000";
    CHECK(!take_number(text));
    CHECK(from_hex("00ff") == std::vector<u8>{0, 255});
    CHECK(!from_hex("0"));
    CHECK(!from_hex("0x"));
    CHECK(to_hex("A") == "41");
}

TEST_CASE("signal numbers are gdb's on the wire") {
    CHECK(signal_to_gdb(10) == 30); // SIGUSR1
    CHECK(signal_to_gdb(7) == 10);  // SIGBUS
    for (int signal = 1; signal <= 64; signal++)
        if (signal != 16) CHECK(signal_from_gdb(signal_to_gdb(signal)) == signal); // SIGSTKFLT has none
    CHECK(signal_from_gdb(144) == 0);
}
