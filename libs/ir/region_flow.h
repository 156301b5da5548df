// SPDX-License-Identifier: MIT
// Passes over the finished blocks of a region.
#pragma once
#include "ir/region.h"

namespace emu::ir {

/// Put blocks into an order where a block comes before what it leads to, but for loops; drops what the entry does not lead to.
void order_blocks(Region& region);
/// Fill in Region::loops and RegionBlock::loop.
void find_loops(Region& region);
/// Fill in RegionBlock::live; sets whose value nobody looks at become constants that nobody uses.
void find_live_slots(Region& region);
/// Fill in the loops' weights; after the others.
void weigh_slots(Region& region);

/// Blocks that control goes to from block `index`, returns included.
std::vector<u32> successors(const Region& region, u32 index);

} // namespace emu::ir
