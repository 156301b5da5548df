// SPDX-License-Identifier: MIT
// TLS over GnuTLS: credentials that are loaded once from a folder, and sessions over a connected socket. Servers and clients of
// every kind (NBD, VNC, migration, character devices) use the same face.
//
//     auto session = EMU_TRY(TlsSession::make(creds, TlsRole::client, {.hostname = host}));
//     session->attach(fd);
//     EMU_CHECK(session->handshake_within(10s));                       // blocking callers
//     // event loops: call handshake(), wait for what it returns, call it again, until it returns TlsWait::none
#pragma once
#include "common/result.h"
#include "common/types.h"
#include "crypto/authz.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace emu::crypto {

enum class TlsRole : u8 { client, server };

/// Where credentials are, and what is demanded of peers. The files in `dir`, by kind and role:
///   x509  ca-cert.pem (ca-crl.pem); server-cert.pem server-key.pem (dh-params.pem); (client-cert.pem client-key.pem)
///   psk   keys.psk (dh-params.pem)             anon  (dh-params.pem)
/// Those in parentheses may be missing.
struct TlsOptions {
    std::string dir;
    TlsRole role = TlsRole::client;
    bool verify_peer = true;    ///< server: clients must show a certificate that the CA signed
    std::string priority;       ///< GnuTLS priority string; empty: the system's
    bool sanity_check = true;   ///< x509: refuse certificates that peers would refuse
    std::string username;       ///< psk client: the line of keys.psk to use; empty: "qemu"
    std::optional<std::string> password; ///< x509: of the private key
};

class TlsCreds {
public:
    static constexpr std::string_view class_name = "tls-creds";
    enum class Kind : u8 { anon, psk, x509 };
    static Result<std::shared_ptr<const TlsCreds>> load(Kind kind, TlsOptions options);
    virtual ~TlsCreds() = default;

    Kind kind() const { return kind_; }
    TlsRole role() const { return options_.role; }
    const TlsOptions& options() const { return options_; }
    /// The priority string of a session of this kind.
    std::string priority() const;
    /// Hand the credentials to a session (a gnutls_session_t).
    virtual Result<void> use(void* gnutls_session) const = 0;

protected:
    TlsCreds(Kind kind, TlsOptions options) : kind_(kind), options_(std::move(options)) {}
    Kind kind_;
    TlsOptions options_;
};

/// What the caller has to wait for before the same call can go on.
enum class TlsWait : u8 { none, read, write };

class TlsSession {
public:
    struct Peer {
        std::string hostname = {};                     ///< client: the name that the server's certificate must have; empty: not checked
        std::shared_ptr<const Authz> authz = nullptr;  ///< server: must allow the client's name
    };
    /// EINVAL where the credentials are for the other role.
    static Result<std::unique_ptr<TlsSession>> make(std::shared_ptr<const TlsCreds> creds, TlsRole role, Peer peer);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;

    /// Run over this socket, blocking or not; the caller keeps owning it.
    void attach(int fd);
    /// One step; `none`: done, the peer is verified and authorised.
    Result<TlsWait> handshake();
    Result<void> handshake_within(std::chrono::milliseconds limit);

    struct Moved {
        usize bytes = 0;               ///< 0 and wait == none: the peer has closed the session in order
        TlsWait wait = TlsWait::none;  ///< not none: nothing moved; of a socket that would block
    };
    // One thread may read while another writes. A write that has to wait must be repeated with the same bytes.
    Result<Moved> read(Bytes to);
    Result<Moved> write(ConstBytes from);
    /// Decrypted bytes that read() returns without touching the socket: an event loop asks before it waits.
    usize pending() const;
    /// Tell the peer that nothing more will be sent.
    Result<TlsWait> bye();

    /// The name the peer proved: its certificate's distinguished name, or its PSK user name; "" for anonymous ones.
    const std::string& peer_name() const { return peer_name_; }
    /// "(TLS1.3)-(ECDHE-SECP256R1)-(RSA-PSS-RSAE-SHA256)-(AES-256-GCM)"
    std::string description() const;

private:
    struct Impl;
    explicit TlsSession(std::unique_ptr<Impl> impl);
    Result<void> verify_peer();
    Result<void> verify_certificate();
    Result<void> authorise();
    std::unique_ptr<Impl> impl_;
    std::string peer_name_;
};

} // namespace emu::crypto
