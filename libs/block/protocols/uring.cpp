// SPDX-License-Identifier: MIT
#include "block/protocols/uring.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <liburing.h>
#include <memory>

namespace emu::block {
namespace {

constexpr unsigned depth = 16;
constexpr usize part_size = 256u << 10;

class Ring {
public:
    Ring() : status_(::io_uring_queue_init(depth, &ring_, 0)) {}
    ~Ring() {
        if (status_ == 0) ::io_uring_queue_exit(&ring_);
    }
    Ring(const Ring&) = delete;
    Result<void> check() const {
        return status_ == 0 ? Result<void>() : fail(-status_, fmt::format("io_uring is not available: {}", std::strerror(-status_)));
    }
    /// One part to or from each of up to `depth` places; `done` gets the kernel's answer for each.
    template <class Byte> Result<void> run(int fd, u64 at, std::span<Byte> bytes, s32 (&done)[depth]);

private:
    io_uring ring_{};
    int status_;
};

void prepare(io_uring_sqe* entry, int fd, u8* memory, usize length, u64 at) { ::io_uring_prep_read(entry, fd, memory, unsigned(length), at); }
void prepare(io_uring_sqe* entry, int fd, const u8* memory, usize length, u64 at) { ::io_uring_prep_write(entry, fd, memory, unsigned(length), at); }

template <class Byte> Result<void> Ring::run(int fd, u64 at, std::span<Byte> bytes, s32 (&done)[depth]) {
    unsigned count = 0;
    for (usize offset = 0; offset < bytes.size(); offset += part_size, count++) {
        io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
        EMU_ASSERT(entry);
        prepare(entry, fd, bytes.data() + offset, std::min(part_size, bytes.size() - offset), at + offset);
        entry->user_data = count;
    }
    for (unsigned submitted = 0; submitted < count;) {
        const int got = ::io_uring_submit_and_wait(&ring_, count);
        if (got < 0 && got != -EINTR && got != -EAGAIN) return fail(-got, std::strerror(-got));
        submitted += unsigned(std::max(got, 0));
    }
    for (unsigned left = count; left;) {
        io_uring_cqe* answer = nullptr;
        const int got = ::io_uring_wait_cqe(&ring_, &answer);
        if (got == -EINTR) continue;
        if (got < 0) return fail(-got, std::strerror(-got));
        done[answer->user_data] = answer->res;
        ::io_uring_cqe_seen(&ring_, answer);
        left--;
    }
    return {};
}

Result<Ring*> my_ring() {
    thread_local std::unique_ptr<Ring> ring = std::make_unique<Ring>();
    EMU_CHECK(ring->check());
    return ring.get();
}

/// From the first byte that is missing on, until all is there or `step` says that there is no more.
template <class Byte> Result<usize> transfer(int fd, u64 at, std::span<Byte> bytes) {
    Ring& ring = *EMU_TRY(my_ring());
    usize total = 0;
    while (total < bytes.size()) {
        s32 done[depth] = {};
        const std::span<Byte> round = bytes.subspan(total, std::min(bytes.size() - total, part_size * depth));
        EMU_CHECK(ring.run(fd, at + total, round, done));
        usize have = 0;
        for (unsigned i = 0; have < round.size(); i++) {
            const usize want = std::min(part_size, round.size() - i * part_size);
            if (done[i] < 0 && done[i] != -EINTR && done[i] != -EAGAIN) return fail(-done[i], std::strerror(-done[i]));
            have += usize(std::max(done[i], 0));
            if (done[i] < 0 || usize(done[i]) == want) {
                if (done[i] < 0) break;
                continue;
            }
            if (done[i] == 0) return total + have;
            break; // a short answer: once more from there
        }
        total += have;
    }
    return total;
}

} // namespace

Result<void> check_uring() {
    (void)EMU_TRY(my_ring());
    return {};
}

Result<usize> uring_read(int fd, u64 at, Bytes to) { return transfer(fd, at, to); }

Result<void> uring_write(int fd, u64 at, ConstBytes from) {
    return EMU_TRY(transfer(fd, at, from)) == from.size() ? Result<void>() : fail(EIO, "the host wrote nothing");
}

} // namespace emu::block
