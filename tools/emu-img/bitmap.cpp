// SPDX-License-Identifier: MIT
#include "commands.h"
#include "common/sizes.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::img {
namespace {

using Kind = block::BitmapAction::Kind;

struct Step {
    Kind kind;
    std::string source;
};

struct Bitmap {
    Source source;
    std::string merge_file, merge_format;
    u64 granularity = 0;
    std::vector<Step> steps;
    std::vector<std::string> words;
};

constexpr std::string_view verbs[] = {"add", "remove", "clear", "enable", "disable", "merge"};

Result<void> set_granularity(Bitmap& c, std::string_view text) {
    auto bytes = parse_size(text);
    if (!bytes || !*bytes) return bad_size("granularity");
    c.granularity = *bytes;
    return {};
}

Result<int> bitmap(Session& session, Bitmap& c) {
    bool adds = false, merges = false;
    for (const Step& step : c.steps) adds |= step.kind == Kind::add, merges |= step.kind == Kind::merge;
    if (c.steps.empty()) return fail(EINVAL, "Need at least one of --add, --remove, --clear, --enable, --disable, or --merge");
    if (c.words.size() != 2) return fail(EINVAL, "Expecting filename and bitmap name");
    if (c.granularity && !adds) return fail(EINVAL, "granularity only supported with --add");
    if (!c.merge_format.empty() && c.merge_file.empty()) return fail(EINVAL, "-F only supported with -b");
    if (!c.merge_file.empty() && !merges) return fail(EINVAL, "Merge bitmap source file only supported with --merge");
    auto node = EMU_TRY(open(session, c.source, c.words[0], {.writable = true, .no_backing = true}));
    block::NodePtr other = node;
    if (!c.merge_file.empty()) other = EMU_TRY(open(session, Source{.format = c.merge_format}, c.merge_file, {.no_backing = true}));
    for (const Step& step : c.steps) {
        block::BitmapAction action{.kind = step.kind, .name = c.words[1], .granularity = c.granularity, .source = other.get(), .source_name = step.source};
        auto done = node->bitmap_action(action);
        if (!done) return fail(std::move(done.error()).in(fmt::format("Operation {} on bitmap {} failed", verbs[unsigned(step.kind)], c.words[1])));
    }
    EMU_CHECK(node->flush());
    EMU_CHECK(node->close());
    return 0;
}

cli::Option step_row(const std::shared_ptr<Bitmap>& c, Kind kind, std::string_view help) {
    return {verbs[unsigned(kind)], kind == Kind::merge ? "name" : "", help, "",
            [c, kind](std::string_view text) -> Result<void> { return c->steps.push_back({kind, std::string(text)}), Result<void>(); }};
}

} // namespace

cli::Command bitmap_command(Session& session) {
    auto c = std::make_shared<Bitmap>();
    cli::Command row{.name = "bitmap", .summary = "make, remove and change persistent dirty bitmaps"};
    row.options = {
        step_row(c, Kind::add, "make the bitmap"),
        step_row(c, Kind::remove, "remove it"),
        step_row(c, Kind::clear, "forget its dirty bits"),
        step_row(c, Kind::enable, "let it record writes from now on"),
        step_row(c, Kind::disable, "let it record nothing more"),
        step_row(c, Kind::merge, "add the dirty bits of this bitmap to it"),
        {"b,source-file", "file", "the bitmap to merge is in this image", "", cli::into(c->merge_file)},
        format_row(c->merge_format, "F,source-format", "format of that image"),
        {"g,granularity", "size", "bytes for each bit of a new bitmap, a power of two (default: 64k, or the cluster if larger)", "",
         [c](std::string_view text) { return set_granularity(*c, text); }},
        object_row(session),
        image_opts_row(c->source),
        untrusted_row(session),
        format_row(c->source.format),
    };
    row.positionals = {{"file", "the image", cli::into(c->words), false}, {"bitmap", "name of the bitmap", cli::into(c->words), false, true}};
    row.action = [&session, c] { return bitmap(session, *c); };
    return row;
}

} // namespace emu::img
