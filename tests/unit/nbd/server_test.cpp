// SPDX-License-Identifier: MIT
#include "bench.h"

#include <filesystem>

using namespace emu;
using namespace emu::nbd;
using namespace emu::nbd::test;
using namespace std::chrono_literals;

namespace {

usize open_descriptors() {
    usize count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) count++;
    return count;
}

/// Until the server has noticed; the number of rounds bounds it, no clock decides.
template <class Condition> bool eventually(Condition condition) {
    for (unsigned round = 0; round < 2000; round++) {
        if (condition()) return true;
        std::this_thread::sleep_for(5ms);
    }
    return false;
}

} // namespace

TEST_CASE("nbd server: simple replies, their errors, and what they leave in the export") {
    Bench bench;
    Wire wire(bench.connect());
    wire.enter();
    wire.request(Command::read, 512, 1024);
    CHECK(wire.simple() == 0);
    auto data = wire.receive(1024);
    CHECK(std::equal(data.begin(), data.end(), bench.node->bytes_.begin() + 512));
    wire.request(Command::write, 100, 5, 0, 8);
    wire.send({1, 2, 3, 4, 5});
    CHECK(wire.simple(8) == 0);
    CHECK(bench.node->bytes_[104] == 5);
    wire.request(Command::write_zeroes, 0, 4096);
    CHECK(wire.simple() == 0);
    CHECK(bench.node->bytes_[100] == 0);
    wire.request(Command::flush, 0, 0);
    CHECK(wire.simple() == 0);
    CHECK(bench.node->flushes == 1);
    struct Bad {
        Command command;
        u64 offset;
        u32 length;
        u16 flags;
        u32 error;
    };
    const u64 end = bench.node->bytes_.size();
    const Bad bad[] = {
        {Command::read, end, 1, 0, 22},
        {Command::read, ~u64(0), 100, 0, 22},
        {Command::read, 0, (32u << 20) + 1, 0, 22},
        {Command::trim, end, 512, 0, 22},
        {Command::write_zeroes, end - 1, 2, 0, 28},
        {Command::read, 0, 1, dont_fragment, 22},
        {Command::read, 0, 1, 0x100, 22},
        {Command::block_status, 0, 512, 0, 22},
        {Command(42), 0, 0, 0, 22},
        {Command::flush, 0, 0, fua, 22},
    };
    for (const Bad& each : bad) {
        wire.request(each.command, each.offset, each.length, each.flags);
        CHECK(wire.simple() == each.error);
    }
    wire.request(Command::write, end - 2, 4);
    wire.send({1, 2, 3, 4});
    CHECK(wire.simple() == 28);
    wire.request(Command::disconnect, 0, 0);
    CHECK(wire.closed());
}

TEST_CASE("nbd server: structured reads send holes and the place of an error") {
    Bench bench;
    Wire wire(bench.connect());
    wire.enter(true, "base:allocation");
    wire.request(Command::read, (1u << 20) - 65536, 131072); // half data, half hole
    auto first = wire.chunk(), second = wire.chunk();
    CHECK(first.type == u16(Chunk::offset_data));
    CHECK(first.body.size() == 8 + 65536);
    CHECK(first.flags == 0);
    CHECK(second.type == u16(Chunk::offset_hole));
    CHECK(second.flags == chunk_done);
    CHECK(be64(second.body) == 1u << 20);
    CHECK(be32(second.body, 8) == 65536);
    wire.request(Command::read, 0, 131072, dont_fragment);
    auto whole = wire.chunk();
    CHECK(whole.type == u16(Chunk::offset_data));
    CHECK(whole.body.size() == 8 + 131072);
    bench.node->bad_at = 5000;
    wire.request(Command::read, 4096, 4096);
    auto error = wire.chunk();
    CHECK(error.type == u16(Chunk::error_offset));
    CHECK(be32(error.body) == 5);
    CHECK(be64(error.body, error.body.size() - 8) == 4096);
    wire.request(Command::block_status, 1u << 20, 2u << 20);
    auto status = wire.chunk();
    CHECK(status.type == u16(Chunk::block_status));
    CHECK(be32(status.body) == 1);
    CHECK(status.body.size() == 4 + 16);
    CHECK(be32(status.body, 4) == 1u << 20);
    CHECK(be32(status.body, 8) == (state_hole | state_zero));
    wire.request(Command::block_status, 1u << 20, 2u << 20, request_one);
    CHECK(wire.chunk().body.size() == 4 + 8);
    wire.request(Command::trim, 0, 65536);
    CHECK(wire.chunk().type == u16(Chunk::none));
    bench.node->fast_zero = false;
    wire.request(Command::write_zeroes, 0, 65536, fast_zero);
    auto slow = wire.chunk();
    CHECK(slow.type == u16(Chunk::error));
    CHECK(be32(slow.body) == 95);
}

