// SPDX-License-Identifier: MIT
#include "block/ops/copy.h"
#include "commands.h"
#include "common/log.h"
#include "common/checked.h"
#include "common/sizes.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::img {
namespace {

struct Dd {
    Source source;
    std::string target = "raw", input, output;
    u64 block = 512, skip = 0;
    std::optional<u64> count;
    std::vector<std::string> words;
};

Result<void> operand(Dd& c, std::string_view word) {
    const usize equals = word.find('=');
    const std::string_view key = word.substr(0, equals), value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    auto number = [&](std::string_view what, u64 least, u64 most) -> Result<u64> {
        auto n = parse_size(value);
        if (n && (*n < least || *n > most)) return fail(EINVAL, fmt::format("Invalid {} specified. Must be between {} and {}.", what, least, most));
        if (!n) return bad_size(what);
        return n;
    };
    if (equals == std::string_view::npos) return fail(EINVAL, fmt::format("unrecognized operand {}", word));
    if (key == "if") c.input = value;
    else if (key == "of") c.output = value;
    else if (key == "bs") c.block = EMU_TRY(number("bs", 1, INT32_MAX));
    else if (key == "count") c.count = EMU_TRY(number("count", 0, INT64_MAX));
    else if (key == "skip") c.skip = EMU_TRY(number("skip", 0, INT64_MAX));
    else return fail(EINVAL, fmt::format("unrecognized operand {}", key));
    return {};
}

Result<int> dd(Session& session, Dd& c) {
    for (const std::string& word : c.words) EMU_CHECK(operand(c, word));
    if (c.input.empty() || c.output.empty()) return fail(EINVAL, "Must specify both input and output files");
    if (c.source.image_opts && !c.source.format.empty()) return fail(EINVAL, "--image-opts and --format are mutually exclusive");
    auto source = EMU_TRY(open(session, c.source, c.input));
    u64 size = source->size();
    if (c.count) size = std::min(size, checked_mul(*c.count, c.block).value_or(UINT64_MAX));
    const u64 skip = checked_mul(c.skip, c.block).value_or(UINT64_MAX);
    block::CreateRequest request{.name = c.output, .format = c.target, .size = size > skip ? size - skip : 0, .backing = {}, .backing_format = {},
                                 .options = {}, .context = &session.objects};
    EMU_CHECK(block::check_create(request));
    EMU_CHECK(in(fmt::format("{}: error while creating output image", c.output), block::create_image(std::move(request))));
    remove_when_killed(c.output);
    auto target = EMU_TRY(open(session, Source{.format = c.target}, c.output, {.writable = true, .unmap = true}));
    if (skip >= size) {
        log::message(fmt::format("{}: cannot skip to specified offset", c.input));
    } else {
        block::NodePtr part = EMU_TRY(block::sub_range(source, skip, size - skip));
        block::CopyOptions copy{.target_is_zero = target->limits().zero_after_create};
        EMU_CHECK(block::copy_contents({part.get()}, *target, copy));
    }
    EMU_CHECK(target->flush());
    EMU_CHECK(target->close());
    keep_when_killed();
    return 0;
}

} // namespace

cli::Command dd_command(Session& session) {
    auto c = std::make_shared<Dd>();
    cli::Command row{.name = "dd", .summary = "copy part of an image: if=FILE of=FILE bs=SIZE count=N skip=N"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        force_share_row(c->source),
        format_row(c->source.format),
        format_row(c->target, "O,target-format", "format of the target (default: raw)"),
        untrusted_row(session),
    };
    row.positionals = {{"operand", "if=, of=, bs=, count= and skip=", cli::into(c->words), false, true}};
    row.action = [&session, c] { return dd(session, *c); };
    return row;
}

} // namespace emu::img
