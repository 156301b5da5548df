// SPDX-License-Identifier: MIT
#include "block/node.h"

#include "common/bits.h"
#include "common/checked.h"
#include "common/trace.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::block {
namespace {

constexpr u64 zero_buffer_size = u64(1) << 20;

tl::unexpected<Error> outside(const char* what, u64 at, u64 length, u64 size) {
    return fail(EIO, fmt::format("{} of {} bytes at offset {} lies outside the image of {} bytes", what, length, at, size));
}

tl::unexpected<Error> not_supported(std::string_view what, std::string_view driver) {
    return fail(ENOTSUP, fmt::format("{} is not supported by format '{}'", what, driver));
}

} // namespace

Result<Preallocation> parse_preallocation(std::string_view text) {
    for (auto mode : {Preallocation::off, Preallocation::metadata, Preallocation::falloc, Preallocation::full})
        if (text == preallocation_name(mode)) return mode;
    return fail(Error{EINVAL, fmt::format("invalid parameter value: {}", text), "preallocation is off, metadata, falloc or full"});
}

std::string_view preallocation_name(Preallocation mode) {
    static constexpr std::string_view names[] = {"off", "metadata", "falloc", "full"};
    return names[unsigned(mode)];
}

bool is_zero(ConstBytes bytes) {
    const u8* at = bytes.data();
    usize left = bytes.size();
    // The vectoriser turns the inner loop into wide ORs; the block size bounds what is read in vain.
    for (; left >= 256; at += 256, left -= 256) {
        u64 sum = 0;
        for (unsigned i = 0; i < 256; i += 8) {
            u64 word;
            std::memcpy(&word, at + i, 8);
            sum |= word;
        }
        if (sum) return false;
    }
    for (usize i = 0; i < left; i++)
        if (at[i]) return false;
    return true;
}

Result<void> Node::read(u64 at, Bytes to) {
    if (to.empty()) return {};
    const u64 length = to.size(), total = size();
    EMU_TRACE(block_read, "{} {} at={} length={}", driver(), name_, at, length);
    if (!in_range(at, length, total)) return outside("read", at, length, total);
    const Limits limit = limits();
    const u64 unit = limit.request_alignment;
    if ((at | length) & (unit - 1)) {
        const u64 start = align_down(at, unit), end = align_up(at + length, unit);
        std::vector<u8> bounce(end - start);
        EMU_CHECK(do_read(start, bounce));
        std::memcpy(to.data(), bounce.data() + (at - start), length);
        return {};
    }
    if (!limit.max_transfer || length <= limit.max_transfer) return do_read(at, to);
    for (u64 done = 0; done < length; done += limit.max_transfer)
        EMU_CHECK(do_read(at + done, to.subspan(done, std::min(limit.max_transfer, length - done))));
    return {};
}

Result<void> Node::check_write(u64 at, u64 length) const {
    if (read_only_) return fail(EPERM, fmt::format("'{}' is read-only", name_));
    const u64 total = size();
    if (in_range(at, length, total)) return {};
    if (growable_ && limits().growable && in_range(at, length, u64(INT64_MAX))) return {};
    return outside("write", at, length, total);
}

/// What a driver is told: of FUA only where it heeds it.
WriteFlags Node::inner_flags(WriteFlags flags) const {
    if (!heeds_fua()) return flags - WriteFlags::fua;
    return writethrough_ ? flags | WriteFlags::fua : flags;
}

Result<void> Node::finish_write(WriteFlags flags) {
    if (heeds_fua() || (!writethrough_ && !has(flags, WriteFlags::fua))) return {};
    return flush();
}

Result<void> Node::write_aligned(u64 at, ConstBytes from, WriteFlags flags) {
    const u64 most = limits().max_transfer;
    if (!most || from.size() <= most) return do_write(at, from, flags);
    for (u64 done = 0; done < from.size(); done += most)
        EMU_CHECK(do_write(at + done, from.subspan(done, std::min<u64>(most, from.size() - done)), flags));
    return {};
}

Result<void> Node::write(u64 at, ConstBytes from, WriteFlags flags) {
    if (from.empty()) return has(flags, WriteFlags::fua) ? flush() : Result<void>();
    const u64 length = from.size();
    EMU_TRACE(block_write, "{} {} at={} length={} flags={}", driver(), name_, at, length, u32(flags));
    EMU_CHECK(check_write(at, length));
    if (detect_zeroes_ != DetectZeroes::off && !has(flags, WriteFlags::compressed) && is_zero(from)) {
        const bool unmap = detect_zeroes_ == DetectZeroes::unmap && unmap_;
        return write_zeroes(at, length, unmap ? flags | WriteFlags::may_unmap : flags);
    }
    return write_bytes(at, from, flags);
}

