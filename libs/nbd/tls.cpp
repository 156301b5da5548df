// SPDX-License-Identifier: MIT
#include "nbd/tls.h"

#include <algorithm>

namespace emu::nbd {
namespace {

constexpr usize record_size = 16384; // the longest that TLS has
}

Result<std::unique_ptr<TlsStream>> TlsStream::accept(const TlsServer& server, int fd) {
    auto session = EMU_TRY(crypto::TlsSession::make(server.creds, crypto::TlsRole::server, {.authz = server.authz}));
    session->attach(fd);
    return std::unique_ptr<TlsStream>(new TlsStream(std::move(session)));
}

TlsStream::~TlsStream() {
    if (handshaken_ && record_.empty()) (void)session_->bye();
}

Result<bool> TlsStream::handshake() {
    const crypto::TlsWait wait = EMU_TRY(session_->handshake());
    wants_write_ = wait == crypto::TlsWait::write;
    handshaken_ = wait == crypto::TlsWait::none;
    return handshaken_;
}

Result<std::optional<usize>> TlsStream::read(Bytes to) {
    const auto moved = EMU_TRY(session_->read(to));
    if (moved.wait != crypto::TlsWait::none) return std::nullopt;
    return moved.bytes;
}

Result<std::optional<usize>> TlsStream::write(std::span<const iovec> from, bool) {
    if (record_.empty())
        for (const iovec& part : from) {
            const auto* bytes = static_cast<const u8*>(part.iov_base);
            record_.insert(record_.end(), bytes, bytes + std::min(part.iov_len, record_size - record_.size()));
            if (record_.size() == record_size) break;
        }
    const auto moved = EMU_TRY(session_->write(record_));
    if (moved.wait != crypto::TlsWait::none) return std::nullopt;
    record_.clear();
    return moved.bytes;
}

} // namespace emu::nbd
