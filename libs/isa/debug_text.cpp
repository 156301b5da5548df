// SPDX-License-Identifier: MIT
#include "isa/debug_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <utility>

namespace emu::isa {

std::string registers_text(const RegisterFile& registers, const ir::StateHeader& state, bool all) {
    constexpr usize longest_line = 88, shortest_name = 3;
    std::string text, line;
    for (usize number = 0; number < registers.count(); number++) {
        const std::string_view group = registers.row(number).group;
        if (group != "general" && !(all && (group == "float" || group == "vector"))) continue;
        std::string field = registers.name(number);
        for (char& c : field) c = char(std::toupper(u8(c)));
        field.resize(std::max(field.size(), shortest_name), ' ');
        field += '=';
        std::array<u8, 16> value{};
        registers.read(state, number, value);
        for (usize i = registers.bytes(number); i-- > 0;) field += fmt::format("{:02x}", value[i]);
        if (line.size() + 1 + field.size() > longest_line) text += std::exchange(line, {}) + '\n';
        line += (line.empty() ? "" : " ") + field;
    }
    return text + line + '\n';
}

} // namespace emu::isa
