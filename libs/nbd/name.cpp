// SPDX-License-Identifier: MIT
#include "nbd/name.h"

#include "common/sizes.h"
#include "common/text.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::nbd {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = char(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Result<std::string> decoded(std::string_view text) {
    std::string out;
    for (usize at = 0; at < text.size(); at++) {
        if (text[at] != '%') {
            out += text[at];
            continue;
        }
        const bool room = at + 2 < text.size();
        const int high = room ? hex_digit(text[at + 1]) : -1, low = room ? hex_digit(text[at + 2]) : -1;
        if (high < 0 || low < 0) return fail(EINVAL, fmt::format("bad escape in '{}'", text));
        out += char(high * 16 + low);
        at += 2;
    }
    if (out.find('\0') != out.npos) return fail(EINVAL, fmt::format("a zero byte in '{}'", text));
    return out;
}

Result<void> add_host(KeyValues& out, std::string_view place, std::string_view name) {
    std::string_view host = place, port;
    if (!place.empty() && place[0] == '[') {
        const usize end = place.find(']');
        if (end == place.npos) return fail(EINVAL, fmt::format("no ']' in '{}'", name));
        host = place.substr(1, end - 1);
        place = place.substr(end + 1);
        if (!place.empty() && place[0] != ':') return fail(EINVAL, fmt::format("no ':' before the port in '{}'", name));
        port = place.empty() ? place : place.substr(1);
    } else if (const usize colon = place.rfind(':'); colon != place.npos) {
        host = place.substr(0, colon);
        port = place.substr(colon + 1);
    }
    if (host.empty()) return fail(EINVAL, fmt::format("no host in '{}'", name));
    out.add("server.host", EMU_TRY(decoded(host)));
    if (!port.empty()) {
        auto number = parse_number(port);
        if (!number || !*number || *number > 0xffffffff) return fail(EINVAL, fmt::format("bad port '{}'", port));
        out.add("server.port", port);
    }
    return {};
}

Result<std::string> query_socket(std::string_view query, std::string_view name) {
    std::string path;
    for (std::string_view each : split(query, '&')) {
        if (each.empty()) continue;
        const usize equals = each.find('=');
        if (equals == each.npos || each.substr(0, equals) != "socket")
            return fail(Error{EINVAL, fmt::format("unknown parameter '{}' in '{}'", each, name), "socket=PATH"});
        path = EMU_TRY(decoded(each.substr(equals + 1)));
    }
    return path;
}

Result<KeyValues> parse_uri(std::string_view scheme, std::string_view rest, std::string_view name) {
    KeyValues out;
    if (scheme.starts_with("nbds")) out.add("tls", "on");
    const usize plus = scheme.find('+');
    const std::string_view transport = plus == scheme.npos ? "tcp" : scheme.substr(plus + 1);
    rest = rest.substr(0, rest.find('#'));
    const usize question = rest.find('?');
    const std::string_view query = question == rest.npos ? "" : rest.substr(question + 1);
    rest = rest.substr(0, question);
    const usize slash = rest.find('/');
    std::string_view place = rest.substr(0, slash);
    const std::string export_name = EMU_TRY(decoded(slash == rest.npos ? "" : rest.substr(slash + 1)));
    const std::string path = EMU_TRY(query_socket(query, name));
    if (transport == "unix") {
        if (!place.empty()) return fail(EINVAL, fmt::format("a host and a UNIX socket in '{}'", name));
        if (path.empty()) return fail(EINVAL, fmt::format("'{}' needs ?socket=PATH", name));
        out.add("server.type", "unix");
        out.add("server.path", path);
    } else {
        if (!path.empty()) return fail(EINVAL, fmt::format("a socket belongs to nbd+unix: '{}'", name));
        out.add("server.type", transport == "vsock" ? "vsock" : "inet");
        EMU_CHECK(add_host(out, place, name));
    }
    if (!export_name.empty()) out.add("export", export_name);
    return out;
}

} // namespace

Result<KeyValues> parse_name(std::string_view name) {
    static constexpr std::string_view schemes[] = {"nbd",      "nbds",      "nbd+tcp",   "nbds+tcp",
                                                   "nbd+unix", "nbds+unix", "nbd+vsock", "nbds+vsock"};
    for (std::string_view scheme : schemes)
        if (name.starts_with(std::string(scheme) + "://"))
            return parse_uri(scheme, name.substr(scheme.size() + 3), name);
    if (!name.starts_with("nbd:")) return fail(EINVAL, fmt::format("'{}' is no name of an NBD export", name));
    KeyValues out;
    std::string_view rest = name.substr(4);
    constexpr std::string_view export_key = ":exportname=";
    const usize key = rest.find(export_key);
    const std::string_view export_name = key == rest.npos ? "" : rest.substr(key + export_key.size());
    rest = rest.substr(0, key);
    if (rest.starts_with("unix:")) {
        if (rest.size() == 5) return fail(EINVAL, fmt::format("no path of a socket in '{}'", name));
        out.add("server.type", "unix");
        out.add("server.path", rest.substr(5));
    } else {
        out.add("server.type", "inet");
        EMU_CHECK(add_host(out, rest, name));
        if (!out.has("server.port")) return fail(EINVAL, fmt::format("no port in '{}'", name));
    }
    if (!export_name.empty()) out.add("export", export_name);
    return out;
}

} // namespace emu::nbd
