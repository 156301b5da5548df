// SPDX-License-Identifier: MIT
#include "block/formats/mapped/mapped.h"

#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::block {

namespace {
constexpr u64 copy_bytes = u64(1) << 20;
/// Blocks of one run that a single look at the map may cover; bounds the time that the lock is held.
constexpr u64 max_run_blocks = 4096;
} // namespace

Limits MappedNode::limits() const {
    Limits out;
    out.cluster_size = block_;
    out.discard_alignment = is_power_of_two(block_) ? block_ : 1;
    out.zero_after_create = true;
    return out;
}

Result<MappedNode::Room> MappedNode::reserve(u64) { return fail(ENOTSUP, "the format cannot allocate blocks"); }
Result<void> MappedNode::link(u64, u64) { return fail(ENOTSUP, "the format cannot allocate blocks"); }
Result<void> MappedNode::link_zero(u64) { return fail(ENOTSUP, "the format has no zero blocks"); }
Result<void> MappedNode::unlink(u64) { return fail(ENOTSUP, "the format cannot give blocks back"); }
Result<void> MappedNode::read_other(u64, const Place&, u64, Bytes) { return fail(EIO, "a block is of no known kind"); }

Result<MappedNode::Run> MappedNode::run_at(u64 at, u64 length, bool for_write) {
    const u64 index = at / block_, within = at % block_;
    Run run{EMU_TRY(lookup(index)), std::min(block_ - within, length)};
    if (run.place.kind == Place::Kind::other) return run;
    for (u64 i = 1; run.length < length && i < max_run_blocks; i++) {
        if (for_write && busy_.contains(index + i)) break;
        const auto next = lookup(index + i);
        if (!next) break; // its error shows when the walk gets there
        if (next->kind != run.place.kind) break;
        if (next->kind == Place::Kind::data && next->offset != run.place.offset + i * block_) break;
        run.length += std::min(block_, length - run.length);
    }
    return run;
}

Result<void> MappedNode::do_read(u64 at, Bytes to) {
    while (!to.empty()) {
        Run run;
        {
            std::lock_guard lock(map_mutex_);
            run = EMU_TRY(run_at(at, to.size(), false));
        }
        const Bytes part = to.first(run.length);
        const u64 within = at % block_;
        switch (run.place.kind) {
        case Place::Kind::hole: EMU_CHECK(read_below(at, part)); break;
        case Place::Kind::zero: std::memset(part.data(), 0, part.size()); break;
        case Place::Kind::other: EMU_CHECK(read_other(at / block_, run.place, within, part)); break;
        case Place::Kind::data: {
            // The last block of some writers' images is cut short: what is not there reads as zeroes.
            const u64 start = run.place.offset + within, there = file_->size();
            const u64 real = start < there ? std::min<u64>(part.size(), there - start) : 0;
            if (real) EMU_CHECK(file_->read(start, part.first(real)));
            std::memset(part.data() + real, 0, part.size() - real);
            if (encoded()) decode(at, part.first(real / 512 * 512));
            break;
        }
        }
        at += run.length;
        to = to.subspan(run.length);
    }
    return {};
}

Result<void> MappedNode::write_data(u64 offset, u64 guest, ConstBytes from) {
    if (!encoded()) return file_->write(offset, from);
    std::vector<u8> copy;
    for (u64 done = 0; done < from.size(); done += copy.size()) {
        const ConstBytes part = from.subspan(done, std::min<u64>(copy_bytes, from.size() - done));
        copy.assign(part.begin(), part.end());
        encode(guest + done, copy);
        EMU_CHECK(file_->write(offset + done, copy));
    }
    return {};
}

/// Bytes of a new block that the caller does not write: from what was there before.
Result<void> MappedNode::fill(u64 guest, u64 offset, u64 length, const Place& old, u64 index, bool fresh) {
    const bool from_backing = old.kind == Place::Kind::hole && guest < below_size();
    if (old.kind != Place::Kind::other && !from_backing && !encoded())
        return fresh ? Result<void>() : file_->write_zeroes(offset, length);
    std::vector<u8> buffer;
    for (u64 done = 0; done < length; done += buffer.size()) {
        buffer.assign(std::min(copy_bytes, length - done), 0);
        if (old.kind == Place::Kind::other)
            EMU_CHECK(read_other(index, old, (guest + done) % block_, buffer));
        else if (from_backing)
            EMU_CHECK(read_below(guest + done, buffer));
        if (fresh && !encoded() && is_zero(buffer)) continue;
        EMU_CHECK(write_data(offset + done, guest + done, buffer));
    }
    return {};
}

/// The block is marked busy; the map is not locked.
Result<void> MappedNode::write_new(u64 index, u64 within, ConstBytes from, const Place& old) {
    Room room;
    {
        std::lock_guard lock(map_mutex_);
        EMU_CHECK(start_changes_locked());
        room = EMU_TRY(reserve(index));
    }
    // The last block of the image is filled to its end too: readers may take whole blocks.
    const u64 start = index * block_, behind = within + from.size();
    if (within) EMU_CHECK(fill(start, room.offset, within, old, index, room.fresh));
    if (behind < block_) EMU_CHECK(fill(start + behind, room.offset + behind, block_ - behind, old, index, room.fresh));
    EMU_CHECK(write_data(room.offset + within, start + within, from));
    std::lock_guard lock(map_mutex_);
    map_dirty_ = true;
    return link(index, room.offset);
}

