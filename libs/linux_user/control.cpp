// SPDX-License-Identifier: MIT
#include "linux_user/control.h"

#include "common/bits.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace emu::linux_user {
namespace {

constexpr u64 largest_control = 1 << 20; // net.core.optmem_max is less
constexpr std::string_view header_format = "wii"; // length, level, type

struct Header {
    u64 length = 0;
    s32 level = 0, type = 0;
};

/// Contents that hold longs: the times that packets arrived at.
std::string_view data_format(const Header& header) {
    if (header.level != SOL_SOCKET) return {};
    switch (header.type) {
    case SO_TIMESTAMP:
    case SO_TIMESTAMPNS: return "2W";
    case SO_TIMESTAMPING: return "6W";
    default: return {};
    }
}

std::vector<u8> convert_data(const Header& header, ConstBytes data, const DataModel& from, const DataModel& to) {
    const auto format = data_format(header);
    if (format.empty() || data.size() < struct_size(format, from)) return {data.begin(), data.end()};
    std::vector<u8> out(struct_size(format, to));
    convert_struct(format, data, from, out, to);
    return out;
}

/// Messages of one layout as those of another, up to `room` bytes. Calls cut(header, data) for one that did not fit whole.
template <class F> std::vector<u8> convert_messages(ConstBytes from, const DataModel& from_model, const DataModel& to_model, usize room, F&& cut) {
    const usize from_header = align_up(struct_size(header_format, from_model), usize(from_model.word));
    const usize to_header = align_up(struct_size(header_format, to_model), usize(to_model.word));
    std::vector<u8> out;
    for (usize at = 0; at + from_header <= from.size();) {
        Header header;
        convert_struct(header_format, from.subspan(at), from_model, {reinterpret_cast<u8*>(&header), sizeof header}, host_model);
        if (header.length < from_header || header.length > from.size() - at) break;
        std::vector<u8> data = convert_data(header, from.subspan(at + from_header, header.length - from_header), from_model, to_model);
        at += align_up(usize(header.length), usize(from_model.word));
        const usize start = out.size();
        if (start + to_header > room) {
            cut(header, data, 0);
            break;
        }
        const usize fits = std::min(data.size(), room - start - to_header);
        if (fits < data.size()) cut(header, data, fits);
        header.length = to_header + fits;
        out.resize(std::min(room, start + align_up(usize(header.length), usize(to_model.word))));
        convert_struct(header_format, {reinterpret_cast<const u8*>(&header), sizeof header}, host_model, Bytes(out).subspan(start, to_header), to_model);
        std::copy_n(data.begin(), fits, out.begin() + std::ptrdiff_t(start + to_header));
    }
    return out;
}

} // namespace

s64 load_control(const Call& call, u64 at, u64 size, Transfer transfer, std::vector<u8>& host) {
    if (size > largest_control) return -ENOBUFS;
    if (transfer == Transfer::to_guest) {
        host.assign(size * 2 + 64, 0); // headers are wider
        return 0;
    }
    std::vector<u8> guest(size);
    if (!call.copy_in(guest.data(), at, guest.size())) return -EFAULT;
    host = convert_messages(guest, call.abi.model, host_model, ~usize(0), [](auto&&...) {});
    return 0;
}

bool store_control(const Call& call, const Message& message, u64 at, u64& size, u32& flags) {
    const ConstBytes host = ConstBytes(message.control).first(std::min(message.control.size(), message.header.msg_controllen));
    auto cut = [&](const Header& header, ConstBytes data, usize kept) {
        flags |= MSG_CTRUNC;
        if (header.level != SOL_SOCKET || header.type != SCM_RIGHTS) return;
        for (usize i = align_up(kept, usize(4)) ; i + 4 <= data.size(); i += 4) ::close(int(le32(data, i))); // nobody else knows them
    };
    const auto guest = convert_messages(host, host_model, call.abi.model, usize(size), cut);
    size = guest.size();
    return call.copy_out(at, guest.data(), guest.size());
}

} // namespace emu::linux_user
