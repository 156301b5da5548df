// SPDX-License-Identifier: MIT
// The agent on its channel: one client at a time, replies sent before more requests are read.
#pragma once
#include "guest_agent/channel.h"
#include "guest_agent/session.h"

#include <functional>

namespace emu::guest_agent {

class Service {
public:
    /// Opens the channel that the agent's configuration names, or takes `passed` as the listening socket. `on_failure` is
    /// called when a device goes away that is not to be retried.
    static Result<std::unique_ptr<Service>> start(Agent& agent, EventLoop& loop, Fd passed, std::function<void(Error)> on_failure);
    ~Service();
    Service(const Service&) = delete;

private:
    Service(Agent& agent, EventLoop& loop, std::function<void(Error)> on_failure) : agent_(agent), loop_(loop), on_failure_(std::move(on_failure)) {}
    Result<void> open();
    Result<void> begin(Fd fd);
    Result<void> wait_for_client();
    void retry_later();
    void accept_client();
    void on_events(u32 events);
    void read_some();
    void proceed();
    bool flush();
    void set_interest(bool reading, bool writing);
    void peer_left();
    void lost(Error error);
    void end_client();

    Agent& agent_;
    EventLoop& loop_;
    std::function<void(Error)> on_failure_;
    const Method* method_ = nullptr;
    std::string path_;
    Fd listener_, line_;         ///< line_: the device or the client's socket
    std::optional<Session> session_;
    std::string in_, out_;       ///< not taken, not sent
    usize sent_ = 0;
    bool ended_ = false;         ///< the client has nothing more to say
    bool watching_ = false;
    u64 timer_ = 0;
};

} // namespace emu::guest_agent
