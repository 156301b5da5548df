// SPDX-License-Identifier: MIT
// The metadata contexts that a block node can answer for. Offsets that they are asked about count from `offset` of the
// node.
#pragma once
#include "nbd/export.h"

namespace emu::nbd {

/// base:allocation: holes and zeroes, of the whole chain.
std::unique_ptr<MetaContext> allocation_context(block::Node& node, u64 offset);
/// qemu:allocation-depth: which layer of the chain decides; 1 is the top, 0 none.
std::unique_ptr<MetaContext> depth_context(block::Node& node, u64 offset);
/// PREFIX + name: the dirty bits of a bitmap of the node or of its backing chain, as they are now; of one that records
/// the writes to this export, as they are when asked.
Result<std::unique_ptr<MetaContext>> bitmap_context(block::Node& node, u64 offset, const std::string& name,
                                                    std::string_view prefix, bool writable);

} // namespace emu::nbd
