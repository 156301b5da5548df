// SPDX-License-Identifier: MIT
#include "linux_user/vectors.h"

#include "linux_user/control.h"

#include <cerrno>
#include <climits>

namespace emu::linux_user {
namespace {
constexpr std::string_view header_format = "wiwwwwi"; // name, namelen, iov, iovlen, control, controllen, flags
struct Header {
    u64 name;
    u32 name_size;
    u64 vectors, vector_count, control, control_size;
    u32 flags;
};
static_assert(sizeof(Header) == sizeof(msghdr));

s64 host_memory(const Call& call, u64 at, u64 size, Transfer transfer, void*& host) {
    host = call.host(at);
    if (size == 0) return 0;
    if (!call.space.contains(at, size)) return -EFAULT;
    if (transfer == Transfer::to_guest) call.space.prepare_write(at, size);
    return 0;
}
} // namespace

usize message_size(const DataModel& model) { return struct_size(header_format, model); }

s64 load_vectors(const Call& call, u64 at, u64 count, Transfer transfer, std::vector<iovec>& vectors) {
    if (count > IOV_MAX) return -EINVAL;
    const usize size = 2 * call.abi.model.word;
    vectors.resize(count);
    for (iovec& vector : vectors) {
        u64 pair[2];
        if (!call.load_struct("ww", at, pair)) return -EFAULT;
        at += size;
        if (s64(pair[1]) < 0) return -EINVAL;
        if (s64 result = host_memory(call, pair[0], pair[1], transfer, vector.iov_base)) return result;
        vector.iov_len = pair[1];
    }
    return 0;
}

s64 load_message(const Call& call, u64 at, Transfer transfer, Message& message) {
    Header header;
    if (!call.load_struct(header_format, at, header)) return -EFAULT;
    message.guest = at;
    if (header.vector_count > IOV_MAX) return -EMSGSIZE;
    if (s64 result = load_vectors(call, header.vectors, header.vector_count, transfer, message.vectors)) return result;
    msghdr& host = message.header;
    if (s64 result = host_memory(call, header.name, header.name_size, transfer, host.msg_name)) return result;
    const bool convert = call.abi.model != host_model && header.control && header.control_size;
    if (convert) {
        if (s64 result = load_control(call, header.control, header.control_size, transfer, message.control)) return result;
    } else if (s64 result = host_memory(call, header.control, header.control_size, transfer, host.msg_control)) {
        return result;
    }
    host.msg_namelen = header.name_size;
    host.msg_iov = message.vectors.data();
    host.msg_iovlen = message.vectors.size();
    host.msg_controllen = header.control_size;
    if (convert) {
        host.msg_control = message.control.data();
        host.msg_controllen = message.control.size();
    }
    host.msg_flags = int(header.flags);
    return 0;
}

bool store_message(const Call& call, const Message& message) {
    Header header;
    if (!call.load_struct(header_format, message.guest, header)) return false;
    header.name_size = message.header.msg_namelen;
    header.flags = u32(message.header.msg_flags);
    if (message.control.empty())
        header.control_size = message.header.msg_controllen;
    else if (!store_control(call, message, header.control, header.control_size, header.flags))
        return false;
    return call.store_struct(header_format, message.guest, header);
}

} // namespace emu::linux_user
