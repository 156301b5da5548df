// SPDX-License-Identifier: MIT
// copy-before-write: before a part of the image changes for the first time, what it held goes to another image, which thus keeps
// the state of one moment. snapshot-access stands on such a filter and reads that state, from wherever each part is now.
#include "block/filters/filter.h"
#include "common/bits.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fmt/format.h>
#include <shared_mutex>

namespace emu::block {
namespace {

constexpr u64 least_unit = 65536;

struct Policy {
    bool break_snapshot = false;     ///< on-cbw-error: the snapshot is given up, and the guest goes on
    std::chrono::seconds timeout{0}; ///< a copy that took longer counts as an error; 0: none does
};

class CopyBeforeWrite final : public Filter {
public:
    CopyBeforeWrite(NodePtr file, NodePtr target, u64 unit, Policy policy)
        : Filter(std::move(file)), target_(std::move(target)), unit_(unit), size_(file_->size()), policy_(policy),
          state_(usize((size_ + unit - 1) / unit), State::here) {}
    std::string_view driver() const override { return "copy-before-write"; }
    std::vector<NodePtr> children() const override { return {file_, target_}; }
    /// Only what the bitmap calls dirty belongs to the snapshot.
    Result<void> restrict_to(std::string_view bitmap);

    u64 snapshot_size() const { return size_; }
    Result<void> snapshot_read(u64 at, Bytes to);
    Result<Extent> snapshot_extent(u64 at, u64 length);

protected:
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        EMU_CHECK(save(at, from.size()));
        return file_->write(at, from, flags);
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override {
        EMU_CHECK(save(at, length));
        return file_->write_zeroes(at, length, flags);
    }
    Result<void> do_discard(u64 at, u64 length) override {
        EMU_CHECK(save(at, length));
        return file_->discard(at, length);
    }
    Result<void> do_truncate(u64 size, Preallocation mode) override {
        const u64 now = file_->size();
        if (size < now) EMU_CHECK(save(size, now - size));
        return file_->truncate(size, mode);
    }
    Result<void> do_flush() override {
        EMU_CHECK(file_->flush());
        return target_->flush();
    }

private:
    enum class State : u8 { here, saved, outside };
    Result<void> save(u64 at, u64 length);
    Result<void> copy_unit(u64 index, std::vector<u8>& buffer);
    Result<void> readable(u64 index) const;

