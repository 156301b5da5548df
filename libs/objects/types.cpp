// SPDX-License-Identifier: MIT
#include "objects/types.h"

#include "crypto/authz.h"
#include "crypto/tls.h"

#include <array>

namespace emu::objects {

std::span<const Type> own_types() {
    static constexpr std::array<Type, 9> rows = {{
        {"authz-list", "authorization by a list of rules", make_authz_list, crypto::Authz::class_name},
        {"authz-list-file", "authorization by a list of rules in a file", make_authz_list_file, crypto::Authz::class_name},
        {"authz-pam", "authorization by a PAM service", make_authz_pam, crypto::Authz::class_name},
        {"authz-simple", "authorization of one identity", make_authz_simple, crypto::Authz::class_name},
        {"secret", "a password or key, given or in a file", make_secret, "secret"},
        {"secret_keyring", "a password or key in the kernel's keyring", make_secret_keyring, "secret"},
        {"tls-creds-anon", "TLS without identities", make_tls_creds_anon, crypto::TlsCreds::class_name},
        {"tls-creds-psk", "TLS with a key that both sides know", make_tls_creds_psk, crypto::TlsCreds::class_name},
        {"tls-creds-x509", "TLS with certificates", make_tls_creds_x509, crypto::TlsCreds::class_name},
    }};
    return rows;
}

} // namespace emu::objects
