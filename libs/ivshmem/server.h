// SPDX-License-Identifier: MIT
// The ivshmem server: hands shared memory and doorbells (eventfds) to the clients that connect, and tells them of each other.
#pragma once
#include "common/event_loop.h"
#include "ivshmem/wire.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace emu::ivshmem {

struct ServerOptions {
    std::string socket_path = "/tmp/ivshmem_socket";
    std::string shm_name = "ivshmem";   ///< POSIX shared memory object, used if `directory` is empty
    std::string directory;              ///< where to put an unlinked file instead (a hugetlbfs mount)
    u64 size = u64(4) << 20;            ///< rounded up to a power of two
    unsigned vectors = 1;               ///< doorbells per client, 0 to 64
    std::function<void(std::string_view)> log;   ///< what happens, for -v; may be empty
};

class Server {
public:
    /// Creates the memory, listens on the socket and registers with the loop.
    static Result<std::unique_ptr<Server>> create(ServerOptions options, EventLoop& loop);
    /// Drops all clients, unlinks the socket and (by name) the shared memory object.
    ~Server();
    Server(const Server&) = delete;

    usize clients() const { return clients_.size(); }
    u64 size() const { return size_; }

private:
    struct Client {
        u16 id = 0;
        Fd socket;
        std::vector<std::shared_ptr<Fd>> vectors;
        /// What its socket did not take yet. A client that lets this grow beyond all peers' news is dropped.
        std::deque<std::pair<s64, std::shared_ptr<Fd>>> queue;
        bool gone = false;
    };
    Server(ServerOptions options, EventLoop& loop) : options_(std::move(options)), loop_(loop) {}
    Result<void> open_memory();
    Result<void> listen();
    void accept_client();
    Result<void> welcome(Fd socket);
    Result<u16> free_id();
    void send(Client& client, s64 value, std::shared_ptr<Fd> fd = nullptr);
    void send_vectors(Client& to, const Client& of);
    void flush(Client& client);
    void drop(u16 id);
    void drop_gone();
    void log(std::string_view text) const;

    ServerOptions options_;
    EventLoop& loop_;
    std::shared_ptr<Fd> memory_;
    u64 size_ = 0;
    Fd listener_;
    bool listening_ = false;
    std::map<u16, std::unique_ptr<Client>> clients_;
    u32 next_id_ = 0;
};

} // namespace emu::ivshmem