    NodePtr target_;
    u64 unit_, size_;
    Policy policy_;
    std::shared_mutex mutex_; ///< exclusive to change states, shared to read by them
    std::vector<State> state_;
    bool broken_ = false;
};

Result<void> CopyBeforeWrite::restrict_to(std::string_view bitmap) {
    const std::vector<BitmapInfo> known = EMU_TRY(file_->bitmaps());
    const auto info = std::find_if(known.begin(), known.end(), [&](const BitmapInfo& b) { return b.name == bitmap; });
    if (info == known.end()) return fail(ENOENT, fmt::format("Bitmap '{}' is not found", bitmap));
    const SparseBits bits = EMU_TRY(file_->bitmap_bits(bitmap));
    for (usize i = 0; i < state_.size(); i++) {
        state_[i] = State::outside;
        const u64 begin = i * unit_ / info->granularity, end = std::min((i + 1) * unit_ - 1, size_ - 1) / info->granularity;
        for (u64 bit = begin; bit <= end && bit / 8 < bits.size(); bit++)
            if (bits.get(bit)) state_[i] = State::here;
    }
    return {};
}

Result<void> CopyBeforeWrite::copy_unit(u64 index, std::vector<u8>& buffer) {
    const u64 at = index * unit_, length = std::min(unit_, size_ - at);
    const auto begin = std::chrono::steady_clock::now();
    buffer.resize(usize(length));
    EMU_CHECK(file_->read(at, buffer));
    EMU_CHECK(is_zero(buffer) ? target_->write_zeroes(at, length, WriteFlags::may_unmap) : target_->write(at, buffer));
    if (policy_.timeout.count() && std::chrono::steady_clock::now() - begin > policy_.timeout) return fail(ETIMEDOUT, "copying before the write took too long");
    state_[usize(index)] = State::saved;
    return {};
}

Result<void> CopyBeforeWrite::save(u64 at, u64 length) {
    if (!length || at >= size_) return {};
    const u64 first = at / unit_, last = (std::min(at + length, size_) - 1) / unit_;
    {
        std::shared_lock lock(mutex_);
        if (broken_ || std::none_of(state_.begin() + long(first), state_.begin() + long(last) + 1, [](State s) { return s == State::here; })) return {};
    }
    std::unique_lock lock(mutex_);
    std::vector<u8> buffer;
    for (u64 i = first; i <= last && !broken_; i++) {
        if (state_[usize(i)] != State::here) continue;
        auto copied = copy_unit(i, buffer);
        if (copied) continue;
        if (!policy_.break_snapshot) return copied;
        broken_ = true;
    }
    return {};
}

Result<void> CopyBeforeWrite::readable(u64 index) const {
    if (broken_) return fail(EACCES, "the snapshot is lost: copying before a write failed");
    if (state_[usize(index)] == State::outside) return fail(EACCES, "this part does not belong to the snapshot");
    return {};
}

Result<void> CopyBeforeWrite::snapshot_read(u64 at, Bytes to) {
    std::shared_lock lock(mutex_); // nobody moves what is read here
    while (!to.empty()) {
        const u64 index = at / unit_, length = std::min<u64>(to.size(), (index + 1) * unit_ - at);
        EMU_CHECK(readable(index));
        Node& from = state_[usize(index)] == State::saved ? *target_ : *file_;
        EMU_CHECK(from.read(at, to.first(usize(length))));
        at += length;
        to = to.subspan(usize(length));
    }
    return {};
}

Result<Extent> CopyBeforeWrite::snapshot_extent(u64 at, u64 length) {
    std::shared_lock lock(mutex_);
    const u64 first = at / unit_;
    u64 end = first + 1;
    while (end * unit_ < at + length && state_[usize(end)] == state_[usize(first)]) end++;
    length = std::min(length, end * unit_ - at);
    EMU_CHECK(readable(first));
    Extent out = EMU_TRY((state_[usize(first)] == State::saved ? target_ : file_)->extent(at, length));
    out.offset.reset(); // may move at any time
    out.file = nullptr;
    return out;
}

class SnapshotAccess final : public Node {
public:
    SnapshotAccess(NodePtr file, CopyBeforeWrite& source) : file_(std::move(file)), source_(source) {}
    std::string_view driver() const override { return "snapshot-access"; }
    std::vector<NodePtr> children() const override { return {file_}; }

protected:
    u64 do_size() const override { return source_.snapshot_size(); }
    Result<void> do_read(u64 at, Bytes to) override { return source_.snapshot_read(at, to); }
    Result<Extent> do_extent(u64 at, u64 length) override { return source_.snapshot_extent(at, length); }
    Result<void> do_flush() override { return {}; }

private:
    NodePtr file_;
    CopyBeforeWrite& source_;
};

Result<NodePtr> open_copy_before_write(NodePtr file, OpenArgs& args) {
    if (!file) return fail(EINVAL, "A block device must be specified for \"file\"");
    NodePtr target = EMU_TRY(open_child(args, "target", "", ChildKind::image));
    if (target->size() < file->size()) return fail(EINVAL, "the target is smaller than the image");
    Policy policy;
    const std::string on_error = args.options.take("on-cbw-error").value_or("break-guest-write");
    if (on_error != "break-guest-write" && on_error != "break-snapshot") return fail(EINVAL, fmt::format("Invalid parameter '{}'", on_error));
    policy.break_snapshot = on_error == "break-snapshot";
    policy.timeout = std::chrono::seconds(std::min<u64>(EMU_TRY(args.options.take_number("cbw-timeout")).value_or(0), 1u << 30));
    const auto bitmap = args.options.take("bitmap.name");
    args.options.take("bitmap.node"); // the bitmap is that of the image
    const u64 unit = std::max({least_unit, target->limits().cluster_size, file->limits().cluster_size});
    auto node = std::make_shared<CopyBeforeWrite>(std::move(file), std::move(target), unit, policy);
    if (bitmap) EMU_CHECK(node->restrict_to(*bitmap));
    return NodePtr(node);
}

Result<NodePtr> open_snapshot_access(NodePtr file, OpenArgs&) {
    auto* source = dynamic_cast<CopyBeforeWrite*>(file.get());
    if (!source) return fail(EINVAL, "snapshot-access needs a copy-before-write filter as its \"file\"");
    return NodePtr(std::make_shared<SnapshotAccess>(std::move(file), *source));
}

constexpr CreateOption cbw_options[] = {
    {"target", CreateOption::Kind::string, "the image that gets what is about to change"},
    {"bitmap.name", CreateOption::Kind::string, "only what this bitmap of the image calls dirty is kept"},
    {"on-cbw-error", CreateOption::Kind::string, "break-guest-write or break-snapshot", "break-guest-write"},
    {"cbw-timeout", CreateOption::Kind::number, "seconds after which a copy counts as failed; 0: never", "0"},
};

} // namespace

extern const Driver copy_before_write_driver{.name = "copy-before-write", .kind = Driver::Kind::filter, .open = open_copy_before_write,
                                             .open_options = cbw_options, .summary = "saves what is about to be overwritten"};
extern const Driver snapshot_access_driver{.name = "snapshot-access", .kind = Driver::Kind::filter, .open = open_snapshot_access, .read_only = true,
                                           .summary = "reads what a copy-before-write filter keeps"};

} // namespace emu::block
