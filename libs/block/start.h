// SPDX-License-Identifier: MIT
// How formats look at the beginning of a file: what is shorter than the header reads as zeroes behind its end, so that such a
// file is refused for what it is ("Image not in ... format") before it is refused for what it lacks.
#pragma once
#include "block/node.h"

#include <algorithm>

namespace emu::block {

inline Result<void> read_start(Node& file, Bytes to) {
    std::fill(to.begin(), to.end(), u8(0));
    return file.read(0, to.first(usize(std::min<u64>(to.size(), file.size()))));
}

} // namespace emu::block
