// SPDX-License-Identifier: MIT
// One client of a server: a state machine on the loop's thread. Requests that are quick are carried out there and then,
// and their answers leave together; the others go to worker threads, and come back by EventLoop::post.
#pragma once
#include "common/event_loop.h"
#include "common/thread_pool.h"
#include "nbd/output.h"

#include <functional>

namespace emu::nbd {

struct TlsServer;

/// What all connections of a server share. Outlives them.
struct ServiceContext {
    const Exports* exports = nullptr;
    ThreadPool* pool = nullptr;
    const TlsServer* tls = nullptr;            ///< null: in the clear
    std::chrono::seconds handshake_limit{10};  ///< 0: none
    std::chrono::seconds idle_limit{0};        ///< without a request; 0: none
    std::function<void(std::string_view)> log; ///< null: silent. Any thread.
};

class Connection : public std::enable_shared_from_this<Connection> {
public:
    using Clock = EventLoop::Clock;
    /// `closed` is called once, on the loop's thread; `crowded` says whether others wait for the loop.
    Connection(Fd socket, EventLoop& loop, const ServiceContext& context, std::function<void(Connection&)> closed);
    ~Connection();

    Result<void> start();
    /// Close now. Workers that are still busy with requests finish them in vain.
    void drop(std::string_view why);
    /// Close if the client has been too slow or idle for too long.
    void check_deadline(Clock::time_point now);
    bool has_deadline() const { return deadline_.has_value(); }
    bool served() const { return state_was_transmission_; }
    u64 id() const { return id_; }
    /// Is it the only one on its loop? Then a slow request holds up nobody else.
    void set_alone(bool alone) { alone_ = alone; }

private:
    enum class State : u8 { handshake, tls, transmission, draining, closed };
    struct Incoming {
        Request request;
        Buffer payload;
        usize filled = 0;
    };

    void ready(u32 events);
    Result<void> receive();
    Result<bool> fill_input(bool& more);
    Result<bool> process();
    Result<bool> process_handshake();
    Result<bool> process_request();
    Result<bool> process_tls();
    Result<void> begin_payload(const Request& request, ConstBytes there);
    Result<bool> continue_payload();
    bool may_take(u64 cost) const;
    void dispatch(const Request& request, ConstBytes payload, Buffer owned);
    bool waits_for_others(const Request& request) const;
    bool run_here(const Request& request) const;
    void run_in_pool(const Request& request, Buffer payload);
    void complete(const Request& request, Reply&& reply);
    Result<void> flush();
    Result<bool> next_is_near();
    void update_interest();
    void touch();
    void settle(Result<void> result);
    void log(std::string_view text) const;

    Fd socket_;
    EventLoop& loop_;
    const ServiceContext& context_;
    std::function<void(Connection&)> closed_;
    u64 id_;
    State state_ = State::handshake;
    bool state_was_transmission_ = false, alone_ = true, no_more_ = false, paused_ = false, starting_tls_ = false;
    std::unique_ptr<Stream> stream_;
    Negotiation negotiation_;
    Output output_;
    std::vector<u8> input_;
    usize begin_ = 0, end_ = 0;
    std::optional<Incoming> incoming_;
    unsigned in_flight_ = 0; ///< requests taken and not yet answered in full
    u64 charged_ = 0;        ///< their memory
    unsigned slow_ = 0;      ///< so many requests more are not tried on the loop's thread
    bool answered_ = false;  ///< since the last look-out for the next request
    int patience_ = 0;       ///< look-outs in vain still allowed; negative: requests until the next
    static constexpr int min_rest = 16;
    int rest_ = min_rest;    ///< requests without a look-out after the next that others delayed
    unsigned suspicion_ = 0; ///< so many more are watched for sleeping, because one took long
    u32 interest_ = 0;
    std::optional<Clock::time_point> deadline_;
    Clock::time_point last_request_{};
};

} // namespace emu::nbd
