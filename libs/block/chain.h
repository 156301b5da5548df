// SPDX-License-Identifier: MIT
// Questions about a chain of images: which layer decides a range, and how.
#pragma once
#include "block/node.h"

namespace emu::block {

/// The node below filters that owns the data and the backing link.
Node* skip_filters(Node* node);
/// The backing node of the first non-filter node, filters above it skipped; null at the end of the chain.
Node* backing_of(Node* node);

struct ChainExtent : Extent {
    unsigned depth = 0; ///< 0: the top node; where nothing is allocated, that of the last node asked
};
/// The state of the range as seen through `top`: the topmost layer that decides it. `base` (exclusive) ends the walk; null
/// walks to the end. `allocated` is false where no layer above `base` decides.
Result<ChainExtent> chain_extent(Node& top, const Node* base, u64 at, u64 length);

} // namespace emu::block
