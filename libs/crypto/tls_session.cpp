// SPDX-License-Identifier: MIT
#include "crypto/tls.h"
#include "crypto/gnutls.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <poll.h>

namespace emu::crypto {

struct TlsSession::Impl {
    gnutls_session_t session = nullptr;
    std::shared_ptr<const TlsCreds> creds;
    TlsRole role = TlsRole::client;
    Peer peer;
    int fd = -1;
    bool established = false;

    ~Impl() {
        if (session) library().gnutls_deinit(session);
    }
    TlsWait direction() const { return library().gnutls_record_get_direction(session) ? TlsWait::write : TlsWait::read; }
};

namespace {

bool again(int status) { return status == GNUTLS_E_AGAIN || status == GNUTLS_E_INTERRUPTED; }

Error session_error(gnutls_session_t session, int status, std::string_view what) {
    std::string text = fmt::format("{}: {}", what, library().gnutls_strerror(status));
    if (status == GNUTLS_E_FATAL_ALERT_RECEIVED || status == GNUTLS_E_WARNING_ALERT_RECEIVED) {
        const char* alert = library().gnutls_alert_get_name(library().gnutls_alert_get(session));
        text += fmt::format(" ({})", alert ? alert : "unknown");
    }
    return {status == GNUTLS_E_PREMATURE_TERMINATION || status == GNUTLS_E_PUSH_ERROR || status == GNUTLS_E_PULL_ERROR ? ECONNRESET : EPROTO, std::move(text), {}};
}

std::string_view verdict_text(unsigned verdict) {
    struct Row {
        unsigned bit;
        std::string_view text;
    };
    static constexpr Row rows[] = {
        {GNUTLS_CERT_REVOKED, "The certificate has been revoked"},
        {GNUTLS_CERT_SIGNER_NOT_FOUND, "The certificate hasn't got a known issuer"},
        {GNUTLS_CERT_SIGNER_NOT_CA, "The certificate's issuer is no CA"},
        {GNUTLS_CERT_EXPIRED, "The certificate has expired"},
        {GNUTLS_CERT_NOT_ACTIVATED, "The certificate is not yet active"},
        {GNUTLS_CERT_INSECURE_ALGORITHM, "The certificate uses an insecure algorithm"},
    };
    for (const Row& row : rows) {
        if (verdict & row.bit) return row.text;
    }
    return "Invalid certificate";
}

/// Numeric addresses are matched with IP address names, others with DNS names (RFC 6125; the common name where there are none).
bool named_for(gnutls_x509_crt_t cert, const std::string& host) { return library().gnutls_x509_crt_check_hostname(cert, host.c_str()) != 0; }

} // namespace

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;

Result<std::unique_ptr<TlsSession>> TlsSession::make(std::shared_ptr<const TlsCreds> creds, TlsRole role, Peer peer) {
    if (!creds) return fail(EINVAL, "TLS needs credentials");
    if (creds->role() != role)
        return fail(EINVAL, fmt::format("Expecting TLS credentials with a {} endpoint", role == TlsRole::server ? "server" : "client"));
    auto impl = std::make_unique<Impl>();
    const unsigned flags = (role == TlsRole::server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
    if (const int status = library().gnutls_init(&impl->session, flags); status < 0) return fail(ENOMEM, fmt::format("Cannot start TLS: {}", library().gnutls_strerror(status)));
    if (const int status = library().gnutls_priority_set_direct(impl->session, creds->priority().c_str(), nullptr); status < 0)
        return fail(EINVAL, fmt::format("Unable to set TLS session priority {}: {}", creds->priority(), library().gnutls_strerror(status)));
    EMU_CHECK(creds->use(impl->session));
    // RFC 6066: literal addresses are not sent as a server name.
    const bool numeric = peer.hostname.find(':') != std::string::npos || peer.hostname.find_first_not_of("0123456789.") == std::string::npos;
    if (role == TlsRole::client && creds->kind() == TlsCreds::Kind::x509 && !numeric)
        library().gnutls_server_name_set(impl->session, GNUTLS_NAME_DNS, peer.hostname.data(), peer.hostname.size());
    impl->creds = std::move(creds);
    impl->role = role;
    impl->peer = std::move(peer);
    return std::unique_ptr<TlsSession>(new TlsSession(std::move(impl)));
}

void TlsSession::attach(int fd) {
    impl_->fd = fd;
    library().gnutls_transport_set_int2(impl_->session, fd, fd);
}

Result<TlsWait> TlsSession::handshake() {
    if (impl_->established) return TlsWait::none;
    const int status = library().gnutls_handshake(impl_->session);
    if (again(status)) return impl_->direction();
    if (status < 0 && !library().gnutls_error_is_fatal(status)) return TlsWait::read; // a warning alert; the next step goes on
    if (status < 0) return fail(session_error(impl_->session, status, "TLS handshake failed"));
    auto verified = verify_peer();
    if (!verified) {
        library().gnutls_alert_send(impl_->session, GNUTLS_AL_FATAL, GNUTLS_A_ACCESS_DENIED);
        return fail(std::move(verified.error()));
    }
    impl_->established = true;
    return TlsWait::none;
}

Result<void> TlsSession::handshake_within(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
        const TlsWait wait = EMU_TRY(handshake());
        if (wait == TlsWait::none) return {};
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return fail(ETIMEDOUT, "TLS handshake timed out");
        pollfd entry{impl_->fd, short(wait == TlsWait::write ? POLLOUT : POLLIN), 0};
        if (::poll(&entry, 1, int(std::min<long long>(left.count(), 60'000))) < 0 && errno != EINTR) return fail_errno(errno, "poll");
    }
}

Result<void> TlsSession::verify_certificate() {
    if (impl_->role == TlsRole::server && !impl_->creds->options().verify_peer) return {};
    unsigned verdict = 0;
    const int status = library().gnutls_certificate_verify_peers2(impl_->session, &verdict);
    if (status == GNUTLS_E_NO_CERTIFICATE_FOUND) return fail(EACCES, "No certificate presented by the peer");
    if (status < 0) return fail(EACCES, fmt::format("Verify failed: {}", library().gnutls_strerror(status)));
    if (verdict) return fail(EACCES, verdict_text(verdict));
    unsigned count = 0;
    const gnutls_datum_t* certs = library().gnutls_certificate_get_peers(impl_->session, &count);
    if (!certs || !count) return fail(EACCES, "No certificate peers");
    gnutls_x509_crt_t cert = nullptr;
    if (library().gnutls_x509_crt_init(&cert) < 0) return fail(ENOMEM, "no memory for a certificate");
    const auto check = [&]() -> Result<void> {
        if (library().gnutls_x509_crt_import(cert, certs, GNUTLS_X509_FMT_DER) < 0) return fail(EACCES, "The peer's certificate cannot be read");
        std::array<char, 4096> name = {};
        size_t size = name.size();
        if (library().gnutls_x509_crt_get_dn(cert, name.data(), &size) < 0) return fail(EACCES, "Cannot get client distinguished name");
        peer_name_ = name.data();
        if (impl_->role == TlsRole::client && !impl_->peer.hostname.empty() && !named_for(cert, impl_->peer.hostname))
            return fail(EACCES, fmt::format("Certificate does not match the hostname {}", impl_->peer.hostname));
        return {};
    };
    auto checked = check();
    library().gnutls_x509_crt_deinit(cert);
    return checked;
}

Result<void> TlsSession::authorise() {
    if (!impl_->peer.authz) return {};
    const bool allowed = EMU_TRY(impl_->peer.authz->allows(peer_name_));
    return allowed ? Result<void>() : fail(EACCES, fmt::format("TLS x509 authz check for {} is denied", peer_name_));
}

Result<void> TlsSession::verify_peer() {
    switch (impl_->creds->kind()) {
    case TlsCreds::Kind::anon: break;
    case TlsCreds::Kind::psk:
        if (const char* user = impl_->role == TlsRole::server ? library().gnutls_psk_server_get_username(impl_->session) : nullptr) peer_name_ = user;
        break;
    case TlsCreds::Kind::x509: EMU_CHECK(verify_certificate()); break;
    }
    return impl_->role == TlsRole::server ? authorise() : Result<void>();
}

Result<TlsSession::Moved> TlsSession::read(Bytes to) {
    const ssize_t got = library().gnutls_record_recv(impl_->session, to.data(), to.size());
    if (got >= 0) return Moved{usize(got), TlsWait::none};
    if (again(int(got))) return Moved{0, TlsWait::read};
    if (!library().gnutls_error_is_fatal(int(got)) && got != GNUTLS_E_REHANDSHAKE) return Moved{0, TlsWait::read};
    return fail(session_error(impl_->session, int(got), "Cannot read from TLS channel"));
}

Result<TlsSession::Moved> TlsSession::write(ConstBytes from) {
    const ssize_t put = library().gnutls_record_send(impl_->session, from.data(), from.size());
    if (put >= 0) return Moved{usize(put), TlsWait::none};
    if (again(int(put))) return Moved{0, TlsWait::write};
    return fail(session_error(impl_->session, int(put), "Cannot write to TLS channel"));
}

usize TlsSession::pending() const { return library().gnutls_record_check_pending(impl_->session); }

Result<TlsWait> TlsSession::bye() {
    const int status = library().gnutls_bye(impl_->session, GNUTLS_SHUT_WR);
    if (again(status)) return TlsWait::write;
    if (status < 0) return fail(session_error(impl_->session, status, "Cannot close TLS channel"));
    return TlsWait::none;
}

std::string TlsSession::description() const {
    char* text = library().gnutls_session_get_desc(impl_->session);
    std::string out = text ? text : "";
    (*library().gnutls_free)(text);
    return out;
}

} // namespace emu::crypto
