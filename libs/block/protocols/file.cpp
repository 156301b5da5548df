// SPDX-License-Identifier: MIT
// Files and block devices of this host through preadv/pwritev and fallocate. Requests may come from any number of threads:
// the kernel takes them as they are, so there is no state to lock here.
#include "block/image.h"
#include "block/protocols/file_lock.h"
#include "block/protocols/uring.h"
#include "block/protocols/zones.h"
#include "common/bits.h"
#include "common/fd.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

namespace emu::block {
namespace {

struct FreeDeleter {
    void operator()(void* memory) const { std::free(memory); }
};
constexpr usize direct_alignment = 4096;

class FileNode final : public Node {
public:
    FileNode(Fd fd, std::string_view driver, bool device, bool direct, bool no_flush, bool uring, u64 size, u32 alignment)
        : fd_(std::move(fd)), driver_(driver), device_(device), direct_(direct), no_flush_(no_flush), uring_(uring), size_(size), alignment_(alignment) {}

    std::string_view driver() const override { return driver_; }
    Limits limits() const override {
        return {.request_alignment = alignment_, .fast_zero = true, .zero_after_create = !device_, .growable = !device_};
    }
    int native_fd() const override { return fd_.get(); }
    Result<std::vector<Zone>> zones(u64 at, usize most) override { return report_zones(fd_.get(), at, most); }
    Result<void> zone_action(ZoneAction action, u64 at, u64 length) override { return act_on_zones(fd_.get(), action, at, length); }
    Result<u64> zone_append(u64 at, ConstBytes from) override;
    std::optional<u64> allocated_size() const override {
        struct stat status {};
        if (::fstat(fd_.get(), &status) != 0) return std::nullopt;
        return u64(status.st_blocks) * 512;
    }

protected:
    u64 do_size() const override { return size_.load(std::memory_order_relaxed); }
    Result<void> do_read(u64 at, Bytes to) override;
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override;
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override;
    /// Devices are left alone: some seek, some have zones.
    Result<bool> do_place(u64, u64) override { return !device_; }
    Result<void> do_discard(u64 at, u64 length) override;
    Result<void> do_flush() override;
    Result<Extent> do_extent(u64 at, u64 length) override;
    Result<void> do_truncate(u64 size, Preallocation preallocation) override;

private:
    Result<void> zero_range(u64 at, u64 length, WriteFlags flags);
    Result<void> transfer_read(u64 at, Bytes to);
    Result<void> transfer_write(u64 at, ConstBytes from);
    bool misaligned(const void* memory) const { return direct_ && (std::uintptr_t(memory) & (alignment_ - 1)); }
    Result<void> fallocate(int mode, u64 at, u64 length);
    Result<void> discard_device(unsigned long request, u64 at, u64 length);

