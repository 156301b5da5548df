// SPDX-License-Identifier: MIT
// TLS in front of a connection.
#pragma once
#include "crypto/tls.h"
#include "nbd/stream.h"

#include <vector>

namespace emu::nbd {

/// How a server's clients prove who they are.
struct TlsServer {
    std::shared_ptr<const crypto::TlsCreds> creds;
    std::shared_ptr<const crypto::Authz> authz; ///< null: whoever the credentials let in
};

/// Bytes can be read and written once handshake() has said true.
class TlsStream final : public Stream {
public:
    static Result<std::unique_ptr<TlsStream>> accept(const TlsServer& server, int fd);
    ~TlsStream() override;

    /// True when done, false when the descriptor has to become readable (or writable, see wants_write()) first.
    Result<bool> handshake();
    bool wants_write() const { return wants_write_; }
    const std::string& peer_name() const { return session_->peer_name(); }

    Result<std::optional<usize>> read(Bytes to) override;
    Result<std::optional<usize>> write(std::span<const iovec> from, bool more) override;
    bool buffered() const override { return session_->pending() != 0; }

private:
    explicit TlsStream(std::unique_ptr<crypto::TlsSession> session) : session_(std::move(session)) {}
    std::unique_ptr<crypto::TlsSession> session_;
    std::vector<u8> record_; ///< what a write that has to wait is repeated with
    bool wants_write_ = false, handshaken_ = false;
};

} // namespace emu::nbd