Result<void> Node::write_bytes(u64 at, ConstBytes from, WriteFlags flags) {
    const u64 length = from.size();
    const WriteFlags inner = inner_flags(flags);
    const u64 unit = limits().request_alignment;
    if (!((at | length) & (unit - 1))) {
        EMU_CHECK(write_aligned(at, from, inner));
        return finish_write(flags);
    }
    const u64 start = align_down(at, unit), end = align_up(at + length, unit);
    std::vector<u8> bounce(end - start);
    {
        std::lock_guard lock(modify_);
        if (start != at || end - start == unit) EMU_CHECK(do_read(start, Bytes(bounce).first(unit)));
        if (end != at + length && end - start > unit) EMU_CHECK(do_read(end - unit, Bytes(bounce).last(unit)));
        std::memcpy(bounce.data() + (at - start), from.data(), length);
        EMU_CHECK(write_aligned(start, bounce, inner));
    }
    return finish_write(flags);
}

Result<bool> Node::place(u64 at, u64 length) {
    if (!length) return true;
    EMU_CHECK(check_write(at, length));
    // Who may turn the write into another one, or flushes after it, decides when it comes.
    if (detect_zeroes_ != DetectZeroes::off || writethrough_ || (at | length) & (limits().request_alignment - 1)) return false;
    return do_place(at, length);
}

Result<void> Node::write_zero_buffers(u64 at, u64 length, WriteFlags flags) {
    static const std::vector<u8> zeroes(zero_buffer_size);
    flags = flags - (WriteFlags::may_unmap | WriteFlags::no_fallback);
    while (length) {
        const u64 step = std::min(length, zero_buffer_size);
        EMU_CHECK(write_bytes(at, ConstBytes(zeroes).first(step), flags));
        at += step;
        length -= step;
    }
    return {};
}

Result<void> Node::write_zeroes(u64 at, u64 length, WriteFlags flags) {
    if (!length) return {};
    EMU_TRACE(block_write_zeroes, "{} {} at={} length={} flags={}", driver(), name_, at, length, u32(flags));
    EMU_CHECK(check_write(at, length));
    if (!unmap_) flags = flags - WriteFlags::may_unmap;
    const Limits limit = limits();
    const u64 unit = std::max<u64>(limit.zero_alignment, limit.request_alignment), total = size();
    const u64 start = align_up(at, unit);
    // A tail that reaches the end of the node counts as whole.
    const u64 end = at + length >= total ? at + length : align_down(at + length, unit);
    if (start >= end) return write_zero_buffers(at, length, flags);
    if (start > at) EMU_CHECK(write_zero_buffers(at, start - at, flags));
    if (auto done = do_write_zeroes(start, end - start, inner_flags(flags)); !done) {
        if (done.error().code != ENOTSUP || has(flags, WriteFlags::no_fallback)) return done;
        EMU_CHECK(write_zero_buffers(start, end - start, flags));
    }
    if (end < at + length) EMU_CHECK(write_zero_buffers(end, at + length - end, flags));
    return finish_write(flags);
}

Result<void> Node::discard(u64 at, u64 length) {
    if (!length) return {};
    EMU_TRACE(block_discard, "{} {} at={} length={} unmap={}", driver(), name_, at, length, unmap_);
    EMU_CHECK(check_write(at, length));
    if (!unmap_) return {};
    const Limits limit = limits();
    const u64 unit = std::max<u64>(limit.discard_alignment, limit.request_alignment), total = size();
    const u64 start = align_up(at, unit), end = at + length == total ? total : align_down(at + length, unit);
    if (start >= end) return {};
    auto done = do_discard(start, end - start);
    if (!done && done.error().code == ENOTSUP) return {};
    return done;
}

Result<void> Node::flush() {
    if (read_only_) return {};
    EMU_TRACE(block_flush, "{} {}", driver(), name_);
    return do_flush();
}

Result<Extent> Node::extent(u64 at, u64 length) {
    const u64 total = size();
    if (!length || !in_range(at, length, total)) return outside("status", at, length, total);
    Extent result = EMU_TRY(do_extent(at, length));
    EMU_ASSERT(result.length > 0);
    result.length = std::min(result.length, length);
    EMU_TRACE(block_extent, "{} {} at={} length={} data={} zero={} allocated={}", driver(), name_, at, result.length, result.data, result.zero,
              result.allocated);
    return result;
}

Result<void> Node::truncate(u64 new_size, Preallocation preallocation) {
    EMU_TRACE(block_truncate, "{} {} size={}", driver(), name_, new_size);
    if (read_only_) return fail(EPERM, fmt::format("'{}' is read-only", name_));
    return do_truncate(new_size, preallocation);
}

Result<void> Node::close() {
    if (closed_.exchange(true)) return {};
    EMU_TRACE(block_close, "{} {}", driver(), name_);
    Result<void> result = do_close();
    for (const NodePtr& child : children())
        if (auto closed = child->close(); !closed && result) result = std::move(closed);
    if (backing_)
        if (auto closed = backing_->close(); !closed && result) result = std::move(closed);
    return result;
}

