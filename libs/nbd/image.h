// SPDX-License-Identifier: MIT
// Opening an image in order to export it.
#pragma once
#include "block/image.h"

namespace emu::nbd {

struct ImageOptions {
    std::string name, format;
    bool image_opts = false;
    bool writable = true;
    bool snapshot = false;                    ///< writes go to a temporary overlay
    std::optional<std::string> load_snapshot; ///< "ID", "NAME", "snapshot.id=ID" or "snapshot.name=NAME"
    block::CacheMode cache;
    bool unmap = false;
    KeyValues options;
    block::Context* context = nullptr;
};

Result<block::NodePtr> open_for_export(const ImageOptions& options);

} // namespace emu::nbd
