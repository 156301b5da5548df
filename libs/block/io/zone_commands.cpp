// SPDX-License-Identifier: MIT
// Commands about zones of zoned block devices. Positions are printed in sectors of 512 bytes.
#include "block/io/commands.h"
#include "common/sizes.h"

#include <cstring>
#include <fmt/format.h>

namespace emu::block::io {
namespace {

bool failed(std::string_view what, const Error& error) { return fmt::print("{} failed: {}\n", what, std::strerror(error.code)), false; }

bool report_zones(Shell& shell, const Command&, const Parsed& parsed) {
    const auto at = number(parsed.words[0]), most = number(parsed.words[1]);
    if (!at || !most) return false;
    auto zones = shell.node()->zones(*at, usize(std::min<u64>(*most, 1u << 20)));
    if (!zones) return failed("zone report", zones.error());
    for (const Zone& z : *zones)
        fmt::print("start: 0x{:x}, len 0x{:x}, cap 0x{:x}, wptr 0x{:x}, zcond:{}, [type: {}]\n", z.start / 512, z.length / 512, z.capacity / 512, z.write_pointer / 512,
                   z.condition, z.type);
    return true;
}

bool act(Shell& shell, const Parsed& parsed, ZoneAction action, std::string_view what) {
    const auto at = number(parsed.words[0]), length = number(parsed.words[1]);
    if (!at || !length) return false;
    auto done = shell.node()->zone_action(action, *at, *length);
    return done ? true : failed(what, done.error());
}
bool open_zone(Shell& shell, const Command&, const Parsed& parsed) { return act(shell, parsed, ZoneAction::open, "zone open"); }
bool close_zone(Shell& shell, const Command&, const Parsed& parsed) { return act(shell, parsed, ZoneAction::close, "zone close"); }
bool finish_zone(Shell& shell, const Command&, const Parsed& parsed) { return act(shell, parsed, ZoneAction::finish, "zone finish"); }
bool reset_zone(Shell& shell, const Command&, const Parsed& parsed) { return act(shell, parsed, ZoneAction::reset, "zone reset"); }

bool append_zone(Shell& shell, const Command&, const Parsed& parsed) {
    const auto at = number(parsed.words[0]), length = number(parsed.words[1]);
    if (!at || !length) return false;
    if (*length > max_request) return fmt::print("length cannot exceed {}, given {}\n", max_request, parsed.words[1]), false;
    u64 pattern = 0xcd;
    if (parsed.words.size() > 2) {
        auto byte = parse_number(parsed.words[2]);
        if (!byte || *byte > 0xff) return fmt::print("{} is not a valid pattern byte\n", parsed.words[2]), false;
        pattern = *byte;
    }
    auto place = shell.node()->zone_append(*at, std::vector<u8>(usize(*length), u8(pattern)));
    if (!place) return failed("zone append", place.error());
    fmt::print("After zap done, the append sector is 0x{:x}\n", *place / 512);
    return true;
}

constexpr Command rows[] = {
    {"zone_append", "zap", "", 2, 3, "offset len [pattern]", "append write a number of bytes at a specified offset", "", true, true, append_zone},
    {"zone_close", "zc", "", 2, 2, "offset len", "explicit close a range of zones in zone block device", "", true, true, close_zone},
    {"zone_finish", "zf", "", 2, 2, "offset len", "explicit finish a range of zones in zone block device", "", true, true, finish_zone},
    {"zone_open", "zo", "", 2, 2, "offset len", "explicit open a range of zones in zone block device", "", true, true, open_zone},
    {"zone_report", "zrp", "", 2, 2, "offset number", "report a number of zones", "", true, false, report_zones},
    {"zone_reset", "zrs", "", 2, 2, "offset len", "reset a zone write pointer in zone block device", "", true, true, reset_zone},
};

} // namespace

std::span<const Command> zone_commands() { return rows; }

} // namespace emu::block::io
