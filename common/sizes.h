// SPDX-License-Identifier: MIT
// Byte counts as people write them: "64k", "1.5G", "0x1000", with the binary suffixes b k M G T P E.
#pragma once
#include "common/result.h"

#include <string>
#include <string_view>

namespace emu {

/// A decimal number, fraction allowed, and an optional suffix in either case; or a hexadecimal number without one.
/// `default_suffix` is the unit of a bare number ('M' for memory sizes). Fractions are cut off to whole bytes.
Result<u64> parse_size(std::string_view text, char default_suffix = 'b');

/// A plain unsigned number: decimal, or hexadecimal with 0x.
Result<u64> parse_number(std::string_view text);

/// The shortest text that parse_size reads back to the same number: 65536 is "64k", 1000 is "1000".
std::string format_size(u64 bytes);

/// For people: "1.5 GiB", three significant digits.
std::string human_size(u64 bytes);

} // namespace emu
