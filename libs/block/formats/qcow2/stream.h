// SPDX-License-Identifier: MIT
#pragma once
#include "block/stream.h"

namespace emu::block::qcow2 {

/// Driver::stream of qcow2.
Result<NodePtr> stream(StreamArgs& args);

} // namespace emu::block::qcow2
