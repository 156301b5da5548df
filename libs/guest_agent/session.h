// SPDX-License-Identifier: MIT
// One connection's bytes: cut into requests, answered in order.
#pragma once
#include "guest_agent/agent.h"

namespace emu::guest_agent {

class Session {
public:
    /// `wait_for_sync`: on a serial line, where boot messages and line noise arrive too, nothing is answered before byte 0xFF
    /// or a guest-sync command has come.
    Session(Agent& agent, bool wait_for_sync) : agent_(agent), framer_(request_limits), waiting_(wait_for_sync) {}
    /// Appends the replies to what has become whole with these bytes. Returns how many it took: it stops where the replies
    /// grow large, so that they can be sent first.
    usize take(std::string_view bytes, std::string& out);

private:
    void feed(std::string_view part, std::string& out);
    void answer(std::string_view request, std::string& out);
    Agent& agent_;
    JsonFramer framer_;
    bool waiting_;
};

} // namespace emu::guest_agent
