// SPDX-License-Identifier: MIT
#include "linux_user/ioctl_narrow.h"

#include <algorithm>
#include <cerrno>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/rtc.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <vector>

namespace emu::linux_user {
namespace {

enum class Way : u8 { in, out, inout, number, same };
/// A request as the guest has it (its number may hold the size of its structure), and as the host has it.
struct NarrowIoctl {
    u32 guest;
    u64 host;
    Way way;
    std::string_view format;
};
constexpr std::string_view ifreq_format = "32b", ifmap_format = "16bwwhbbb", ifdata_format = "16bp";
constexpr u32 drm_version = 0xc0246400;
constexpr u64 host_drm_version = 0xc0406400;
// clang-format off
constexpr NarrowIoctl rows[] = {
    {0x80046601, FS_IOC_GETFLAGS, Way::same, {}}, {0x40046602, FS_IOC_SETFLAGS, Way::same, {}},
    {0x80047601, FS_IOC_GETVERSION, Way::same, {}}, {0x40047602, FS_IOC_SETVERSION, Way::same, {}},
    {BLKGETSIZE, BLKGETSIZE, Way::out, "w"}, {BLKRAGET, BLKRAGET, Way::out, "w"}, {BLKFRAGET, BLKFRAGET, Way::out, "w"},
    {0x80041270, BLKBSZGET, Way::same, {}}, {0x40041271, BLKBSZSET, Way::same, {}}, {0x80041272, BLKGETSIZE64, Way::same, {}},
    {HDIO_GETGEO, HDIO_GETGEO, Way::out, "bbhw"},
    {SIOCGSTAMP_OLD, SIOCGSTAMP_OLD, Way::out, "WW"}, {SIOCGSTAMPNS_OLD, SIOCGSTAMPNS_OLD, Way::out, "WW"},
    {SIOCGIFMAP, SIOCGIFMAP, Way::inout, ifmap_format}, {SIOCSIFMAP, SIOCSIFMAP, Way::in, ifmap_format},
    {SIOCETHTOOL, SIOCETHTOOL, Way::inout, ifdata_format},
    {0x8004700b, RTC_IRQP_READ, Way::out, "w"}, {0x4004700c, RTC_IRQP_SET, Way::number, {}},
    {0x8004700d, RTC_EPOCH_READ, Way::out, "w"}, {0x4004700e, RTC_EPOCH_SET, Way::number, {}},
    {drm_version, host_drm_version, Way::inout, "3iwpwpwp"},
};
// clang-format on

s64 convert(Call& call, const NarrowIoctl& row) {
    if (row.way == Way::number) return call.pass(call.a[0], row.host, call.a[2]);
    if (row.way == Way::same) {
        if (!call.space.contains(call.a[2], 8)) return -EFAULT;
        call.space.prepare_write(call.a[2], 8);
        return call.pass(call.a[0], row.host, host_pointer(call.host(call.a[2])));
    }
    alignas(8) std::array<u8, 128> bytes{};
    if (row.way != Way::out && !call.load_struct(row.format, call.a[2], Bytes(bytes))) return -EFAULT;
    const s64 result = call.pass(call.a[0], row.host, host_pointer(bytes.data()));
    return result >= 0 && row.way != Way::in && !call.store_struct(row.format, call.a[2], ConstBytes(bytes)) ? -EFAULT : result;
}

/// struct ifreq: a name and a union of 16 bytes here, of 24 on the host.
constexpr usize guest_ifreq = 32;
bool takes_ifreq(u32 request) { return request >= SIOCGIFNAME && request <= SIOCSIFTXQLEN && request != SIOCGIFCONF; }

/// struct ifconf: the size of a buffer, and where it is.
s64 interface_list(Call& call) {
    struct Words {
        s32 size;
        u64 buffer;
    } guest;
    if (!call.load_struct("iw", call.a[2], guest)) return -EFAULT;
    const usize count = guest.buffer ? usize(std::clamp(guest.size, 0, 1 << 20)) / guest_ifreq : 0;
    std::vector<ifreq> list(count);
    ifconf host{};
    host.ifc_len = int(count * sizeof(ifreq));
    host.ifc_req = guest.buffer ? list.data() : nullptr;
    const s64 result = call.pass(call.a[0], SIOCGIFCONF, host_pointer(&host));
    if (result < 0) return result;
    const usize found = usize(host.ifc_len) / sizeof(ifreq);
    for (usize i = 0; i < std::min(found, count); i++)
        if (!call.copy_out(guest.buffer + i * guest_ifreq, &list[i], guest_ifreq)) return -EFAULT;
    guest.size = s32(found * guest_ifreq);
    return call.store_struct("iw", call.a[2], guest) ? result : -EFAULT;
}

} // namespace

std::optional<s64> narrow_ioctl(Call& call) {
    const u32 request = u32(call.a[1]);
    for (const NarrowIoctl& row : rows)
        if (row.guest == request) return convert(call, row);
    if (request == SIOCGIFCONF) return interface_list(call);
    if (takes_ifreq(request)) return convert(call, {request, request, Way::inout, ifreq_format});
    return std::nullopt;
}

} // namespace emu::linux_user
