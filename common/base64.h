// SPDX-License-Identifier: MIT
// Base64 (RFC 4648 section 4): with padding, nothing but the alphabet accepted.
#pragma once
#include "common/result.h"

#include <string>
#include <string_view>

namespace emu {

std::string base64_encode(std::string_view bytes);
/// An error for foreign characters, wrong padding, or bits set that no byte holds.
Result<std::string> base64_decode(std::string_view text);

} // namespace emu
