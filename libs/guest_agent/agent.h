// SPDX-License-Identifier: MIT
// The agent behind its channel: takes the text of a request, gives the text of the reply. Holds what lasts from one request to
// the next: open files, running programs, frozen file systems.
#pragma once
#include "guest_agent/command.h"
#include "guest_agent/config.h"
#include "guest_agent/exec.h"
#include "guest_agent/files.h"
#include "guest_agent/host.h"
#include "guest_agent/log.h"
#include "guest_agent/state.h"

namespace emu::guest_agent {

class Agent {
public:
    /// Reads the state directory; an agent that died while file systems were frozen starts in that state.
    static Result<std::unique_ptr<Agent>> create(Config config, Host host, EventLoop& loop, Log log = {});
    Agent(const Agent&) = delete;

    /// The reply to one request, "" if there is none to give.
    std::string answer(std::string_view request);
    /// The reply to what is no request.
    static std::string refuse(Error error);

    const Config& config() const { return config_; }
    const Host& host() const { return host_; }
    Log& log() { return log_; }
    State& state() { return state_; }
    Files& files() { return files_; }
    Children& children() { return children_; }

    bool enabled(const Command& command) const;
    /// Enter or leave the state in which nothing may touch a file system.
    Result<void> set_frozen(bool frozen);

private:
    Agent(Config config, Host host, EventLoop& loop, Log log);
    Result<Json> execute(const Command& command, const Request& request);
    Result<const Command*> usable(std::string_view name) const;

    Config config_;
    Host host_;
    Log log_;
    State state_;
    Files files_;
    Children children_;
};

} // namespace emu::guest_agent
