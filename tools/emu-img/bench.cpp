// SPDX-License-Identifier: MIT
#include "block/ops/bench.h"
#include "commands.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::img {
namespace {

struct Bench {
    Source source;
    block::BenchOptions options;
    std::vector<std::string> words;
    u64 pattern = 0;
    bool write = false, uring = false;
};

Result<int> bench(Session& session, Bench& c) {
    block::BenchOptions& o = c.options;
    if (c.words.size() != 1) return usage("Expecting one image file name");
    if (!c.write && o.flush_interval) return fail(EINVAL, "--flush-interval is only available in write tests");
    if (o.flush_interval && o.flush_interval < o.depth) return fail(EINVAL, "Flush interval can't be smaller than depth");
    block::OpenRequest request{.writable = c.write};
    if (c.uring) request.options.add("file.aio", "io_uring");
    auto node = EMU_TRY(open(session, c.source, c.words[0], std::move(request)));
    o.write = c.write;
    o.pattern = u8(c.pattern);
    if (!o.step) o.step = o.size;
    if (o.size > node->size()) return fail(EINVAL, "the image is smaller than one request");
    if (!session.quiet) {
        fmt::print("Sending {} {} requests, {} bytes each, {} in parallel (starting at offset {}, step size {})\n", o.count, c.write ? "write" : "read",
                   o.size, o.depth, o.offset, o.step);
        if (o.flush_interval) fmt::print("Sending flush every {} {}requests\n", o.flush_interval, o.drain ? "" : "undrained ");
    }
    const double seconds = EMU_TRY(block::run_bench(*node, o));
    if (!session.quiet) fmt::print("Run completed in {:.3f} seconds.\n", seconds);
    EMU_CHECK(node->close());
    return 0;
}

} // namespace

cli::Command bench_command(Session& session) {
    auto c = std::make_shared<Bench>();
    c->source.cache = {};
    cli::Command row{.name = "bench", .summary = "measure how fast an image can be read or written"};
    row.options = {
        number_row("c,count", "count", "number of requests (default: 75000)", "Invalid request count specified", 0, INT32_MAX, c->options.count),
        number_row("d,depth", "count", "requests in flight (default: 64)", "Invalid queue depth specified", 1, INT32_MAX, c->options.depth),
        format_row(c->source.format),
        number_row("flush-interval", "count", "flush after so many writes", "Invalid flush interval specified", 0, INT32_MAX, c->options.flush_interval),
        {"i,aio", "engine", "threads, native or io_uring", "",
         [c](std::string_view text) -> Result<void> {
             c->uring = text == "io_uring";
             return text == "threads" || text == "native" || text == "io_uring" ? Result<void>() : fail(EINVAL, fmt::format("Invalid aio option: {}", text));
         }},
        {"n,native", "", "bypass the host's page cache", "", [c](std::string_view) -> Result<void> { return c->source.cache.direct = true, Result<void>(); }},
        {"no-drain", "", "do not wait for the requests before a flush", "", [c](std::string_view) -> Result<void> { return c->options.drain = false, Result<void>(); }},
        size_row("o,offset", "where to begin", "offset", c->options.offset),
        number_row("pattern", "byte", "what to write (default: 0)", "Invalid pattern byte specified", 0, 255, c->pattern),
        quiet_row(session),
        size_row("s,buffer-size", "bytes of a request (default: 4k)", "buffer size", c->options.size),
        size_row("S,step-size", "distance of the requests (default: their size)", "step_size", c->options.step),
        {"t,cache", "cache", "cache mode of the image", "",
         [c](std::string_view text) -> Result<void> {
             auto mode = block::parse_cache_mode(text);
             if (!mode) return fail(EINVAL, "Invalid cache mode");
             return c->source.cache = *mode, Result<void>();
         }},
        {"w,write", "", "write instead of reading", "", cli::into(c->write)},
        force_share_row(c->source),
        untrusted_row(session),
    };
    row.positionals = {{"file", "the image", cli::into(c->words), false, true}};
    row.action = [&session, c] { return bench(session, *c); };
    return row;
}

} // namespace emu::img
