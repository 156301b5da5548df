// SPDX-License-Identifier: MIT
// Certificates looked at before they are used, so that a mistake shows when credentials are loaded and not in a peer's log.
#pragma once
#include "crypto/tls.h"

#include <string>

namespace emu::crypto {

/// A small file whole.
Result<std::string> read_pem(const std::string& path);

/// Validity, basic constraints, key usage and purpose of the CA's certificates and of one's own (path empty: none), and that
/// the CA signed it (RFC 5280, section 4.2.1).
Result<void> check_certificates(const std::string& ca_path, const std::string& own_path, TlsRole role);

} // namespace emu::crypto
