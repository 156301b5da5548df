// SPDX-License-Identifier: MIT
// tls-creds-anon, tls-creds-psk, tls-creds-x509: dir=, endpoint=client|server, verify-peer=, priority=, and what one kind has.
#include "crypto/tls.h"
#include "objects/types.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::objects {

namespace {

Result<crypto::TlsOptions> take_common(KeyValues& options) {
    crypto::TlsOptions out;
    out.dir = options.take("dir").value_or("");
    const std::string role = options.take("endpoint").value_or("client");
    if (role != "client" && role != "server") return fail(EINVAL, fmt::format("Invalid parameter '{}' for endpoint: client or server", role));
    out.role = role == "server" ? crypto::TlsRole::server : crypto::TlsRole::client;
    out.verify_peer = EMU_TRY(options.take_bool("verify-peer")).value_or(true);
    out.priority = options.take("priority").value_or("");
    return out;
}

Result<std::shared_ptr<void>> load(crypto::TlsCreds::Kind kind, crypto::TlsOptions options) {
    std::shared_ptr<const crypto::TlsCreds> creds = EMU_TRY(crypto::TlsCreds::load(kind, std::move(options)));
    return std::shared_ptr<void>(std::const_pointer_cast<crypto::TlsCreds>(std::move(creds)));
}

} // namespace

Result<std::shared_ptr<void>> make_tls_creds_anon(KeyValues& options, Table&) {
    return load(crypto::TlsCreds::Kind::anon, EMU_TRY(take_common(options)));
}

Result<std::shared_ptr<void>> make_tls_creds_psk(KeyValues& options, Table&) {
    crypto::TlsOptions out = EMU_TRY(take_common(options));
    out.username = options.take("username").value_or("");
    return load(crypto::TlsCreds::Kind::psk, std::move(out));
}

Result<std::shared_ptr<void>> make_tls_creds_x509(KeyValues& options, Table& table) {
    crypto::TlsOptions out = EMU_TRY(take_common(options));
    out.sanity_check = EMU_TRY(options.take_bool("sanity-check")).value_or(true);
    if (const auto id = options.take("passwordid")) {
        const std::vector<u8> password = EMU_TRY(table.secret(*id));
        out.password.emplace(password.begin(), password.end());
    }
    return load(crypto::TlsCreds::Kind::x509, std::move(out));
}

} // namespace emu::objects
