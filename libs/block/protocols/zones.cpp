// SPDX-License-Identifier: MIT
#include "block/protocols/zones.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/blkzoned.h>
#include <sys/ioctl.h>

namespace emu::block {
namespace {

constexpr u64 sector = 512;
constexpr usize zones_at_once = 1024;

tl::unexpected<Error> refusal(int number) {
    if (number == ENOTTY || number == EINVAL || number == EOPNOTSUPP) return fail(ENOTSUP, "this is no zoned device");
    return fail(number, std::strerror(number));
}

} // namespace

Result<std::vector<Zone>> report_zones(int fd, u64 at, usize most) {
    std::vector<Zone> out;
    while (out.size() < most) {
        const usize want = std::min(most - out.size(), zones_at_once);
        std::vector<u64> memory((sizeof(blk_zone_report) + want * sizeof(blk_zone)) / sizeof(u64) + 1);
        auto* report = reinterpret_cast<blk_zone_report*>(memory.data());
        report->sector = at / sector;
        report->nr_zones = u32(want);
        if (::ioctl(fd, BLKREPORTZONE, report) != 0) return refusal(errno);
        const auto* zones = reinterpret_cast<const blk_zone*>(report + 1);
        for (u32 i = 0; i < std::min<u32>(report->nr_zones, u32(want)); i++) {
            const blk_zone& z = zones[i];
            const u64 capacity = report->flags & BLK_ZONE_REP_CAPACITY ? z.capacity : z.len;
            out.push_back({z.start * sector, z.len * sector, capacity * sector, z.wp * sector, z.cond, z.type});
        }
        if (report->nr_zones < want) break;
        at = out.back().start + out.back().length;
    }
    return out;
}

Result<void> act_on_zones(int fd, ZoneAction action, u64 at, u64 length) {
    static constexpr unsigned long requests[] = {BLKOPENZONE, BLKCLOSEZONE, BLKFINISHZONE, BLKRESETZONE};
    blk_zone_range range{at / sector, length / sector};
    if (::ioctl(fd, requests[unsigned(action)], &range) != 0) return refusal(errno);
    return {};
}

} // namespace emu::block
