// SPDX-License-Identifier: MIT
// The key file follows the Desktop Entry Specification's basic format: comments with '#', groups, values with the escapes
// \s \n \t \r \\ .
#include "guest_agent/config.h"

#include "common/fd.h"
#include "common/sizes.h"
#include "common/text.h"

#include <cstdlib>
#include <fmt/format.h>

namespace emu::guest_agent {

namespace {

/// One key of the [general] group; exactly one of the members is set. In the order in which they are printed.
struct Key {
    std::string_view name;
    bool Config::*flag = nullptr;
    std::string Config::*text = nullptr;
    std::vector<std::string> Config::*list = nullptr;
    bool print_empty = false;
    bool old_name = false;
};
constexpr Key keys[] = {
    {.name = "daemon", .flag = &Config::daemon},
    {.name = "method", .text = &Config::method},
    {.name = "path", .text = &Config::path},
    {.name = "logfile", .text = &Config::logfile},
    {.name = "pidfile", .text = &Config::pidfile},
    {.name = "fsfreeze-hook", .text = &Config::fsfreeze_hook},
    {.name = "statedir", .text = &Config::statedir},
    {.name = "verbose", .flag = &Config::verbose},
    {.name = "retry-path", .flag = &Config::retry_path},
    {.name = "block-rpcs", .list = &Config::block_rpcs, .print_empty = true},
    {.name = "blacklist", .list = &Config::block_rpcs, .old_name = true},
    {.name = "allow-rpcs", .list = &Config::allow_rpcs},
    {.name = "exec-timeout", .text = &Config::exec_timeout},
};

struct Escape {
    char letter, value;
};
constexpr Escape escapes[] = {{'s', ' '}, {'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'\\', '\\'}};

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && std::string_view(" \t\r").find(text.front()) != std::string_view::npos) text.remove_prefix(1);
    while (!text.empty() && std::string_view(" \t\r").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
    return text;
}

Result<std::string> unescaped(std::string_view text) {
    std::string out;
    for (usize i = 0; i < text.size(); i++) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        const char letter = ++i < text.size() ? text[i] : '\0';
        bool known = false;
        for (const Escape& escape : escapes)
            if (escape.letter == letter) out += escape.value, known = true;
        if (!known) return fail(EINVAL, "bad escape sequence");
    }
    return out;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (usize i = 0; i < text.size(); i++) {
        char letter = 0;
        for (const Escape& escape : escapes)
            if (escape.value == text[i] && (text[i] != ' ' || i == 0 || i + 1 == text.size())) letter = escape.letter;
        if (letter) out += '\\', out += letter;
        else out += text[i];
    }
    return out;
}

Result<bool> boolean(std::string_view text) {
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    return fail(Error{EINVAL, fmt::format("'{}' is no boolean", text), "true or false"});
}

Result<void> take(Config& config, std::string_view name, std::string_view value) {
    for (const Key& key : keys) {
        if (key.name != name) continue;
        if (key.flag) config.*key.flag = EMU_TRY(boolean(value));
        if (key.text) config.*key.text = EMU_TRY(unescaped(value));
        if (key.list) (config.*key.list).clear(), add_names(config.*key.list, EMU_TRY(unescaped(value)));
    }
    return {};
}

Result<void> read_line(Config& config, std::string_view line, std::string& group) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#') return {};
    if (line[0] == '[') {
        if (line.back() != ']' || line.size() < 3) return fail(EINVAL, "bad group name");
        group = line.substr(1, line.size() - 2);
        return {};
    }
    const usize equals = line.find('=');
    if (group.empty()) return fail(EINVAL, "no group begins the file");
    if (equals == line.npos || !equals) return fail(EINVAL, fmt::format("'{}' is no key=value line, group or comment", line));
    if (group != "general") return {};
    const std::string_view name = trimmed(line.substr(0, equals));
    return in(name, take(config, name, trimmed(line.substr(equals + 1))));
}

} // namespace

std::string Config::effective_path() const {
    if (!path.empty()) return path;
    return std::string(method == "isa-serial" ? default_serial_path : method == "virtio-serial" ? default_virtio_path : "");
}

Result<u64> Config::exec_seconds() const {
    if (exec_timeout.empty()) return u64(0);
    u64 seconds = EMU_TRY(in("exec-timeout", parse_number(exec_timeout)));
    if (seconds > 10'000'000) return fail(EINVAL, "exec-timeout: more than 10000000 seconds");
    return seconds;
}

void add_names(std::vector<std::string>& names, std::string_view text) {
    for (std::string_view name : split(text, ','))
        if (name = trimmed(name); !name.empty()) names.emplace_back(name);
}

Result<void> read_config(Config& config, std::string_view text) {
    std::string group;
    usize number = 0;
    for (std::string_view line : split(text, '\n')) EMU_CHECK(in(fmt::format("line {}", ++number), read_line(config, line, group)));
    return {};
}

Result<void> load_config(Config& config, const std::string& named) {
    std::string file = named;
    for (const char* variable : {"EMU_QGA_CONF", "QGA_CONF"})
        if (const char* value = std::getenv(variable); value && file.empty()) file = value;
    const bool optional = file.empty();
    if (optional) file = default_config_file;
    auto fd = Fd::open(file, O_RDONLY);
    if (!fd && optional && fd.error().code == ENOENT) return {};
    if (!fd) return fail(std::move(fd.error()));
    std::string text;
    char bytes[4096];
    ssize_t got;
    while ((got = read(fd->get(), bytes, sizeof bytes)) > 0 && text.size() < (1u << 20)) text.append(bytes, usize(got));
    if (got < 0) return fail_errno(errno, file);
    return in(file, read_config(config, text));
}

std::string dump_config(const Config& config) {
    std::string text = "[general]\n";
    const Config defaults;
    Config shown = config;
    shown.path = config.effective_path();
    for (const Key& key : keys) {
        if (key.old_name) continue;
        std::string value;
        if (key.flag) value = shown.*key.flag ? "true" : "false";
        if (key.text) value = escaped(shown.*key.text);
        if (key.list) value = escaped(join(shown.*key.list, ","));
        if (!value.empty() || key.print_empty || (key.text && !(defaults.*key.text).empty())) text += fmt::format("{}={}\n", key.name, value);
    }
    return text;
}

} // namespace emu::guest_agent
