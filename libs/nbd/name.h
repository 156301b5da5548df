// SPDX-License-Identifier: MIT
// Names of exports as people write them, and the options that they stand for.
#pragma once
#include "common/keyval.h"

namespace emu::nbd {

/// nbd://HOST[:PORT]/EXPORT, nbd+unix:///EXPORT?socket=PATH, nbd+vsock://CID[:PORT]/EXPORT, nbds..., and the old
/// nbd:HOST:PORT, nbd:unix:PATH, each with an optional :exportname=EXPORT, as options server.type, server.host,
/// server.port, server.path, export, and tls=on.
Result<KeyValues> parse_name(std::string_view name);

} // namespace emu::nbd
