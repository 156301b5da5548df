// SPDX-License-Identifier: MIT
#include "ivshmem/client.h"
#include "ivshmem/server.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

using namespace emu;
using namespace emu::ivshmem;
using namespace std::chrono_literals;

namespace {

usize open_descriptors() {
    usize count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) count++;
    return count;
}

struct Bench {
    std::unique_ptr<EventLoop> loop = std::move(*EventLoop::create());
    ServerOptions options;
    std::unique_ptr<Server> server;
    explicit Bench(unsigned vectors = 2) {
        options.socket_path = fmt::format("/tmp/emu-ivshmem-test-{}", getpid());
        options.shm_name = fmt::format("emu-ivshmem-test-{}", getpid());
        options.size = 5000;
        options.vectors = vectors;
        auto made = Server::create(options, *loop);
        REQUIRE_MESSAGE(made, made.error().line());
        server = std::move(*made);
    }
    void settle() {
        while (*loop->poll(2ms)) {}
    }
    std::unique_ptr<Client> join(ClientOptions client = {}) {
        client.socket_path = options.socket_path;
        auto made = Client::connect(client, *loop);
        REQUIRE(made);
        settle();
        return std::move(*made);
    }
};

/// A client that speaks the wire format by hand.
Fd raw_connect(const std::string& path) {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

} // namespace

TEST_CASE("ivshmem: the welcome has version, id, memory, peers, own vectors, in this order") {
    Bench bench;
    auto first = bench.join();
    Fd raw = raw_connect(bench.options.socket_path);
    bench.settle();
    Receiver receiver;
    std::vector<std::pair<s64, bool>> seen;
    while (auto message = receiver.receive(raw.get())) seen.emplace_back(message->value, bool(message->fd));
    CHECK(seen == std::vector<std::pair<s64, bool>>{{0, false}, {1, false}, {-1, true}, {0, true}, {0, true}, {1, true}, {1, true}});
}

TEST_CASE("ivshmem: memory is shared, of a power of two, and doorbells ring the right vector") {
    Bench bench(3);
    std::vector<std::pair<unsigned, u64>> rings;
    auto a = bench.join({.socket_path = {}, .on_ring = [&](unsigned vector, u64 count) { rings.emplace_back(vector, count); }, .on_peer = {}, .on_server_gone = {}});
    auto b = bench.join();
    CHECK(a->id() == 0);
    CHECK(b->id() == 1);
    REQUIRE(a->memory().size() == 8192);
    a->memory()[8191] = 42;
    CHECK(b->memory()[8191] == 42);
    REQUIRE(b->ring_peer(0, 2));
    REQUIRE(b->ring_peer(0, 2));
    REQUIRE(b->ring_peer(0, 0));
    bench.settle();
    std::sort(rings.begin(), rings.end());
    CHECK(rings == std::vector<std::pair<unsigned, u64>>{{0, 1}, {2, 2}});
    CHECK(!b->ring_peer(0, 3));
    CHECK(!b->ring_peer(7, 0));
}

TEST_CASE("ivshmem: peers hear of those who join and leave") {
    Bench bench;
    std::string news;
    auto a = bench.join({.socket_path = {}, .on_ring = {}, .on_peer = [&](u16 peer, bool joined) { news += fmt::format("{}{} ", joined ? '+' : '-', peer); }, .on_server_gone = {}});
    auto b = bench.join();
    b.reset();
    bench.settle();
    auto c = bench.join();
    CHECK(news == "+0 +1 -1 +2 ");
    CHECK(bench.server->clients() == 2);
}

TEST_CASE("ivshmem: a client that talks is dropped, one that never reads does not disturb the others") {
    Bench bench(64);
    Fd talker = raw_connect(bench.options.socket_path), mute = raw_connect(bench.options.socket_path);
    bench.settle();
    CHECK(bench.server->clients() == 2);
    REQUIRE(write(talker.get(), "x", 1) == 1);
    bench.settle();
    CHECK(bench.server->clients() == 1);
    for (int i = 0; i < 60; i++) CHECK(bench.join()->id() > 0);
    bench.settle();
    CHECK(bench.server->clients() <= 1);
}

TEST_CASE("ivshmem: a thousand joins and leaves leak no descriptor") {
    Bench bench(4);
    auto stay = bench.join();
    const usize before = open_descriptors();
    for (int i = 0; i < 1000; i++) bench.join();
    bench.settle();
    CHECK(open_descriptors() == before);
    CHECK(stay->peers().size() == 1);
}

TEST_CASE("ivshmem: the end of the server is noticed, its socket and memory object are gone") {
    Bench bench;
    bool gone = false;
    auto a = bench.join({.socket_path = {}, .on_ring = {}, .on_peer = {}, .on_server_gone = [&] { gone = true; }});
    bench.server.reset();
    bench.settle();
    CHECK(gone);
    CHECK(access(bench.options.socket_path.c_str(), F_OK) != 0);
    CHECK(shm_open(("/" + bench.options.shm_name).c_str(), O_RDONLY, 0) < 0);
}

TEST_CASE("ivshmem: bad options are refused with what is possible") {
    auto loop = std::move(*EventLoop::create());
    CHECK(Server::create({.vectors = 65}, *loop).error().text == "65 vectors, at most 64 are possible");
    CHECK(!Server::create({.socket_path = std::string(200, 'x')}, *loop));
    CHECK(!Server::create({.directory = "/nonexistent/dir"}, *loop));
}
