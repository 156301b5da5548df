// SPDX-License-Identifier: MIT
// ioctl: requests of the table (ioctls.def) are converted by it; others pass with their argument taken for a pointer, or for
// a number where the request's own number says that there is no structure.
#include "linux_user/guest_log.h"
#include "linux_user/ioctls.h"
#include "linux_user/process.h"
#include "linux_user/syscall.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace emu::linux_user {
namespace {

bool takes_pointer(u32 request) {
    // Requests made by _IO() carry no size: numbers, unless they are the old ones of terminals, sockets and disks.
    const u32 type = request >> 8 & 0xff;
    const bool old = type == 'T' || type == 0x89 || type == 0x03 || type == 0x12 || type == 'K' || type == 'V' || type == 0x4c || type == 0x53;
    return _IOC_DIR(request) != _IOC_NONE || old;
}

s64 pass_pointer(Call& call, u32 request) {
    const u64 at = call.a[2];
    if (at == 0) return call.pass(call.a[0], request, 0);
    if (!call.space.contains(at, 1)) return call.space.base() ? -EFAULT : call.pass(call.a[0], request, at);
    call.space.prepare_write(at, std::min(call.space.page(), call.space.limit() - at));
    return call.pass(call.a[0], request, host_pointer(call.host(at)));
}

s64 convert(Call& call, const IoctlRow& row) {
    alignas(16) std::array<u8, 1024> host{};
    const bool reads = row.argument != IoctlArg::out;
    // What is wrong with the descriptor comes before what is wrong with the pointer.
    if (reads && !call.load_struct(row.format, call.a[2], Bytes(host))) return pass_pointer(call, row.request);
    const s64 result = call.pass(call.a[0], row.request, host_pointer(host.data()));
    if (result >= 0 && row.argument != IoctlArg::in && !call.store_struct(row.format, call.a[2], ConstBytes(host))) return -EFAULT;
    return result;
}

/// struct ifconf: a buffer of struct ifreq, which is longer where words are.
s64 list_interfaces(Call& call) {
    constexpr usize host_size = 40, name_and_address = 32;
    struct {
        u32 size;
        u64 buffer;
    } list;
    if (!call.load_struct("iw", call.a[2], list)) return -EFAULT;
    const usize guest_size = call.abi.model.word == 8 ? host_size : name_and_address;
    const usize count = std::min<usize>(list.size / guest_size, 4096);
    std::vector<u8> entries(count * host_size);
    struct {
        s32 size;
        u8* buffer;
    } host{s32(entries.size()), list.buffer ? entries.data() : nullptr};
    const s64 result = call.pass(call.a[0], SIOCGIFCONF, host_pointer(&host));
    if (result < 0) return result;
    const usize found = usize(host.size) / host_size;
    for (usize i = 0; list.buffer && i < found; i++)
        if (!call.copy_out(list.buffer + i * guest_size, entries.data() + i * host_size, guest_size)) return -EFAULT;
    list.size = u32(found * guest_size);
    return call.store_struct("iw", call.a[2], list) ? result : -EFAULT;
}

} // namespace

s64 sys_ioctl(Call& call) {
    const u32 request = u32(call.a[1]);
    const bool same = call.abi.model == host_model;
    if (!same && request == SIOCGIFCONF) return list_interfaces(call);
    const IoctlRow* row = find_ioctl(request, call.abi.model);
    if (!row) {
        log_unknown("Unknown ioctl: {:#x}, passed on with {:#x} as it is", request, call.a[2]);
        return takes_pointer(request) ? pass_pointer(call, request) : call.pass(call.a[0], request, call.a[2]);
    }
    switch (row->argument) {
    case IoctlArg::none:
    case IoctlArg::number: return call.pass(call.a[0], row->request, call.a[2]);
    case IoctlArg::any: return pass_pointer(call, row->request);
    default: break;
    }
    // Without pointers inside, the same layout needs no copy.
    return same && call.space.base() == 0 ? pass_pointer(call, row->request) : convert(call, *row);
}

} // namespace emu::linux_user