TEST_CASE("nbd server: extended headers carry lengths of 64 bits and filter contexts") {
    Bench bench;
    Wire wire(bench.connect());
    wire.greet();
    wire.option(Option::extended_headers);
    REQUIRE(wire.outcome() == u32(OptionReply::ack));
    wire.option(Option::set_meta_context, Wire::context_payload("base:allocation"));
    REQUIRE(wire.outcome() == u32(OptionReply::ack));
    wire.option(Option::go, Wire::go_payload());
    REQUIRE(wire.outcome() == u32(OptionReply::ack));
    auto send = [&](Command command, u16 flags, u64 offset, u64 length) {
        wire.send_with([&](Writer& to) {
            to.be32(extended_request_magic).be16(flags).be16(u16(command)).be64(9).be64(offset).be64(length);
        });
    };
    auto chunk = [&] {
        auto head = wire.receive(32);
        REQUIRE(head.size() == 32);
        CHECK(be32(head) == extended_reply_magic);
        CHECK(be64(head, 8) == 9);
        return std::pair(be16(head, 6), wire.receive(be64(head, 24)));
    };
    send(Command::block_status, 0, 0, 4u << 20);
    auto [type, body] = chunk();
    CHECK(type == u16(Chunk::block_status_extended));
    CHECK(be32(body, 4) == 4); // runs
    CHECK(be64(body, 8) == 1u << 20);
    send(Command::block_status, payload_length, 0, 12);
    wire.send_with([](Writer& to) { to.be64(65536).be32(1); });
    CHECK(chunk().first == u16(Chunk::block_status_extended));
    send(Command::block_status, payload_length, 0, 12);
    wire.send_with([](Writer& to) { to.be64(65536).be32(3); });
    CHECK(chunk().first == u16(Chunk::error));
    send(Command::write, payload_length, 10, 3);
    wire.send({9, 9, 9});
    CHECK(chunk().first == u16(Chunk::none));
    CHECK(bench.node->bytes_[12] == 9);
    send(Command::read, 0, 0, u64(1) << 40);
    CHECK(chunk().first == u16(Chunk::error));
    send(Command::write, 0, 0, 3);
    CHECK(wire.closed());
}

TEST_CASE("nbd server: pipelined requests are all answered, whatever their order") {
    Bench bench;
    bench.node->delay = 2ms;
    Wire wire(bench.connect());
    wire.enter();
    for (u64 i = 0; i < 200; i++)
        wire.request(i % 3 ? Command::read : Command::flush, i * 512, i % 3 ? 512 : 0, 0, 1000 + i);
    std::vector<bool> seen(200);
    for (unsigned i = 0; i < 200; i++) {
        auto head = wire.receive(16);
        REQUIRE(head.size() == 16);
        const u64 index = be64(head, 8) - 1000;
        REQUIRE(index < 200);
        CHECK(be32(head, 4) == 0);
        CHECK_FALSE(seen[index]);
        seen[index] = true;
        if (index % 3) CHECK(wire.receive(512)[0] == bench.node->bytes_[index * 512]);
    }
}

