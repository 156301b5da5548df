// SPDX-License-Identifier: MIT
#include "commands.h"

#include <cerrno>
#include <fmt/format.h>
#include <optional>

namespace emu::img {
namespace {

struct Create {
    std::string format = "raw", options, backing_format;
    std::optional<std::string> backing;
    bool unsafe = false;
    std::vector<std::string> words;
};

Result<int> create(Session& session, Create& c) {
    bool help = false;
    block::CreateRequest request{.name = c.words.empty() ? "" : c.words[0], .format = c.format, .size = {}, .backing = {},
                                 .backing_format = c.backing_format, .no_open_backing = c.unsafe,
                                 .options = EMU_TRY(parse_options(c.options, help)), .context = &session.objects};
    if (help) {
        const block::Driver* driver = EMU_TRY(block::find_format(c.format));
        if (!driver->create) return fail(ENOTSUP, fmt::format("Format driver '{}' does not support image creation", c.format));
        fmt::print("{}", block::create_help(*driver, request.name));
        return 0;
    }
    if (c.words.empty()) return usage("Expecting image file name");
    if (c.words.size() > 2) return usage(fmt::format("Unexpected argument: {}", c.words[2]));
    if (c.words.size() == 2) request.size = EMU_TRY(image_size(c.words[1]));
    if (c.backing) request.options.take("backing_file"), request.options.add("backing_file", *c.backing);
    EMU_CHECK(in(c.words[0], block::create_image(std::move(request), [&](const std::string& line) { say(session, line); })));
    return 0;
}

} // namespace

cli::Command create_command(Session& session) {
    auto c = std::make_shared<Create>();
    cli::Command row{.name = "create", .summary = "make an image"};
    row.options = {
        object_row(session),
        quiet_row(session),
        format_row(c->format, "f,format", "format of the new image (default: raw)"),
        {"b,backing", "file", "image that shows through where the new one has nothing", "",
         [c](std::string_view text) -> Result<void> { return c->backing = text, Result<void>(); }},
        format_row(c->backing_format, "F,backing-format", "format of the backing image"),
        {"u,backing-unsafe", "", "do not open the backing image; it need not exist", "", cli::into(c->unsafe)},
        options_row(c->options),
    };
    row.positionals = {{"file", "name of the image", cli::into(c->words), false},
                       {"size", "size with a suffix b k M G T P E; the backing image's if not given", cli::into(c->words), false, true}};
    row.action = [&session, c] { return create(session, *c); };
    return row;
}

} // namespace emu::img
