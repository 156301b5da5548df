// SPDX-License-Identifier: MIT
#include "crypto/gnutls.h"
#include "crypto/hash.h"
#include "crypto/tls.h"
#include "crypto/tls_certs.h"

#include "common/fd.h"
#include "common/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <sys/stat.h>

namespace emu::crypto {

namespace {

constexpr usize max_pem = usize(1) << 20;

bool exists(const std::string& path) {
    struct stat found = {};
    return ::stat(path.c_str(), &found) == 0;
}

Result<void> tls_ok(int status, std::string_view what) {
    if (status >= 0) return {};
    return fail(EINVAL, fmt::format("{}: {}", what, library().gnutls_strerror(status)));
}

/// Diffie-Hellman parameters of a dh-params.pem; without one GnuTLS takes the groups of RFC 7919.
class DhParams {
public:
    DhParams() = default;
    DhParams(const DhParams&) = delete;
    ~DhParams() {
        if (params_) library().gnutls_dh_params_deinit(params_);
    }
    Result<void> load(const std::string& dir) {
        const std::string path = dir + "/dh-params.pem";
        if (dir.empty() || !exists(path)) return {};
        const std::string pem = EMU_TRY(read_pem(path));
        EMU_CHECK(tls_ok(library().gnutls_dh_params_init(&params_), "DH parameters"));
        const gnutls_datum_t data{reinterpret_cast<unsigned char*>(const_cast<char*>(pem.data())), unsigned(pem.size())};
        return tls_ok(library().gnutls_dh_params_import_pkcs3(params_, &data, GNUTLS_X509_FMT_PEM), "Unable to load DH parameters from " + path);
    }
    gnutls_dh_params_t get() const { return params_; }

private:
    gnutls_dh_params_t params_ = nullptr;
};

class AnonCreds final : public TlsCreds {
public:
    explicit AnonCreds(TlsOptions options) : TlsCreds(Kind::anon, std::move(options)) {}
    ~AnonCreds() override {
        if (server_) library().gnutls_anon_free_server_credentials(server_);
        if (client_) library().gnutls_anon_free_client_credentials(client_);
    }
    Result<void> load() {
        if (role() == TlsRole::client) return tls_ok(library().gnutls_anon_allocate_client_credentials(&client_), "Cannot allocate credentials");
        EMU_CHECK(tls_ok(library().gnutls_anon_allocate_server_credentials(&server_), "Cannot allocate credentials"));
        EMU_CHECK(dh_.load(options_.dir));
        if (dh_.get()) library().gnutls_anon_set_server_dh_params(server_, dh_.get());
        return dh_.get() ? Result<void>() : tls_ok(library().gnutls_anon_set_server_known_dh_params(server_, GNUTLS_SEC_PARAM_MEDIUM), "DH parameters");
    }
    Result<void> use(void* session) const override {
        void* creds = role() == TlsRole::server ? static_cast<void*>(server_) : client_;
        return tls_ok(library().gnutls_credentials_set(static_cast<gnutls_session_t>(session), GNUTLS_CRD_ANON, creds), "Cannot set session credentials");
    }

private:
    DhParams dh_;
    gnutls_anon_server_credentials_t server_ = nullptr;
    gnutls_anon_client_credentials_t client_ = nullptr;
};

class PskCreds final : public TlsCreds {
public:
    explicit PskCreds(TlsOptions options) : TlsCreds(Kind::psk, std::move(options)) {}
    ~PskCreds() override {
        if (server_) library().gnutls_psk_free_server_credentials(server_);
        if (client_) library().gnutls_psk_free_client_credentials(client_);
    }
    Result<void> load() {
        if (options_.dir.empty()) return fail(EINVAL, "Missing 'dir' property value");
        const std::string path = options_.dir + "/keys.psk";
        if (role() == TlsRole::server) {
            if (!options_.username.empty()) return fail(EINVAL, "username should not be set when endpoint=server");
            if (!exists(path)) return fail_errno(ENOENT, fmt::format("Unable to access credentials {}", path));
            EMU_CHECK(tls_ok(library().gnutls_psk_allocate_server_credentials(&server_), "Cannot allocate credentials"));
            EMU_CHECK(tls_ok(library().gnutls_psk_set_server_credentials_file(server_, path.c_str()), "Cannot set PSK server credentials"));
            EMU_CHECK(dh_.load(options_.dir));
            if (dh_.get()) library().gnutls_psk_set_server_dh_params(server_, dh_.get());
            return dh_.get() ? Result<void>() : tls_ok(library().gnutls_psk_set_server_known_dh_params(server_, GNUTLS_SEC_PARAM_MEDIUM), "DH parameters");
        }
        const std::string user = options_.username.empty() ? "qemu" : options_.username;
        std::string keys = EMU_TRY(read_pem(path));
        std::string key;
        for (std::string_view line : split(keys, '\n')) {
            if (line.ends_with('\r')) line.remove_suffix(1);
            if (line.starts_with(user) && line.size() > user.size() && line[user.size()] == ':') key = line.substr(user.size() + 1);
        }
        wipe(Bytes(reinterpret_cast<u8*>(keys.data()), keys.size()));
        if (key.empty()) return fail(ENOENT, fmt::format("Username {} not found in {}", user, path));
        EMU_CHECK(tls_ok(library().gnutls_psk_allocate_client_credentials(&client_), "Cannot allocate credentials"));
        const gnutls_datum_t data{reinterpret_cast<unsigned char*>(key.data()), unsigned(key.size())};
        const int status = library().gnutls_psk_set_client_credentials(client_, user.c_str(), &data, GNUTLS_PSK_KEY_HEX);
        wipe(Bytes(reinterpret_cast<u8*>(key.data()), key.size()));
        return tls_ok(status, "Cannot set PSK client credentials");
    }
    Result<void> use(void* session) const override {
        void* creds = role() == TlsRole::server ? static_cast<void*>(server_) : client_;
        return tls_ok(library().gnutls_credentials_set(static_cast<gnutls_session_t>(session), GNUTLS_CRD_PSK, creds), "Cannot set session credentials");
    }

private:
    DhParams dh_;
    gnutls_psk_server_credentials_t server_ = nullptr;
    gnutls_psk_client_credentials_t client_ = nullptr;
};

class X509Creds final : public TlsCreds {
public:
    explicit X509Creds(TlsOptions options) : TlsCreds(Kind::x509, std::move(options)) {}
    ~X509Creds() override {
        if (creds_) library().gnutls_certificate_free_credentials(creds_);
    }
    Result<void> load() {
        if (options_.dir.empty()) return fail(EINVAL, "Missing 'dir' property value");
        const bool server = role() == TlsRole::server;
        const std::string prefix = options_.dir + (server ? "/server-" : "/client-");
        const std::string ca = options_.dir + "/ca-cert.pem", crl = options_.dir + "/ca-crl.pem", cert = prefix + "cert.pem", key = prefix + "key.pem";
        if (!exists(ca)) return fail_errno(ENOENT, fmt::format("Unable to access credentials {}", ca));
        const bool have_cert = exists(cert), have_key = exists(key);
        for (const auto& [path, there] : {std::pair{&cert, have_cert}, std::pair{&key, have_key}}) {
            if (!there && (server || have_cert != have_key)) return fail_errno(ENOENT, fmt::format("Unable to access credentials {}", *path));
        }
        if (options_.sanity_check) EMU_CHECK(check_certificates(ca, have_cert ? cert : "", role()));
        EMU_CHECK(tls_ok(library().gnutls_certificate_allocate_credentials(&creds_), "Cannot allocate credentials"));
        EMU_CHECK(tls_ok(library().gnutls_certificate_set_x509_trust_file(creds_, ca.c_str(), GNUTLS_X509_FMT_PEM), "Cannot load CA certificate '" + ca + "'"));
        if (have_cert) {
            const char* password = options_.password ? options_.password->c_str() : nullptr;
            EMU_CHECK(tls_ok(library().gnutls_certificate_set_x509_key_file2(creds_, cert.c_str(), key.c_str(), GNUTLS_X509_FMT_PEM, password, 0),
                             "Cannot load certificate '" + cert + "' & key '" + key + "'"));
        }
        if (exists(crl))
            EMU_CHECK(tls_ok(library().gnutls_certificate_set_x509_crl_file(creds_, crl.c_str(), GNUTLS_X509_FMT_PEM), "Cannot load CRL '" + crl + "'"));
        if (!server) return {};
        EMU_CHECK(dh_.load(options_.dir));
        if (dh_.get()) library().gnutls_certificate_set_dh_params(creds_, dh_.get());
        return dh_.get() ? Result<void>() : tls_ok(library().gnutls_certificate_set_known_dh_params(creds_, GNUTLS_SEC_PARAM_MEDIUM), "DH parameters");
    }
    Result<void> use(void* opaque) const override {
        auto session = static_cast<gnutls_session_t>(opaque);
        if (role() == TlsRole::server) library().gnutls_certificate_server_set_request(session, options_.verify_peer ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
        return tls_ok(library().gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, creds_), "Cannot set session credentials");
    }

private:
    DhParams dh_;
    gnutls_certificate_credentials_t creds_ = nullptr;
};

template <class T> Result<std::shared_ptr<const TlsCreds>> load_as(TlsOptions options) {
    auto made = std::make_shared<T>(std::move(options));
    EMU_CHECK(made->load());
    return std::shared_ptr<const TlsCreds>(std::move(made));
}

} // namespace

Result<std::string> read_pem(const std::string& path) {
    const Fd fd = EMU_TRY(in("Unable to access credentials", Fd::open(path, O_RDONLY)));
    std::string text;
    std::array<char, 4096> part;
    for (;;) {
        const ssize_t got = ::read(fd.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(errno, path);
        if (got == 0) return text;
        text.append(part.data(), usize(got));
        if (text.size() > max_pem) return fail(EFBIG, fmt::format("{}: too large for credentials", path));
    }
}

std::string TlsCreds::priority() const {
    // The key exchanges of the kind are not in the usual sets; anonymous ones end with TLS 1.2.
    const std::string base = options_.priority.empty() ? "NORMAL" : options_.priority;
    switch (kind_) {
    case Kind::anon: return base + ":+ANON-ECDH:+ANON-DH";
    case Kind::psk: return base + ":+ECDHE-PSK:+DHE-PSK:+PSK";
    case Kind::x509: break;
    }
    return base;
}

Result<std::shared_ptr<const TlsCreds>> TlsCreds::load(Kind kind, TlsOptions options) {
    EMU_CHECK(GnutlsApi::get());
    if (!options.priority.empty()) {
        gnutls_priority_t parsed = nullptr;
        const char* where = nullptr;
        const int status = library().gnutls_priority_init(&parsed, options.priority.c_str(), &where);
        if (status < 0) return fail(EINVAL, fmt::format("Unable to set TLS session priority '{}': {} at '{}'", options.priority, library().gnutls_strerror(status), where ? where : ""));
        library().gnutls_priority_deinit(parsed);
    }
    switch (kind) {
    case Kind::anon: return load_as<AnonCreds>(std::move(options));
    case Kind::psk: return load_as<PskCreds>(std::move(options));
    case Kind::x509: break;
    }
    return load_as<X509Creds>(std::move(options));
}

} // namespace emu::crypto
