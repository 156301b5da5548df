// SPDX-License-Identifier: MIT
#include "block/driver.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {

#define EMU_DRIVER(id) extern const Driver id##_driver;
#include "block/drivers.def"
#undef EMU_DRIVER

std::span<const Driver* const> drivers() {
    static const Driver* const rows[] = {
#define EMU_DRIVER(id) &id##_driver,
#include "block/drivers.def"
#undef EMU_DRIVER
    };
    return rows;
}

const Driver* find_driver(std::string_view name) {
    auto all = drivers();
    auto at = std::find_if(all.begin(), all.end(), [&](const Driver* row) { return row->name == name; });
    return at == all.end() ? nullptr : *at;
}

Result<const Driver*> find_format(std::string_view name) {
    const Driver* row = find_driver(name);
    if (!row) return fail(EINVAL, fmt::format("Unknown file format '{}'", name));
    return row;
}

Result<CacheMode> parse_cache_mode(std::string_view text) {
    struct Row {
        std::string_view name;
        CacheMode mode;
    };
    static constexpr Row rows[] = {
        {"none", {.direct = true}},  {"off", {.direct = true}},
        {"directsync", {.direct = true, .writethrough = true}}, {"writeback", {}},
        {"unsafe", {.no_flush = true}}, {"writethrough", {.writethrough = true}},
    };
    for (const Row& row : rows)
        if (row.name == text) return row.mode;
    return fail(EINVAL, fmt::format("Invalid cache option: {}", text));
}

} // namespace emu::block
