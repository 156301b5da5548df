// SPDX-License-Identifier: MIT
#include "block/ops/bitmaps.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::block {

Result<void> copy_bitmaps(Node& from, Node& to, bool skip_broken, const std::function<void(const std::string&)>& warn) {
    for (const BitmapInfo& b : EMU_TRY(from.bitmaps())) {
        if (!b.persistent) continue;
        if (b.inconsistent && !skip_broken)
            return fail(Error{EINVAL, fmt::format("Cannot copy inconsistent bitmap '{}'", b.name), "Try --skip-broken-bitmaps, or remove it"});
        if (b.inconsistent) {
            if (warn) warn(fmt::format("Skipping inconsistent bitmap '{}'", b.name));
            continue;
        }
        using Kind = BitmapAction::Kind;
        EMU_CHECK(in(fmt::format("Failed to create bitmap {}", b.name), to.bitmap_action({.kind = Kind::add, .name = b.name, .granularity = b.granularity})));
        EMU_CHECK(in(fmt::format("Failed to populate bitmap {}", b.name),
                     to.bitmap_action({.kind = Kind::merge, .name = b.name, .source = &from, .source_name = b.name})));
        if (!b.enabled) EMU_CHECK(to.bitmap_action({.kind = Kind::disable, .name = b.name}));
    }
    return {};
}

} // namespace emu::block
