// SPDX-License-Identifier: MIT
#include "block/ops/manual.h"

#include <fmt/format.h>

namespace emu::block {
namespace {

std::string roff(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '\\') out += "\\e";
        else if (c == '-') out += "\\-";
        else out += c;
    }
    if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
    return out;
}

std::string options(std::string_view title, std::span<const CreateOption> rows) {
    if (rows.empty()) return "";
    std::string out = fmt::format(".PP\n{}:\n", title);
    for (const CreateOption& row : rows) {
        if (row.amend_only) continue;
        out += fmt::format(".TP\n.I {}\n{}", roff(row.name), roff(row.help.empty() ? "(no description)" : row.help));
        if (!row.default_text.empty()) out += fmt::format(" (default: {})", roff(row.default_text));
        out += "\n";
    }
    return out;
}

} // namespace

std::string driver_manual() {
    static constexpr std::string_view titles[] = {"FORMATS", "PROTOCOLS", "FILTERS"};
    std::string out;
    for (auto kind : {Driver::Kind::format, Driver::Kind::protocol, Driver::Kind::filter}) {
        out += fmt::format(".SH {}\n", titles[unsigned(kind)]);
        for (const Driver* row : drivers()) {
            if (row->kind != kind) continue;
            out += fmt::format(".SS {}\n{}{}.\n", roff(row->name), roff(row->summary.empty() ? row->name : row->summary),
                               row->read_only ? "; read\\-only" : "");
            out += options("To open", row->open_options) + options("To make", row->create_options);
        }
    }
    return out;
}

} // namespace emu::block
