// SPDX-License-Identifier: MIT
// The command line of every tool: options as rows, parsed, explained, documented and completed from one description.
//
//     cli::Tool tool{.name = "emu-aarch64", .summary = "run Linux programs of another architecture",
//                    .options = {{"L", "path", "look for the ELF interpreter below path", "EMU_LD_PREFIX", into(prefix)},
//                                {"strace", "", "log system calls", "EMU_STRACE", into(strace)}},
//                    .positionals = {{"program", "program to run", into(program)}},
//                    .rest_at_positional = true, .action = [&] { return run(program); }};
//     return cli::run(tool, argc, argv);
//
// -name and --name are the same option, "-name value", "-name=value" too. Environment variables are read first, so that
// the command line wins; options take effect in the order they are written. Every refusal is one line on stderr and exit
// status 1. -h/-help and -version are always there, as are the hidden --help-man (the OPTIONS section in roff) and
// --completion bash|zsh|fish.
#pragma once
#include "common/result.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace emu::cli {

/// What an option does with its value ("" for a flag).
using Target = std::function<Result<void>(std::string_view)>;

Target into(std::string& value);
Target into(bool& value);
Target into(std::vector<std::string>& values);
/// A number, decimal or hexadecimal.
Target into_number(u64& value);
/// A byte count with a suffix; `unit` is that of a bare number.
Target into_size(u64& value, char unit = 'b');

struct Option {
    /// Names without dashes, the preferred one first: "h,help".
    std::string_view names;
    /// Name of the value in the help; "" makes the option a flag.
    std::string_view metavar;
    std::string_view help;
    /// Environment variable that stands for the option, or "".
    std::string_view env;
    Target target;
    /// The value may be left out (it is "" then); if it is there it is attached: -F, -Fvalue, --name=value.
    bool value_optional = false;
};

struct Positional {
    std::string_view name;
    std::string_view help;
    Target target;
    bool required = true;
    /// Takes everything that is left.
    bool repeated = false;
};

/// A subcommand ("emu-img convert"): options of its own, after those of the tool.
struct Command {
    std::string_view name;
    std::string_view summary;
    std::vector<Option> options;
    std::vector<Positional> positionals;
    /// Returns the exit status.
    std::function<Result<int>()> action;
};

struct Tool {
    std::string name;
    std::string_view summary;
    std::vector<Option> options = {};
    std::vector<Positional> positionals = {};
    std::vector<Command> commands = {};
    /// Everything after the first positional belongs to the positionals, dashes or not (the guest program's own
    /// arguments).
    bool rest_at_positional = false;
    /// One-letter options may be grouped and carry their value attached: -pO qcow2, -Oqcow2.
    bool grouped_letters = false;
    /// How wrong options are refused: in our own words, as getopt_long(3) does, or as image tools do. What scripts look for.
    enum class Wording { own, getopt, img };
    Wording wording = Wording::own;
    /// A line that goes behind such a refusal.
    std::string after_refusal = {};
    std::function<Result<int>()> action = {};
};

inline constexpr int usage_error = 1;

/// Parse and act. Prints help and errors itself; returns the exit status of the process.
int run(const Tool& tool, int argc, const char* const* argv);
/// The last part of argv[0]: what a tool that links of other names lead to calls itself. `otherwise` where there is none.
std::string program_name(int argc, const char* const* argv, std::string_view otherwise);

/// The parts, for tests.
std::string help_text(const Tool& tool, const Command* command = nullptr);
std::string man_options(const Tool& tool);
Result<std::string> completion(const Tool& tool, std::string_view shell);

} // namespace emu::cli
