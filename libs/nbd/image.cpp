// SPDX-License-Identifier: MIT
#include "nbd/image.h"

#include "common/fd.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

namespace emu::nbd {
namespace {

Result<std::string> snapshot_name(const std::string& text) {
    if (!text.starts_with("snapshot.")) return text;
    KeyValues options = EMU_TRY(KeyValues::parse(text));
    const auto id = options.take("snapshot.id"), name = options.take("snapshot.name");
    EMU_CHECK(options.finish("snapshot.id, snapshot.name"));
    return id ? *id : name.value_or("");
}

/// An overlay of the image in a file without a name.
Result<block::NodePtr> overlay(block::NodePtr base, block::Context* context) {
    const char* folder = std::getenv("TMPDIR");
    std::string path = std::string(folder && *folder ? folder : "/var/tmp") + "/emu-nbd.XXXXXX";
    Fd made(::mkostemp(path.data(), O_CLOEXEC));
    if (!made) return fail_errno(errno, path);
    auto open = [&]() -> Result<block::NodePtr> {
        EMU_CHECK(block::create_image({.name = path, .format = "qcow2", .size = base->size(), .context = context}));
        return block::open_image(
            {.name = path, .format = "qcow2", .writable = true, .cache = {.no_flush = true}, .context = context});
    };
    auto node = open();
    ::unlink(path.c_str());
    if (node) (*node)->set_backing(std::move(base));
    return node;
}

} // namespace

Result<block::NodePtr> open_for_export(const ImageOptions& o) {
    block::OpenRequest request{.name = o.name,
                               .image_opts = o.image_opts,
                               .format = o.format,
                               .writable = o.writable && !o.snapshot,
                               .cache = o.cache,
                               .unmap = o.unmap,
                               .options = o.options,
                               .context = o.context};
    auto opened = block::open_image(request);
    // What cannot be written can still be read.
    if (!opened && request.writable && (opened.error().code == EACCES || opened.error().code == EROFS)) {
        request.writable = false;
        auto again = block::open_image(request);
        if (again) opened = std::move(again);
    }
    block::NodePtr node = EMU_TRY(in(fmt::format("Could not open '{}'", o.name), std::move(opened)));
    if (o.load_snapshot) {
        const std::string name = EMU_TRY(snapshot_name(*o.load_snapshot));
        EMU_CHECK(in("Failed to load snapshot", node->snapshot_load(name)));
    }
    if (o.snapshot) return overlay(std::move(node), o.context);
    return node;
}

} // namespace emu::nbd
