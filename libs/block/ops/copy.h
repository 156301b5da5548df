// SPDX-License-Identifier: MIT
// Copying contents between nodes with all processors: readers (and compressors) run ahead; places in the target are given
// out in order unless told otherwise, and so are the writes where the target gives a place only to a write (Node::place).
#pragma once
#include "block/node.h"
#include "block/stream.h"
#include "common/progress.h"

#include <functional>

namespace emu::block {

struct CopyOptions {
    bool compressed = false;
    bool offload = false;        ///< let the kernel copy between files where it can
    bool target_is_zero = false; ///< what is not written reads as zeroes
    bool top_only = false;       ///< the target has a backing image: only what the source's top layer has is copied
    u64 backing_length = 0;      ///< with top_only: how far the target's backing image reaches
    bool salvage = false;        ///< unreadable sectors become zeroes
    bool out_of_order = false;
    u64 sparse = 4096;           ///< shortest run of zeroes that is left out; 0: everything is written
    unsigned workers = 8;
    u64 rate = 0;                ///< bytes a second; 0: as fast as it goes
    Progress* progress = nullptr;
    std::function<void(const std::string&)> warn;
};

/// The contents of the sources, one behind the other, into the target from its beginning on.
Result<void> copy_contents(const std::vector<Node*>& sources, Node& target, const CopyOptions& options);

/// Where copy_contents() will write something else than zeroes, in ascending order; zeroes in the midst of data count as data.
Result<std::vector<Range>> data_ranges(const std::vector<Node*>& sources, const CopyOptions& options);

/// How many threads help with CPU-bound work.
unsigned worker_threads(unsigned wanted);

} // namespace emu::block
