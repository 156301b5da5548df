// SPDX-License-Identifier: MIT
#include "linux_user/ioctls.h"

#include <doctest/doctest.h>
#include <set>
#include <sys/ioctl.h>

using namespace emu;
using namespace emu::linux_user;

namespace {
constexpr DataModel i386{Endian::little, 4, 4}, arm{Endian::little, 4, 8};
} // namespace

TEST_CASE("ioctl: the host's own guests find every row by its number, and nothing else") {
    std::set<u32> seen;
    for (const IoctlRow& row : ioctl_rows()) {
        CAPTURE(row.name);
        CHECK(guest_request(row, host_model) == row.request);
        CHECK(find_ioctl(row.request, host_model)->request == row.request);
        CHECK(seen.insert(row.request).second);
    }
    CHECK(!find_ioctl(0xdeadbeef, host_model));
}

TEST_CASE("ioctl: a request that carries its structure's size has the guest's") {
    CHECK(find_ioctl(0x80046601, i386)->name == "FS_IOC_GETFLAGS"); // declared for a long
    CHECK(find_ioctl(0x80041272, arm)->name == "BLKGETSIZE64");     // for a size_t
    CHECK(find_ioctl(0x8004700b, i386)->name == "RTC_IRQP_READ");
    CHECK(find_ioctl(0x4004700c, i386)->name == "RTC_IRQP_SET");
    CHECK(find_ioctl(0xc0246400, i386)->name == "DRM_IOCTL_VERSION");
    CHECK(find_ioctl(0x5401, i386)->name == "TCGETS");              // a bare number
}

TEST_CASE("ioctl: structures have the size that the host's numbers say") {
    for (const IoctlRow& row : ioctl_rows()) {
        CAPTURE(row.name);
        const u32 size = _IOC_SIZE(row.request);
        if (_IOC_DIR(row.request) == _IOC_NONE || row.format.empty() || size == sizeof(long)) continue;
        if (row.name == "TUNSETIFF" || row.name == "TUNGETIFF") continue; // declared for an int
        CHECK(struct_size(row.format, host_model) == size);
    }
}
