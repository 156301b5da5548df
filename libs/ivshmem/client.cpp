// SPDX-License-Identifier: MIT
#include "ivshmem/client.h"

#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace emu::ivshmem {

Result<std::unique_ptr<Client>> Client::connect(ClientOptions options, EventLoop& loop) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (options.socket_path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, options.socket_path);
    std::memcpy(address.sun_path, options.socket_path.data(), options.socket_path.size());
    std::unique_ptr<Client> client(new Client(std::move(options), loop));
    client->socket_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!client->socket_) return fail_errno(errno, "socket");
    if (::connect(client->socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
        return fail_errno(errno, client->options_.socket_path);
    EMU_CHECK(loop.watch(client->socket_.get(), EventLoop::readable, [raw = client.get()](u32) { raw->on_readable(); }));
    return client;
}

Client::~Client() {
    disconnect();
    if (id_ >= 0)
        for (auto& vector : peers_[u16(id_)]) loop_.unwatch(vector.get());
    if (!memory_.empty()) munmap(memory_.data(), memory_.size());
}

void Client::disconnect() {
    if (!socket_) return;
    loop_.unwatch(socket_.get());
    socket_.reset();
}

void Client::on_readable() {
    while (socket_) {
        auto message = receiver_.receive(socket_.get());
        if (!message && message.error().code == ENODATA) return;
        auto taken = message ? take(std::move(*message)) : Result<void>(fail(std::move(message.error())));
        if (taken) continue;
        disconnect();
        if (options_.on_server_gone) options_.on_server_gone();
    }
}

Result<void> Client::take_memory(Message message) {
    if (message.value != shared_memory_mark || !message.fd) return fail(EPROTO, "no shared memory where it was due");
    struct stat status{};
    if (fstat(message.fd.get(), &status) < 0 || status.st_size <= 0) return fail(EPROTO, "shared memory without a size");
    void* at = mmap(nullptr, usize(status.st_size), PROT_READ | PROT_WRITE, MAP_SHARED, message.fd.get(), 0);
    if (at == MAP_FAILED) return fail_errno(errno, "mmap");
    memory_ = Bytes(static_cast<u8*>(at), usize(status.st_size));
    memory_fd_ = std::move(message.fd);
    return {};
}

Result<void> Client::take(Message message) {
    if (greeted_ < 3) {
        switch (greeted_++) {
        case 0:
            if (message.value != protocol_version || message.fd) return fail(EPROTO, fmt::format("protocol version {}, only {} is known", message.value, protocol_version));
            return {};
        case 1:
            if (message.value < 0 || message.value >= s64(max_clients) || message.fd) return fail(EPROTO, "id out of range");
            id_ = message.value;
            return {};
        default: return take_memory(std::move(message));
        }
    }
    if (message.value < 0 || message.value >= s64(max_clients)) return fail(EPROTO, "peer id out of range");
    const u16 peer = u16(message.value);
    if (!message.fd) {
        if (peers_.erase(peer) && options_.on_peer) options_.on_peer(peer, false);
        return {};
    }
    auto& vectors = peers_[peer];
    if (vectors.size() >= max_vectors) return {}; // surplus: closed
    const unsigned number = unsigned(vectors.size());
    vectors.push_back(std::move(message.fd));
    if (peer == id_) {
        const int fd = vectors.back().get();
        EMU_CHECK(loop_.watch(fd, EventLoop::readable, [this, fd, number](u32) {
            if (u64 rings = drain(fd); rings && options_.on_ring) options_.on_ring(number, rings);
        }));
    }
    if (!number && options_.on_peer) options_.on_peer(peer, true);
    return {};
}

Result<void> Client::ring_peer(u16 peer, unsigned vector) {
    auto at = peers_.find(peer);
    if (at == peers_.end()) return fail(ENOENT, fmt::format("no peer {}", peer));
    if (vector >= at->second.size()) return fail(EINVAL, fmt::format("peer {} has {} vectors", peer, at->second.size()));
    return ring(at->second[vector].get());
}

} // namespace emu::ivshmem
