// SPDX-License-Identifier: MIT
#include "crypto/tls_certs.h"
#include "crypto/gnutls.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <fmt/format.h>
#include <vector>

namespace emu::crypto {

namespace {

class CertList {
public:
    CertList() = default;
    CertList(const CertList&) = delete;
    ~CertList() {
        for (gnutls_x509_crt_t cert : certs_) library().gnutls_x509_crt_deinit(cert);
    }
    Result<void> load(const std::string& path) {
        const std::string pem = EMU_TRY(read_pem(path));
        const gnutls_datum_t data{reinterpret_cast<unsigned char*>(const_cast<char*>(pem.data())), unsigned(pem.size())};
        gnutls_x509_crt_t* list = nullptr;
        unsigned count = 0;
        const int status = library().gnutls_x509_crt_list_import2(&list, &count, &data, GNUTLS_X509_FMT_PEM, 0);
        if (status < 0) return fail(EINVAL, fmt::format("Unable to import certificate {}: {}", path, library().gnutls_strerror(status)));
        certs_.assign(list, list + count);
        (*library().gnutls_free)(list);
        return {};
    }
    std::vector<gnutls_x509_crt_t>& all() { return certs_; }

private:
    std::vector<gnutls_x509_crt_t> certs_;
};

Result<void> check_times(gnutls_x509_crt_t cert, const std::string& path) {
    const time_t now = ::time(nullptr);
    if (library().gnutls_x509_crt_get_expiration_time(cert) < now) return fail(EINVAL, fmt::format("The certificate {} has expired", path));
    if (library().gnutls_x509_crt_get_activation_time(cert) > now) return fail(EINVAL, fmt::format("The certificate {} is not yet active", path));
    return {};
}

Result<void> check_constraints(gnutls_x509_crt_t cert, const std::string& path, bool ca) {
    const int status = library().gnutls_x509_crt_get_basic_constraints(cert, nullptr, nullptr, nullptr);
    if (status > 0 && !ca) return fail(EINVAL, fmt::format("The certificate {} basic constraints show a CA; a peer's is needed", path));
    if (status == 0 && ca) return fail(EINVAL, fmt::format("The certificate {} basic constraints do not show a CA", path));
    if (status == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE && ca) return fail(EINVAL, fmt::format("The certificate {} is missing basic constraints for a CA", path));
    if (status < 0 && status != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return fail(EINVAL, fmt::format("Unable to query certificate {} basic constraints: {}", path, library().gnutls_strerror(status)));
    return {};
}

Result<void> check_usage(gnutls_x509_crt_t cert, const std::string& path, bool ca) {
    unsigned usage = 0, critical = 0;
    const int status = library().gnutls_x509_crt_get_key_usage(cert, &usage, &critical);
    if (status == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return {}; // no limits
    if (status < 0) return fail(EINVAL, fmt::format("Unable to query certificate {} key usage: {}", path, library().gnutls_strerror(status)));
    if (ca && !(usage & GNUTLS_KEY_KEY_CERT_SIGN) && critical)
        return fail(EINVAL, fmt::format("Certificate {} usage does not permit certificate signing", path));
    // Key encipherment is for RSA key exchange only, which TLS 1.3 does not have.
    if (!ca && !(usage & GNUTLS_KEY_DIGITAL_SIGNATURE) && critical)
        return fail(EINVAL, fmt::format("Certificate {} usage does not permit digital signature", path));
    return {};
}

Result<void> check_purpose(gnutls_x509_crt_t cert, const std::string& path, TlsRole role) {
    const std::string_view wanted = role == TlsRole::server ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
    bool critical = false, any = false, found = false;
    for (unsigned i = 0;; i++) {
        std::array<char, 128> oid = {};
        size_t size = oid.size();
        unsigned marked = 0;
        const int status = library().gnutls_x509_crt_get_key_purpose_oid(cert, i, oid.data(), &size, &marked);
        if (status == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) break;
        if (status < 0) return fail(EINVAL, fmt::format("Unable to query certificate {} key purpose: {}", path, library().gnutls_strerror(status)));
        any = true;
        critical |= marked != 0;
        found |= std::string_view(oid.data()) == wanted || std::string_view(oid.data()) == GNUTLS_KP_ANY;
    }
    if (any && !found && critical)
        return fail(EINVAL, fmt::format("Certificate {} purpose does not allow use with a TLS {}", path, role == TlsRole::server ? "server" : "client"));
    return {};
}

Result<void> check_signed(CertList& own, CertList& ca, const std::string& own_path, const std::string& ca_path) {
    unsigned verdict = 0;
    const int status = library().gnutls_x509_crt_list_verify(own.all().data(), int(own.all().size()), ca.all().data(), int(ca.all().size()), nullptr, 0, 0, &verdict);
    if (status < 0) return fail(EINVAL, fmt::format("Unable to verify certificate {} with {}: {}", own_path, ca_path, library().gnutls_strerror(status)));
    if (verdict == 0) return {};
    std::string_view why = "Invalid certificate";
    if (verdict & GNUTLS_CERT_SIGNER_NOT_FOUND) why = "The certificate hasn't got a known issuer";
    if (verdict & GNUTLS_CERT_INSECURE_ALGORITHM) why = "The certificate uses an insecure algorithm";
    if (verdict & GNUTLS_CERT_REVOKED) why = "The certificate has been revoked";
    return fail(EINVAL, fmt::format("Our own certificate {} failed validation against {}: {}", own_path, ca_path, why));
}

} // namespace

Result<void> check_certificates(const std::string& ca_path, const std::string& own_path, TlsRole role) {
    CertList ca, own;
    EMU_CHECK(ca.load(ca_path));
    for (gnutls_x509_crt_t cert : ca.all()) {
        EMU_CHECK(check_times(cert, ca_path));
        EMU_CHECK(check_constraints(cert, ca_path, true));
        EMU_CHECK(check_usage(cert, ca_path, true));
    }
    if (own_path.empty()) return {};
    EMU_CHECK(own.load(own_path));
    if (own.all().empty()) return fail(EINVAL, fmt::format("{} holds no certificate", own_path));
    // Behind one's own certificate may come those of intermediate authorities.
    EMU_CHECK(check_times(own.all().front(), own_path));
    EMU_CHECK(check_constraints(own.all().front(), own_path, false));
    EMU_CHECK(check_usage(own.all().front(), own_path, false));
    EMU_CHECK(check_purpose(own.all().front(), own_path, role));
    return check_signed(own, ca, own_path, ca_path);
}

} // namespace emu::crypto
