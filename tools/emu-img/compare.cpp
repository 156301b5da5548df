// SPDX-License-Identifier: MIT
#include "block/ops/compare.h"
#include "commands.h"
#include "common/log.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::img {
namespace {

// Exit statuses: differ, could not open, could not ask for the state of a range, could not read.
constexpr int differ = 1, not_open = 2, no_status = 3, not_read = 4;

struct Compare {
    Source source;
    std::string second_format;
    bool strict = false;
    std::vector<std::string> words;
};

int refused(const Error& error, int status) {
    log::error(error);
    return status;
}

int verdict(const Session& session, const block::Difference& found, u64 common, bool same_size) {
    using Kind = block::Difference::Kind;
    if (!same_size && (found.kind == Kind::none || found.offset >= common)) say(session, "Warning: Image size mismatch!");
    if (found.kind == Kind::none) return say(session, "Images are identical."), 0;
    if (found.kind == Kind::status) say(session, fmt::format("Strict mode: Offset {} block status mismatch!", found.offset));
    else say(session, fmt::format("Content mismatch at offset {}!", found.offset));
    return differ;
}

Result<int> compare(Session& session, Compare& c) {
    if (c.words.size() != 2) return refused(usage_error("Expecting two image file names"), not_open);
    auto a = open(session, c.source, c.words[0]);
    if (!a) return refused(a.error(), not_open);
    Source second = c.source;
    second.format = c.second_format;
    auto b = open(session, second, c.words[1]);
    if (!b) return refused(b.error(), not_open);
    const u64 x = (*a)->size(), y = (*b)->size();
    if (c.strict && x != y) return say(session, "Strict mode: Image size mismatch!"), differ;
    auto shown = progress(session, std::max(x, y));
    auto found = block::compare_images(**a, **b, c.strict, shown.get());
    if (!found) return refused(found.error(), found.error().code == ENODATA ? no_status : not_read);
    if (found->kind == block::Difference::Kind::none) shown->finish();
    return verdict(session, *found, std::min(x, y), x == y);
}

} // namespace

cli::Command compare_command(Session& session) {
    auto c = std::make_shared<Compare>();
    cli::Command row{.name = "compare", .summary = "say whether two images hold the same"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        format_row(c->source.format, "f,a-format", "format of the first image"),
        format_row(c->second_format, "F,b-format", "format of the second image"),
        cache_row(c->source.cache, "T,source-cache", "cache mode of both images"),
        progress_row(session),
        quiet_row(session),
        {"s,strict", "", "sizes and the state of ranges (allocated, zero) must be equal too", "", cli::into(c->strict)},
        force_share_row(c->source),
        untrusted_row(session),
    };
    row.positionals = {{"file", "the two images", cli::into(c->words), false, true}};
    row.action = [&session, c] { return session.acting = true, compare(session, *c); };
    return row;
}

} // namespace emu::img
