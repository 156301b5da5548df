// SPDX-License-Identifier: MIT
// The disk geometry that the VHD specification derives from a size ("CHS Calculation", appendix), and the times of its footers.
#pragma once
#include "common/types.h"

namespace emu::block {

struct Geometry {
    u16 cylinders = 0;
    u8 heads = 0, sectors = 0;
    u64 total() const { return u64(cylinders) * heads * sectors; }
};

/// For a number of sectors; the result's total is never more.
Geometry vhd_geometry(u64 sectors);
/// The smallest geometry that holds so many sectors, or the largest there is.
Geometry vhd_geometry_at_least(u64 sectors);
constexpr u64 vhd_max_geometry = u64(65535) * 16 * 255;

} // namespace emu::block
