// SPDX-License-Identifier: MIT
#include "block/chain.h"
#include "block/ops/backing.h"
#include "commands.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::img {
namespace {

struct Rebase {
    Source source;
    block::CacheMode source_cache;
    std::string backing, backing_format;
    bool backing_given = false, unsafe = false, compress = false;
    std::vector<std::string> words;
};

Result<int> rebase(Session& session, Rebase& c) {
    if (c.words.size() != 1) return usage("Expecting one image file name");
    if (!c.unsafe && !c.backing_given) return usage("Must specify backing file (-b) or use unsafe mode (-u)");
    Source source = c.source;
    source.force_share = false;
    auto node = EMU_TRY(open(session, source, c.words[0], {.writable = true, .no_backing = c.unsafe, .unmap = true}));
    if (!c.backing_format.empty() && !block::find_driver(c.backing_format))
        return fail(EINVAL, fmt::format("Invalid format name: '{}'", c.backing_format));
    if (!c.backing.empty() && c.backing_format.empty())
        return fail(EINVAL, fmt::format("Could not change the backing file to '{}': backing format must be specified", c.backing));
    auto shown = progress(session, node->size());
    if (!c.unsafe) {
        block::RebaseOptions options{.compress = c.compress, .progress = shown.get()};
        if (!c.backing.empty()) {
            const std::string path = EMU_TRY(block::backing_path(node->name(), c.backing));
            Source below{.format = c.backing_format, .force_share = c.source.force_share, .cache = c.source_cache};
            options.new_backing = EMU_TRY(in(fmt::format("Could not open new backing file '{}'", c.backing), open_image(session, below, path)));
        }
        EMU_CHECK(block::rebase_contents(*node, options));
        EMU_CHECK(node->flush()); // the data before the header that needs it
    }
    auto changed = node->change_backing(c.backing, c.backing_format);
    if (!changed && changed.error().code == ENOTSUP) changed.error().text = std::strerror(ENOTSUP);
    EMU_CHECK(in(fmt::format("Could not change the backing file to '{}'", c.backing), std::move(changed)));
    EMU_CHECK(node->flush());
    EMU_CHECK(node->close());
    shown->finish();
    return 0;
}

} // namespace

cli::Command rebase_command(Session& session) {
    auto c = std::make_shared<Rebase>();
    cli::Command row{.name = "rebase", .summary = "put another backing image below an image"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        force_share_row(c->source),
        untrusted_row(session),
        quiet_row(session),
        format_row(c->source.format),
        cache_row(c->source.cache, "t,cache", "cache mode of the image"),
        cache_row(c->source_cache, "T,backing-cache", "cache mode of the backing images"),
        progress_row(session),
        {"u,backing-unsafe", "", "only rewrite the header: the new backing image holds the same", "", cli::into(c->unsafe)},
        {"c,compress", "", "compress what is copied into the image", "", cli::into(c->compress)},
        {"b,backing", "file", "the new backing image; '' for none", "",
         [c](std::string_view text) -> Result<void> { return c->backing = text, c->backing_given = true, Result<void>(); }},
        format_row(c->backing_format, "F,backing-format", "format of the new backing image"),
    };
    row.positionals = {{"file", "the image", cli::into(c->words), false, true}};
    row.action = [&session, c] { return rebase(session, *c); };
    return row;
}

} // namespace emu::img
