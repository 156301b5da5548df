// SPDX-License-Identifier: MIT
#include "block/chain.h"
#include "block/ops/bitmaps.h"
#include "block/ops/copy.h"
#include "commands.h"
#include "pipe.h"
#include "common/log.h"
#include "common/sizes.h"

#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <unistd.h>

namespace emu::img {
namespace {

struct Convert {
    Source source, target;
    std::string options, snapshot, backing, backing_format;
    bool no_create = false, target_is_zero = false, bitmaps = false, skip_broken = false, sparse_given = false;
    block::CopyOptions copy;
    std::vector<std::string> words;
};

constexpr u64 max_sparse = u64(16) << 20;

Result<void> set_sparse(Convert& c, std::string_view text) {
    auto bytes = parse_size(text);
    if (!bytes) return bad_size("buffer size for sparse output");
    if (*bytes % 512 || *bytes > max_sparse)
        return fail(EINVAL, fmt::format("Invalid buffer size for sparse output specified. Valid sizes are multiples of 512 up to {}. Select 0 to disable "
                                        "sparse detection (fully allocates output).", max_sparse));
    c.copy.sparse = *bytes;
    c.sparse_given = true;
    return {};
}

/// Options that cannot go together.
Result<void> check_options(const Convert& c) {
    if (c.skip_broken && !c.bitmaps) return fail(EINVAL, "Use of --skip-broken-bitmaps requires --bitmaps");
    if (c.copy.compressed && c.copy.out_of_order) return fail(EINVAL, "Out of order write and compress are mutually exclusive");
    if (c.copy.offload && c.copy.compressed) return fail(EINVAL, "Cannot enable copy offloading when -c is used");
    if (c.copy.offload && c.sparse_given) return fail(EINVAL, "Cannot enable copy offloading when -S is used");
    if (c.copy.offload && c.copy.salvage) return fail(EINVAL, "Cannot use copy offloading in salvaging mode");
    if (c.target.image_opts && !c.no_create) return fail(EINVAL, "--target-image-opts requires use of -n flag");
    if (c.target_is_zero && !c.no_create) return fail(EINVAL, "--target-is-zero requires use of -n flag");
    if (c.no_create && !c.options.empty()) return fail(EINVAL, "-o has no effect when skipping image creation");
    const usize sources = c.words.size() - 1;
    if (sources > 1 && !c.backing.empty()) return fail(EINVAL, "Having a backing file for the target makes no sense when concatenating multiple input images");
    if (sources > 1 && !c.snapshot.empty()) return fail(EINVAL, "No support for concatenating multiple snapshot");
    if (sources > 1 && c.bitmaps) return fail(EINVAL, "Copying bitmaps only possible with single source");
    if (!c.backing.empty() && c.backing_format.empty()) return fail(EINVAL, "Use of backing file requires explicit backing format");
    return {};
}

Result<void> create_target(Session& session, const Convert& c, u64 size, KeyValues options) {
    block::CreateRequest request{.name = c.words.back(), .format = c.target.format, .size = size, .backing = c.backing, .backing_format = c.backing_format,
                                 .no_open_backing = false, .options = std::move(options), .context = &session.objects};
    if (request.options.has("size")) request.size.reset();
    EMU_CHECK(block::check_create(request)); // said as it is, without the target's name
    EMU_CHECK(in(fmt::format("{}: error while converting {}", c.words.back(), c.target.format), block::create_image(std::move(request))));
    remove_when_killed(c.words.back());
    return {};
}

/// The target to write to; created unless -n says that it exists.
Result<block::NodePtr> make_target(Session& session, Convert& c, u64 size, KeyValues options) {
    if (!c.no_create) EMU_CHECK(create_target(session, c, size, options));
    Source how = c.target;
    // What a created image needs to be opened with besides its name.
    block::OpenRequest request{.writable = true, .unmap = true};
    if (auto secret = options.get("encrypt.key-secret")) request.options.add("encrypt.key-secret", *secret);
    if (auto secret = options.get("key-secret")) request.options.add("key-secret", *secret);
    auto node = EMU_TRY(open(session, how, c.words.back(), std::move(request)));
    if (node->size() < size) return fail(EINVAL, "output file is smaller than input file");
    return node;
}

Result<void> set_copy(Convert& c, block::Node& target) {
    const block::Limits limits = target.limits();
    c.copy.compressed |= limits.only_compressed;
    if (c.copy.compressed && !limits.can_write_compressed) return fail(ENOTSUP, "Compression not supported for this file format");
    block::Node* backing = block::backing_of(&target);
    if (c.target_is_zero && backing) return fail(EINVAL, "Cannot use --target-is-zero when the destination image has a backing file");
    c.copy.target_is_zero = !backing && (c.no_create ? c.target_is_zero : limits.zero_after_create);
    if (backing) {
        c.copy.top_only = true;
        c.copy.backing_length = backing->size();
    }
    if (c.copy.offload) c.copy.sparse = 0;
    c.copy.warn = [](const std::string& text) { log::message(text); };
    return {};
}

/// Standard output as the target: in one pass if the format can, by way of a file otherwise.
Result<block::NodePtr> pipe_target(Session& session, Convert& c, OutputPipe& pipe, const std::vector<block::Node*>& sources, u64 size, KeyValues options) {
    if (c.no_create || c.target.image_opts) return fail(EINVAL, "standard output is always a new image");
    EMU_CHECK(pipe.check());
    session.show_progress = false; // it would land in the image
    const bool packs = c.target.format == "vmdk"; // compressed sizes are not known beforehand to those whose tables come first
    if (c.backing.empty() && (!c.copy.compressed || packs) && !c.bitmaps) {
        block::StreamArgs args{.size = size, .options = options, .data = EMU_TRY(block::data_ranges(sources, c.copy)), .name = {}, .sink = {}};
        if (auto text = options.get("size")) args.size = std::max(size, EMU_TRY(image_size(*text)));
        args.options.take("size");
        auto node = EMU_TRY(in(fmt::format("error while converting {}", c.target.format), pipe.stream(c.target.format, std::move(args))));
        if (node) {
            c.copy.out_of_order = c.copy.offload = false;
            return node;
        }
    }
    c.words.back() = EMU_TRY(pipe.spool());
    return make_target(session, c, size, std::move(options));
}

Result<int> convert(Session& session, Convert& c) {
    bool help = false;
    KeyValues options = EMU_TRY(parse_options(c.options, help));
    if (!c.target.image_opts && c.target.format.empty()) c.target.format = "raw";
    if (help) {
        const block::Driver* driver = EMU_TRY(block::find_format(c.target.format));
        fmt::print("{}", block::create_help(*driver, c.words.empty() ? "" : c.words.back()));
        return 0;
    }
    if (c.words.size() < 2) return fail(EINVAL, "Must specify image file name");
    EMU_CHECK(check_options(c));
    if (c.backing.empty() && options.has("backing_file") && c.backing_format.empty() && !options.has("backing_fmt"))
        return fail(EINVAL, "Use of backing file requires explicit backing format");
    std::vector<block::NodePtr> nodes;
    std::vector<block::Node*> sources;
    u64 size = 0;
    for (usize i = 0; i + 1 < c.words.size(); i++) {
        if (c.words[i] == "-") c.words[i] = EMU_TRY(input_image());
        nodes.push_back(EMU_TRY(open(session, c.source, c.words[i])));
        if (!c.snapshot.empty()) EMU_CHECK(load_snapshot(*nodes[i], c.snapshot));
        sources.push_back(nodes[i].get());
        size += nodes[i]->size();
    }
    if (c.bitmaps && block::skip_filters(sources[0])->driver() != "qcow2") return fail(ENOTSUP, "Source lacks bitmap support");
    if (c.bitmaps && EMU_TRY(sources[0]->bitmaps()).empty()) c.bitmaps = false;
    const std::string compat = options.get("compat").value_or("1.1");
    if (c.bitmaps && !c.no_create && (c.target.format != "qcow2" || compat == "0.10" || compat == "v2"))
        return fail(ENOTSUP, fmt::format("Format driver '{}' does not support bitmaps", c.target.format));
    OutputPipe pipe;
    auto target = EMU_TRY(c.words.back() == "-" ? pipe_target(session, c, pipe, sources, size, std::move(options))
                                                : make_target(session, c, size, std::move(options)));
    EMU_CHECK(set_copy(c, *target));
    auto shown = progress(session, size);
    c.copy.progress = shown.get();
    EMU_CHECK(block::copy_contents(sources, *target, c.copy));
    if (c.bitmaps) EMU_CHECK(block::copy_bitmaps(*sources[0], *target, c.skip_broken, [](const std::string& text) { log::warning(text); }));
    EMU_CHECK(target->flush());
    EMU_CHECK(target->close());
    EMU_CHECK(pipe.send());
    keep_when_killed();
    shown->finish();
    return 0;
}

std::vector<cli::Option> copy_rows(const std::shared_ptr<Convert>& c) {
    return {
        {"C,copy-range-offloading", "", "let the kernel or the storage copy where they can", "", cli::into(c->copy.offload)},
        {"c,compress", "", "compress the target (qcow, qcow2, vmdk)", "", cli::into(c->copy.compressed)},
        {"S,sparse-size", "size", "shortest run of zeroes that is left out of the target (default: 4k); 0 writes everything", "",
         [c](std::string_view text) { return set_sparse(*c, text); }},
        size_row("r,rate-limit", "bytes a second at most", "rate limit", c->copy.rate),
        {"m,parallel", "count", "requests in parallel, 1 to 16 (default: 8)", "",
         [c](std::string_view text) -> Result<void> {
             auto n = parse_number(text);
             if (!n || *n < 1 || *n > 16) return fail(EINVAL, "Invalid number of coroutines. Allowed number of coroutines is between 1 and 16");
             c->copy.workers = unsigned(*n);
             return {};
         }},
        {"W,oob", "", "write out of order: faster, fragmented", "", cli::into(c->copy.out_of_order)},
        {"salvage", "", "unreadable sectors become zeroes instead of ending the conversion", "", cli::into(c->copy.salvage)},
    };
}

} // namespace

cli::Command convert_command(Session& session) {
    auto c = std::make_shared<Convert>();
    c->target.cache.no_flush = true;
    cli::Command row{.name = "convert", .summary = "copy images into a new one, of another format perhaps"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        {"target-image-opts", "", "the target is described by options", "", cli::into(c->target.image_opts)},
        {"target-is-zero", "", "the existing target reads as zeroes (with -n)", "", cli::into(c->target_is_zero)},
        {"bitmaps", "", "copy the persistent dirty bitmaps as well", "", cli::into(c->bitmaps)},
        {"skip-broken-bitmaps", "", "leave out inconsistent bitmaps (with --bitmaps)", "", cli::into(c->skip_broken)},
        force_share_row(c->source),
        progress_row(session),
        quiet_row(session),
        {"n,no-create", "", "the target exists already", "", cli::into(c->no_create)},
        format_row(c->source.format, "f,source-format"),
        cache_row(c->target.cache, "t,target-cache", "cache mode of the target (default: unsafe)"),
        cache_row(c->source.cache, "T,source-cache", "cache mode of the sources"),
        format_row(c->target.format, "O,target-format", "format of the target (default: raw)"),
        {"B,backing", "file", "the target gets this backing file, and only what differs from it", "", cli::into(c->backing)},
        format_row(c->backing_format, "F,backing-format", "format of the backing file"),
        options_row(c->options),
        {"l,snapshot", "name", "convert this internal snapshot", "", cli::into(c->snapshot)},
        untrusted_row(session),
    };
    for (cli::Option& option : copy_rows(c)) row.options.push_back(std::move(option));
    row.positionals = {{"file", "the sources, one behind the other, and the target last", cli::into(c->words), false, true}};
    row.action = [&session, c] { return convert(session, *c); };
    return row;
}

} // namespace emu::img
