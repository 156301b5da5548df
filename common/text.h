// SPDX-License-Identifier: MIT
// Small helpers over strings: splitting, joining, and the nearest word for "did you mean".
#pragma once
#include "common/types.h"

#include <string>
#include <string_view>
#include <vector>

namespace emu {

/// The parts between separators; "" has one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// "0" and "0x10": as printf's %#x has it.
std::string hex(u64 value);

/// How many insertions, deletions, replacements and swaps of neighbours turn one word into the other.
usize edit_distance(std::string_view from, std::string_view to);

/// The candidate nearest to a mistyped word, or "" where none is near enough to be what was meant.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

/// " (did you mean 'x'?)" without the parentheses, for Error::hint; "" where nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates,
                         std::string_view prefix = "");

} // namespace emu
