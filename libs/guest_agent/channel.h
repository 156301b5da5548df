// SPDX-License-Identifier: MIT
// How the agent is reached: devices that are one end of a line, and sockets that clients connect to.
#pragma once
#include "common/fd.h"
#include "guest_agent/config.h"

namespace emu::guest_agent {

struct Method {
    std::string_view name;
    bool listens;         ///< open() gives a listening socket; clients are accepted one at a time
    bool wait_for_sync;   ///< noise comes in until the host synchronises
    Result<Fd> (*open)(const std::string& path);
};
Result<const Method*> find_method(std::string_view name);

struct VsockAddress {
    u32 cid, port;
};
/// "CID:PORT", decimal.
Result<VsockAddress> parse_vsock(std::string_view text);

/// The socket systemd has passed (sd_listen_fds(3)): LISTEN_PID is us and LISTEN_FDS is 1. Empty if it has passed none.
Result<Fd> activation_socket();

} // namespace emu::guest_agent
