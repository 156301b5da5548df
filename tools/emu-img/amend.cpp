// SPDX-License-Identifier: MIT
#include "commands.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::img {
namespace {

struct Amend {
    Source source;
    std::string options;
    bool force = false;
    std::vector<std::string> words;
};

Result<int> list_options(std::string_view format) {
    const block::Driver* driver = EMU_TRY(block::find_format(format));
    const std::string text = block::amend_help(*driver);
    if (text.empty()) return fail(ENOTSUP, fmt::format("Format driver '{}' does not support option amendment", format));
    fmt::print("Amend options for '{}':\n{}", format, text);
    return 0;
}

Result<int> amend(Session& session, Amend& c) {
    if (c.options.empty()) return usage("Must specify options (-o)");
    bool help = false;
    KeyValues options = EMU_TRY(parse_options(c.options, help));
    if (help && !c.source.format.empty()) return list_options(c.source.format);
    if (help && c.words.empty()) return fail(EINVAL, "Expecting one image file name");
    if (c.words.size() != 1) return usage("Expecting one image file name");
    auto node = EMU_TRY(open(session, c.source, c.words[0], {.writable = !help, .no_io = help, .no_backing = help, .unmap = true}));
    if (help) return list_options(node->driver());
    auto shown = progress(session, 0);
    block::AmendArgs args{.options = std::move(options), .force = c.force, .context = &session.objects, .progress = {}};
    args.progress = [&, last = u64(0)](u64 done, u64 total) mutable {
        shown->set_total(total);
        shown->add(done - std::min(last, done));
        last = done;
    };
    EMU_CHECK(node->amend(args));
    EMU_CHECK(node->flush());
    EMU_CHECK(node->close());
    shown->finish();
    return 0;
}

} // namespace

cli::Command amend_command(Session& session) {
    auto c = std::make_shared<Amend>();
    cli::Command row{.name = "amend", .summary = "change creation options of an image"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        untrusted_row(session),
        progress_row(session),
        quiet_row(session),
        format_row(c->source.format),
        cache_row(c->source.cache, "t,cache", "cache mode of the image"),
        {"force", "", "do what may lose access to the data, such as erasing the last key", "", cli::into(c->force)},
        options_row(c->options),
    };
    row.positionals = {{"file", "the image", cli::into(c->words), false, true}};
    row.action = [&session, c] { return amend(session, *c); };
    return row;
}

} // namespace emu::img
