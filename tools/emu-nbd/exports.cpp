// SPDX-License-Identifier: MIT
// What is served: FILE as the options say, and what each --export describes.
#include "nbd/image.h"
#include "options.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::nbd_tool {
namespace {

struct Wish {
    nbd::ImageOptions image;
    nbd::ExportOptions offer;
};

/// How all images are opened: cache mode, engine, discard.
Result<nbd::ImageOptions> shared_options(const Options& o, block::Context& context) {
    nbd::ImageOptions out{.name = {}, .format = {}, .context = &context};
    if (o.cache) out.cache = EMU_TRY(block::parse_cache_mode(*o.cache));
    out.unmap = o.discard && (*o.discard == "unmap" || *o.discard == "on");
    if (o.detect_zeroes) out.options.add("detect-zeroes", *o.detect_zeroes);
    if (o.aio && *o.aio != "threads") out.options.add("file.aio", *o.aio);
    return out;
}

Wish main_wish(const Options& o, nbd::ImageOptions image) {
    image.name = o.image;
    image.format = o.format;
    image.image_opts = o.image_opts;
    image.writable = !o.read_only && !o.load_snapshot;
    image.snapshot = o.snapshot;
    image.load_snapshot = o.load_snapshot;
    return {std::move(image), {.name = o.export_name.value_or(""),
                               .description = o.description.value_or(""),
                               .offset = o.offset,
                               .multi_conn = o.shared != 1,
                               .allocation_depth = o.allocation_depth,
                               .bitmaps = o.bitmaps}};
}

/// "disk.qcow2,name=disk,read-only=on,bitmap=b0"; -r, -s and -A hold for all.
Result<Wish> parse_wish(std::string_view text, const Options& o, nbd::ImageOptions image) {
    KeyValues keys = EMU_TRY(KeyValues::parse(text, "file"));
    const auto file = keys.take("file");
    if (!file || file->empty()) return fail(EINVAL, "an --export needs a file");
    image.name = *file;
    image.format = keys.take("format").value_or("");
    image.load_snapshot = keys.take("load-snapshot");
    image.snapshot = EMU_TRY(keys.take_bool("snapshot")).value_or(o.snapshot);
    image.writable = !EMU_TRY(keys.take_bool("read-only")).value_or(o.read_only) && !image.load_snapshot;
    nbd::ExportOptions offer{.name = keys.take("name").value_or(""),
                             .description = keys.take("description").value_or(""),
                             .offset = EMU_TRY(keys.take_size("offset")).value_or(0),
                             .multi_conn = o.shared != 1,
                             .allocation_depth = EMU_TRY(keys.take_bool("allocation-depth")).value_or(o.allocation_depth),
                             .bitmaps = keys.take_all("bitmap")};
    EMU_CHECK(keys.finish("file, name, format, description, offset, read-only, snapshot, load-snapshot, allocation-depth, bitmap"));
    return Wish{std::move(image), std::move(offer)};
}

} // namespace

Result<std::vector<std::shared_ptr<nbd::Export>>> make_exports(const Options& o, objects::Table& table) {
    const nbd::ImageOptions shared = EMU_TRY(shared_options(o, table));
    std::vector<Wish> wishes;
    if (o.images) wishes.push_back(main_wish(o, shared));
    for (const std::string& text : o.exports) wishes.push_back(EMU_TRY(in(fmt::format("--export {}", text), parse_wish(text, o, shared))));
    std::vector<std::shared_ptr<nbd::Export>> out;
    for (Wish& wish : wishes) {
        for (const auto& other : out)
            if (other->name() == wish.offer.name) return fail(EINVAL, fmt::format("two exports have the name '{}'", wish.offer.name));
        block::NodePtr node = EMU_TRY(nbd::open_for_export(wish.image));
        wish.offer.writable = !node->read_only();
        out.push_back(EMU_TRY(nbd::Export::create(std::move(node), std::move(wish.offer))));
    }
    return out;
}

} // namespace emu::nbd_tool
