// SPDX-License-Identifier: MIT
#include "ivshmem/server.h"

#include "common/bits.h"
#include "common/sizes.h"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace emu::ivshmem {

namespace {
constexpr u64 largest_retry = u64(1) << 30;   ///< hugetlbfs wants whole huge pages: bigger sizes are tried up to this one
constexpr int backlog = 10;

Result<sockaddr_un> socket_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return fail(ENAMETOOLONG, fmt::format("socket path '{}' has {} bytes, 1 to {} are possible", path, path.size(), sizeof address.sun_path - 1));
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}
} // namespace

Result<std::unique_ptr<Server>> Server::create(ServerOptions options, EventLoop& loop) {
    if (options.vectors > max_vectors) return fail(EINVAL, fmt::format("{} vectors, at most {} are possible", options.vectors, max_vectors));
    if (!options.size || options.size > u64(1) << 62) return fail(EINVAL, "the shared memory must have 1 byte to 4 EiB");
    std::unique_ptr<Server> server(new Server(std::move(options), loop));
    EMU_CHECK(server->open_memory());
    EMU_CHECK(server->listen());
    return server;
}

Server::~Server() {
    for (auto& [id, client] : clients_) loop_.unwatch(client->socket.get());
    if (listening_) {
        loop_.unwatch(listener_.get());
        unlink(options_.socket_path.c_str());
    }
    if (memory_ && options_.directory.empty()) shm_unlink(("/" + options_.shm_name).c_str());
}

void Server::log(std::string_view text) const {
    if (options_.log) options_.log(text);
}

Result<void> Server::open_memory() {
    if (options_.directory.empty()) {
        Fd fd(shm_open(("/" + options_.shm_name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0777));
        if (!fd) return fail_errno(errno, "shared memory object " + options_.shm_name);
        memory_ = std::make_shared<Fd>(std::move(fd));
    } else {
        std::string name = options_.directory + "/ivshmem.XXXXXX";
        Fd fd(mkostemp(name.data(), O_CLOEXEC));
        if (!fd) return fail_errno(errno, name);
        unlink(name.c_str());
        memory_ = std::make_shared<Fd>(std::move(fd));
    }
    size_ = std::bit_ceil(options_.size);
    struct stat status{};
    if (fstat(memory_->get(), &status) == 0 && u64(status.st_size) == size_) return {};
    int error = 0;
    for (u64 size = size_; size == size_ || size <= largest_retry; size *= 2) {
        if (ftruncate(memory_->get(), off_t(size)) == 0) {
            size_ = size;
            return {};
        }
        error = errno;
    }
    return fail_errno(error, fmt::format("cannot give the shared memory {} bytes", size_));
}

Result<void> Server::listen() {
    sockaddr_un address = EMU_TRY(socket_address(options_.socket_path));
    listener_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener_) return fail_errno(errno, "socket");
    if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || ::listen(listener_.get(), backlog) < 0)
        return fail_errno(errno, options_.socket_path);
    listening_ = true;
    return loop_.watch(listener_.get(), EventLoop::readable, [this](u32) { accept_client(); });
}

void Server::accept_client() {
    Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return log(fmt::format("accept: {}", std::strerror(errno)));
    if (auto done = welcome(std::move(socket)); !done) log(done.error().line());
    drop_gone();
}

Result<u16> Server::free_id() {
    for (u32 tries = 0; tries < max_clients; tries++) {
        u16 id = u16(next_id_++ % max_clients);
        if (!clients_.contains(id)) return id;
    }
    return fail(EMFILE, "all client ids are taken");
}

Result<void> Server::welcome(Fd socket) {
    auto owner = std::make_unique<Client>();
    Client& client = *owner;
    client.id = EMU_TRY(free_id());
    client.socket = std::move(socket);
    for (unsigned i = 0; i < options_.vectors; i++) {
        Fd vector(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!vector) return fail_errno(errno, "eventfd");
        client.vectors.push_back(std::make_shared<Fd>(std::move(vector)));
    }
    const u16 id = client.id;
    EMU_CHECK(loop_.watch(client.socket.get(), EventLoop::readable, [this, id](u32 events) {
        auto at = clients_.find(id);
        if (at == clients_.end()) return;
        // Clients have nothing to say: readable means the end, or a peer that does not follow the protocol.
        if (events & ~u32(EventLoop::writable)) at->second->gone = true;
        else flush(*at->second);
        drop_gone();
    }));
    send(client, protocol_version);
    send(client, id);
    send(client, shared_memory_mark, memory_);
    for (auto& [other_id, other] : clients_) send_vectors(*other, client);
    for (auto& [other_id, other] : clients_) send_vectors(client, *other);
    send_vectors(client, client);
    clients_.emplace(id, std::move(owner));
    log(fmt::format("client {} connected", id));
    return {};
}

void Server::send_vectors(Client& to, const Client& of) {
    for (const auto& vector : of.vectors) send(to, of.id, vector);
}

void Server::send(Client& client, s64 value, std::shared_ptr<Fd> fd) {
    if (client.gone) return;
    // Everything a client can be owed at once is its welcome and news of each peer: beyond that it is not reading.
    const usize limit = 64 + 4 * (clients_.size() + 1) * (options_.vectors + 1);
    if (client.queue.size() >= limit) {
        log(fmt::format("client {} does not read, dropped", client.id));
        client.gone = true;
        return;
    }
    client.queue.emplace_back(value, std::move(fd));
    if (client.queue.size() == 1) flush(client);
}

void Server::flush(Client& client) {
    const bool waiting = client.queue.size() > 1;
    while (!client.queue.empty()) {
        const auto& [value, fd] = client.queue.front();
        auto sent = send_message(client.socket.get(), value, fd ? fd->get() : -1);
        if (!sent) {
            client.gone = true;
            return;
        }
        if (!*sent) {
            if (auto changed = loop_.change(client.socket.get(), EventLoop::readable | EventLoop::writable); !changed) client.gone = true;
            return;
        }
        client.queue.pop_front();
    }
    if (waiting) (void)loop_.change(client.socket.get(), EventLoop::readable);
}

void Server::drop(u16 id) {
    auto at = clients_.find(id);
    loop_.unwatch(at->second->socket.get());
    clients_.erase(at);
    log(fmt::format("client {} disconnected", id));
    for (auto& [other_id, other] : clients_) send(*other, id);
}

void Server::drop_gone() {
    for (bool again = true; again;) {
        again = false;
        for (auto& [id, client] : clients_)
            if (client->gone) {
                drop(id);
                again = true;
                break;
            }
    }
}

} // namespace emu::ivshmem
