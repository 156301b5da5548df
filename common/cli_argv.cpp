// SPDX-License-Identifier: MIT
#include "common/cli_argv.h"

#include "common/text.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::cli {

std::vector<std::string_view> names_of(const Option& option) { return split(option.names, ','); }
std::string spelled(std::string_view name) { return "-" + std::string(name); }
std::string canonical(std::string_view name) { return (name.size() == 1 ? "-" : "--") + std::string(name); }

const std::vector<Option>& common_options() {
    static const std::vector<Option> options{
        {"h,help", "", "show this help and exit", "", {}},
        {"version", "", "show the version and exit", "", {}},
        {"help-man", "", "", "", {}},
        {"completion", "shell", "", "", {}},
    };
    return options;
}
bool hidden(const Option& option) { return option.help.empty(); }

namespace {

Request request_of(const Option& option) {
    if (option.names == "h,help") return Request::help;
    if (option.names == "version") return Request::version;
    return option.names == "help-man" ? Request::man : Request::completion;
}

class Normaliser {
public:
    Normaliser(const Tool& tool, int argc, const char* const* argv) : tool_(tool), args_(argv + 1, argv + argc) {}

    Result<Words> run() {
        while (at_ < args_.size() && words_.request == Request::none) {
            std::string_view word = args_[at_++];
            if (word == "--")
                take_rest();
            else if (word.size() > 1 && word[0] == '-')
                EMU_CHECK(option(word));
            else
                EMU_CHECK(positional(word));
        }
        return std::move(words_);
    }

private:
    struct Found {
        const Option* option = nullptr;
        std::vector<std::string>* into = nullptr; // null for the common ones
    };

    /// The command's own options hide those of the tool, which hide the common ones: a tool may use -h itself.
    Found find(std::string_view name) {
        if (words_.command)
            if (auto* option = search(words_.command->options, name)) return {option, &words_.command_options};
        if (auto* option = search(tool_.options, name)) return {option, &words_.tool_options};
        return {search(common_options(), name), nullptr};
    }
    static const Option* search(const std::vector<Option>& options, std::string_view name) {
        for (const Option& option : options)
            for (std::string_view each : names_of(option))
                if (each == name) return &option;
        return nullptr;
    }

    Result<void> option(std::string_view word) {
        std::string_view name = word.substr(word.starts_with("--") ? 2 : 1);
        usize equals = name.find('=');
        bool has_value = equals != name.npos;
        std::string_view value = has_value ? name.substr(equals + 1) : "";
        name = name.substr(0, equals);
        Found found = find(name);
        if (!found.option && tool_.grouped_letters && !word.starts_with("--") && find(word.substr(1, 1)).option)
            return letters(word.substr(1));
        if (!found.option) return unknown(name, word);
        if (found.option->metavar.empty()) {
            if (has_value) return fail(EINVAL, fmt::format("option '{}' takes no value", spelled(name)));
            return accept(found, name, "");
        }
        if (has_value || found.option->value_optional) return accept(found, name, value);
        return with_next_word(found, name);
    }

    /// -pO qcow2, -Oqcow2: flags, up to the first letter that takes a value.
    Result<void> letters(std::string_view group) {
        for (usize i = 0; i < group.size(); i++) {
            Found found = find(group.substr(i, 1));
            if (!found.option) return unknown(group.substr(i, 1), spelled(group.substr(i, 1)));
            std::string_view rest = group.substr(i + 1);
            if (found.option->metavar.empty()) {
                EMU_CHECK(accept(found, group.substr(i, 1), ""));
                continue;
            }
            return rest.empty() && !found.option->value_optional ? with_next_word(found, group.substr(i, 1)) : accept(found, group.substr(i, 1), rest);
        }
        return {};
    }

    Result<void> with_next_word(Found found, std::string_view name) {
        if (at_ == args_.size()) return no_value(name, found.option->metavar);
        return accept(found, name, args_[at_++]);
    }

    Result<void> no_value(std::string_view name, std::string_view metavar) {
        switch (tool_.wording) {
        case Tool::Wording::img: return refuse(fmt::format("missing argument for option '{}'", canonical(name)));
        case Tool::Wording::getopt:
            return refuse(name.size() == 1 ? fmt::format("option requires an argument -- '{}'", name) : fmt::format("option '{}' requires an argument", canonical(name)));
        case Tool::Wording::own: break;
        }
        return refuse(fmt::format("option '{}' needs a value: {}", spelled(name), metavar));
    }
    Result<void> refuse(std::string_view text, std::string_view hint = "") {
        Error error{EINVAL, std::string(text), std::string(hint)};
        if (!tool_.after_refusal.empty()) error = Error{EINVAL, error.line() + "\n" + tool_.after_refusal, {}};
        return fail(std::move(error));
    }

    Result<void> accept(Found found, std::string_view, std::string_view value) {
        if (!found.into) {
            words_.request = request_of(*found.option);
            words_.request_value = value;
            return {};
        }
        found.into->push_back(canonical(names_of(*found.option).front()));
        if (!found.option->metavar.empty()) found.into->emplace_back(value);
        return {};
    }

    Result<void> positional(std::string_view word) {
        if (!tool_.commands.empty() && !words_.command) return command(word);
        words_.positionals.emplace_back(word);
        if (tool_.rest_at_positional) take_rest();
        return {};
    }

    Result<void> command(std::string_view word) {
        std::vector<std::string_view> names;
        for (const Command& each : tool_.commands) {
            names.push_back(each.name);
            if (each.name == word) words_.command = &each;
        }
        if (words_.command) return {};
        return fail(Error{EINVAL, fmt::format("unknown command '{}'", word), did_you_mean(word, names)});
    }

    void take_rest() {
        words_.positionals.insert(words_.positionals.end(), args_.begin() + std::ptrdiff_t(at_), args_.end());
        at_ = args_.size();
    }

    Result<void> unknown(std::string_view name, std::string_view word) {
        std::vector<std::string_view> names;
        auto collect = [&](const std::vector<Option>& options) {
            for (const Option& each : options)
                if (!hidden(each))
                    for (std::string_view one : names_of(each)) names.push_back(one);
        };
        if (words_.command) collect(words_.command->options);
        collect(tool_.options);
        collect(common_options());
        std::string_view shown = word.substr(0, word.find('='));
        const std::string hint = did_you_mean(name, names, "-");
        if (tool_.wording == Tool::Wording::own) return refuse(fmt::format("unknown option '{}'", shown), hint);
        if (tool_.wording == Tool::Wording::getopt && !word.starts_with("--")) return refuse(fmt::format("invalid option -- '{}'", shown.substr(1)), hint);
        return refuse(fmt::format("unrecognized option '{}'", shown), hint);
    }

    const Tool& tool_;
    std::vector<std::string_view> args_;
    usize at_ = 0;
    Words words_;
};

} // namespace

Result<Words> normalise(const Tool& tool, int argc, const char* const* argv) {
    return Normaliser(tool, argc, argv).run();
}

} // namespace emu::cli