Result<void> MappedNode::do_write(u64 at, ConstBytes from, WriteFlags) {
    while (!from.empty()) {
        const u64 index = at / block_, within = at % block_;
        std::unique_lock lock(map_mutex_);
        not_busy_.wait(lock, [&] { return !busy_.contains(index); });
        EMU_CHECK(start_changes_locked());
        const Run run = EMU_TRY(run_at(at, from.size(), true));
        if (run.place.kind == Place::Kind::data) {
            lock.unlock();
            EMU_CHECK(write_data(run.place.offset + within, at, from.first(run.length)));
            at += run.length;
            from = from.subspan(run.length);
            continue;
        }
        busy_.insert(index);
        lock.unlock();
        const u64 length = std::min<u64>(block_ - within, from.size());
        auto written = write_new(index, within, from.first(length), run.place);
        lock.lock();
        busy_.erase(index);
        lock.unlock();
        not_busy_.notify_all();
        EMU_CHECK(std::move(written));
        at += length;
        from = from.subspan(length);
    }
    return {};
}

Result<void> MappedNode::zero_block_part(u64 index, u64 within, u64 length, WriteFlags flags) {
    std::unique_lock lock(map_mutex_);
    not_busy_.wait(lock, [&] { return !busy_.contains(index); });
    const Place place = EMU_TRY(lookup(index));
    const bool whole = within == 0 && (length == block_ || index * block_ + length >= size());
    const bool shows_backing = place.kind == Place::Kind::hole && index * block_ + within < below_size();
    if (place.kind == Place::Kind::zero || (place.kind == Place::Kind::hole && !shows_backing)) return {};
    EMU_CHECK(start_changes_locked());
    if (whole && (place.kind != Place::Kind::data || has(flags, WriteFlags::may_unmap) || encoded())) {
        map_dirty_ = true;
        auto linked = link_zero(index);
        if (!linked && linked.error().code == ENOTSUP && !below_size()) linked = unlink(index);
        if (linked || linked.error().code != ENOTSUP) return linked;
    }
    lock.unlock();
    if (place.kind == Place::Kind::data && !encoded()) return file_->write_zeroes(place.offset + within, length, flags);
    if (has(flags, WriteFlags::no_fallback)) return fail(ENOTSUP, "zeroes would have to be written as data");
    const std::vector<u8> zeroes(std::min(length, copy_bytes));
    for (u64 done = 0; done < length; done += zeroes.size()) {
        const ConstBytes part = ConstBytes(zeroes).first(std::min<u64>(zeroes.size(), length - done));
        EMU_CHECK(do_write(index * block_ + within + done, part, WriteFlags::none));
    }
    return {};
}

Result<void> MappedNode::do_write_zeroes(u64 at, u64 length, WriteFlags flags) {
    while (length) {
        const u64 within = at % block_, part = std::min(block_ - within, length);
        EMU_CHECK(zero_block_part(at / block_, within, part, flags));
        at += part;
        length -= part;
    }
    return {};
}

Result<void> MappedNode::do_discard(u64 at, u64 length) {
    const u64 total = size();
    for (u64 index = (at + block_ - 1) / block_; index * block_ < at + length; index++) {
        if ((index + 1) * block_ > at + length && at + length < total) break; // not whole
        std::unique_lock lock(map_mutex_);
        not_busy_.wait(lock, [&] { return !busy_.contains(index); });
        const Place place = EMU_TRY(lookup(index));
        if (place.kind == Place::Kind::hole || place.kind == Place::Kind::zero) continue;
        EMU_CHECK(start_changes_locked());
        map_dirty_ = true;
        // With a backing image a hole would bring its old contents back.
        auto gone = link_zero(index);
        if (!gone && gone.error().code == ENOTSUP && !below_size()) gone = unlink(index);
        if (!gone && gone.error().code == ENOTSUP) return {};
        EMU_CHECK(std::move(gone));
        lock.unlock();
        if (place.kind == Place::Kind::data && in_range(place.offset, block_, file_->size()))
            EMU_CHECK(file_->discard(place.offset, block_));
    }
    return {};
}

Result<void> MappedNode::start_changes_locked() {
    if (changing_) return {};
    EMU_CHECK(begin_changes());
    changing_ = true;
    return {};
}

Result<void> MappedNode::flush_locked() {
    EMU_CHECK(file_->flush());
    if (!map_dirty_) return {};
    EMU_CHECK(commit_map());
    map_dirty_ = false;
    return file_->flush();
}

Result<void> MappedNode::flush_all() {
    std::lock_guard lock(map_mutex_);
    return flush_locked();
}

Result<void> MappedNode::do_flush() { return flush_all(); }

Result<void> MappedNode::do_close() { return read_only_ ? Result<void>() : flush_all(); }

Result<Extent> MappedNode::do_extent(u64 at, u64 length) {
    std::lock_guard lock(map_mutex_);
    const Run run = EMU_TRY(run_at(at, length, false));
    Extent out{.length = run.length};
    out.allocated = run.place.kind != Place::Kind::hole;
    out.data = run.place.kind == Place::Kind::data || run.place.kind == Place::Kind::other;
    out.zero = run.place.kind == Place::Kind::zero;
    out.compressed = run.place.kind == Place::Kind::other;
    if (run.place.kind == Place::Kind::data && !encoded()) {
        out.offset = run.place.offset + at % block_;
        out.file = file_.get();
    }
    return out;
}

Result<MappedNode::Room> MappedNode::reserve_at_end(u64 bytes, u64 alignment) {
    const u64 there = file_->size();
    const auto start = checked_align_up(end_, alignment);
    const auto stop = start ? checked_add(*start, bytes) : std::nullopt;
    if (!stop || *stop > u64(INT64_MAX)) return fail(EFBIG, "the image file would become too large");
    const bool fresh = *start >= there;
    if (*stop > there) EMU_CHECK(file_->truncate(*stop));
    end_ = *stop;
    return Room{*start, fresh};
}

} // namespace emu::block
