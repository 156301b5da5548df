// SPDX-License-Identifier: MIT
// Makers of the module's own types, for the table of them in types.cpp.
#pragma once
#include "objects/table.h"

namespace emu::objects {

Result<std::shared_ptr<void>> make_secret(KeyValues& options, Table& table);
Result<std::shared_ptr<void>> make_secret_keyring(KeyValues& options, Table& table);

} // namespace emu::objects
