// SPDX-License-Identifier: MIT
#include "block/chain.h"

#include <algorithm>

namespace emu::block {

Node* skip_filters(Node* node) {
    while (node && node->filtered()) node = node->filtered();
    return node;
}

Node* backing_of(Node* node) {
    node = skip_filters(node);
    return node ? skip_filters(node->backing().get()) : nullptr;
}

Result<ChainExtent> chain_extent(Node& top, const Node* base, u64 at, u64 length) {
    ChainExtent result;
    unsigned depth = 0;
    for (Node* node = &top; node; node = backing_of(node), depth++) {
        if (base && skip_filters(node) == base) break;
        const u64 size = node->size();
        if (at >= size) { // a short backing file reads as zeroes behind its end, and decides nothing there
            result = {{.length = length, .zero = true, .allocated = depth > 0}, depth};
            return result;
        }
        Extent here = EMU_TRY(node->extent(at, std::min(length, size - at)));
        static_cast<Extent&>(result) = here;
        result.depth = depth;
        if (here.allocated) return result;
        length = here.length;
    }
    result.allocated = false;
    return result;
}

} // namespace emu::block
