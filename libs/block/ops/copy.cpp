// SPDX-License-Identifier: MIT
#include "block/ops/copy.h"

#include "block/chain.h"
#include "common/bits.h"
#include "common/thread_pool.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <fmt/format.h>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace emu::block {
namespace {

constexpr u64 max_piece = u64(2) << 20;
/// To compress: short, so that those who wait for their turn to write wait shortly.
constexpr u64 max_compressed_piece = u64(512) << 10;

struct Piece {
    u64 number = 0;
    Node* source = nullptr;
    u64 at = 0;        ///< in the source
    u64 target = 0;    ///< in the target
    u64 length = 0;
    enum class Kind : u8 { data, zero, skip } kind = Kind::data;
    int source_fd = -1; ///< offload: where the bytes are in a host file
    u64 source_offset = 0;
};

/// Cuts the sources into pieces, in order.
class Planner {
public:
    Planner(const std::vector<Node*>& sources, const CopyOptions& options, u64 unit) : sources_(sources), o_(options), unit_(unit) {}
    /// False at the end.
    Result<bool> next(Piece& piece);

private:
    Result<void> extend_to_unit(Piece& piece, u64 size);
    const std::vector<Node*>& sources_;
    const CopyOptions& o_;
    u64 unit_;
    usize index_ = 0;
    u64 at_ = 0, target_at_ = 0, numbers_ = 0;
};

struct Run {
    u64 at = 0; ///< in the target
    ConstBytes data;
    bool zero = false;
};

class Copier {
public:
    Copier(const std::vector<Node*>& sources, Node& target, const CopyOptions& options)
        : target_(target), o_(options), limits_(target.limits()), unit_(o_.compressed ? std::max<u64>(limits_.cluster_size, 512) : 1),
          planner_(sources, options, unit_), start_(Clock::now()) {}
    Result<void> run();

private:
    using Clock = std::chrono::steady_clock;
    void work();
    Result<void> one(const Piece& piece, std::vector<u8>& buffer);
    Result<void> read(const Piece& piece, Bytes to);
    std::vector<Run> runs(u64 at, ConstBytes data) const;
    Result<void> write_sparse(const Piece& piece, ConstBytes data);
    Result<void> write_run(const Run& run);
    Result<void> write_zero(u64 at, u64 length);
    Result<void> compressed(const Piece& piece, ConstBytes data);
    Result<bool> offload(const Piece& piece);
    bool wait_turn(u64 number);
    void end_turn(u64 number);
    void give_up(Error error);
    void keep_rate(u64 bytes);

    Node& target_;
    const CopyOptions& o_;
    Limits limits_;
    u64 unit_;

    std::mutex plan_mutex_;
    Planner planner_;
    Clock::time_point start_;
    u64 planned_ = 0;

    std::mutex turn_mutex_;
    std::condition_variable turn_;
    u64 next_number_ = 0;
    std::optional<Error> error_;
    bool offload_works_ = true;
};

void Copier::keep_rate(u64 bytes) {
    planned_ += bytes;
    if (!o_.rate) return;
    std::this_thread::sleep_until(start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(double(planned_) / double(o_.rate))));
}

/// Compressed pieces are whole clusters of the target: a piece that ends inside one takes the rest along as data.
Result<void> Planner::extend_to_unit(Piece& piece, u64 size) {
    const u64 end = piece.target + piece.length, whole = align_up(end, unit_);
    if (piece.kind != Piece::Kind::data && piece.length >= unit_) {
        piece.length = align_down(end, unit_) - piece.target;
        return {};
    }
    piece.kind = Piece::Kind::data;
    piece.length += std::min(whole - end, size - piece.at - piece.length);
    return {};
}

