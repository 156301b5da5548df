// SPDX-License-Identifier: MIT
#include "commands.h"
#include "common/log.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::img {
namespace {

struct Measure {
    Source source;
    std::string target = "raw", options, snapshot;
    bool json = false;
    u64 size = UINT64_MAX;
    std::vector<std::string> words;
};

/// Defaults of the creation options where they are not given.
Result<KeyValues> with_defaults(const block::Driver& driver, KeyValues given) {
    for (const KeyValue& kv : given.items()) {
        bool known = false;
        for (const block::CreateOption& row : driver.create_options) known |= row.name == kv.key;
        if (!known) return fail(EINVAL, fmt::format("Invalid parameter '{}'\n{}: Invalid options for file format '{}'", kv.key, log::program(), driver.name));
    }
    for (const block::CreateOption& row : driver.create_options)
        if (!row.default_text.empty() && !given.has(row.name)) given.add(row.name, row.default_text);
    given.take("size");
    return given;
}

void print(const block::Measure& m, bool json) {
    if (!json) {
        fmt::print("required size: {}\nfully allocated size: {}\n", m.required, m.fully_allocated);
        if (m.bitmaps) fmt::print("bitmaps size: {}\n", *m.bitmaps);
        return;
    }
    Json out = Json::object();
    if (m.bitmaps) out.set("bitmaps", *m.bitmaps);
    fmt::print("{}\n", out.set("required", m.required).set("fully-allocated", m.fully_allocated).dump(4));
}

Result<int> measure(Session& session, Measure& c) {
    const bool sized = c.size != UINT64_MAX;
    if (c.words.size() > 1) return fail(EINVAL, "At most one filename argument is allowed.");
    if (c.words.empty() && (c.source.image_opts || !c.source.format.empty() || !c.snapshot.empty()))
        return fail(EINVAL, "--image-opts, -f, and -l require a filename argument.");
    if (c.words.empty() && !sized) return fail(EINVAL, "Either --size N or one filename must be specified.");
    if (!c.words.empty() && sized) return fail(EINVAL, "--size N cannot be used together with a filename.");
    block::NodePtr node;
    if (!c.words.empty()) node = EMU_TRY(open(session, c.source, c.words[0]));
    if (!c.snapshot.empty()) EMU_CHECK(load_snapshot(*node, c.snapshot));
    const block::Driver* driver = EMU_TRY(block::find_format(c.target));
    if (!driver->create) return fail(ENOTSUP, fmt::format("Format driver '{}' does not support image creation", c.target));
    if (!driver->measure) return fail(ENOTSUP, fmt::format("Block driver '{}' does not support size measurement", c.target));
    bool help = false;
    KeyValues options = EMU_TRY(parse_options(c.options, help));
    block::CreateArgs args{.name = "", .size = node ? node->size() : c.size, .options = EMU_TRY(with_defaults(*driver, std::move(options))),
                           .context = &session.objects};
    print(EMU_TRY(driver->measure(args.size, args, node.get())), c.json);
    return 0;
}

} // namespace

cli::Command measure_command(Session& session) {
    auto c = std::make_shared<Measure>();
    cli::Command row{.name = "measure", .summary = "say how much storage an image of some format will need"};
    row.options = {
        output_row(c->json),
        format_row(c->target, "O,target-format", "format of the image to be made (default: raw)"),
        options_row(c->options),
        {"s,size", "size", "size of an image to be made from nothing", "",
         [c](std::string_view text) -> Result<void> { return c->size = EMU_TRY(image_size(text)), Result<void>(); }},
        object_row(session),
        image_opts_row(c->source),
        format_row(c->source.format),
        {"l,snapshot", "name", "measure this internal snapshot", "", cli::into(c->snapshot)},
        force_share_row(c->source),
        untrusted_row(session),
    };
    row.positionals = {{"file", "the image to be converted", cli::into(c->words), false, true}};
    row.action = [&session, c] { return measure(session, *c); };
    return row;
}

} // namespace emu::img