TEST_CASE("nbd server: a connection that is cut anywhere leaves nothing behind, and others do not notice") {
    Bench bench;
    Wire other(bench.connect());
    other.enter();
    std::vector<u8> script;
    Writer(script).be32(3).be64(option_magic).be32(u32(Option::structured_reply)).be32(0);
    const std::string go = Wire::go_payload();
    Writer(script).be64(option_magic).be32(u32(Option::go)).be32(u32(go.size())).text(go);
    Writer(script).be32(request_magic).be16(0).be16(0).be64(1).be64(0).be32(100'000);
    Writer(script).be32(request_magic).be16(0).be16(1).be64(2).be64(0).be32(600).zeroes(600);
    {
        Wire warm(bench.connect());
        warm.enter();
    }
    REQUIRE(eventually([&] { return open_descriptors() < 400; }));
    usize before = 0;
    REQUIRE(eventually([&] {
        const usize now = open_descriptors();
        return std::exchange(before, now) == now;
    }));
    for (usize cut = 0; cut < script.size(); cut += cut < 120 ? 1 : 37) {
        Wire wire(bench.connect());
        wire.send({script.begin(), script.begin() + std::ptrdiff_t(cut)});
    }
    CHECK(eventually([&] { return open_descriptors() <= before; }));
    other.request(Command::read, 0, 512);
    CHECK(other.simple() == 0);
}

TEST_CASE("nbd server: wrong magics, payloads that are too long and endless options end the connection") {
    Bench bench;
    {
        Wire wire(bench.connect());
        wire.enter();
        wire.send_with([](Writer& to) { to.be32(0xdeadbeef).zeroes(24); });
        CHECK(wire.closed());
    }
    {
        Wire wire(bench.connect());
        wire.enter();
        wire.request(Command::write, 0, (32u << 20) + 1);
        CHECK(wire.closed());
    }
    {
        Wire wire(bench.connect());
        wire.greet(0xff);
        CHECK(wire.closed());
    }
    {
        Wire wire(bench.connect());
        wire.greet();
        wire.send_with([](Writer& to) { to.be64(option_magic).be32(6).be32(0xffffffff); });
        CHECK(wire.closed());
    }
}

TEST_CASE("nbd server: clients that dawdle are dropped, in the handshake and when idle") {
    Bench bench({.max_clients = 0, .persistent = true, .handshake_limit = 1s, .idle_limit = 1s});
    Wire silent(bench.connect());
    Wire idle(bench.connect());
    idle.enter();
    silent.receive(18);
    CHECK(silent.closed());
    CHECK(idle.closed());
}

TEST_CASE("nbd server: a client that never reads its answers is not read from either") {
    Bench bench;
    Wire wire(bench.connect());
    wire.enter();
    // 64 MiB of answers are asked for; the requests are taken while there is room for them.
    std::vector<u8> requests;
    for (u64 i = 0; i < 20'000; i++)
        Writer(requests).be32(request_magic).be16(0).be16(0).be64(i).be64(0).be32(1u << 20);
    ::fcntl(wire.fd(), F_SETFL, O_NONBLOCK);
    usize sent = 0;
    for (unsigned round = 0; round < 100 && sent < requests.size(); round++) {
        const ssize_t got = ::send(wire.fd(), requests.data() + sent, requests.size() - sent, MSG_NOSIGNAL);
        if (got > 0)
            sent += usize(got);
        else
            std::this_thread::sleep_for(2ms);
    }
    CHECK(sent < requests.size());
    Wire other(bench.connect());
    other.enter();
    other.request(Command::read, 0, 512);
    CHECK(other.simple() == 0);
}

TEST_CASE("nbd server: the last client of a server that is not persistent ends it") {
    ServerOptions options{.max_clients = 2};
    Bench bench(options);
    { // one that only asks does not count
        Wire wire(bench.connect());
        wire.greet();
        wire.option(Option::abort);
        CHECK(wire.outcome() == u32(OptionReply::ack));
        CHECK(wire.closed());
    }
    CHECK(eventually([&] { return bench.server->clients() == 0; }));
    Wire wire(bench.connect());
    wire.enter();
    wire.request(Command::disconnect, 0, 0);
    CHECK(wire.closed());
    bench.thread.join(); // the loop has ended
    bench.thread = std::thread([] {});
}

TEST_CASE("nbd export: read-only, offsets, names and descriptions that are too long") {
    auto node = std::make_shared<MemoryNode>(10'000);
    auto part = Export::create(node, {.offset = 1000});
    REQUIRE(part);
    CHECK((*part)->size() == 8704);
    CHECK(((*part)->flags(false, false) & read_only_flag) != 0);
    CHECK(((*part)->flags(true, false) & send_trim) == 0);
    CHECK(((*part)->flags(true, false) & send_df) != 0);
    CHECK_FALSE(Export::create(node, {.offset = 10'001}));
    CHECK_FALSE(Export::create(node, {.name = std::string(4097, 'x')}));
    CHECK_FALSE(Export::create(node, {.description = std::string(4097, 'x')}));
    CHECK_FALSE(Export::create(node, {.bitmaps = {"none"}}));
    Bench bench({.max_clients = 0, .persistent = true}, {.writable = false});
    Wire wire(bench.connect());
    wire.enter();
    wire.request(Command::write, 0, 2);
    wire.send({1, 2});
    CHECK(wire.simple() == 1);
    wire.request(Command::trim, 0, 512);
    CHECK(wire.simple() == 1);
}
