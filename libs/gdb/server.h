// SPDX-License-Identifier: MIT
// The stub's socket: one gdb at a time, served by the thread that calls run().
#pragma once
#include "common/fd.h"
#include "gdb/packet.h"
#include "gdb/session.h"

#include <memory>

namespace emu::gdb {

/// Listen where the user said: a TCP port of the loopback, "host:port", or the path of a Unix socket.
Result<Fd> listen_at(const std::string& where);
/// Wait for gdb; closes the listening socket.
Result<Fd> accept_at(Fd listener);

class Server {
public:
    Server(Fd connection, Target& target) : connection_(std::move(connection)), target_(target), session_(target) {}
    /// Until gdb detaches, kills, or is gone, or the target is.
    void run();
    int descriptor() const { return connection_.get(); }

private:
    bool receive();
    bool take(const PacketReader::Item& item);
    bool report();
    bool send(std::string_view payload);
    bool send_raw(std::string_view bytes);

    Fd connection_;
    Target& target_;
    Session session_;
    PacketReader reader_;
    std::string last_sent_;
    std::optional<StopEvent> held_;  ///< came while gdb was not waiting
};

} // namespace emu::gdb
