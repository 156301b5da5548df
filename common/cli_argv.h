// SPDX-License-Identifier: MIT
// The argument normaliser under common/cli: finds out which words are options of the tool or of its active subcommand,
// in either spelling, and rewrites them to the one spelling CLI11 knows.
#pragma once
#include "common/cli.h"

namespace emu::cli {

/// The names of an option, in order.
std::vector<std::string_view> names_of(const Option& option);
/// "-L" for people: one dash whatever the length.
std::string spelled(std::string_view name);
/// What CLI11 calls it: "-L" but "--strace".
std::string canonical(std::string_view name);

/// Requests that are answered instead of running the tool.
enum class Request { none, help, version, man, completion };

struct Words {
    Request request = Request::none;
    std::string request_value;
    const Command* command = nullptr;
    /// Options of the tool, then of the command, each followed by its value; as CLI11 spells them.
    std::vector<std::string> tool_options, command_options;
    std::vector<std::string> positionals;
};

Result<Words> normalise(const Tool& tool, int argc, const char* const* argv);

/// The options every tool has: help, version, and the hidden ones.
const std::vector<Option>& common_options();
bool hidden(const Option& option);

} // namespace emu::cli
