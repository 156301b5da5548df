// SPDX-License-Identifier: MIT
#include "block/protocols/url.h"

#include "common/text.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::block {

namespace {

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

Result<void> parse_authority(std::string_view text, Url& out) {
    if (const usize at = text.rfind('@'); at != std::string_view::npos) {
        const std::string_view user = text.substr(0, at);
        const usize colon = user.find(':');
        out.has_password = colon != std::string_view::npos;
        out.user = EMU_TRY(percent_decode(user.substr(0, colon)));
        if (out.has_password) out.password = EMU_TRY(percent_decode(user.substr(colon + 1)));
        text.remove_prefix(at + 1);
    }
    if (text.starts_with('[')) { // a literal IPv6 address
        const usize end = text.find(']');
        if (end == std::string_view::npos) return fail(EINVAL, "the address of the URL has no ']'");
        out.host = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        if (!text.empty() && text[0] != ':') return fail(EINVAL, "the URL's address is followed by something that is no port");
    } else {
        const usize colon = text.find(':');
        out.host = EMU_TRY(percent_decode(text.substr(0, colon)));
        text.remove_prefix(std::min(colon, text.size()));
    }
    if (!text.empty()) out.port = text.substr(1);
    if (out.port.find_first_not_of("0123456789") != std::string::npos || out.port.size() > 5) return fail(EINVAL, fmt::format("'{}' is no port number", out.port));
    return {};
}

} // namespace

Result<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (usize i = 0; i < text.size(); i++) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const bool whole = i + 2 < text.size();
        const int high = whole ? hex(text[i + 1]) : -1, low = whole ? hex(text[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0) return fail(EINVAL, fmt::format("'{}' has a malformed % escape", text));
        out += char(high * 16 + low);
        i += 2;
    }
    return out;
}

Result<Url> Url::parse(std::string_view text) {
    Url out;
    const usize colon = text.find("://");
    if (colon == std::string_view::npos || colon == 0) return fail(EINVAL, fmt::format("'{}' is no URL", text));
    out.scheme = text.substr(0, colon);
    text.remove_prefix(colon + 3);
    text = text.substr(0, text.find('#'));
    std::string_view query;
    if (const usize mark = text.find('?'); mark != std::string_view::npos) {
        query = text.substr(mark + 1);
        text = text.substr(0, mark);
    }
    const usize slash = std::min(text.find('/'), text.size());
    EMU_CHECK(parse_authority(text.substr(0, slash), out));
    out.path = EMU_TRY(percent_decode(text.substr(slash)));
    for (std::string_view item : split(query, '&')) {
        if (item.empty()) continue;
        const usize equal = item.find('=');
        const std::string key = EMU_TRY(percent_decode(item.substr(0, equal)));
        const std::string value = EMU_TRY(percent_decode(equal == std::string_view::npos ? "" : item.substr(equal + 1)));
        out.query.add(key, value);
    }
    return out;
}

} // namespace emu::block
