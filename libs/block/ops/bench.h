// SPDX-License-Identifier: MIT
// Many requests of one size at regular distances, and the time they take.
#pragma once
#include "block/node.h"

namespace emu::block {

struct BenchOptions {
    u64 count = 75000, depth = 64, offset = 0, size = 4096, step = 0;
    u64 flush_interval = 0; ///< writes between flushes; 0: none
    bool write = false, drain = true;
    u8 pattern = 0;
};
/// Wall seconds. Requests wrap at the end of the image.
Result<double> run_bench(Node& node, const BenchOptions& options);

} // namespace emu::block
