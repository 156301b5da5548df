// SPDX-License-Identifier: MIT
#include "block/ops/info.h"
#include "commands.h"

#include "block/chain.h"

#include <fmt/format.h>

namespace emu::img {
namespace {

struct Info {
    Source source;
    bool json = false, chain = false, limits = false;
    std::vector<std::string> words;
};

Result<int> info(Session& session, Info& c) {
    if (c.words.size() != 1) return usage("Expecting one image file name");
    block::OpenRequest request{.no_io = true, .no_backing = !c.chain};
    auto node = EMU_TRY(open(session, c.source, c.words[0], std::move(request)));
    Json list = Json::array();
    std::string text;
    for (block::Node* layer = block::skip_filters(node.get()); layer; layer = block::backing_of(layer)) {
        const Json one = EMU_TRY(block::describe_image(*layer, {.limits = c.limits}));
        text += (text.empty() ? "" : "\n") + block::image_text(one);
        list.push(one);
        if (!c.chain) break;
    }
    if (c.json) fmt::print("{}\n", c.chain ? list.dump(4) : (*list.as_array())[0].dump(4));
    else fmt::print("{}", text);
    return 0;
}

} // namespace

cli::Command info_command(Session& session) {
    auto c = std::make_shared<Info>();
    cli::Command row{.name = "info", .summary = "describe an image"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        format_row(c->source.format),
        output_row(c->json),
        {"backing-chain", "", "describe the backing images as well", "", cli::into(c->chain)},
        {"limits", "", "also say what requests the image likes", "", cli::into(c->limits)},
        cache_row(c->source.cache, "t,cache", "cache mode of the image"),
        force_share_row(c->source),
        untrusted_row(session),
    };
    row.positionals = {{"file", "the image", cli::into(c->words), false, true}};
    row.action = [&session, c] { return info(session, *c); };
    return row;
}

} // namespace emu::img
