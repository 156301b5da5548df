// SPDX-License-Identifier: MIT
#include "guest_agent/files.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu::guest_agent {

namespace {

struct Mode {
    std::string_view text; ///< without its 'b'
    int flags;
};
constexpr Mode modes[] = {
    {"r", O_RDONLY},
    {"w", O_WRONLY | O_CREAT | O_TRUNC},
    {"a", O_WRONLY | O_CREAT | O_APPEND},
    {"r+", O_RDWR},
    {"w+", O_RDWR | O_CREAT | O_TRUNC},
    {"a+", O_RDWR | O_CREAT | O_APPEND},
};

Result<int> flags_of(std::string_view mode) {
    std::string plain(mode);
    if (usize b = plain.find('b'); b != plain.npos && b > 0) plain.erase(b, 1);
    for (const Mode& each : modes)
        if (each.text == plain) return each.flags;
    return fail(EINVAL, fmt::format("invalid file open mode '{}'", mode));
}

} // namespace

/// Without blocking, so that a FIFO or a terminal does not stop the agent.
Result<s64> Files::open(const std::string& path, std::string_view mode) {
    const int flags = EMU_TRY(flags_of(mode));
    if (files_.size() >= most_files) return fail(EMFILE, fmt::format("{} files are open, the limit", files_.size()));
    auto fd = Fd::open(path, flags | O_NONBLOCK | O_NOCTTY);
    if (!fd) return fail_errno(fd.error().code, fmt::format("failed to open file '{}' (mode: '{}')", path, mode));
    const s64 handle = EMU_TRY(state_.next_handle());
    files_.emplace(handle, std::move(*fd));
    return handle;
}

Result<int> Files::find(s64 handle) const {
    auto at = files_.find(handle);
    if (at == files_.end()) return fail(EBADF, fmt::format("handle '{}' has not been found", handle));
    return at->second.get();
}

Result<void> Files::close(s64 handle) {
    EMU_CHECK(find(handle));
    const int fd = files_.at(handle).release();
    files_.erase(handle);
    if (::close(fd) < 0 && errno != EINTR) return fail_errno(errno, "failed to close handle");
    return {};
}

Result<Files::Read> Files::read(s64 handle, s64 count) {
    const int fd = EMU_TRY(find(handle));
    if (count < 0 || count > largest_read) return fail(EINVAL, fmt::format("value '{}' is invalid for argument count", count));
    Read result;
    constexpr usize piece = 64 << 10; // memory as there are bytes, not as many as asked for
    while (result.bytes.size() < usize(count)) {
        const usize have = result.bytes.size(), want = std::min(piece, usize(count) - have);
        result.bytes.resize(have + want);
        const ssize_t got = ::read(fd, result.bytes.data() + have, want);
        result.bytes.resize(have + usize(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (have || errno == EAGAIN)) break; // what was read counts
        if (got < 0) return fail_errno(errno, "failed to read file");
        if (!got) {
            result.eof = true;
            break;
        }
    }
    return result;
}

Result<usize> Files::write(s64 handle, std::string_view bytes) {
    const int fd = EMU_TRY(find(handle));
    usize done = 0;
    while (done < bytes.size()) {
        const ssize_t written = ::write(fd, bytes.data() + done, bytes.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && (done || errno == EAGAIN)) break;
        if (written < 0) return fail_errno(errno, "failed to write to file");
        done += usize(written);
    }
    return done;
}

Result<s64> Files::seek(s64 handle, s64 offset, int whence) {
    const off_t position = lseek(EMU_TRY(find(handle)), off_t(offset), whence);
    if (position < 0) return fail_errno(errno, "failed to seek file");
    return s64(position);
}

/// Nothing is buffered here; the host that flushes wants the data on its disk.
Result<void> Files::flush(s64 handle) {
    if (fdatasync(EMU_TRY(find(handle))) < 0 && errno != EINVAL && errno != EROFS) return fail_errno(errno, "failed to flush file");
    return {};
}

} // namespace emu::guest_agent
