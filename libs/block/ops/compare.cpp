// SPDX-License-Identifier: MIT
#include "block/ops/compare.h"

#include "block/chain.h"
#include "block/ops/copy.h"
#include "common/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <mutex>

namespace emu::block {
namespace {

constexpr u64 max_piece = u64(1) << 20;

class Comparer {
public:
    Comparer(Node& a, Node& b, bool strict, Progress* progress)
        : a_(a), b_(b), strict_(strict), progress_(progress), common_(std::min(a.size(), b.size())), total_(std::max(a.size(), b.size())),
          longer_(a.size() > b.size() ? a : b) {}
    Result<Difference> run();

private:
    struct Piece {
        u64 at = 0, length = 0;
        bool zero_a = false, zero_b = false;
    };
    Result<bool> next(Piece& piece);
    void work();
    Result<void> one(const Piece& piece, std::vector<u8>& x, std::vector<u8>& y);
    void found(Difference::Kind kind, u64 at);

    Node &a_, &b_;
    bool strict_;
    Progress* progress_;
    u64 common_, total_;
    Node& longer_;
    std::mutex mutex_; ///< all below
    u64 at_ = 0;
    Difference first_;
    std::optional<Error> error_;
};

void Comparer::found(Difference::Kind kind, u64 at) {
    std::lock_guard lock(mutex_);
    if (first_.kind == Difference::Kind::none || at < first_.offset) first_ = {kind, at};
}

bool reads_zero(const ChainExtent& e) { return e.zero || (!e.allocated && !e.data); }

Result<bool> Comparer::next(Piece& piece) {
    if (at_ >= total_ || first_.kind != Difference::Kind::none || error_) return false;
    piece = {.at = at_, .length = (at_ < common_ ? common_ : total_) - at_};
    auto state = [&](Node& node) -> Result<ChainExtent> {
        auto e = chain_extent(node, nullptr, at_, piece.length);
        if (!e) return fail(ENODATA, fmt::format("Unable to query block status at offset {} in '{}': {}", at_, node.name(), e.error().text));
        return e;
    };
    if (at_ < common_) {
        const ChainExtent x = EMU_TRY(state(a_)), y = EMU_TRY(state(b_));
        if (strict_ && (x.data != y.data || x.zero != y.zero || x.allocated != y.allocated)) {
            first_ = {Difference::Kind::status, at_};
            return false;
        }
        piece.length = std::min(x.length, y.length);
        piece.zero_a = reads_zero(x);
        piece.zero_b = reads_zero(y);
    } else {
        const ChainExtent x = EMU_TRY(state(longer_));
        piece.length = x.length;
        piece.zero_a = reads_zero(x);
        piece.zero_b = true;
    }
    if (!piece.zero_a || !piece.zero_b) piece.length = std::min(piece.length, max_piece);
    at_ += piece.length;
    return true;
}

usize mismatch(const u8* x, const u8* y, usize size) {
    // memcmp is fast and says only that; the place is looked for once.
    if (std::memcmp(x, y, size) == 0) return size;
    return usize(std::mismatch(x, x + size, y).first - x);
}

Result<void> Comparer::one(const Piece& p, std::vector<u8>& x, std::vector<u8>& y) {
    if (p.zero_a && p.zero_b) return {};
    auto read = [&](Node& node, std::vector<u8>& to) -> Result<void> {
        if (to.size() < p.length) to.resize(p.length);
        auto done = node.read(p.at, Bytes(to).first(p.length));
        if (!done) return fail(done.error().code == ENODATA ? EIO : done.error().code, fmt::format("Error while reading offset {} of {}: {}", p.at, node.name(), done.error().text));
        return done;
    };
    if (p.at >= common_ || p.zero_a || p.zero_b) {
        Node& node = p.at >= common_ ? longer_ : p.zero_a ? b_ : a_;
        EMU_CHECK(read(node, x));
        const ConstBytes data = ConstBytes(x).first(p.length);
        if (!is_zero(data)) found(Difference::Kind::contents, p.at + u64(std::find_if(data.begin(), data.end(), [](u8 c) { return c != 0; }) - data.begin()));
        return {};
    }
    EMU_CHECK(read(a_, x));
    EMU_CHECK(read(b_, y));
    if (const usize at = mismatch(x.data(), y.data(), p.length); at != p.length) found(Difference::Kind::contents, p.at + at);
    return {};
}

void Comparer::work() {
    std::vector<u8> x, y;
    for (;;) {
        Piece piece;
        {
            std::lock_guard lock(mutex_);
            auto more = next(piece);
            if (!more) {
                if (!error_) error_ = std::move(more.error());
                return;
            }
            if (!*more) return;
        }
        if (auto done = one(piece, x, y); !done) {
            std::lock_guard lock(mutex_);
            if (!error_) error_ = std::move(done.error());
            return;
        }
        if (progress_) progress_->add(piece.length);
    }
}

Result<Difference> Comparer::run() {
    const unsigned threads = worker_threads(16);
    ThreadPool(threads).for_each_index(threads, [this](usize) { work(); });
    if (first_.kind != Difference::Kind::none) return first_; // errors behind it do not matter
    if (error_) return fail(std::move(*error_));
    return first_;
}

} // namespace

Result<Difference> compare_images(Node& a, Node& b, bool strict, Progress* progress) { return Comparer(a, b, strict, progress).run(); }

} // namespace emu::block
