// SPDX-License-Identifier: MIT
#include "block/formats/vpc/geometry.h"

#include <algorithm>

namespace emu::block {

Geometry vhd_geometry(u64 sectors) {
    sectors = std::min(sectors, vhd_max_geometry);
    u64 per_track = 17, heads = 0, tracks = 0;
    if (sectors >= u64(65535) * 16 * 63) {
        per_track = 255;
        heads = 16;
        tracks = sectors / per_track;
    } else {
        tracks = sectors / per_track;
        heads = std::max<u64>((tracks + 1023) / 1024, 4);
        // Too many tracks for so few sectors each: the next larger track sizes of the table.
        for (const u64 next : {u64(31), u64(63)}) {
            if (tracks < heads * 1024 && heads <= 16) break;
            per_track = next;
            heads = 16;
            tracks = sectors / per_track;
        }
    }
    return {u16(tracks / heads), u8(heads), u8(per_track)};
}

Geometry vhd_geometry_at_least(u64 sectors) {
    const u64 wanted = std::min(sectors, vhd_max_geometry);
    Geometry found = vhd_geometry(wanted);
    // A geometry loses less than a cylinder (16 * 255 sectors) by rounding, a little more where its form changes.
    for (u64 more = wanted; found.total() < wanted && more < vhd_max_geometry; more++) found = vhd_geometry(more + 1);
    return found;
}

} // namespace emu::block
