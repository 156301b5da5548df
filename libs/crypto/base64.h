// SPDX-License-Identifier: MIT
// Base64 (RFC 4648, section 4).
#pragma once
#include "common/result.h"
#include "common/types.h"

#include <string>
#include <string_view>
#include <vector>

namespace emu::crypto {

std::string base64_encode(ConstBytes data);
/// White space is skipped; anything else outside the alphabet, or wrong padding, is an error.
Result<std::vector<u8>> base64_decode(std::string_view text);

} // namespace emu::crypto
