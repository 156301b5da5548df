// SPDX-License-Identifier: MIT
// The layout of an image as `map` prints it: neighbouring ranges of the same kind joined.
#pragma once
#include "block/chain.h"

#include <functional>

namespace emu::block {

struct MapEntry {
    u64 start = 0, length = 0;
    unsigned depth = 0;
    bool present = false, zero = false, data = false, compressed = false;
    std::optional<u64> offset;
    std::string file_name; ///< of the storage that `offset` counts in
};
Result<void> map_image(Node& image, u64 start, u64 length, const std::function<void(const MapEntry&)>& each);

} // namespace emu::block
