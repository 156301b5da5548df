// SPDX-License-Identifier: MIT
// A raw image whose format was guessed. The guess must not change under us: whoever could write a header of another format to its
// beginning would have the next one who opens the image read files of his choice.
#pragma once
#include "block/node.h"

namespace emu::block {

/// The node, but for writes that would make its beginning look like another format: EPERM.
NodePtr guard_guess(NodePtr raw);

} // namespace emu::block
