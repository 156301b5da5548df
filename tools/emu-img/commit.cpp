// SPDX-License-Identifier: MIT
#include "block/chain.h"
#include "block/ops/backing.h"
#include "commands.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::img {
namespace {

struct Commit {
    Source source;
    std::string base;
    u64 rate = 0;
    bool keep = false;
    std::vector<std::string> words;
};

Result<int> commit(Session& session, Commit& c) {
    if (c.words.size() != 1) return usage("Expecting one image file name");
    c.keep |= !c.base.empty();
    auto top = EMU_TRY(open(session, c.source, c.words[0], {.writable = true, .no_backing = true, .unmap = true}));
    if (top->backing_file().empty()) return fail(EINVAL, "Image does not have a backing file");
    auto base = EMU_TRY(block::open_down_to(*top, c.base, session.objects, c.source.cache));
    auto shown = progress(session, top->size());
    EMU_CHECK(block::commit_into(*top, *base, c.rate, shown.get()));
    if (!c.keep) EMU_CHECK(in("Could not empty the image", top->make_empty()));
    EMU_CHECK(top->flush());
    EMU_CHECK(top->close());
    shown->finish();
    say(session, "Image committed.");
    return 0;
}

} // namespace

cli::Command commit_command(Session& session) {
    auto c = std::make_shared<Commit>();
    cli::Command row{.name = "commit", .summary = "write the contents of an image into its backing image"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        quiet_row(session),
        format_row(c->source.format),
        cache_row(c->source.cache, "t,cache", "cache mode of the images (default: writeback)"),
        {"b,base", "file", "write into this image further down the chain; implies -d", "", cli::into(c->base)},
        size_row("r,rate-limit", "bytes a second at most", "rate limit", c->rate),
        {"d,dont-empty", "", "leave the contents in the image as well", "", cli::into(c->keep)},
        progress_row(session),
    };
    row.positionals = {{"file", "the image", cli::into(c->words), false, true}};
    row.action = [&session, c] { return commit(session, *c); };
    return row;
}

} // namespace emu::img
