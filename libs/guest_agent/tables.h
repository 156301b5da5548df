// SPDX-License-Identifier: MIT
// Reading the tables below /proc: lines of words.
#pragma once
#include "common/types.h"

#include <string>
#include <string_view>
#include <vector>

namespace emu::guest_agent {

using Row = std::vector<std::string>;
/// Lines as words between blanks; empty lines are left out.
std::vector<Row> table_rows(std::string_view text);
/// Numbers of tables that the kernel writes; 0 for what is none.
s64 number_or_zero(std::string_view text);
u64 hex_number(std::string_view text);
/// "prefixN" with nothing behind the number; -1 otherwise.
s64 number_after(std::string_view text, std::string_view prefix);

} // namespace emu::guest_agent
