// SPDX-License-Identifier: MIT
// emu-io: commands of libs/block/io from the command line or from standard input.
#include "block/filters/throttle.h"
#include "block/io/shell.h"
#include "common/cli.h"
#include "common/log.h"
#include "common/trace.h"
#include "objects/table.h"

#include <fmt/format.h>
#include <iostream>

using namespace emu;

namespace {

struct Run {
    objects::Table objects{log::warning, log::notice};
    block::io::OpenSpec spec;
    std::vector<std::string> commands, words;
};

bool serve_input(block::io::Shell& shell, const std::string& name) {
    bool good = true;
    std::string line;
    while (!shell.done()) {
        fmt::print("{}> ", name);
        std::fflush(stdout);
        if (!std::getline(std::cin, line)) break;
        good &= shell.run(line);
    }
    return good;
}

Result<int> act(Run& run, const std::string& name) {
    if (run.words.size() > 1) return fail(EINVAL, fmt::format("unexpected argument '{}'", run.words[1]));
    block::io::Shell shell(run.objects, name);
    if (!run.words.empty()) {
        run.spec.name = run.words[0];
        if (run.spec.image_opts && !run.spec.format.empty()) return fail(EINVAL, "--image-opts and -f are mutually exclusive");
        EMU_CHECK(in(run.spec.image_opts ? "can't open" : "can't open device " + run.spec.name, shell.open(run.spec)));
    }
    bool good = true;
    if (run.commands.empty()) return serve_input(shell, name) ? 0 : 1;
    for (const std::string& line : run.commands) {
        if (shell.done()) break;
        good &= shell.run(line);
    }
    shell.close();
    return good ? 0 : 1;
}

Result<void> set_discard(bool& unmap, std::string_view text) {
    unmap = text == "unmap" || text == "on";
    if (unmap || text == "ignore" || text == "off") return {};
    return fail(EINVAL, fmt::format("Invalid discard option: {}", text));
}

Result<void> set_engine(block::io::OpenSpec& spec, std::string_view text) {
    if (text == "io_uring") spec.options.add("file.aio", text);
    if (text == "io_uring" || text == "threads" || text == "native") return {};
    return fail(EINVAL, fmt::format("Invalid aio option: {}", text));
}

std::vector<cli::Option> rows(Run& run, const std::string& name) {
    auto ignored = [](std::string_view) -> Result<void> { return {}; };
    return {
        {"object", "type,id=ID,...", "make a secret, credentials or a throttle group for the image to refer to", "",
         [&](std::string_view text) { return run.objects.add(text); }},
        {"image-opts", "", "the image is described by options, not by a name", "", cli::into(run.spec.image_opts)},
        {"c,cmd", "command", "run this command; may be given several times", "", cli::into(run.commands)},
        {"f,format", "format", "format of the image; guessed if not given", "", cli::into(run.spec.format)},
        {"r,read-only", "", "open it read-only", "", cli::into(run.spec.read_only)},
        {"s,snapshot", "", "throw all changes away in the end", "", cli::into(run.spec.temporary)},
        {"n,nocache", "", "bypass the host's page cache", "", [&](std::string_view) -> Result<void> { return run.spec.cache.direct = true, Result<void>(); }},
        {"C,copy-on-read", "", "copy from backing images what is read", "", cli::into(run.spec.copy_on_read)},
        {"m,misalign", "", "accepted; requests need no alignment", "", ignored},
        {"k,native-aio", "", "accepted; requests are made by threads", "", ignored},
        {"i,aio", "engine", "threads, native (the same) or io_uring", "", [&](std::string_view text) { return set_engine(run.spec, text); }},
        {"t,cache", "cache", "cache mode", "",
         [&](std::string_view text) -> Result<void> { return run.spec.cache = EMU_TRY(block::parse_cache_mode(text)), Result<void>(); }},
        {"d,discard", "mode", "ignore or unmap: what becomes of discards", "", [&](std::string_view text) { return set_discard(run.spec.unmap, text); }},
        trace::option(),
        {"U,force-share", "", "take no locks", "", cli::into(run.spec.force_share)},
        {"untrusted", "", "follow no backing file, data file or network reference of the image", "", cli::into(run.objects.untrusted)},
        {"V", "", "show the version and exit", "",
         [&](std::string_view) -> Result<void> { fmt::print("{} version {}\n", name, EMU_VERSION), std::exit(0); }},
    };
}

} // namespace

int main(int argc, char** argv) {
    const std::string name = cli::program_name(argc, argv, "emu-io");
    Run run;
    run.objects.add_types(block::throttle_types());
    cli::Tool tool{.name = name, .summary = "read, write and question a disk image by commands"};
    tool.grouped_letters = true;
    tool.wording = cli::Tool::Wording::getopt;
    tool.options = rows(run, name);
    tool.positionals = {{"file", "the image", cli::into(run.words), false, true}};
    tool.action = [&] { return act(run, name); };
    return cli::run(tool, argc, argv);
}
