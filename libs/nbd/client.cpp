// SPDX-License-Identifier: MIT
#include "nbd/client.h"

#include "common/sizes.h"
#include "nbd/address.h"
#include "nbd/libnbd.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::nbd {
namespace {

std::string quoted(std::string_view text, bool keep_slashes) {
    std::string out;
    for (char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::strchr("-._~", c) || (keep_slashes && c == '/');
        out += plain && c ? std::string(1, c) : fmt::format("%{:02X}", u8(c));
    }
    return out;
}

} // namespace

void CloseHandle::operator()(nbd_handle* handle) const { library().nbd_close(handle); }

tl::unexpected<Error> client_error(std::string_view what) {
    const int code = library().nbd_get_errno();
    const char* text = library().nbd_get_error();
    std::string_view reason = text ? text : "";
    // "nbd_connect_unix: connect: /x: No such file": the call's name tells the user nothing.
    if (reason.starts_with("nbd_"))
        if (const usize colon = reason.find(": "); colon != reason.npos) reason.remove_prefix(colon + 2);
    return fail(code ? code : EIO, what.empty() ? std::string(reason) : fmt::format("{}: {}", what, reason));
}

std::string Target::uri() const {
    const bool secure = tls || tls_required;
    switch (kind) {
    case Kind::unix:
        return fmt::format("nbd{}+unix:///{}?socket={}", secure ? "s" : "", quoted(export_name, true),
                           quoted(path, true));
    case Kind::vsock:
        return fmt::format("nbd{}+vsock://{}:{}/{}", secure ? "s" : "", host, port, quoted(export_name, true));
    case Kind::fd: return fmt::format("nbd:fd{}:exportname={}", fd, export_name);
    case Kind::inet: break;
    }
    const std::string place = host.find(':') != host.npos ? "[" + host + "]" : host;
    const bool plain_port = port.empty() || port == std::to_string(default_port);
    return fmt::format("nbd{}://{}{}/{}", secure ? "s" : "", place, plain_port ? "" : ":" + port,
                       quoted(export_name, true));
}

Result<Handle> make_handle(const Target& target) {
    EMU_CHECK(NbdApi::get());
    Handle handle(library().nbd_create());
    if (!handle) return client_error("libnbd");
    nbd_handle* h = handle.get();
    if (library().nbd_set_export_name(h, target.export_name.c_str()) < 0) return client_error("export name");
    if (!target.tls && !target.tls_required) return handle;
    if (library().nbd_supports_tls(h) != 1) return fail(ENOTSUP, "libnbd was built without TLS");
    if (library().nbd_set_tls(h, LIBNBD_TLS_REQUIRE) < 0) return client_error("TLS");
    if (!target.tls) return handle;
    const ClientTls& tls = *target.tls;
    const crypto::TlsOptions& creds = tls.creds->options();
    if (creds.role != crypto::TlsRole::client) return fail(EINVAL, "Expecting TLS credentials with a client endpoint");
    if (creds.password || !creds.priority.empty())
        return fail(ENOTSUP, "libnbd takes neither a key's password nor a priority");
    switch (tls.creds->kind()) {
    case crypto::TlsCreds::Kind::anon: return fail(ENOTSUP, "libnbd knows no anonymous TLS");
    case crypto::TlsCreds::Kind::x509:
        if (library().nbd_set_tls_certificates(h, creds.dir.c_str()) < 0) return client_error("TLS certificates");
        break;
    case crypto::TlsCreds::Kind::psk:
        if (library().nbd_set_tls_psk_file(h, (creds.dir + "/keys.psk").c_str()) < 0) return client_error("TLS keys");
        if (library().nbd_set_tls_username(h, creds.username.empty() ? "qemu" : creds.username.c_str()) < 0)
            return client_error("TLS user name");
        break;
    }
    if (library().nbd_set_tls_verify_peer(h, creds.verify_peer) < 0) return client_error("TLS");
    if (!tls.hostname.empty() && tls.hostname != target.host) {
#if LIBNBD_HAVE_NBD_SET_TLS_HOSTNAME
        if (library().nbd_set_tls_hostname(h, tls.hostname.c_str()) < 0) return client_error("TLS host name");
#else
        return fail(
            ENOTSUP,
            fmt::format("this libnbd cannot expect the name '{}' of a server that is reached otherwise", tls.hostname));
#endif
    }
    return handle;
}

Result<void> connect(nbd_handle* handle, const Target& target) {
    int result = -1;
    switch (target.kind) {
    case Target::Kind::inet:
        result = library().nbd_connect_tcp(handle, target.host.c_str(),
                                           (target.port.empty() ? std::to_string(default_port) : target.port).c_str());
        break;
    case Target::Kind::unix: result = library().nbd_connect_unix(handle, target.path.c_str()); break;
    case Target::Kind::vsock: {
        const u64 cid = EMU_TRY(parse_number(target.host)), port = EMU_TRY(parse_number(target.port));
        result = library().nbd_connect_vsock(handle, u32(cid), u32(port));
        break;
    }
    case Target::Kind::fd: result = library().nbd_connect_socket(handle, target.fd); break;
    }
    if (result >= 0) return {};
    const int code = library().nbd_get_errno();
    const std::string reason = client_error("").value().text;
    std::string where = target.uri();
    if (target.kind == Target::Kind::unix) where = fmt::format("'{}'", target.path);
    if (target.kind == Target::Kind::inet)
        where = fmt::format("'{}:{}'", target.host, target.port.empty() ? std::to_string(default_port) : target.port);
    if (code == ENOENT && reason.find("no export named") != std::string::npos)
        return fail(code, fmt::format("Requested export not available\n{}: {}", where, reason));
    // What connect(2) says is all there is to say.
    if (code && reason.starts_with("connect: "))
        return fail(code, fmt::format("Failed to connect to {}: {}", where, std::strerror(code)));
    return fail(code ? code : EIO, fmt::format("Failed to connect to {}: {}", where, reason));
}

} // namespace emu::nbd
