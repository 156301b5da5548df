// SPDX-License-Identifier: MIT
// Commands about the open image as a whole: open, close, reopen, length, info, map, alloc, truncate, flush.
#include "block/io/commands.h"
#include "block/ops/info.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::block::io {
namespace {

bool set_options(Shell& shell, const Parsed& parsed, OpenSpec& spec, char cache_letter) {
    if (parsed.has(cache_letter)) {
        auto mode = parse_cache_mode(parsed.value(cache_letter));
        if (!mode) return shell.complain(fmt::format("Invalid cache option: {}", parsed.value(cache_letter)));
        spec.cache = *mode;
    }
    if (!parsed.has('o')) return true;
    auto options = KeyValues::parse(parsed.value('o'));
    if (!options) return shell.complain(options.error().text);
    for (const KeyValue& kv : options->items()) spec.options.add(kv.key, kv.value);
    return true;
}

bool open(Shell& shell, const Command& self, const Parsed& parsed) {
    OpenSpec spec{.name = "", .read_only = parsed.has('r'), .force_share = parsed.has('U'), .temporary = parsed.has('s'), .copy_on_read = parsed.has('C')};
    if (parsed.has('n')) spec.cache.direct = true;
    if (parsed.has('d')) {
        const std::string mode = parsed.value('d');
        if (mode != "on" && mode != "unmap" && mode != "off" && mode != "ignore") return shell.complain(fmt::format("Invalid discard option: {}", mode));
        spec.unmap = mode == "on" || mode == "unmap";
    }
    if (!set_options(shell, parsed, spec, 't')) return false;
    if (parsed.words.size() > 1 || (parsed.words.empty() && spec.options.empty())) return fmt::print("{}\n", one_line(self)), false;
    if (!parsed.words.empty()) {
        spec.name = parsed.words[0];
    } else {
        spec.name = spec.options.text();
        spec.options = {};
        spec.image_opts = true;
    }
    if (shell.node()) return shell.complain("file open already, try 'help close'");
    const std::string name = parsed.words.empty() ? "" : spec.name;
    auto opened = shell.open(std::move(spec));
    if (!opened) return shell.complain(fmt::format("can't open{}{}: {}", name.empty() ? "" : " device ", name, opened.error().text));
    return true;
}

bool close(Shell& shell, const Command&, const Parsed&) { return shell.close(), true; }

bool reopen(Shell& shell, const Command& self, const Parsed& parsed) {
    if (!parsed.words.empty()) return fmt::print("{}\n", one_line(self)), false;
    if (parsed.has('r') && parsed.has('w')) return shell.complain("Only one -r/-w option may be given");
    OpenSpec spec = shell.spec();
    if (parsed.has('r')) spec.read_only = true;
    if (parsed.has('w')) spec.read_only = false;
    const usize before = spec.options.items().size();
    if (!set_options(shell, parsed, spec, 'c')) return false;
    const std::string first = spec.options.items().size() > before ? spec.options.items()[before].key : "";
    auto done = shell.reopen(std::move(spec));
    if (done) return true;
    if (done.error().text.find("does not support the option") != std::string::npos) return shell.complain(fmt::format("Cannot change the option '{}'", first));
    return shell.complain(done.error().text);
}

bool length(Shell& shell, const Command&, const Parsed&) { return fmt::print("{}\n", size_text(double(shell.node()->size()))), true; }

bool info(Shell& shell, const Command&, const Parsed&) {
    Node& node = *shell.node();
    auto about = node.info();
    if (!about) return shell.complain(about.error().text);
    fmt::print("format name: {}\ncluster size: {}\nvm state offset: {}\n", node.driver(), size_text(double(about->cluster_size.value_or(0))),
               size_text(double(about->vm_state_offset)));
    fmt::print("{}", specific_text(about->specific));
    return true;
}

bool map(Shell& shell, const Command&, const Parsed&) {
    Node& node = *shell.node();
    const u64 size = node.size();
    for (u64 at = 0; at < size;) {
        u64 end = at;
        std::optional<bool> allocated;
        while (end < size) {
            auto extent = node.extent(end, size - end);
            if (!extent) return shell.complain(fmt::format("Failed to get allocation status: {}", std::strerror(extent.error().code)));
            if (allocated && *allocated != extent->allocated) break;
            allocated = extent->allocated;
            end += extent->length;
        }
        fmt::print("{} (0x{:x}) bytes {} at offset {} (0x{:x})\n", size_text(double(end - at)), end - at, *allocated ? "    allocated" : "not allocated", size_text(double(at)), at);
        at = end;
    }
    return true;
}

bool alloc(Shell& shell, const Command&, const Parsed& parsed) {
    Node& node = *shell.node();
    auto start = number(parsed.words[0]);
    if (!start) return false;
    std::optional<u64> count = 512;
    if (parsed.words.size() == 2 && !(count = number(parsed.words[1]))) return false;
    const u64 size = node.size(), want = std::min(*count, size - std::min(size, *start));
    u64 sum = 0;
    for (u64 at = *start; at < *start + want;) {
        auto extent = node.extent(at, *start + want - at);
        if (!extent) return fmt::print("is_allocated failed: {}\n", std::strerror(extent.error().code)), false;
        if (extent->allocated) sum += extent->length;
        at += extent->length;
    }
    fmt::print("{}/{} bytes allocated at offset {}\n", sum, want, size_text(double(*start)));
    return true;
}

bool truncate(Shell& shell, const Command& self, const Parsed& parsed) {
    if (parsed.words.size() != 1) return fmt::print("{}\n", one_line(self)), false;
    auto size = number(parsed.words[0]);
    if (!size) return false;
    Preallocation mode = Preallocation::off;
    if (parsed.has('m')) {
        auto wanted = parse_preallocation(parsed.value('m'));
        if (!wanted) return shell.complain(fmt::format("Invalid preallocation mode '{}'", parsed.value('m')));
        mode = *wanted;
    }
    auto done = shell.node()->truncate(*size, mode);
    return done ? true : shell.complain(done.error().text);
}

bool flush(Shell& shell, const Command&, const Parsed&) {
    auto done = shell.node()->flush();
    return done ? true : (fmt::print("flush failed: {}\n", std::strerror(done.error().code)), false);
}

constexpr std::string_view open_help =
    " Opens an image for the other commands.\n -r, -- read-only\n -s, -- throw all changes away in the end\n"
    " -C, -- copy from backing images what is read\n -n, -- bypass the host's page cache\n -U, -- take no locks\n"
    " -k, -- accepted and ignored\n -i, -- accepted and ignored\n -t, -- cache mode\n -d, -- what discards do\n -o, -- options of the image\n";
constexpr std::string_view reopen_help =
    " Opens the image again with other options.\n -r, -- read-only\n -w, -- writable\n -c, -- cache mode\n -o, -- options of the image\n";

constexpr Command rows[] = {
    {"alloc", "a", "", 1, 2, "offset [count]", "checks if offset is allocated in the file", "", true, false, alloc},
    {"close", "c", "", 0, 0, "", "close the current open file", "", true, false, close},
    {"flush", "f", "", 0, 0, "", "flush all in-core file state to disk", "", true, false, flush},
    {"info", "i", "", 0, 0, "", "prints information about the current file", "", true, false, info},
    {"length", "l", "", 0, 0, "", "gets the length of the current file", "", true, false, length},
    {"map", "", "", 0, 0, "", "prints the allocated areas of a file", "", true, false, map},
    {"open", "o", "rsCnkUi:t:d:o:", 1, -1, "[-rsCnkU] [-t cache] [-d discard] [-o options] [path]", "open the file specified by path", open_help, false, false, open},
    {"reopen", "", "rwc:o:", 0, -1, "[(-r|-w)] [-c cache] [-o options]", "reopens an image with new options", reopen_help, true, false, reopen},
    {"truncate", "t", "m:", 1, 3, "[-m prealloc_mode] off", "truncates the current file at the given offset", "", true, true, truncate},
};

} // namespace

std::span<const Command> image_commands() { return rows; }

} // namespace emu::block::io
