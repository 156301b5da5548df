// SPDX-License-Identifier: MIT
#include "block/stream.h"
#include "pipe.h"

#include "common/fd.h"

#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace emu::img {
namespace {

constexpr usize buffer_size = 1 << 20, hole_size = 4096;

Result<int> temporary_file(std::string& path) {
    const char* folder = std::getenv("TMPDIR");
    path = fmt::format("{}/emu-img.XXXXXX", folder && *folder ? folder : "/var/tmp");
    const int fd = ::mkstemp(path.data());
    if (fd < 0) return fail_errno(errno, path);
    return fd;
}

/// At most the buffer's size; less only at the end.
Result<usize> read_full(int fd, Bytes to, std::string_view name) {
    usize have = 0;
    while (have < to.size()) {
        const ssize_t got = ::read(fd, to.data() + have, to.size() - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(errno, name);
        if (got == 0) break;
        have += usize(got);
    }
    return have;
}

Result<void> write_full(int fd, ConstBytes from, std::string_view name) {
    if (!write_all(fd, from)) return fail_errno(errno, name);
    return {};
}

/// Blocks of zeroes become holes, so that whoever reads the file need not look at them.
Result<void> write_sparse(int fd, u64 at, ConstBytes from, const std::string& path) {
    while (!from.empty()) {
        usize length = std::min(hole_size, from.size());
        const bool zero = block::is_zero(from.first(length));
        while (length < from.size() && block::is_zero(from.subspan(length, std::min(hole_size, from.size() - length))) == zero)
            length += std::min(hole_size, from.size() - length);
        if (!zero) {
            if (::lseek(fd, off_t(at), SEEK_SET) < 0) return fail_errno(errno, path);
            EMU_CHECK(write_full(fd, from.first(length), path));
        }
        at += length;
        from = from.subspan(length);
    }
    return {};
}

Result<void> no_terminal(int fd, std::string_view name) { return ::isatty(fd) ? fail(EINVAL, fmt::format("{} is a terminal", name)) : Result<void>(); }

} // namespace

Result<std::string> input_image() {
    EMU_CHECK(no_terminal(STDIN_FILENO, "standard input"));
    struct stat status {};
    if (::fstat(STDIN_FILENO, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) && ::lseek(STDIN_FILENO, 0, SEEK_CUR) == 0)
        return std::string("/proc/self/fd/0");
    std::string path;
    const int fd = EMU_TRY(temporary_file(path));
    ::unlink(path.c_str());
    std::vector<u8> buffer(buffer_size);
    for (u64 at = 0;;) {
        const usize got = EMU_TRY(read_full(STDIN_FILENO, buffer, "standard input"));
        EMU_CHECK(write_sparse(fd, at, ConstBytes(buffer).first(got), path));
        at += got;
        if (got == buffer.size()) continue;
        if (::ftruncate(fd, off_t(at)) != 0) return fail_errno(errno, path);
        return fmt::format("/proc/self/fd/{}", fd); // open until the program ends
    }
}

OutputPipe::~OutputPipe() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> OutputPipe::check() const { return no_terminal(STDOUT_FILENO, "standard output"); }

Result<block::NodePtr> OutputPipe::stream(const std::string& format, block::StreamArgs args) const {
    const block::Driver* driver = EMU_TRY(block::find_format(format));
    if (!driver->stream) return block::NodePtr();
    args.name = "stdout";
    args.sink = [](ConstBytes bytes) { return write_full(STDOUT_FILENO, bytes, "standard output"); };
    auto node = driver->stream(args);
    if (!node && node.error().code == ENOTSUP) return block::NodePtr();
    return node;
}

Result<std::string> OutputPipe::spool() {
    ::close(EMU_TRY(temporary_file(path_)));
    return path_;
}

Result<void> OutputPipe::send() const {
    if (path_.empty()) return {};
    Fd fd = EMU_TRY(Fd::open(path_, O_RDONLY));
    std::vector<u8> buffer(buffer_size);
    for (;;) {
        const usize got = EMU_TRY(read_full(fd.get(), buffer, path_));
        EMU_CHECK(write_full(STDOUT_FILENO, ConstBytes(buffer).first(got), "standard output"));
        if (got < buffer.size()) return {};
    }
}

} // namespace emu::img
