// SPDX-License-Identifier: MIT
#include "block/ops/info.h"
#include "commands.h"
#include "common/log.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>

namespace emu::img {
namespace {

// Exit statuses: no check done, corrupt, leaks only, no such check.
constexpr int not_completed = 1, corrupt = 2, leaky = 3, unsupported = 63;

struct Check {
    Source source;
    block::CheckMode repair;
    bool json = false;
    std::vector<std::string> words;
};

void print_messages(const block::CheckResult& result) {
    for (const std::string& line : result.messages) fmt::print(stderr, "{}\n", line);
}

Result<block::CheckResult> run_check(block::Node& node, block::CheckMode mode) {
    auto result = node.check(mode);
    if (!result && result.error().code != ENOTSUP) return fail(std::move(result.error()).in("Check failed"));
    return result;
}

Result<int> check(Session& session, Check& c) {
    if (c.words.size() != 1) return usage("Expecting one image file name");
    const bool repair = c.repair.fix_leaks || c.repair.fix_errors;
    block::OpenRequest request{.writable = repair, .for_check = true, .no_backing = true};
    auto node = EMU_TRY(open(session, c.source, c.words[0], std::move(request)));
    auto first = run_check(*node, c.repair);
    if (!first && first.error().code == ENOTSUP) {
        log::error(first.error());
        return unsupported;
    }
    block::CheckResult result = EMU_TRY(std::move(first));
    print_messages(result);
    if (result.corruptions_fixed || result.leaks_fixed) {
        const u64 leaks = result.leaks_fixed, corruptions = result.corruptions_fixed;
        if (!c.json && !session.quiet)
            fmt::print("The following inconsistencies were found and repaired:\n\n    {} leaked clusters\n    {} corruptions\n\nDouble checking the fixed image now...\n",
                       leaks, corruptions);
        result = EMU_TRY(run_check(*node, {}));
        print_messages(result);
        result.leaks_fixed = leaks;
        result.corruptions_fixed = corruptions;
    }
    if (c.json) fmt::print("{}\n", block::check_json(result, *node).dump(4));
    else if (!session.quiet) fmt::print("{}", block::check_text(result));
    EMU_CHECK(node->close());
    return result.check_errors ? not_completed : result.corruptions ? corrupt : result.leaks ? leaky : 0;
}

Result<void> set_repair(std::string_view text, block::CheckMode& mode) {
    if (text != "leaks" && text != "all") return usage(fmt::format("Unknown option value for -r (expecting 'leaks' or 'all'): {}", text));
    mode.fix_leaks = true;
    mode.fix_errors = text == "all";
    return {};
}

} // namespace

cli::Command check_command(Session& session) {
    auto c = std::make_shared<Check>();
    cli::Command row{.name = "check", .summary = "look for errors in an image's tables, and repair them"};
    row.options = {
        object_row(session),
        image_opts_row(c->source),
        quiet_row(session),
        format_row(c->source.format),
        output_row(c->json),
        {"r,repair", "leaks|all", "repair lost clusters, or whatever can be", "", [c](std::string_view text) { return set_repair(text, c->repair); }},
        cache_row(c->source.cache, "T,source-cache", "cache mode of the image"),
        force_share_row(c->source),
        untrusted_row(session),
    };
    row.positionals = {{"file", "the image", cli::into(c->words), false, true}};
    row.action = [&session, c] { return check(session, *c); };
    return row;
}

} // namespace emu::img
