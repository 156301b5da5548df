// SPDX-License-Identifier: MIT
// Zones of the kernel's zoned block devices (linux/blkzoned.h).
#pragma once
#include "block/node.h"

namespace emu::block {

/// ENOTSUP where the descriptor is no zoned device.
Result<std::vector<Zone>> report_zones(int fd, u64 at, usize most);
Result<void> act_on_zones(int fd, ZoneAction action, u64 at, u64 length);

} // namespace emu::block
