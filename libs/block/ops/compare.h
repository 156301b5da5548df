// SPDX-License-Identifier: MIT
// Are two images equal? A longer one may go on with zeroes.
#pragma once
#include "block/node.h"
#include "common/progress.h"

namespace emu::block {

struct Difference {
    enum class Kind : u8 { none, contents, status } kind = Kind::none;
    u64 offset = 0;
};
/// The first difference, if any. `strict`: the state of ranges (data, zero, allocated) counts too.
/// Errors: ENODATA where the state of a range cannot be found out, others for reads.
Result<Difference> compare_images(Node& a, Node& b, bool strict, Progress* progress);

} // namespace emu::block
