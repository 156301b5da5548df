// SPDX-License-Identifier: MIT
// The client's side, by way of libnbd: where a server is, and handles that are connected to it.
#pragma once
#include "common/keyval.h"
#include "common/result.h"
#include "crypto/tls.h"

#include <memory>
#include <optional>
#include <string>

struct nbd_handle;

namespace emu::nbd {

/// What a client needs for TLS.
struct ClientTls {
    std::shared_ptr<const crypto::TlsCreds> creds;
    std::string hostname; ///< expected in the server's certificate; empty: the host connected to
};

struct Target {
    enum class Kind : u8 { inet, unix, vsock, fd };
    Kind kind = Kind::inet;
    std::string host, port; ///< inet; vsock: numbers
    std::string path;       ///< unix
    int fd = -1;            ///< fd: a connected socket that the handle takes over
    std::string export_name;
    std::optional<ClientTls> tls;
    bool tls_required = false; ///< nbds: without credentials of its own, the system's certificate authorities count

    /// "nbd://host:port/name" or "nbd+unix:///name?socket=path", for messages and as an image's name.
    std::string uri() const;
};

struct CloseHandle {
    void operator()(nbd_handle* handle) const;
};
using Handle = std::unique_ptr<nbd_handle, CloseHandle>;

/// The last failure of libnbd in this thread.
tl::unexpected<Error> client_error(std::string_view what);

/// A handle, its name and TLS set, not yet connected.
Result<Handle> make_handle(const Target& target);
/// Connect; blocks.
Result<void> connect(nbd_handle* handle, const Target& target);

/// What `emu-nbd --list` prints.
Result<std::string> list_exports(const Target& target);

} // namespace emu::nbd
