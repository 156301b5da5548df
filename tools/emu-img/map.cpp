// SPDX-License-Identifier: MIT
#include "block/ops/map.h"
#include "commands.h"
#include "common/text.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>

namespace emu::img {
namespace {

struct Map {
    Source source;
    bool json = false;
    u64 start = 0, length = UINT64_MAX;
    std::vector<std::string> words;
};

void print_json(const block::MapEntry& e, bool first) {
    fmt::print("{}{{ \"start\": {}, \"length\": {}, \"depth\": {}, \"present\": {}, \"zero\": {}, \"data\": {}, \"compressed\": {}", first ? "" : ",\n", e.start,
               e.length, e.depth, e.present, e.zero, e.data, e.compressed);
    if (e.offset) fmt::print(", \"offset\": {}", *e.offset);
    fmt::print("}}");
}

Result<int> map(Session& session, Map& c) {
    if (c.words.size() != 1) return usage("Expecting one image file name");
    auto node = EMU_TRY(open(session, c.source, c.words[0]));
    if (!c.json) fmt::print("{:<16}{:<16}{:<16}{}\n", "Offset", "Length", "Mapped to", "File");
    bool first = true, hidden = false;
    auto each = [&](const block::MapEntry& e) {
        if (c.json) {
            print_json(e, first);
        } else if (e.data && !e.offset) {
            hidden = true;
        } else if (e.data && !e.zero && !hidden) {
            fmt::print("{:<16}{:<16}{:<16}{}\n", hex(e.start), hex(e.length), hex(*e.offset), e.file_name);
        }
        first = false;
    };
    if (c.json) fmt::print("[");
    EMU_CHECK(in("Could not read file metadata", block::map_image(*node, c.start, c.length, each)));
    if (c.json) fmt::print("]\n");
    if (hidden) return fail(EINVAL, "File contains external, encrypted or compressed clusters.");
    return 0;
}

} // namespace

cli::Command map_command(Session& session) {
    auto c = std::make_shared<Map>();
    cli::Command row{.name = "map", .summary = "list where an image and its backing images keep what"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        format_row(c->source.format),
        size_row("s,start-offset", "where to begin", "start offset", c->start),
        size_row("l,max-length", "how far to go", "max length", c->length),
        output_row(c->json),
        force_share_row(c->source),
        untrusted_row(session),
    };
    row.positionals = {{"file", "the image", cli::into(c->words), false, true}};
    row.action = [&session, c] { return map(session, *c); };
    return row;
}

} // namespace emu::img
