// SPDX-License-Identifier: MIT
// blklogwrites: every write, discard and flush is also appended to a log, in the format of Linux' dm-log-writes
// (Documentation/admin-guide/device-mapper/log-writes.rst), so that any moment of the past can be played back.
#include "block/filters/filter.h"
#include "common/bits.h"
#include "common/bytes.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::block {
namespace {

constexpr u64 magic = 0x6a736677736872, version = 1;
constexpr u64 flag_flush = 1, flag_fua = 2, flag_discard = 4;

class Blklogwrites final : public Filter {
public:
    Blklogwrites(NodePtr file, NodePtr log, u32 sector, u64 interval) : Filter(std::move(file)), log_(std::move(log)), sector_(sector), interval_(interval), next_(1) {}
    ~Blklogwrites() override { (void)Blklogwrites::do_close(); }
    std::string_view driver() const override { return "blklogwrites"; }
    std::vector<NodePtr> children() const override { return {file_, log_}; }
    Limits limits() const override {
        Limits out = file_->limits();
        out.request_alignment = std::max(out.request_alignment, sector_);
        out.zero_alignment = std::max<u64>(out.zero_alignment, sector_);
        out.discard_alignment = std::max<u64>(out.discard_alignment, sector_);
        return out;
    }
    Result<void> resume_log();

protected:
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        EMU_CHECK(file_->write(at, from, flags));
        return append(at, from.size(), from, has(flags, WriteFlags::fua) ? flag_fua : 0);
    }
    Result<void> do_write_zeroes(u64, u64, WriteFlags) override { return fail(ENOTSUP, "zeroes are logged as data"); }
    Result<void> do_discard(u64 at, u64 length) override {
        EMU_CHECK(file_->discard(at, length));
        return append(at, length, {}, flag_discard);
    }
    Result<void> do_flush() override {
        EMU_CHECK(file_->flush());
        EMU_CHECK(append(0, 0, {}, flag_flush));
        std::lock_guard lock(mutex_);
        return write_super();
    }
    Result<void> do_close() override {
        std::lock_guard lock(mutex_);
        return entries_ == written_ || log_->read_only() ? Result<void>() : write_super();
    }

private:
    Result<void> append(u64 at, u64 length, ConstBytes data, u64 flags);
    Result<void> write_super();

    NodePtr log_;
    u32 sector_;
    u64 interval_, next_; ///< next free sector of the log
    u64 entries_ = 0, written_ = ~u64(0);
    std::mutex mutex_;
};

Result<void> Blklogwrites::append(u64 at, u64 length, ConstBytes data, u64 flags) {
    std::lock_guard lock(mutex_);
    std::vector<u8> entry(sector_ + align_up(data.size(), u64(sector_)));
    put_le64(entry, 0, at / sector_);
    put_le64(entry, 8, length / sector_);
    put_le64(entry, 16, flags);
    put_le64(entry, 24, data.size());
    std::copy(data.begin(), data.end(), entry.begin() + sector_);
    EMU_CHECK(log_->write(next_ * sector_, entry));
    next_ += entry.size() / sector_;
    entries_++;
    return entries_ - written_ >= interval_ && written_ != ~u64(0) ? write_super() : Result<void>();
}

/// The count of entries is what readers believe; it is written behind the entries.
Result<void> Blklogwrites::write_super() {
    std::vector<u8> super(sector_);
    put_le64(super, 0, magic);
    put_le64(super, 8, version);
    put_le64(super, 16, entries_);
    put_le32(super, 24, sector_);
    EMU_CHECK(log_->flush());
    EMU_CHECK(log_->write(0, super));
    written_ = entries_;
    return log_->flush();
}

/// log-append: go on behind the entries that are there.
Result<void> Blklogwrites::resume_log() {
    std::vector<u8> super(sector_), entry(sector_);
    EMU_CHECK(log_->read(0, super));
    if (le64(super, 0) != magic) return fail(EINVAL, "Invalid log superblock magic");
    if (le32(super, 24) != sector_) return fail(EINVAL, fmt::format("Invalid log sector size {}", le32(super, 24)));
    entries_ = written_ = le64(super, 16);
    for (u64 i = 0; i < entries_; i++) {
        EMU_CHECK(log_->read(next_ * sector_, entry));
        next_ += 1 + align_up(le64(entry, 24), u64(sector_)) / sector_;
    }
    return {};
}

Result<NodePtr> open_blklogwrites(NodePtr file, OpenArgs& args) {
    if (!file) return fail(EINVAL, "A block device must be specified for \"file\"");
    NodePtr log = EMU_TRY(open_child(args, "log", "", ChildKind::storage));
    const u64 sector = EMU_TRY(args.options.take_size("log-sector-size")).value_or(512);
    const bool append = EMU_TRY(args.options.take_bool("log-append")).value_or(false);
    const u64 interval = EMU_TRY(args.options.take_number("log-super-update-interval")).value_or(4096);
    if (sector < 512 || sector > 1 << 23 || (sector & (sector - 1))) return fail(EINVAL, fmt::format("Invalid log sector size {}", sector));
    if (!interval) return fail(EINVAL, fmt::format("Invalid log superblock update interval {}", interval));
    auto node = std::make_shared<Blklogwrites>(std::move(file), std::move(log), u32(sector), interval);
    if (append) EMU_CHECK(node->resume_log());
    return NodePtr(node);
}

} // namespace

extern const Driver blklogwrites_driver{.name = "blklogwrites", .kind = Driver::Kind::filter, .open = open_blklogwrites, .summary = "logs all writes in the form of dm-log-writes"};

} // namespace emu::block
