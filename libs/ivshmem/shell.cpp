// SPDX-License-Identifier: MIT
#include "ivshmem/shell.h"

#include "common/sizes.h"

#include <fmt/format.h>
#include <sstream>

namespace emu::ivshmem {

namespace {

constexpr std::string_view help = "dump: list the peers (including us)\n"
                                  "int <peer> <vector>: ring one vector of a peer\n"
                                  "int <peer> all: ring all vectors of a peer\n"
                                  "int all: ring all vectors of all other peers\n"
                                  "quit: end\n";

std::string dump(const Client& client) {
    std::string text = fmt::format("our id: {}, shared memory: {} bytes, descriptor {}\n", client.id(),
                                   const_cast<Client&>(client).memory().size(), client.memory_fd());
    for (const auto& [peer, vectors] : client.peers()) {
        text += fmt::format("peer {}{}:", peer, peer == client.id() ? " (us)" : "");
        for (usize i = 0; i < vectors.size(); i++) text += fmt::format(" vector {} descriptor {}", i, vectors[i].get());
        text += '\n';
    }
    return text;
}

Result<void> ring_all(Client& client, u16 peer) {
    auto at = client.peers().find(peer);
    if (at == client.peers().end()) return fail(ENOENT, fmt::format("no peer {}", peer));
    for (unsigned i = 0; i < at->second.size(); i++) EMU_CHECK(client.ring_peer(peer, i));
    return {};
}

Result<void> interrupt(Client& client, const std::string& who, const std::string& what) {
    if (who == "all") {
        for (const auto& [peer, vectors] : client.peers())
            if (peer != client.id()) EMU_CHECK(ring_all(client, peer));
        return {};
    }
    u64 peer = EMU_TRY(parse_number(who));
    if (peer >= max_clients) return fail(EINVAL, fmt::format("no peer {}", peer));
    if (what == "all") return ring_all(client, u16(peer));
    u64 vector = EMU_TRY(parse_number(what));
    if (vector >= max_vectors) return fail(EINVAL, fmt::format("no vector {}", vector));
    return client.ring_peer(u16(peer), unsigned(vector));
}

} // namespace

Reply execute(Client& client, std::string_view line) {
    std::istringstream words{std::string(line)};
    std::string command, first, second;
    words >> command >> first >> second;
    if (command.empty()) return {};
    if (command == "help") return {std::string(help)};
    if (command == "quit") return {"", true};
    if (command == "dump") return {dump(client)};
    if (command == "int") {
        auto done = interrupt(client, first, second);
        return {done ? "" : done.error().line() + "\n"};
    }
    return {fmt::format("unknown command '{}' (help lists them)\n", command)};
}

} // namespace emu::ivshmem
