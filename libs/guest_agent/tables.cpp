// SPDX-License-Identifier: MIT
#include "guest_agent/tables.h"

#include "common/text.h"

#include <charconv>

namespace emu::guest_agent {

std::vector<Row> table_rows(std::string_view text) {
    std::vector<Row> rows;
    for (std::string_view line : split(text, '\n')) {
        Row row;
        for (usize at = 0; at < line.size();) {
            const usize begin = line.find_first_not_of(" \t", at);
            if (begin == line.npos) break;
            at = std::min(line.find_first_of(" \t", begin), line.size());
            row.emplace_back(line.substr(begin, at - begin));
        }
        if (!row.empty()) rows.push_back(std::move(row));
    }
    return rows;
}

s64 number_or_zero(std::string_view text) {
    s64 value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

u64 hex_number(std::string_view text) {
    u64 value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return value;
}

s64 number_after(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix) || text.size() == prefix.size()) return -1;
    text.remove_prefix(prefix.size());
    u32 value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    return result.ec == std::errc() && result.ptr == text.data() + text.size() ? s64(value) : -1;
}

} // namespace emu::guest_agent
