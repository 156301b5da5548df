// SPDX-License-Identifier: MIT
// Operations on chains of images: commit a layer into the one below, put another image below a layer.
#pragma once
#include "block/image.h"
#include "common/progress.h"

namespace emu::block {

/// Open the images below `top` (which was opened without) down to the one called `base` and hang them in; that one writable.
/// "" is the image right below. Returns it.
Result<NodePtr> open_down_to(Node& top, std::string_view base, Context& context, CacheMode cache);

/// Write what stands above `base` in the chain of `top` into `base`, which must be writable; grows it if need be.
Result<void> commit_into(Node& top, Node& base, u64 rate, Progress* progress);

struct RebaseOptions {
    NodePtr new_backing;        ///< null: none
    bool compress = false;
    Progress* progress = nullptr;
};
/// Copy into `top` what would otherwise look different over the new backing image. The header is the caller's business.
Result<void> rebase_contents(Node& top, const RebaseOptions& options);

} // namespace emu::block
