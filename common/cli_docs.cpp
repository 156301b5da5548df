// SPDX-License-Identifier: MIT
// What is written from the option rows: -help, the OPTIONS section of the man page, shell completions.
#include "common/cli.h"

#include "common/cli_argv.h"
#include "common/text.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::cli {
namespace {

constexpr usize help_column = 30, line_width = 100;

std::string spelled_all(const Option& option) {
    std::vector<std::string> names;
    for (std::string_view name : names_of(option)) names.push_back(spelled(name));
    std::string text = join(names, ", ");
    if (option.value_optional) return text + "[=" + std::string(option.metavar) + "]";
    return option.metavar.empty() ? text : text + " " + std::string(option.metavar);
}

/// "name   help", the help wrapped and indented.
std::string row(std::string_view name, std::string_view help) {
    std::string text = fmt::format("  {:<{}}", name, help_column - 2);
    if (name.size() + 4 > help_column) text += "\n" + std::string(help_column, ' ');
    usize column = help_column;
    for (std::string_view word : split(help, ' ')) {
        if (column + 1 + word.size() > line_width) {
            text += "\n" + std::string(help_column, ' ');
            column = help_column;
        }
        if (column > help_column) text += ' ';
        text += word;
        column += word.size() + 1;
    }
    return text + "\n";
}

std::string rows(const std::vector<Option>& options) {
    std::string text;
    for (const Option& option : options) {
        if (hidden(option)) continue;
        std::string help(option.help);
        if (!option.env.empty()) help += fmt::format(" [{}]", option.env);
        text += row(spelled_all(option), help);
    }
    return text;
}

std::string usage(const std::vector<Positional>& positionals) {
    std::string text;
    for (const Positional& each : positionals) {
        std::string shown = each.repeated ? fmt::format("{}...", each.name) : std::string(each.name);
        text += each.required ? " " + shown : " [" + shown + "]";
    }
    return text;
}

std::string rows(const std::vector<Positional>& positionals) {
    std::string text = positionals.empty() ? "" : "\nArguments:\n";
    for (const Positional& each : positionals) text += row(each.name, each.help);
    return text;
}

/// A hyphen in roff is a hyphenation point unless escaped; a leading dot or quote starts a request.
std::string roff(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
    return out;
}

std::string roff(const std::vector<Option>& options) {
    std::string text;
    for (const Option& option : options) {
        if (hidden(option)) continue;
        std::vector<std::string> names;
        for (std::string_view name : names_of(option)) names.push_back("\\fB" + roff(spelled(name)) + "\\fR");
        text += ".TP\n" + join(names, ", ");
        if (option.value_optional) text += "[=\\fI" + roff(option.metavar) + "\\fR]";
        else if (!option.metavar.empty()) text += " \\fI" + roff(option.metavar) + "\\fR";
        text += "\n" + roff(option.help) + ".\n";
        if (!option.env.empty()) text += fmt::format("Environment: \\fB{}\\fR.\n", option.env);
    }
    return text;
}

std::vector<std::string> completable(const std::vector<Option>& options) {
    std::vector<std::string> words;
    for (const Option& option : options)
        if (!hidden(option))
            for (std::string_view name : names_of(option)) words.push_back(spelled(name));
    return words;
}

std::string identifier(std::string text) {
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '-' || c == '.'; }, '_');
    return text;
}

/// Help text inside single quotes and square brackets of a shell script.
std::string quoted(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '\'')
            out += "'\\''";
        else if (c == '[' || c == ']' || c == ':')
            out += std::string("\\") + c;
        else
            out += c;
    }
    return out;
}

std::string bash_completion(const Tool& tool) {
    std::string options = join(completable(tool.options), " ") + " " + join(completable(common_options()), " ");
    std::string function = "_" + identifier(tool.name);
    std::string text = fmt::format("{}() {{\n    local word=${{COMP_WORDS[COMP_CWORD]}} options='{}' command=''\n",
                                   function, options);
    if (!tool.commands.empty()) {
        std::string names;
        for (const Command& each : tool.commands) names += (names.empty() ? "" : " ") + std::string(each.name);
        text += fmt::format("    local each commands='{}'\n"
                            "    for each in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
                            "        case \" $commands \" in *\" $each \"*) command=$each; break ;; esac\n    done\n"
                            "    case $command in\n",
                            names);
        for (const Command& each : tool.commands)
            text += fmt::format("    {}) options=\"$options {}\" ;;\n", each.name,
                                join(completable(each.options), " "));
        text += "    '') [[ $word == -* ]] || { COMPREPLY=($(compgen -W \"$commands\" -- \"$word\")); return; } ;;\n"
                "    esac\n";
    }
    return text + fmt::format("    if [[ $word == -* ]]; then\n"
                              "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
                              "    else\n        COMPREPLY=($(compgen -f -- \"$word\"))\n    fi\n}}\n"
                              "complete -o filenames -F {} {}\n",
                              function, tool.name);
}

