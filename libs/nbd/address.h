// SPDX-License-Identifier: MIT
// Where a server listens: TCP, a UNIX socket, or sockets that a service manager hands over.
#pragma once
#include "common/fd.h"

#include <string>
#include <vector>

namespace emu::nbd {

constexpr u16 default_port = 10809;

/// One socket per address that `host` means ("" for all addresses, both families through one socket).
Result<std::vector<Fd>> listen_tcp(const std::string& host, u16 port);
/// The name must be absolute. A file in the way is an error, unless nobody listens there any more.
Result<Fd> listen_unix(const std::string& path);
/// The descriptor of LISTEN_FDS (sd_listen_fds(3)), if it is for this process; no descriptor if not. The variables are
/// removed from the environment.
Result<Fd> activated_socket();

} // namespace emu::nbd
