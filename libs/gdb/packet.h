// SPDX-License-Identifier: MIT
// Packets of gdb's remote serial protocol (gdb's manual, appendix "Remote Protocol", "Overview"): "$payload#checksum",
// acknowledged by '+' or '-', with the byte 0x03 between them as the request to interrupt.
#pragma once
#include "common/bytes.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace emu::gdb {

/// Payloads up to this size are taken and sent; gdb is told so.
inline constexpr usize most_payload = 0x4000;

/// Bytes in, packets out.
class PacketReader {
public:
    enum class Kind : u8 { packet, broken, interrupt, acknowledged, refused };
    struct Item {
        Kind kind;
        std::string payload;         ///< of packets, without escapes
    };
    void feed(ConstBytes bytes) { waiting_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size()); }
    std::optional<Item> next();

private:
    std::optional<Item> take_packet();
    std::string waiting_;
};

/// The packet around a payload, whose special bytes get escaped.
std::string packet(std::string_view payload);

std::string to_hex(ConstBytes bytes);
std::string to_hex(std::string_view text);
/// Nothing where it is not pairs of hexadecimal digits.
std::optional<std::vector<u8>> from_hex(std::string_view text);
/// The hexadecimal number that `text` begins with, taken off it; nothing where there is none, or it is too large.
std::optional<u64> take_number(std::string_view& text);
/// Take `prefix` off the beginning; false where `text` does not begin so.
bool take_prefix(std::string_view& text, std::string_view prefix);

} // namespace emu::gdb
