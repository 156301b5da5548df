// SPDX-License-Identifier: MIT
// A server: listening sockets on one loop, connections spread over a few loops with a thread each, workers for what
// takes time.
#pragma once
#include "nbd/connection.h"

#include <atomic>
#include <map>
#include <thread>

namespace emu::nbd {

struct ServerOptions {
    unsigned max_clients = 1; ///< at a time; 0: no limit
    bool persistent = false;  ///< go on when the last client has left
    unsigned loops = 0;       ///< threads for connections; 0: by the number of processors
    unsigned workers = 16;
    std::chrono::seconds handshake_limit{10}, idle_limit{0};
    std::function<void(std::string_view)> log;
};

class Server {
public:
    /// `main` accepts clients, and is stopped when the last client has left a server that is not persistent.
    Server(Exports exports, ServerOptions options, EventLoop& main, const TlsServer* tls = nullptr);
    ~Server();
    Server(const Server&) = delete;

    Result<void> start();
    /// Accept clients from this listening socket.
    Result<void> listen(Fd socket);
    /// Serve a connected socket.
    void adopt(Fd socket);
    /// End: no more clients, drop those there are, wait for workers.
    void stop();
    unsigned clients() const { return clients_; }

private:
    struct Loop {
        std::unique_ptr<EventLoop> events;
        std::map<u64, std::shared_ptr<Connection>> connections; ///< the loop's thread only
        std::atomic<unsigned> count{0};
        bool ticking = false;
        std::thread thread;
    };
    void accept_from(int listener);
    void take(Loop& loop, Fd socket);
    void tick(Loop& loop);
    void left(Loop& loop, Connection& connection);
    void client_left(bool served);
    void set_listening(bool on);

    Exports exports_;
    ServerOptions options_;
    EventLoop& main_;
    ServiceContext context_;
    std::vector<Fd> listeners_;
    bool listening_ = false, stopped_ = false;
    std::atomic<unsigned> clients_{0};
    std::vector<std::unique_ptr<Loop>> loops_;
    std::unique_ptr<ThreadPool> pool_;
};

/// Raise the soft limit of open files to the hard one: every client is a descriptor.
void raise_descriptor_limit();

} // namespace emu::nbd
