// SPDX-License-Identifier: MIT
#include "linux_user/ioctls.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <sys/time.h>
#include <linux/cdrom.h>
#include <linux/fb.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/blkpg.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/input.h>
#include <linux/kd.h>
#include <linux/loop.h>
#include <linux/nsfs.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <linux/sockios.h>
#include <linux/fiemap.h>
#include <linux/uinput.h>
#include <linux/usbdevice_fs.h>
#include <linux/vt.h>
#include <linux/watchdog.h>
#include <scsi/sg.h>
#include <sound/asound.h>

namespace emu::linux_user {
namespace {

// drm/drm.h is not everywhere: by the number and the size of the structure.
constexpr u32 drm(u32 direction, u32 number, u32 size) { return _IOC(direction, 'd', number, size); }
constexpr u32 both = _IOC_READ | _IOC_WRITE;
constexpr u32 DRM_IOCTL_VERSION = drm(both, 0x00, 64), DRM_IOCTL_GET_UNIQUE = drm(both, 0x01, 16), DRM_IOCTL_GET_MAGIC = drm(_IOC_READ, 0x02, 4);
constexpr u32 DRM_IOCTL_AUTH_MAGIC = drm(_IOC_WRITE, 0x11, 4), DRM_IOCTL_SET_VERSION = drm(both, 0x07, 16), DRM_IOCTL_GET_CAP = drm(both, 0x0c, 16);
constexpr u32 DRM_IOCTL_SET_CLIENT_CAP = drm(_IOC_WRITE, 0x0d, 16), DRM_IOCTL_GEM_CLOSE = drm(_IOC_WRITE, 0x09, 8);
constexpr u32 DRM_IOCTL_GEM_FLINK = drm(both, 0x0a, 8), DRM_IOCTL_GEM_OPEN = drm(both, 0x0b, 16);
constexpr u32 DRM_IOCTL_PRIME_HANDLE_TO_FD = drm(both, 0x2d, 12), DRM_IOCTL_PRIME_FD_TO_HANDLE = drm(both, 0x2e, 12);
constexpr u32 DRM_IOCTL_SET_MASTER = drm(_IOC_NONE, 0x1e, 0), DRM_IOCTL_DROP_MASTER = drm(_IOC_NONE, 0x1f, 0);
constexpr u32 DRM_IOCTL_MODE_GETRESOURCES = drm(both, 0xa0, 64), DRM_IOCTL_MODE_CREATE_DUMB = drm(both, 0xb2, 32);
constexpr u32 DRM_IOCTL_MODE_MAP_DUMB = drm(both, 0xb3, 16), DRM_IOCTL_MODE_DESTROY_DUMB = drm(both, 0xb4, 4);

constexpr IoctlRow rows[] = {
#define EMU_IOCTL(name, argument, format) {#name, u32(name), IoctlArg::argument, format},
#include "linux_user/ioctls.def"
#undef EMU_IOCTL
};

} // namespace

std::span<const IoctlRow> ioctl_rows() { return rows; }

u32 guest_request(const IoctlRow& row, const DataModel& model) {
    // Old requests are bare numbers, and so are those whose structure ends in something of any length.
    const u32 size = _IOC_SIZE(row.request);
    u32 guest_size = u32(struct_size(row.format, model));
    if (_IOC_DIR(row.request) == _IOC_NONE) return row.request;
    // Some are declared for a long or size_t, and are about a number, an int, or 64 bits.
    const bool declared_long = row.argument == IoctlArg::number || row.format == "i" || row.request == BLKGETSIZE64;
    if (declared_long && size == sizeof(long)) guest_size = model.word;
    else if (size != struct_size(row.format, host_model)) return row.request;
    return (row.request & ~(u32(_IOC_SIZEMASK) << _IOC_SIZESHIFT)) | guest_size << _IOC_SIZESHIFT;
}

const IoctlRow* find_ioctl(u32 request, const DataModel& model) {
    for (const IoctlRow& row : rows)
        if (guest_request(row, model) == request) return &row;
    return nullptr;
}

} // namespace emu::linux_user
