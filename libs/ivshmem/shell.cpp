// SPDX-License-Identifier: MIT
#include "ivshmem/shell.h"

#include "common/checked.h"
#include "common/sizes.h"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

namespace emu::ivshmem {

namespace {

constexpr std::string_view help = "dump: list the peers (including us)\n"
                                  "int <peer> <vector>: ring one vector of a peer\n"
                                  "int <peer> all: ring all vectors of a peer\n"
                                  "int all: ring all vectors of all other peers\n"
                                  "read <offset> <count>: print bytes of the shared memory\n"
                                  "write <offset> <word>: put a word into it\n"
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

/// The part of the shared memory that two words name.
Result<Bytes> part(Client& client, const std::string& offset, u64 count) {
    const u64 at = EMU_TRY(parse_number(offset));
    if (!in_range(at, count, client.memory().size())) return fail(ERANGE, fmt::format("the shared memory has {} bytes", client.memory().size()));
    return client.memory().subspan(usize(at), usize(count));
}

Result<std::string> read_memory(Client& client, const std::string& offset, const std::string& count) {
    const u64 size = EMU_TRY(parse_number(count));
    const Bytes bytes = EMU_TRY(part(client, offset, size));
    return std::string(bytes.begin(), bytes.end()) + "\n";
}

Result<std::string> write_memory(Client& client, const std::string& offset, const std::string& word) {
    std::copy(word.begin(), word.end(), EMU_TRY(part(client, offset, word.size())).begin());
    return std::string();
}

Reply reply(Result<std::string> text) { return {text ? *text : text.error().line() + "\n"}; }

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
    if (command == "read") return reply(read_memory(client, first, second));
    if (command == "write") return reply(write_memory(client, first, second));
    return {fmt::format("unknown command '{}' (help lists them)\n", command)};
}

} // namespace emu::ivshmem
