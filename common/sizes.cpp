// SPDX-License-Identifier: MIT
#include "common/sizes.h"

#include "common/checked.h"

#include <cerrno>
#include <charconv>
#include <fmt/format.h>

namespace emu {
namespace {

constexpr std::string_view suffixes = "bkMGTPE";

int suffix_shift(char c) {
    for (usize i = 0; i < suffixes.size(); i++)
        if ((c | 0x20) == (suffixes[i] | 0x20)) return int(i) * 10;
    return -1;
}

tl::unexpected<Error> bad(std::string_view text) {
    Error error{EINVAL, fmt::format("'{}' is not a size", text), "a number with an optional suffix b, k, M, G, T, P or E"};
    return fail(std::move(error));
}
tl::unexpected<Error> too_large(std::string_view text) { return fail(ERANGE, fmt::format("size '{}' is too large", text)); }

/// Digits from `*at` on; false where there are none or they do not fit.
bool digits(std::string_view text, usize& at, u64& value, bool& overflow) {
    usize start = at;
    value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; at++) {
        auto tens = checked_mul<u64>(value, 10);
        auto next = tens ? checked_add<u64>(*tens, u64(text[at] - '0')) : std::nullopt;
        if (!next) overflow = true;
        value = next.value_or(0);
    }
    return at > start;
}

/// The digits of a fraction times 2^shift, cut off: digit by digit, so that "0.1E" loses nothing to rounding.
u64 scaled_fraction(std::string_view digits_text, int shift) {
    // Nineteen digits decide every bit of 2^60; the ones after them cannot change the whole bytes.
    u128 numerator = 0, denominator = 1;
    for (char c : digits_text.substr(0, 19)) {
        numerator = numerator * 10 + u128(c - '0');
        denominator *= 10;
    }
    return u64((numerator << shift) / denominator);
}

} // namespace

Result<u64> parse_number(std::string_view text) {
    bool hex = text.starts_with("0x") || text.starts_with("0X");
    std::string_view body = hex ? text.substr(2) : text;
    u64 value = 0;
    auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value, hex ? 16 : 10);
    if (error == std::errc::result_out_of_range) return fail(ERANGE, fmt::format("number '{}' is too large", text));
    if (error != std::errc() || end != body.data() + body.size())
        return fail(EINVAL, fmt::format("'{}' is not a number", text));
    return value;
}

Result<u64> parse_size(std::string_view text, char default_suffix) {
    if (text.starts_with("0x") || text.starts_with("0X")) return parse_number(text);
    usize at = 0;
    u64 whole = 0;
    bool overflow = false;
    if (!digits(text, at, whole, overflow)) return bad(text);
    std::string_view fraction;
    if (at < text.size() && text[at] == '.') {
        usize start = ++at;
        u64 ignored = 0;
        bool fraction_overflow = false;
        if (!digits(text, at, ignored, fraction_overflow)) return bad(text);
        fraction = text.substr(start, at - start);
    }
    char suffix = at < text.size() ? text[at++] : default_suffix;
    int shift = suffix_shift(suffix);
    if (shift < 0 || at != text.size()) return bad(text);
    if (!fraction.empty() && shift == 0) return bad(text);
    auto scaled = overflow ? std::nullopt : checked_mul<u64>(whole, u64(1) << shift);
    if (scaled && !fraction.empty()) scaled = checked_add<u64>(*scaled, scaled_fraction(fraction, shift));
    if (!scaled) return too_large(text);
    return *scaled;
}

std::string format_size(u64 bytes) {
    usize unit = 0;
    while (bytes && unit + 1 < suffixes.size() && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    return unit ? fmt::format("{}{}", bytes, suffixes[unit]) : fmt::format("{}", bytes);
}

std::string human_size(u64 bytes) {
    static constexpr std::string_view names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    usize unit = 0;
    double value = double(bytes);
    while (value >= 1000 && unit + 1 < std::size(names)) {
        value /= 1024;
        unit++;
    }
    return fmt::format("{:.3g} {}", value, names[unit]);
}

} // namespace emu