Result<bool> Planner::next(Piece& piece) {
    while (index_ < sources_.size() && at_ >= sources_[index_]->size()) {
        index_++;
        at_ = 0;
    }
    if (index_ == sources_.size()) return false;
    Node& source = *sources_[index_];
    const u64 size = source.size();
    piece = {.number = numbers_++, .source = &source, .at = at_, .target = target_at_, .length = size - at_};
    const bool over_backing = o_.top_only && target_at_ < o_.backing_length;
    if (over_backing) piece.length = std::min(piece.length, o_.backing_length - target_at_);
    auto asked = chain_extent(source, over_backing ? backing_of(&source) : nullptr, at_, piece.length);
    if (!asked && !o_.salvage) return fail(std::move(asked.error()).in(fmt::format("error while reading block status at offset {}", at_)));
    ChainExtent extent;
    if (asked) extent = std::move(*asked);
    else extent.length = std::min(piece.length, max_piece), extent.data = extent.allocated = true;
    piece.length = extent.length;
    if (over_backing && !extent.allocated) piece.kind = Piece::Kind::skip;
    else if (extent.zero || (!extent.allocated && !extent.data)) piece.kind = Piece::Kind::zero;
    if (piece.kind == Piece::Kind::data) {
        piece.length = std::min(piece.length, unit_ > 1 ? max_compressed_piece : max_piece);
        if (o_.offload && extent.offset && extent.file) {
            piece.source_fd = extent.file->native_fd();
            piece.source_offset = extent.offset.value_or(0);
        }
    }
    if (unit_ > 1) EMU_CHECK(extend_to_unit(piece, size));
    at_ += piece.length;
    target_at_ += piece.length;
    return true;
}

Result<void> Copier::read(const Piece& piece, Bytes to) {
    auto done = piece.source->read(piece.at, to);
    if (done) return done;
    if (!o_.salvage) return fail(std::move(done.error()).in(fmt::format("error while reading at byte {}", piece.at)));
    for (usize at = 0; at < to.size(); at += 512) {
        const Bytes part = to.subspan(at, std::min<usize>(512, to.size() - at));
        if (auto again = piece.source->read(piece.at + at, part); again) continue;
        else if (o_.warn) o_.warn(fmt::format("warning: error while reading offset {}: {}", piece.at + at, again.error().text));
        std::fill(part.begin(), part.end(), u8(0));
    }
    return {};
}

Result<void> Copier::write_zero(u64 at, u64 length) {
    if (o_.target_is_zero && o_.sparse) return {};
    if (o_.sparse) return target_.write_zeroes(at, length, WriteFlags::may_unmap);
    static const std::vector<u8> zeroes(max_piece);
    for (u64 done = 0; done < length; done += max_piece)
        EMU_CHECK(target_.write(at + done, ConstBytes(zeroes).first(std::min(max_piece, length - done))));
    return {};
}

/// What to write of a piece, in its turn: runs of zeroes of at least `sparse` bytes, on multiples of it, are left out.
std::vector<Run> Copier::runs(u64 at, ConstBytes data) const {
    std::vector<Run> out;
    if (!o_.sparse) return {{at, data, false}};
    const u64 grain = o_.sparse;
    for (usize begin = 0; begin < data.size();) {
        const usize end = usize(std::min<u64>(data.size(), align_down(at + begin, grain) + grain - at));
        const ConstBytes part = data.subspan(begin, end - begin);
        const bool zero = is_zero(part);
        if (!out.empty() && out.back().zero == zero) out.back().data = {out.back().data.data(), out.back().data.size() + part.size()};
        else out.push_back({at + begin, part, zero});
        begin = end;
    }
    return out;
}

/// In the turn of the piece the runs get their places, where the target can say so before it has the bytes; then others may go on
/// while these are written.
Result<void> Copier::write_sparse(const Piece& piece, ConstBytes data) {
    const std::vector<Run> all = runs(piece.target, data);
    if (!wait_turn(piece.number)) return {};
    std::vector<Run> later;
    for (const Run& run : all) {
        if (o_.out_of_order || (!run.zero && EMU_TRY(target_.place(run.at, run.data.size())))) later.push_back(run);
        else EMU_CHECK(write_run(run));
    }
    end_turn(piece.number);
    for (const Run& run : later) EMU_CHECK(write_run(run));
    return {};
}

Result<void> Copier::write_run(const Run& run) { return run.zero ? write_zero(run.at, run.data.size()) : target_.write(run.at, run.data); }

/// Pack all clusters of the piece, wait for our turn, write them.
Result<void> Copier::compressed(const Piece& piece, ConstBytes data) {
    struct Part {
        ConstBytes plain;
        std::vector<u8> packed;
        bool zero;
    };
    std::vector<Part> parts;
    for (usize at = 0; at < data.size(); at += unit_) {
        Part part{data.subspan(at, std::min<u64>(unit_, data.size() - at)), {}, false};
        part.zero = o_.sparse && is_zero(part.plain);
        if (!part.zero && limits_.can_pack) part.packed = EMU_TRY(target_.pack_cluster(part.plain));
        parts.push_back(std::move(part));
    }
    if (!wait_turn(piece.number)) return {};
    u64 at = piece.target;
    for (const Part& part : parts) {
        if (part.zero) EMU_CHECK(write_zero(at, part.plain.size()));
        else if (!part.packed.empty()) EMU_CHECK(target_.write_packed(at, part.packed));
        else EMU_CHECK(target_.write(at, part.plain, limits_.can_pack ? WriteFlags::none : WriteFlags::compressed));
        at += part.plain.size();
    }
    return {};
}

