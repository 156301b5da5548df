// SPDX-License-Identifier: MIT
// Running a tool: the normalised words go to CLI11, which checks them against the declared options and calls the targets
// in the order they were written. This is the only file that sees CLI11 (it costs six seconds of compile time).
#include "common/cli.h"

#include "common/cli_argv.h"
#include "common/log.h"
#include "common/sizes.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <optional>

namespace emu::cli {

Target into(std::string& value) {
    return [&value](std::string_view text) -> Result<void> {
        value = text;
        return {};
    };
}
Target into(bool& value) {
    return [&value](std::string_view) -> Result<void> {
        value = true;
        return {};
    };
}
Target into(std::vector<std::string>& values) {
    return [&values](std::string_view text) -> Result<void> {
        values.emplace_back(text);
        return {};
    };
}
Target into_number(u64& value) {
    return [&value](std::string_view text) -> Result<void> {
        value = EMU_TRY(parse_number(text));
        return {};
    };
}
Target into_size(u64& value, char unit) {
    return [&value, unit](std::string_view text) -> Result<void> {
        value = EMU_TRY(parse_size(text, unit));
        return {};
    };
}

namespace {

/// The first error a target reported; CLI11 itself only hears that the callback failed.
using Pending = std::optional<Error>;

bool call(const Target& target, std::string_view value, const std::string& context, Pending& pending) {
    if (pending) return false;
    auto result = target(value);
    if (result) return true;
    pending = context.empty() ? std::move(result).error() : std::move(result).error().in(context);
    return false;
}

Result<void> apply_environment(const std::vector<Option>& options) {
    for (const Option& option : options) {
        if (option.env.empty()) continue;
        std::string name(option.env);
        if (const char* value = std::getenv(name.c_str())) EMU_CHECK(in(name, option.target(value)));
    }
    return {};
}

/// `plain`: errors stand alone, as users of such tools know them.
void declare(CLI::App& app, const std::vector<Option>& options, Pending& pending, bool plain) {
    for (const Option& option : options) {
        std::string name(names_of(option).front());
        auto accept = [&option, &pending, name, plain](std::string_view value) {
            return call(option.target, value, plain ? "" : "option '" + spelled(name) + "'", pending);
        };
        CLI::Option* declared =
            option.metavar.empty()
                ? app.add_flag_function(canonical(name),
                                        [accept](std::int64_t) {
                                            if (!accept("")) throw CLI::ValidationError("", "");
                                        })
                : app.add_option(canonical(name), [accept](const CLI::results_t& all) { return accept(all.back()); });
        declared->trigger_on_parse();
    }
}

/// Positionals do not pass through CLI11, which would read "[a,b]" as two of them.
Result<void> assign(const std::vector<Positional>& positionals, const std::vector<std::string>& words) {
    usize at = 0;
    for (const Positional& positional : positionals) {
        if (at == words.size() && positional.required)
            return fail(Error{EINVAL, fmt::format("{} is required", positional.name), "see -help"});
        for (usize end = positional.repeated ? words.size() : std::min(at + 1, words.size()); at < end; at++)
            EMU_CHECK(in(positional.name, positional.target(words[at])));
    }
    if (at < words.size()) return fail(EINVAL, fmt::format("unexpected argument '{}'", words[at]));
    return {};
}

/// CLI11 pops its words from the back.
std::vector<std::string> reversed_options(const Words& words) {
    std::vector<std::string> all = words.tool_options;
    if (words.command) all.emplace_back(words.command->name);
    all.insert(all.end(), words.command_options.begin(), words.command_options.end());
    return {all.rbegin(), all.rend()};
}

Result<void> parse(const Tool& tool, const Words& words) {
    Pending pending;
    CLI::App app;
    app.set_help_flag("");
    declare(app, tool.options, pending, tool.grouped_letters);
    if (words.command) {
        CLI::App* active = app.add_subcommand(std::string(words.command->name));
        active->set_help_flag("");
        declare(*active, words.command->options, pending, tool.grouped_letters);
    }
    try {
        app.parse(reversed_options(words));
    } catch (const CLI::ParseError& error) {
        if (pending) return fail(std::move(*pending));
        return fail(EINVAL, error.what());
    }
    return assign(words.command ? words.command->positionals : tool.positionals, words.positionals);
}

int answer(const Tool& tool, const Words& words) {
    std::string text;
    switch (words.request) {
    case Request::help: text = help_text(tool, words.command); break;
    case Request::version: text = fmt::format("{} version {}\n", tool.name, EMU_VERSION); break;
    case Request::man: text = man_options(tool); break;
    default: {
        auto script = completion(tool, words.request_value);
        if (!script) {
            log::error(script.error());
            return usage_error;
        }
        text = *script;
    }
    }
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0 ? 0 : usage_error;
}

Result<int> run_tool(const Tool& tool, int argc, const char* const* argv) {
    Words words = EMU_TRY(normalise(tool, argc, argv));
    if (words.request != Request::none) return answer(tool, words);
    EMU_CHECK(apply_environment(tool.options));
    if (words.command) EMU_CHECK(apply_environment(words.command->options));
    EMU_CHECK(parse(tool, words));
    // Options such as -V have answered by now.
    if (!tool.commands.empty() && !words.command) return fail(Error{EINVAL, "a command is required", "see -help"});
    return words.command ? words.command->action() : tool.action();
}

} // namespace

int run(const Tool& tool, int argc, const char* const* argv) {
    log::set_program(tool.name);
    auto status = run_tool(tool, argc, argv);
    if (status) return *status;
    log::error(status.error());
    return usage_error;
}

std::string program_name(int argc, const char* const* argv, std::string_view otherwise) {
    const std::string_view path = argc ? argv[0] : otherwise;
    return std::string(path.substr(path.rfind('/') + 1));
}

} // namespace emu::cli
