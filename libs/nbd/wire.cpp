// SPDX-License-Identifier: MIT
#include "nbd/wire.h"

#include <cerrno>

namespace emu::nbd {

std::string transmission_flag_names(u16 flags) {
    static constexpr std::string_view names[] = {
        "",      "readonly", "flush", "fua",       "rotational",          "trim", "zeroes", "df",
        "multi", "resize",    "cache", "fast-zero", "block-status-payload"};
    std::string out;
    for (unsigned bit = 1; bit < std::size(names); bit++)
        if (flags >> bit & 1) out += (out.empty() ? "" : " ") + std::string(names[bit]);
    return out;
}

std::string_view command_name(Command command) {
    static constexpr std::string_view names[] = {"read", "write", "disconnect",   "flush",
                                                 "trim", "cache", "write zeroes", "block status"};
    return unsigned(command) < command_count ? names[unsigned(command)] : "<unknown>";
}

u32 wire_error(int code) {
    struct Row {
        int code;
        u32 wire;
    };
    static constexpr Row rows[] = {
        {0, 0},       {EPERM, 1},   {EROFS, 1},  {EACCES, 1},     {EIO, 5},      {ENOMEM, 12},
        {ENOSPC, 28}, {EDQUOT, 28}, {EFBIG, 28}, {EOVERFLOW, 75}, {ENOTSUP, 95}, {ESHUTDOWN, 108},
    };
    for (const Row& row : rows)
        if (row.code == code) return row.wire;
    return 22; // EINVAL
}

} // namespace emu::nbd