/// False where the kernel will not.
Result<bool> Copier::offload(const Piece& piece) {
    const int to = target_.native_fd();
    if (!offload_works_ || piece.source_fd < 0 || to < 0) return false;
    u64 done = 0;
    while (done < piece.length) {
        loff_t in = loff_t(piece.source_offset + done), out = loff_t(piece.target + done);
        const ssize_t got = ::copy_file_range(piece.source_fd, &in, to, &out, piece.length - done, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            if (got < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP && errno != ETXTBSY)
                return fail(errno, fmt::format("error while copying: {}", std::strerror(errno)));
            offload_works_ = false;
            return false;
        }
        done += u64(got);
    }
    return true;
}

bool Copier::wait_turn(u64 number) {
    std::unique_lock lock(turn_mutex_);
    if (!o_.out_of_order) turn_.wait(lock, [&] { return error_ || next_number_ == number; });
    return !error_;
}

void Copier::end_turn(u64 number) {
    if (o_.out_of_order) return;
    std::unique_lock lock(turn_mutex_);
    turn_.wait(lock, [&] { return error_ || next_number_ >= number; });
    if (next_number_ != number) return; // the copy has failed, or the turn ended before the bytes were written
    next_number_++;
    turn_.notify_all();
}

void Copier::give_up(Error error) {
    std::lock_guard lock(turn_mutex_);
    if (!error_) error_ = std::move(error);
    turn_.notify_all();
}

Result<void> Copier::one(const Piece& piece, std::vector<u8>& buffer) {
    switch (piece.kind) {
    case Piece::Kind::skip: return {};
    case Piece::Kind::zero: return wait_turn(piece.number) ? write_zero(piece.target, piece.length) : Result<void>();
    case Piece::Kind::data: break;
    }
    if (EMU_TRY(offload(piece))) return {};
    if (buffer.size() < piece.length) buffer.resize(piece.length);
    const Bytes data = Bytes(buffer).first(piece.length);
    EMU_CHECK(read(piece, data));
    if (o_.compressed) return compressed(piece, data);
    auto written = write_sparse(piece, data);
    if (!written) return fail(std::move(written.error()).in(fmt::format("error while writing at byte {}", piece.target)));
    return written;
}

void Copier::work() {
    std::vector<u8> buffer;
    for (;;) {
        Piece piece;
        {
            std::lock_guard lock(plan_mutex_);
            {
                std::lock_guard turn(turn_mutex_);
                if (error_) return;
            }
            auto more = planner_.next(piece);
            if (!more) return give_up(std::move(more.error()));
            if (!*more) return;
            keep_rate(piece.length);
        }
        if (auto done = one(piece, buffer); !done) return give_up(std::move(done.error()));
        end_turn(piece.number);
        if (o_.progress) o_.progress->add(piece.length);
    }
}

Result<void> Copier::run() {
    // Packing takes all processors, also while some wait for their turn.
    const unsigned threads = o_.compressed ? std::max(1u, std::min(o_.workers, 2 * std::thread::hardware_concurrency() + 1)) : worker_threads(o_.workers);
    if (threads <= 1) work();
    else ThreadPool(threads).for_each_index(threads, [this](usize) { work(); });
    if (error_) return fail(std::move(*error_));
    return {};
}

} // namespace

unsigned worker_threads(unsigned wanted) {
    // One more than there are processors hides the time that one of them waits for the host.
    return std::max(1u, std::min(wanted, std::thread::hardware_concurrency() + 1));
}

Result<std::vector<Range>> data_ranges(const std::vector<Node*>& sources, const CopyOptions& options) {
    std::vector<Range> out;
    Planner planner(sources, options, 1);
    for (Piece piece; EMU_TRY(planner.next(piece));) {
        if (piece.kind != Piece::Kind::data && options.sparse) continue;
        if (!out.empty() && out.back().at + out.back().length == piece.target) out.back().length += piece.length;
        else out.push_back({piece.target, piece.length});
    }
    return out;
}

Result<void> copy_contents(const std::vector<Node*>& sources, Node& target, const CopyOptions& options) {
    return Copier(sources, target, options).run();
}

} // namespace emu::block
