// SPDX-License-Identifier: MIT
// A connection's bytes, in the clear or through TLS, without blocking.
#pragma once
#include "common/fd.h"
#include "common/result.h"

#include <memory>
#include <optional>
#include <span>
#include <sys/uio.h>

namespace emu::nbd {

class Stream {
public:
    virtual ~Stream() = default;
    /// Bytes received, 0 at the end of the stream; nothing where there is nothing now.
    virtual Result<std::optional<usize>> read(Bytes to) = 0;
    /// Bytes taken, at least 1; nothing where there is no room now. `more`: this is not the end of a message.
    virtual Result<std::optional<usize>> write(std::span<const iovec> from, bool more) = 0;
    /// Bytes that a read would have at once though the descriptor is not readable.
    virtual bool buffered() const { return false; }
    /// Can it take parts of a host file by itself?
    virtual bool sends_files() const { return false; }
    /// 0 bytes: the file ends before `at`.
    virtual Result<std::optional<usize>> send_file(int, u64, usize) { return fail(ENOTSUP, "cannot send files"); }
};

/// `fd` must be non-blocking and outlive the stream.
std::unique_ptr<Stream> plain_stream(int fd);

} // namespace emu::nbd
