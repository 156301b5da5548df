// SPDX-License-Identifier: MIT
// Makers of the module's own types, for the table of them in types.cpp.
#pragma once
#include "objects/table.h"

namespace emu::objects {

Result<std::shared_ptr<void>> make_secret(KeyValues& options, Table& table);
Result<std::shared_ptr<void>> make_secret_keyring(KeyValues& options, Table& table);
Result<std::shared_ptr<void>> make_tls_creds_anon(KeyValues& options, Table& table);
Result<std::shared_ptr<void>> make_tls_creds_psk(KeyValues& options, Table& table);
Result<std::shared_ptr<void>> make_tls_creds_x509(KeyValues& options, Table& table);
Result<std::shared_ptr<void>> make_authz_simple(KeyValues& options, Table& table);
Result<std::shared_ptr<void>> make_authz_list(KeyValues& options, Table& table);
Result<std::shared_ptr<void>> make_authz_list_file(KeyValues& options, Table& table);
Result<std::shared_ptr<void>> make_authz_pam(KeyValues& options, Table& table);

} // namespace emu::objects
