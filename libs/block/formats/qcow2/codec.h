// SPDX-License-Identifier: MIT
// Compressed clusters: raw deflate (RFC 1951) or one zstd frame.
#pragma once
#include "block/formats/qcow2/header.h"

namespace emu::block::qcow2 {

/// The compressed bytes, or nothing where they would not be shorter than `from`.
Result<std::optional<std::vector<u8>>> compress(Compression type, ConstBytes from);
/// Fill `to`; `from` may have bytes behind the end of the stream.
Result<void> decompress(Compression type, ConstBytes from, Bytes to);

} // namespace emu::block::qcow2
