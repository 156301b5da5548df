// SPDX-License-Identifier: MIT
// ioctl: which requests take a number instead of a pointer, and how large the structures of old requests are whose number
// does not say it. Layouts are those of 64-bit ABIs, which all agree; ioctl_narrow.h has the others.
#include "linux_user/ioctl_narrow.h"
#include "linux_user/syscall.h"

#include <algorithm>
#include <asm/ioctls.h>
#include <cerrno>
#include <linux/fs.h>
#include <linux/kd.h>
#include <linux/vt.h>
#include <sys/ioctl.h>

namespace emu::linux_user {
namespace {

enum class IoctlArg : u8 { none, number, pointer };
struct IoctlRow {
    u32 request;
    IoctlArg argument;
};
// clang-format off
constexpr IoctlRow rows[] = {
    {TCSBRK, IoctlArg::number}, {TCSBRKP, IoctlArg::number}, {TCXONC, IoctlArg::number}, {TCFLSH, IoctlArg::number},
    {TIOCSCTTY, IoctlArg::number}, {TIOCNOTTY, IoctlArg::none}, {TIOCEXCL, IoctlArg::none}, {TIOCNXCL, IoctlArg::none},
    {TIOCSBRK, IoctlArg::none}, {TIOCCBRK, IoctlArg::none}, {TIOCVHANGUP, IoctlArg::none}, {TIOCMIWAIT, IoctlArg::number},
    {TIOCGPTPEER, IoctlArg::number}, {FIOCLEX, IoctlArg::none}, {FIONCLEX, IoctlArg::none},
    {BLKROSET, IoctlArg::pointer}, {BLKRRPART, IoctlArg::none}, {BLKFLSBUF, IoctlArg::none}, {BLKRASET, IoctlArg::number},
    {FICLONE, IoctlArg::number}, {KDSETMODE, IoctlArg::number}, {KDSKBMODE, IoctlArg::number}, {KDSKBLED, IoctlArg::number}, {KIOCSOUND, IoctlArg::number},
    {KDMKTONE, IoctlArg::number}, {VT_ACTIVATE, IoctlArg::number}, {VT_WAITACTIVE, IoctlArg::number},
    {VT_RELDISP, IoctlArg::number}, {VT_DISALLOCATE, IoctlArg::number}, {VT_LOCKSWITCH, IoctlArg::number},
    {0x4c00 /* LOOP_SET_FD */, IoctlArg::number}, {0x4c01 /* LOOP_CLR_FD */, IoctlArg::none},
    {0x4c06 /* LOOP_CHANGE_FD */, IoctlArg::number}, {0x4c07 /* LOOP_SET_CAPACITY */, IoctlArg::none},
    {0x4c08 /* LOOP_SET_DIRECT_IO */, IoctlArg::number}, {0x4c09 /* LOOP_SET_BLOCK_SIZE */, IoctlArg::number},
    {0x4c80 /* LOOP_CTL_ADD */, IoctlArg::number}, {0x4c81 /* LOOP_CTL_REMOVE */, IoctlArg::number}, {0x4c82 /* LOOP_CTL_GET_FREE */, IoctlArg::none},
};
// clang-format on

IoctlArg argument_of(u32 request) {
    for (const IoctlRow& row : rows)
        if (row.request == request) return row.argument;
    // Requests made by _IO() carry no size: numbers, unless they are the old ones of terminals, sockets and disks.
    u32 type = request >> 8 & 0xff;
    bool old = type == 'T' || type == 0x89 || type == 0x03 || type == 0x12 || type == 'K' || type == 'V' || type == 0x4c || type == 0x53;
    return _IOC_DIR(request) == _IOC_NONE && !old ? IoctlArg::number : IoctlArg::pointer;
}

} // namespace

s64 sys_ioctl(Call& call) {
    if (call.narrow())
        if (auto result = narrow_ioctl(call)) return *result;
    u64 argument = call.a[2];
    if (argument_of(u32(call.a[1])) != IoctlArg::pointer || argument == 0 || call.space.base() + argument == argument) {
        if (argument && call.space.contains(argument, 1))
            call.space.prepare_write(argument, std::min(call.space.page(), call.space.limit() - argument));
        return call.pass(call.a[0], u32(call.a[1]), argument);
    }
    if (!call.space.contains(argument, 1)) return -EFAULT;
    call.space.prepare_write(argument, std::min(call.space.page(), call.space.limit() - argument));
    return call.pass(call.a[0], u32(call.a[1]), host_pointer(call.host(argument)));
}

} // namespace emu::linux_user
