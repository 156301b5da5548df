// SPDX-License-Identifier: MIT
// Dirty bitmaps of one image into another.
#pragma once
#include "block/node.h"

#include <functional>

namespace emu::block {

/// All persistent bitmaps; inconsistent ones are an error, or left out with a warning.
Result<void> copy_bitmaps(Node& from, Node& to, bool skip_broken, const std::function<void(const std::string&)>& warn);

} // namespace emu::block