    Fd fd_;
    std::string_view driver_;
    bool device_, direct_, no_flush_, uring_;
    std::atomic<u64> size_;
    u32 alignment_;
    std::atomic<bool> no_zero_range_{false}, no_punch_{false};
    std::mutex append_;
};

std::unique_ptr<void, FreeDeleter> aligned_buffer(usize size) {
    void* memory = std::aligned_alloc(direct_alignment, align_up(size, direct_alignment));
    EMU_ASSERT(memory);
    return std::unique_ptr<void, FreeDeleter>(memory);
}

Result<void> FileNode::transfer_read(u64 at, Bytes to) {
    if (uring_) {
        const usize got = EMU_TRY(uring_read(fd_.get(), at, to));
        std::memset(to.data() + got, 0, to.size() - got);
        return {};
    }
    while (!to.empty()) {
        const ssize_t got = ::pread(fd_.get(), to.data(), to.size(), off_t(at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(errno, std::strerror(errno));
        if (got == 0) { // the last sector of a file that ends within it
            std::memset(to.data(), 0, to.size());
            return {};
        }
        at += u64(got);
        to = to.subspan(usize(got));
    }
    return {};
}

Result<void> FileNode::transfer_write(u64 at, ConstBytes from) {
    if (uring_) {
        EMU_CHECK(uring_write(fd_.get(), at, from));
        at += from.size();
        from = {};
    }
    while (!from.empty()) {
        const ssize_t got = ::pwrite(fd_.get(), from.data(), from.size(), off_t(at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(errno, std::strerror(errno));
        if (got == 0) return fail(EIO, "the host wrote nothing");
        at += u64(got);
        from = from.subspan(usize(got));
    }
    u64 seen = size_.load();
    while (at > seen && !size_.compare_exchange_weak(seen, at)) {}
    return {};
}

Result<void> FileNode::do_read(u64 at, Bytes to) {
    if (!misaligned(to.data())) return transfer_read(at, to);
    auto bounce = aligned_buffer(to.size());
    EMU_CHECK(transfer_read(at, {static_cast<u8*>(bounce.get()), to.size()}));
    std::memcpy(to.data(), bounce.get(), to.size());
    return {};
}

Result<void> FileNode::do_write(u64 at, ConstBytes from, WriteFlags) {
    if (!misaligned(from.data())) return transfer_write(at, from);
    auto bounce = aligned_buffer(from.size());
    std::memcpy(bounce.get(), from.data(), from.size());
    return transfer_write(at, {static_cast<const u8*>(bounce.get()), from.size()});
}

Result<u64> FileNode::zone_append(u64 at, ConstBytes from) {
    std::lock_guard lock(append_); // the zone's pointer is where the next one writes
    const std::vector<Zone> zone = EMU_TRY(report_zones(fd_.get(), at, 1));
    if (zone.empty()) return fail(EINVAL, "there is no zone");
    const u64 place = zone[0].write_pointer;
    if (from.size() > zone[0].start + zone[0].capacity - place) return fail(ENOSPC, "the zone has no room for that");
    EMU_CHECK(do_write(place, from, WriteFlags::none));
    return place;
}

Result<void> FileNode::fallocate(int mode, u64 at, u64 length) {
    int result;
    do result = ::fallocate(fd_.get(), mode, off_t(at), off_t(length));
    while (result < 0 && errno == EINTR);
    if (result == 0) return {};
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == ENOTTY || errno == EINVAL) return fail(ENOTSUP, "fallocate is not supported");
    return fail(errno, std::strerror(errno));
}

Result<void> FileNode::discard_device(unsigned long request, u64 at, u64 length) {
    u64 range[2] = {at, length};
    if (::ioctl(fd_.get(), request, range) == 0) return {};
    if (errno == EOPNOTSUPP || errno == ENOTTY) return fail(ENOTSUP, "not supported by the device");
    return fail(errno, std::strerror(errno));
}

Result<void> FileNode::do_write_zeroes(u64 at, u64 length, WriteFlags flags) {
    EMU_CHECK(zero_range(at, length, flags));
    // The calls below keep the size; a byte at the end moves it without taking away what others append meanwhile.
    static constexpr u8 zero[1] = {0};
    if (at + length > size_) return transfer_write(at + length - 1, zero);
    return {};
}

Result<void> FileNode::zero_range(u64 at, u64 length, WriteFlags flags) {
    if (device_) {
        if (has(flags, WriteFlags::may_unmap))
            if (fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length)) return {};
        return discard_device(BLKZEROOUT, at, length);
    }
    if (has(flags, WriteFlags::may_unmap) && !no_punch_) {
        auto done = fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length);
        if (done || done.error().code != ENOTSUP) return done;
        no_punch_ = true;
    }
    if (!no_zero_range_) {
        auto done = fallocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, at, length);
        if (done || done.error().code != ENOTSUP) return done;
        no_zero_range_ = true;
    }
    if (no_punch_) return fail(ENOTSUP, "fallocate is not supported");
    EMU_CHECK(fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length));
    auto back = fallocate(FALLOC_FL_KEEP_SIZE, at, length);
    if (!back && back.error().code == ENOTSUP) return {};
    return back;
}

Result<void> FileNode::do_discard(u64 at, u64 length) {
    if (device_) return discard_device(BLKDISCARD, at, length);
    if (no_punch_) return fail(ENOTSUP, "fallocate is not supported");
    return fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length);
}

Result<void> FileNode::do_flush() {
    if (no_flush_) return {};
    if (::fdatasync(fd_.get()) != 0) return fail(errno, std::strerror(errno));
    return {};
}

Result<Extent> FileNode::do_extent(u64 at, u64 length) {
    Extent out{.length = length, .data = true, .allocated = true, .offset = at, .file = this};
    const off_t data = ::lseek(fd_.get(), off_t(at), SEEK_DATA);
    if (data < 0) {
        if (errno != ENXIO) return out; // no such question on this file system: all data
        out.data = false;               // a hole up to the end
        out.zero = true;
        return out;
    }
    if (u64(data) > at) {
        out.length = std::min(length, u64(data) - at);
        out.data = false;
        out.zero = true;
        return out;
    }
    const off_t hole = ::lseek(fd_.get(), off_t(at), SEEK_HOLE);
    if (hole > off_t(at)) out.length = std::min(length, u64(hole) - at);
    return out;
}