std::string zsh_arguments(const std::vector<Option>& options) {
    std::string text;
    for (const Option& option : options) {
        if (hidden(option)) continue;
        for (std::string_view name : names_of(option)) {
            text += fmt::format(" \\\n        '*{}[{}]", spelled(name), quoted(option.help));
            text += option.metavar.empty() || option.value_optional ? "'" : fmt::format(":{}:_files'", quoted(option.metavar));
        }
    }
    return text;
}

std::string zsh_completion(const Tool& tool) {
    std::string text = fmt::format("#compdef {}\n", tool.name);
    std::string shared = zsh_arguments(tool.options) + zsh_arguments(common_options());
    if (tool.commands.empty()) return text + "_arguments" + shared + " \\\n        '*:file:_files'\n";
    text += "local -a commands=(\n";
    for (const Command& each : tool.commands) text += fmt::format("    '{}:{}'\n", each.name, quoted(each.summary));
    text += ")\nlocal command=${words[(r)(${(j:|:)commands%%:*})]}\ncase $command in\n";
    for (const Command& each : tool.commands)
        text += fmt::format("{})\n    _arguments{}{} \\\n        '*:file:_files' ;;\n", each.name,
                            zsh_arguments(each.options), shared);
    return text + "*)\n    _describe command commands\n    _arguments" + shared + " ;;\nesac\n";
}

std::string fish_options(std::string_view tool, const std::vector<Option>& options, std::string_view condition) {
    std::string text;
    for (const Option& option : options) {
        if (hidden(option)) continue;
        text += fmt::format("complete -c {}{}", tool, condition);
        for (std::string_view name : names_of(option)) text += fmt::format(" -{} {}", name.size() == 1 ? 's' : 'o', name);
        if (!option.metavar.empty() && !option.value_optional) text += " -r";
        std::string help(option.help);
        for (usize at = 0; (at = help.find('\'', at)) != help.npos; at += 2) help.insert(at, "\\");
        text += fmt::format(" -d '{}'\n", help);
    }
    return text;
}

std::string fish_completion(const Tool& tool) {
    std::string text = fish_options(tool.name, tool.options, "") + fish_options(tool.name, common_options(), "");
    for (const Command& each : tool.commands) {
        text += fmt::format("complete -c {} -n __fish_use_subcommand -a {} -d '{}'\n", tool.name, each.name, each.summary);
        text += fish_options(tool.name, each.options, fmt::format(" -n '__fish_seen_subcommand_from {}'", each.name));
    }
    return text;
}

} // namespace

std::string help_text(const Tool& tool, const Command* command) {
    if (command)
        return fmt::format("Usage: {} {} [options]{}\n{}\n{}\nOptions:\n{}{}{}", tool.name, command->name,
                           usage(command->positionals), command->summary, rows(command->positionals),
                           rows(command->options), rows(tool.options), rows(common_options()));
    std::string text = fmt::format("Usage: {} [options]{}\n{}\n", tool.name,
                                   tool.commands.empty() ? usage(tool.positionals) : " command [arguments]", tool.summary);
    if (!tool.commands.empty()) text += "\nCommands:\n";
    for (const Command& each : tool.commands) text += row(each.name, each.summary);
    text += rows(tool.positionals);
    text += "\nOptions (the variable in brackets does the same):\n" + rows(tool.options) + rows(common_options());
    return text + "\nBoth -name and --name are accepted.\n";
}

std::string man_options(const Tool& tool) {
    std::string text = ".SH OPTIONS\n" + roff(tool.options) + roff(common_options());
    if (!tool.commands.empty()) text += ".SH COMMANDS\n";
    for (const Command& each : tool.commands)
        text += fmt::format(".SS {}\\fR{}\n{}.\n{}", roff(each.name), roff(usage(each.positionals)), roff(each.summary),
                            roff(each.options));
    return text;
}

Result<std::string> completion(const Tool& tool, std::string_view shell) {
    struct Shell {
        std::string_view name;
        std::string (*write)(const Tool&);
    };
    static constexpr Shell shells[] = {{"bash", bash_completion}, {"zsh", zsh_completion}, {"fish", fish_completion}};
    for (const Shell& each : shells)
        if (each.name == shell) return each.write(tool);
    return fail(Error{EINVAL, fmt::format("no completion for shell '{}'", shell), "bash, zsh or fish"});
}

} // namespace emu::cli