Result<void> Node::read_backing(u64 at, Bytes to) {
    const u64 there = backing_ ? backing_->size() : 0;
    const u64 real = at < there ? std::min<u64>(to.size(), there - at) : 0;
    if (real) EMU_CHECK(backing_->read(at, to.first(real)));
    if (real < to.size()) std::memset(to.data() + real, 0, to.size() - real);
    return {};
}

std::optional<u64> Node::allocated_size() const {
    std::optional<u64> sum;
    for (const NodePtr& child : children())
        if (auto part = child->allocated_size()) sum = sum.value_or(0) + *part;
    return sum;
}

namespace {

tl::unexpected<Error> nobody_listens() { return fail(ENOTSUP, "no debugging filter is there to stop requests"); }

} // namespace

Result<void> Node::break_at(std::string_view event, std::string_view tag) {
    const auto below = children();
    return below.empty() ? Result<void>(nobody_listens()) : below[0]->break_at(event, tag);
}
Result<void> Node::remove_break(std::string_view tag) {
    const auto below = children();
    return below.empty() ? Result<void>(nobody_listens()) : below[0]->remove_break(tag);
}
Result<void> Node::resume_break(std::string_view tag) {
    const auto below = children();
    return below.empty() ? Result<void>(nobody_listens()) : below[0]->resume_break(tag);
}
Result<void> Node::wait_break(std::string_view tag) {
    const auto below = children();
    return below.empty() ? Result<void>(nobody_listens()) : below[0]->wait_break(tag);
}

Result<std::vector<Zone>> Node::zones(u64 at, usize most) { return filtered() ? filtered()->zones(at, most) : not_supported("a zoned device", driver()); }
Result<void> Node::zone_action(ZoneAction action, u64 at, u64 length) {
    return filtered() ? filtered()->zone_action(action, at, length) : not_supported("a zoned device", driver());
}
Result<u64> Node::zone_append(u64 at, ConstBytes from) { return filtered() ? filtered()->zone_append(at, from) : not_supported("a zoned device", driver()); }

Result<std::vector<u8>> Node::pack_cluster(ConstBytes) const { return not_supported("compression", driver()); }
Result<void> Node::write_packed(u64, ConstBytes) { return not_supported("compression", driver()); }
Result<ImageInfo> Node::info() { return ImageInfo{}; }
Result<CheckResult> Node::check(CheckMode) { return fail(ENOTSUP, "This image format does not support checks"); }
Result<void> Node::change_backing(std::string_view, std::string_view) { return not_supported("a backing file", driver()); }
Result<void> Node::make_empty() { return not_supported("emptying an image", driver()); }
Result<void> Node::amend(AmendArgs&) {
    return fail(ENOTSUP, fmt::format("Format driver '{}' does not support option amendment", driver()));
}
Result<void> Node::snapshot_create(std::string_view) { return not_supported("an internal snapshot", driver()); }
Result<void> Node::snapshot_apply(std::string_view) { return not_supported("an internal snapshot", driver()); }
Result<void> Node::snapshot_delete(std::string_view) { return not_supported("an internal snapshot", driver()); }
Result<void> Node::snapshot_load(std::string_view) { return not_supported("an internal snapshot", driver()); }
Result<std::vector<BitmapInfo>> Node::bitmaps() { return std::vector<BitmapInfo>(); }
Result<void> Node::bitmap_action(const BitmapAction&) { return not_supported("a persistent bitmap", driver()); }
Result<SparseBits> Node::bitmap_bits(std::string_view) { return not_supported("a persistent bitmap", driver()); }
Result<void> Node::vmstate_read(u64, Bytes) { return not_supported("machine state", driver()); }
Result<void> Node::vmstate_write(u64, ConstBytes) { return not_supported("machine state", driver()); }

Result<void> Node::do_write(u64, ConstBytes, WriteFlags) { return fail(EROFS, fmt::format("driver '{}' cannot write", driver())); }
Result<void> Node::do_write_zeroes(u64, u64, WriteFlags) { return fail(ENOTSUP, "writing zeroes is not supported"); }
Result<bool> Node::do_place(u64, u64) { return false; }
Result<void> Node::do_discard(u64, u64) { return {}; }
Result<void> Node::do_flush() {
    for (const NodePtr& child : children()) EMU_CHECK(child->flush());
    return {};
}
Result<Extent> Node::do_extent(u64, u64 length) { return Extent{.length = length, .data = true, .allocated = true}; }
Result<void> Node::do_truncate(u64, Preallocation) {
    return fail(ENOTSUP, fmt::format("Image format driver does not support resize"));
}
Result<void> Node::do_close() { return {}; }

} // namespace emu::block
