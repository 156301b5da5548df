// SPDX-License-Identifier: MIT
#include "nbd/server.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace emu::nbd {
namespace {

constexpr auto tick_interval = std::chrono::milliseconds(250);
constexpr int socket_buffer = 1 << 20;

void tune(int socket) {
    int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    // Beyond the system's default only with privileges; either will do.
    if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &socket_buffer, sizeof socket_buffer) != 0)
        ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof socket_buffer);
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
}

} // namespace

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

Server::Server(Exports exports, ServerOptions options, EventLoop& main, const TlsServer* tls)
    : exports_(std::move(exports)), options_(std::move(options)), main_(main) {
    if (!options_.loops) options_.loops = std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
    context_ = {.exports = &exports_,
                .tls = tls,
                .handshake_limit = options_.handshake_limit,
                .idle_limit = options_.idle_limit,
                .log = options_.log};
}

Server::~Server() { stop(); }

Result<void> Server::start() {
    std::signal(SIGPIPE, SIG_IGN);
    pool_ = std::make_unique<ThreadPool>(options_.workers);
    context_.pool = pool_.get();
    for (unsigned i = 0; i < options_.loops; i++) {
        auto loop = std::make_unique<Loop>();
        loop->events = EMU_TRY(EventLoop::create());
        loops_.push_back(std::move(loop));
    }
    for (auto& loop : loops_) loop->thread = std::thread([events = loop->events.get()] { (void)events->run(); });
    return {};
}

Result<void> Server::listen(Fd socket) {
    ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
    if (::listen(socket.get(), 128) != 0) return fail_errno(errno, "listen");
    listeners_.push_back(std::move(socket));
    if (listening_) set_listening(false);
    set_listening(true);
    return {};
}

void Server::set_listening(bool on) {
    if (on == listening_) return;
    listening_ = on;
    for (const Fd& each : listeners_) {
        if (!on)
            main_.unwatch(each.get());
        else if (auto watched =
                     main_.watch(each.get(), EventLoop::readable, [this, fd = each.get()](u32) { accept_from(fd); });
                 !watched)
            if (options_.log) options_.log(watched.error().text);
    }
}

void Server::accept_from(int listener) {
    Fd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) return adopt(std::move(socket));
    if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) return;
    // Out of descriptors: those who wait, wait until somebody leaves, or a moment.
    set_listening(false);
    main_.after(std::chrono::seconds(1), [this] { set_listening(!stopped_); });
}

void Server::adopt(Fd socket) {
    tune(socket.get());
    clients_++;
    if (options_.max_clients && clients_ >= options_.max_clients) set_listening(false);
    Loop& loop = **std::min_element(loops_.begin(), loops_.end(),
                                    [](const auto& a, const auto& b) { return a->count < b->count; });
    loop.count++;
    auto shared = std::make_shared<Fd>(std::move(socket));
    loop.events->post([this, &loop, shared] { take(loop, std::move(*shared)); });
}

void Server::take(Loop& loop, Fd socket) {
    auto connection = std::make_shared<Connection>(std::move(socket), *loop.events, context_,
                                                   [this, &loop](Connection& gone) { left(loop, gone); });
    loop.connections.emplace(connection->id(), connection);
    for (auto& [id, each] : loop.connections) each->set_alone(loop.connections.size() == 1);
    if (auto started = connection->start(); !started) connection->drop(started.error().text);
    if (!loop.ticking && (options_.handshake_limit.count() || options_.idle_limit.count())) {
        loop.ticking = true;
        loop.events->after(tick_interval, [this, &loop] { tick(loop); });
    }
}

void Server::tick(Loop& loop) {
    const auto now = EventLoop::Clock::now();
    std::vector<std::shared_ptr<Connection>> all;
    for (auto& [id, each] : loop.connections)
        if (each->has_deadline()) all.push_back(each);
    for (auto& each : all) each->check_deadline(now);
    loop.ticking = !all.empty();
    if (loop.ticking) loop.events->after(tick_interval, [this, &loop] { tick(loop); });
}

void Server::left(Loop& loop, Connection& connection) {
    const bool served = connection.served();
    // Not now: the connection is in the middle of saying so.
    loop.events->post([&loop, id = connection.id()] {
        loop.connections.erase(id);
        for (auto& [other, each] : loop.connections) each->set_alone(loop.connections.size() == 1);
    });
    loop.count--;
    main_.post([this, served] { client_left(served); });
}

void Server::client_left(bool served) {
    if (stopped_) return;
    clients_--;
    if (served && !clients_ && !options_.persistent) return main_.stop();
    if (!options_.max_clients || clients_ < options_.max_clients) set_listening(true);
}

void Server::stop() {
    if (stopped_) return;
    set_listening(false);
    stopped_ = true;
    listeners_.clear();
    for (auto& loop : loops_) {
        loop->events->post([&loop] {
            std::vector<std::shared_ptr<Connection>> all;
            for (auto& [id, each] : loop->connections) all.push_back(each);
            for (auto& each : all) each->drop("the server ends");
        });
        loop->events->stop();
    }
    for (auto& loop : loops_)
        if (loop->thread.joinable()) loop->thread.join();
    pool_.reset(); // what the workers post now is never called
    loops_.clear();
}

} // namespace emu::nbd
