// SPDX-License-Identifier: MIT
#include "nbd/kernel.h"
#include "nbd/libnbd.h"

#include "nbd/wire.h"

#include <cstring>
#include <fmt/format.h>
#include <linux/nbd.h>
#include <sys/ioctl.h>

namespace emu::nbd {
namespace {

constexpr unsigned long sector = 512;

Result<Fd> open_device(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (fd) return fd;
    Error error{errno, fmt::format("Failed to open {}: {}", path, std::strerror(errno)), ""};
    if (errno == ENOENT) error.hint = "is the kernel's module nbd loaded?";
    return fail(std::move(error));
}

} // namespace

Result<KernelDevice> KernelDevice::open(const std::string& path) {
    return KernelDevice(EMU_TRY(open_device(path)), path);
}

Result<void> KernelDevice::attach(const Target& target) {
    handle_ = EMU_TRY(make_handle(target));
    nbd_handle* h = handle_.get();
    library().nbd_set_request_structured_replies(h, false); // the kernel reads simple replies only
    EMU_CHECK(connect(h, target));
    const s64 size = library().nbd_get_size(h);
    if (size < 0) return client_error("size");
    unsigned long flags = has_flags;
    if (library().nbd_is_read_only(h) == 1) flags |= read_only_flag;
    if (library().nbd_can_flush(h) == 1) flags |= send_flush;
    if (library().nbd_can_fua(h) == 1) flags |= send_fua;
    if (library().nbd_can_trim(h) == 1) flags |= send_trim;
    auto ask = [&](unsigned long request, unsigned long value, const char* what) -> Result<void> {
        if (::ioctl(fd_.get(), request, value) < 0) return fail_errno(errno, fmt::format("{}: {}", path_, what));
        return {};
    };
    EMU_CHECK(ask(NBD_CLEAR_SOCK, 0, "clear the socket"));
    EMU_CHECK(ask(NBD_SET_SOCK, unsigned(library().nbd_aio_get_fd(h)), "set the socket"));
    EMU_CHECK(ask(NBD_SET_BLKSIZE, sector, "set the block size"));
    EMU_CHECK(ask(NBD_SET_SIZE_BLOCKS, unsigned(u64(size) / sector), "set the size"));
    return ask(NBD_SET_FLAGS, flags, "set the flags");
}

Result<void> KernelDevice::run() {
    const int result = ::ioctl(fd_.get(), NBD_DO_IT);
    const int code = result < 0 ? errno : 0;
    ::ioctl(fd_.get(), NBD_CLEAR_QUE);
    ::ioctl(fd_.get(), NBD_CLEAR_SOCK);
    // EPIPE: disconnected from the outside.
    if (code && code != EPIPE) return fail_errno(code, path_);
    return {};
}

Result<void> disconnect_device(const std::string& path) {
    Fd fd = EMU_TRY(open_device(path));
    ::ioctl(fd.get(), NBD_CLEAR_QUE);
    if (::ioctl(fd.get(), NBD_DISCONNECT) < 0) return fail_errno(errno, path);
    if (::ioctl(fd.get(), NBD_CLEAR_SOCK) < 0) return fail_errno(errno, path);
    return {};
}

} // namespace emu::nbd
