// SPDX-License-Identifier: MIT
#include "options.h"

#include "common/log.h"
#include "nbd/client.h"

#include <cstdio>
#include <fmt/format.h>

namespace emu::nbd_tool {

Result<void> make_objects(const Options& o, objects::Table& table) {
    for (const std::string& text : o.objects) EMU_CHECK(table.add(text));
    return {};
}

Result<std::shared_ptr<const crypto::TlsCreds>> find_creds(const Options& o, objects::Table& table,
                                                           crypto::TlsRole role) {
    auto creds =
        std::static_pointer_cast<const crypto::TlsCreds>(table.object(o.tls_creds, crypto::TlsCreds::class_name));
    if (!creds) return fail(ENOENT, fmt::format("No TLS credentials with id '{}'", o.tls_creds));
    if (creds->role() != role)
        return fail(EINVAL, fmt::format("Expecting TLS credentials with a {} endpoint",
                                        role == crypto::TlsRole::server ? "server" : "client"));
    return creds;
}

Result<int> list(const Options& o) {
    objects::Table table(log::warning, log::notice);
    EMU_CHECK(make_objects(o, table));
    nbd::Target target;
    if (o.socket) {
        target.kind = nbd::Target::Kind::unix;
        target.path = *o.socket;
    } else {
        target.host = o.bind.value_or("localhost");
        target.port = o.port.value_or("");
    }
    if (!o.tls_creds.empty())
        target.tls = nbd::ClientTls{EMU_TRY(find_creds(o, table, crypto::TlsRole::client)), o.tls_hostname};
    std::fputs(EMU_TRY(nbd::list_exports(target)).c_str(), stdout);
    return 0;
}

} // namespace emu::nbd_tool
