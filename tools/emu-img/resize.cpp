// SPDX-License-Identifier: MIT
#include "commands.h"
#include "common/log.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::img {
namespace {

struct Resize {
    Source source;
    block::Preallocation preallocation = block::Preallocation::off;
    bool shrink = false;
    std::vector<std::string> words;
};

/// The new size from "N", "+N" or "-N".
Result<u64> target_size(std::string_view text, u64 now) {
    const char sign = text.empty() ? 0 : text[0];
    const bool relative = sign == '+' || sign == '-';
    const auto by_text = image_size(relative ? text.substr(1) : text);
    if (!by_text)
        return fail(EINVAL, "Parameter 'size' expects a non-negative number below 2^64\n"
                            "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.");
    const u64 by = *by_text;
    if (!relative) return by;
    if (sign == '-' && by > now) return fail(EINVAL, "New image size must be positive");
    if (sign == '+' && by > u64(INT64_MAX) - now) return fail(EINVAL, "New image size is too large");
    return sign == '+' ? now + by : now - by;
}

Result<int> resize(Session& session, Resize& c) {
    if (c.words.size() < 2) return usage("Not enough arguments");
    if (c.words.size() > 2) return usage("Expecting image file name and size");
    if (c.source.force_share) return fail(EINVAL, "an image that is written to cannot be shared");
    auto node = EMU_TRY(open(session, c.source, c.words[0], {.writable = true}));
    const u64 now = node->size(), size = EMU_TRY(target_size(c.words[1], now));
    if (size <= now && c.preallocation != block::Preallocation::off)
        return fail(EINVAL, "Preallocation can only be used for growing images");
    if (size < now && !c.shrink) {
        log::message("Use the --shrink option to perform a shrink operation.");
        log::warning("Shrinking an image will delete all data beyond the shrunken image's end. Before performing such an operation, make "
                     "sure there is no important data there.");
        return 1;
    }
    EMU_CHECK(node->truncate(size, c.preallocation));
    EMU_CHECK(node->flush());
    EMU_CHECK(node->close());
    say(session, "Image resized.");
    return 0;
}

} // namespace

cli::Command resize_command(Session& session) {
    auto c = std::make_shared<Resize>();
    cli::Command row{.name = "resize", .summary = "make an image larger or smaller"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        quiet_row(session),
        format_row(c->source.format),
        {"preallocation", "mode", "off, metadata, falloc or full: what becomes of the new part", "",
         [c](std::string_view text) -> Result<void> {
             auto mode = block::parse_preallocation(text);
             if (!mode) return fail(EINVAL, fmt::format("Invalid preallocation mode '{}'", text));
             c->preallocation = *mode;
             return {};
         }},
        {"shrink", "", "allow the image to become smaller; what lies behind the new end is lost", "", cli::into(c->shrink)},
        untrusted_row(session),
    };
    row.positionals = {{"file", "the image", cli::into(c->words), false}, {"size", "the new size, or +N or -N", cli::into(c->words), false, true}};
    row.action = [&session, c] { return resize(session, *c); };
    return row;
}

} // namespace emu::img
