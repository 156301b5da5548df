// SPDX-License-Identifier: MIT
#include "guest_agent/os_release.h"

#include "common/text.h"

namespace emu::guest_agent {

namespace {

std::string unquoted(std::string_view text) {
    const char quote = !text.empty() && (text[0] == '"' || text[0] == '\'') ? text[0] : '\0';
    if (quote) text.remove_prefix(1);
    std::string out;
    for (usize i = 0; i < text.size() && text[i] != quote; i++) {
        if (text[i] == '\\' && quote != '\'' && i + 1 < text.size()) i++;
        out += text[i];
    }
    return out;
}

} // namespace

std::map<std::string, std::string> parse_os_release(std::string_view text) {
    std::map<std::string, std::string> values;
    for (std::string_view line : split(text, '\n')) {
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        const usize equals = line.find('=');
        if (line.empty() || line[0] == '#' || equals == line.npos) continue;
        values[std::string(line.substr(0, equals))] = unquoted(line.substr(equals + 1));
    }
    return values;
}

} // namespace emu::guest_agent
