// SPDX-License-Identifier: MIT
// An ivshmem peer: maps the shared memory, learns of the others, rings and hears doorbells.
#pragma once
#include "common/event_loop.h"
#include "ivshmem/wire.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace emu::ivshmem {

struct ClientOptions {
    std::string socket_path = "/tmp/ivshmem_socket";
    std::function<void(unsigned vector, u64 rings)> on_ring;
    std::function<void(u16 peer, bool joined)> on_peer;
    std::function<void()> on_server_gone;   ///< peers still reach each other, but no news come any more
};

class Client {
public:
    static Result<std::unique_ptr<Client>> connect(ClientOptions options, EventLoop& loop);
    ~Client();
    Client(const Client&) = delete;

    /// -1 until the server has told it.
    s64 id() const { return id_; }
    Bytes memory() { return memory_; }
    int memory_fd() const { return memory_fd_.get(); }
    /// Doorbells by peer and vector, this client's own included.
    const std::map<u16, std::vector<Fd>>& peers() const { return peers_; }
    Result<void> ring_peer(u16 peer, unsigned vector);

private:
    Client(ClientOptions options, EventLoop& loop) : options_(std::move(options)), loop_(loop) {}
    void on_readable();
    Result<void> take(Message message);
    Result<void> take_memory(Message message);
    void disconnect();

    ClientOptions options_;
    EventLoop& loop_;
    Fd socket_, memory_fd_;
    Receiver receiver_;
    unsigned greeted_ = 0;   ///< how many of version, id and memory have come
    s64 id_ = -1;
    Bytes memory_;
    std::map<u16, std::vector<Fd>> peers_;
};

} // namespace emu::ivshmem
