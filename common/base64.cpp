// SPDX-License-Identifier: MIT
#include "common/base64.h"

#include <array>
#include <cerrno>

namespace emu {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr u8 foreign = 0xff;

constexpr std::array<u8, 256> make_values() {
    std::array<u8, 256> values{};
    for (auto& value : values) value = foreign;
    for (usize i = 0; i < alphabet.size(); i++) values[u8(alphabet[i])] = u8(i);
    return values;
}
constexpr std::array<u8, 256> values = make_values();

} // namespace

std::string base64_encode(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (usize at = 0; at < bytes.size(); at += 3) {
        const usize have = bytes.size() - at;
        const u32 group = u32(u8(bytes[at])) << 16 | (have > 1 ? u32(u8(bytes[at + 1])) << 8 : 0) | (have > 2 ? u8(bytes[at + 2]) : 0);
        text += alphabet[group >> 18];
        text += alphabet[group >> 12 & 63];
        text += have > 1 ? alphabet[group >> 6 & 63] : '=';
        text += have > 2 ? alphabet[group & 63] : '=';
    }
    return text;
}

Result<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4) return fail(EINVAL, "Base64 text of a length that is no multiple of 4");
    usize padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') padding++;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (usize at = 0; at < text.size(); at += 4) {
        const usize pad = at + 4 == text.size() ? padding : 0;
        u32 group = 0;
        for (usize i = 0; i < 4; i++) {
            const u8 value = i >= 4 - pad ? u8(0) : values[u8(text[at + i])];
            if (value == foreign) return fail(EINVAL, "Base64 text with foreign characters");
            group = group << 6 | value;
        }
        if (group & ((1u << 8 * pad) - 1)) return fail(EINVAL, "Base64 text with bits left over");
        for (usize i = 0; i < 3 - pad; i++) bytes += char(group >> (16 - 8 * i));
    }
    return bytes;
}

} // namespace emu
