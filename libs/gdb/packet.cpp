// SPDX-License-Identifier: MIT
#include "gdb/packet.h"

namespace emu::gdb {
namespace {

constexpr char escape = '}', escape_bit = 0x20;
constexpr std::string_view digits = "0123456789abcdef";

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

u8 checksum(std::string_view text) {
    u8 sum = 0;
    for (char c : text) sum = u8(sum + u8(c));
    return sum;
}

std::string without_escapes(std::string_view text) {
    std::string out;
    for (usize i = 0; i < text.size(); i++)
        out += text[i] == escape && i + 1 < text.size() ? char(text[++i] ^ escape_bit) : text[i];
    return out;
}

} // namespace

std::optional<PacketReader::Item> PacketReader::take_packet() {
    const usize end = waiting_.find('#');
    if (end == waiting_.npos || end + 2 >= waiting_.size()) {
        // Escaped, a payload is at most twice as long.
        if (waiting_.size() <= 2 * most_payload + 4) return std::nullopt;
        waiting_.clear();
        return Item{Kind::broken, {}};
    }
    const std::string_view body = std::string_view(waiting_).substr(1, end - 1);
    const int high = digit(waiting_[end + 1]), low = digit(waiting_[end + 2]);
    const bool good = high >= 0 && low >= 0 && u8(high << 4 | low) == checksum(body);
    Item item{good ? Kind::packet : Kind::broken, good ? without_escapes(body) : std::string()};
    waiting_.erase(0, end + 3);
    return item;
}

std::optional<PacketReader::Item> PacketReader::next() {
    while (!waiting_.empty()) {
        const char first = waiting_[0];
        if (first == '$') return take_packet();
        waiting_.erase(0, 1);
        switch (first) {
        case 0x03: return Item{Kind::interrupt, {}};
        case '+': return Item{Kind::acknowledged, {}};
        case '-': return Item{Kind::refused, {}};
        default: break; // noise between packets is to be ignored
        }
    }
    return std::nullopt;
}

std::string packet(std::string_view payload) {
    std::string body;
    for (char c : payload) {
        if (c == '$' || c == '#' || c == '*' || c == escape) body += {escape, char(c ^ escape_bit)};
        else body += c;
    }
    const u8 sum = checksum(body);
    return "$" + body + "#" + digits[sum >> 4] + digits[sum & 15];
}

std::string to_hex(ConstBytes bytes) {
    std::string out;
    out.reserve(2 * bytes.size());
    for (u8 byte : bytes) out += {digits[byte >> 4], digits[byte & 15]};
    return out;
}
std::string to_hex(std::string_view text) { return to_hex(ConstBytes(reinterpret_cast<const u8*>(text.data()), text.size())); }

std::optional<std::vector<u8>> from_hex(std::string_view text) {
    if (text.size() % 2) return std::nullopt;
    std::vector<u8> bytes;
    for (usize i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes.push_back(u8(high << 4 | low));
    }
    return bytes;
}

std::optional<u64> take_number(std::string_view& text) {
    u64 value = 0;
    usize length = 0;
    for (; length < text.size() && digit(text[length]) >= 0; length++) {
        if (value >> 60) return std::nullopt;
        value = value << 4 | u64(digit(text[length]));
    }
    if (length == 0) return std::nullopt;
    text.remove_prefix(length);
    return value;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

} // namespace emu::gdb
