// SPDX-License-Identifier: MIT
#include "block/ops/info.h"
#include "commands.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::img {
namespace {

struct Snapshot {
    Source source;
    char verb = 'l';
    bool chosen = false;
    std::string name;
    std::vector<std::string> words;
};

Result<void> choose(Snapshot& c, char verb, std::string_view name) {
    if (c.chosen) return usage("Cannot mix '-l', '-a', '-c', '-d'");
    c.chosen = true;
    c.verb = verb;
    c.name = name;
    return {};
}

Result<void> act(const Snapshot& c, block::Node& node) {
    Result<void> done;
    std::string_view what;
    switch (c.verb) {
    case 'a': what = "apply", done = node.snapshot_apply(c.name); break;
    case 'c': what = "create", done = node.snapshot_create(c.name); break;
    default: what = "delete", done = node.snapshot_delete(c.name); break;
    }
    if (done) return node.flush();
    const int code = done.error().code;
    if (code == ENOTSUP && c.verb == 'c') done.error().text = fmt::format("-{} ({})", ENOTSUP, std::strerror(ENOTSUP));
    if (code == ENOTSUP && c.verb == 'a') done.error().text = "Block driver does not support snapshots";
    if (code == ENOTSUP && c.verb == 'd') done.error().text = "snapshot not found";
    if (c.verb == 'a' && code == ENOENT) done.error().text = "Failed to load snapshot: No such file or directory";
    if (c.verb == 'd' && code == ENOENT) done.error().text = "snapshot not found";
    return in(fmt::format("Could not {} snapshot '{}'", what, c.name), std::move(done));
}

Result<int> snapshot(Session& session, Snapshot& c) {
    if (c.words.size() != 1) return usage("Expecting one image file name");
    const bool list = c.verb == 'l';
    auto node = EMU_TRY(open(session, c.source, c.words[0], {.writable = !list, .no_io = list, .no_backing = list, .unmap = true}));
    if (list) {
        const block::ImageInfo info = EMU_TRY(node->info());
        if (!info.snapshots.empty()) fmt::print("Snapshot list:\n{}", block::snapshot_table(info.snapshots));
        return 0;
    }
    EMU_CHECK(act(c, *node));
    EMU_CHECK(node->close());
    return 0;
}

} // namespace

cli::Command snapshot_command(Session& session) {
    auto c = std::make_shared<Snapshot>();
    cli::Command row{.name = "snapshot", .summary = "list, make, apply or delete internal snapshots"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        force_share_row(c->source),
        quiet_row(session),
        format_row(c->source.format),
        {"l,list", "", "list them (the default)", "", [c](std::string_view text) { return choose(*c, 'l', text); }},
        {"a,apply", "name", "go back to this one", "", [c](std::string_view text) { return choose(*c, 'a', text); }},
        {"c,create", "name", "make one", "", [c](std::string_view text) { return choose(*c, 'c', text); }},
        {"d,delete", "name", "delete one", "", [c](std::string_view text) { return choose(*c, 'd', text); }},
        untrusted_row(session),
    };
    row.positionals = {{"file", "the image", cli::into(c->words), false, true}};
    row.action = [&session, c] { return snapshot(session, *c); };
    return row;
}

} // namespace emu::img