Result<void> preallocate(int fd, u64 from, u64 to, Preallocation mode) {
    if (to <= from) return {};
    if (mode == Preallocation::falloc) {
        const int error = ::posix_fallocate(fd, off_t(from), off_t(to - from));
        if (error) return fail(error, fmt::format("Could not preallocate data for the new file: {}", std::strerror(error)));
        return {};
    }
    const std::vector<u8> zeroes(65536);
    for (u64 at = from; at < to;) {
        const ssize_t got = ::pwrite(fd, zeroes.data(), std::min<u64>(zeroes.size(), to - at), off_t(at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return fail(errno, fmt::format("Could not write zeros for preallocation: {}", std::strerror(errno)));
        at += u64(got);
    }
    if (::fsync(fd) != 0) return fail(errno, std::strerror(errno));
    return {};
}

Result<void> resize_file(int fd, u64 old_size, u64 size, Preallocation mode) {
    if (mode == Preallocation::metadata) return fail(ENOTSUP, "Unsupported preallocation mode: metadata");
    if (mode != Preallocation::off && size < old_size) return fail(ENOTSUP, "Preallocation can't be used for shrinking files");
    if (size > u64(INT64_MAX) || ::ftruncate(fd, off_t(size)) != 0)
        return fail(size > u64(INT64_MAX) ? EFBIG : errno,
                    fmt::format("Failed to resize file: {}", std::strerror(size > u64(INT64_MAX) ? EFBIG : errno)));
    if (mode == Preallocation::off) return {};
    auto done = preallocate(fd, old_size, size, mode);
    if (!done) (void)!::ftruncate(fd, off_t(old_size));
    return done;
}

Result<void> FileNode::do_truncate(u64 size, Preallocation preallocation) {
    if (device_) {
        if (size > size_) return fail(EINVAL, "Cannot grow device files");
        return {};
    }
    EMU_CHECK(resize_file(fd_.get(), size_, size, preallocation));
    size_ = size;
    return {};
}

/// "/dev/fdset/N" and "/dev/fd/N" are descriptors that we were started with.
Result<Fd> open_path(const std::string& path, int flags) {
    auto fd = Fd::open(path, flags);
    if (!fd) return fail(fd.error().code, fmt::format("Could not open '{}': {}", path, std::strerror(fd.error().code)));
    return fd;
}

Result<u64> host_size(int fd, const struct stat& status) {
    if (S_ISREG(status.st_mode)) return u64(status.st_size);
    if (S_ISBLK(status.st_mode)) {
        u64 bytes = 0;
        if (::ioctl(fd, BLKGETSIZE64, &bytes) == 0) return bytes;
    }
    const off_t end = ::lseek(fd, 0, SEEK_END);
    if (end < 0) return fail(errno, fmt::format("Could not get the size: {}", std::strerror(errno)));
    return u64(end);
}

u32 direct_unit(int fd, const struct stat& status) {
    int sector = 0;
    if (S_ISBLK(status.st_mode) && ::ioctl(fd, BLKSSZGET, &sector) == 0 && sector >= 512) return u32(sector);
    return direct_alignment;
}

Result<NodePtr> open_host(OpenArgs& args, std::string_view driver) {
    const auto path = args.options.take("filename");
    if (!path) return fail(EINVAL, "The 'file' block driver requires a file name");
    const std::string engine = args.options.take("aio").value_or("threads");
    if (engine != "threads" && engine != "native" && engine != "io_uring") return fail(EINVAL, fmt::format("Invalid parameter '{}'", engine));
    if (engine == "io_uring") EMU_CHECK(check_uring());
    for (std::string_view ignored : {"aio-max-batch", "drop-cache", "pr-manager", "x-check-cache-dropped"}) args.options.take(ignored);
    const std::string locking = args.options.take("locking").value_or("auto");
    if (locking != "on" && locking != "off" && locking != "auto") return fail(EINVAL, fmt::format("Invalid parameter '{}'", locking));
    int flags = (args.writable ? O_RDWR : O_RDONLY) | (args.cache.direct ? O_DIRECT : 0);
    Fd fd = EMU_TRY(open_path(*path, flags));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return fail(errno, fmt::format("Could not stat '{}': {}", *path, std::strerror(errno)));
    if (S_ISDIR(status.st_mode)) return fail(EINVAL, fmt::format("'file' driver requires '{}' to be a regular file", *path));
    const bool device = !S_ISREG(status.st_mode);
    if (driver == "file" && device && !S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))
        return fail(EINVAL, fmt::format("'{}' is not a regular file", *path));
    if (!args.force_share && locking != "off" && (locking == "on" || locks_work(fd.get())))
        EMU_CHECK(lock_file(fd.get(), *path, {.write = args.writable}));
    const u64 size = EMU_TRY(host_size(fd.get(), status));
    const u32 unit = args.cache.direct ? direct_unit(fd.get(), status) : 1;
    return NodePtr(std::make_shared<FileNode>(std::move(fd), driver, device, args.cache.direct, args.cache.no_flush, engine == "io_uring", size, unit));
}

Result<NodePtr> open_file(NodePtr, OpenArgs& args) { return open_host(args, "file"); }
Result<NodePtr> open_device(NodePtr, OpenArgs& args) { return open_host(args, "host_device"); }
Result<NodePtr> open_cdrom(NodePtr, OpenArgs& args) { return open_host(args, "host_cdrom"); }

/// The path behind "file:".
std::string path_of(std::string_view name) { return std::string(name.starts_with("file:") ? name.substr(5) : name); }

Result<void> create_file(NodePtr, CreateArgs& args) {
    const std::string path = path_of(args.name);
    const auto mode = EMU_TRY(parse_preallocation(args.options.take("preallocation").value_or("off")));
    const auto nocow = EMU_TRY(args.options.take_bool("nocow"));
    args.options.take("extent_size_hint");
    auto fd = Fd::open(path, O_RDWR | O_CREAT, 0644);
    if (!fd) return fail(fd.error().code, fmt::format("Could not create '{}': {}", path, std::strerror(fd.error().code)));
    // Look for users before the contents go.
    if (locks_work(fd->get())) EMU_CHECK(lock_file(fd->get(), path, {.write = true}));
    if (::ftruncate(fd->get(), 0) != 0) return fail(errno, fmt::format("Could not create '{}': {}", path, std::strerror(errno)));
    if (nocow.value_or(false)) {
        int attributes = 0;
        if (::ioctl(fd->get(), FS_IOC_GETFLAGS, &attributes) == 0) {
            attributes |= FS_NOCOW_FL;
            (void)::ioctl(fd->get(), FS_IOC_SETFLAGS, &attributes);
        }
    }
    return resize_file(fd->get(), 0, args.size, mode);
}

/// A device exists already; it only has to be large enough.
Result<void> create_on_device(NodePtr, CreateArgs& args) {
    Fd fd = EMU_TRY(open_path(path_of(args.name), O_RDWR));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return fail(errno, std::strerror(errno));
    const u64 there = EMU_TRY(host_size(fd.get(), status));
    if (there < args.size) return fail(ENOSPC, fmt::format("Device '{}' is too small", args.name));
    return {};
}

constexpr CreateOption file_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
    {"preallocation", CreateOption::Kind::string, "Preallocation mode (allowed values: off, falloc, full)"},
    {"nocow", CreateOption::Kind::flag, "Turn off copy-on-write (valid only on btrfs)"},
    {"extent_size_hint", CreateOption::Kind::size, "Extent size hint for the image file, 0 to disable"},
};
constexpr CreateOption file_open_options[] = {
    {"filename", CreateOption::Kind::string, "path of the file"},
    {"locking", CreateOption::Kind::string, "lock the file against other users: on, off or auto", "auto"},
    {"aio", CreateOption::Kind::string, "engine of requests: threads, native (the same) or io_uring", "threads"},
};

} // namespace

extern const Driver file_driver{.name = "file", .kind = Driver::Kind::protocol, .open = open_file, .create = create_file,
                                .create_options = file_options, .open_options = file_open_options, .summary = "a file of this host"};
extern const Driver host_device_driver{.name = "host_device", .kind = Driver::Kind::protocol, .open = open_device,
                                       .create = create_on_device, .create_options = std::span(file_options).first(1),
                                       .open_options = file_open_options, .summary = "a block device of this host"};
extern const Driver host_cdrom_driver{.name = "host_cdrom", .kind = Driver::Kind::protocol, .open = open_cdrom,
                                      .open_options = file_open_options, .read_only = true, .summary = "a CD-ROM drive of this host"};

} // namespace emu::block
