// SPDX-License-Identifier: MIT
// Zero clusters and discarded ones. What frees clusters excludes all other requests, so that nobody writes to a place that is
// given away.
#include "block/formats/qcow2/image.h"
#include "common/bits.h"

#include <algorithm>
#include <cerrno>

namespace emu::block::qcow2 {

/// The next offset whose L1 entry has a table.
u64 Image::skip_empty_l1(u64 at, u64 end) const {
    const u64 per_l1 = u64(1) << (h_.cluster_bits + l2_bits_);
    while (at < end && !(l1_index(at) < l1_.size() && l1_[l1_index(at)] & offset_mask)) at = align_down(at, per_l1) + per_l1;
    return std::min(at, end);
}

Result<bool> Image::has_allocation(u64 at, u64 length) {
    for (const u64 end = at + length; at < end;) {
        const Run run = *EMU_TRY(run_at(at, end - at, true));
        if (run.state == State::data || run.state == State::compressed || run.reserved) return true;
        at += run.length;
    }
    return false;
}

Result<void> Image::zero_one(u64 at, u64 length, bool unmap) {
    TableCache::Piece* piece = EMU_TRY(writable_l2(at));
    const L2Entry old = entry_in(*piece, at);
    const bool packed = old.descriptor & flag_compressed;
    const u64 host = packed ? 0 : old.descriptor & offset_mask;
    const bool own = !packed && old.descriptor & flag_copied && (host || data_file_);
    const bool whole = length == cluster() || at + length >= virtual_size_;
    L2Entry entry;
    if (h_.extended_l2()) {
        const unsigned first = unsigned((at & (cluster() - 1)) / subcluster());
        const unsigned last = whole ? 31 : unsigned(((at & (cluster() - 1)) + length - 1) / subcluster());
        const u64 touched = ones(last - first + 1) << first;
        if (first == 0 && last == 31) {
            entry = own && !unmap ? L2Entry{old.descriptor, u64(0xffffffff) << 32} : L2Entry{0, u64(0xffffffff) << 32};
        } else {
            if (packed) return fail(ENOTSUP, "part of a compressed cluster");
            // A shared cluster stays shared: only what this image reads of it changes.
            entry = {old.descriptor, (old.bitmap & ~touched) | touched << 32};
            put_entry(*piece, at, entry);
            return {};
        }
    } else {
        if (old.descriptor & flag_zero && !packed && (!unmap || !host)) return {};
        entry.descriptor = own && !unmap ? (host | flag_copied | flag_zero) : flag_zero;
    }
    put_entry(*piece, at, entry);
    if (!(entry.descriptor & offset_mask)) free_entry(old);
    return {};
}

Result<void> Image::zero_clusters(u64 at, u64 length, bool unmap) {
    for (const u64 end = at + length; at < end;) {
        const u64 step = std::min(end, cluster_down(at) + cluster()) - at;
        EMU_CHECK(zero_one(at, step, unmap));
        at += step;
    }
    return {};
}

Result<void> Image::do_write_zeroes(u64 at, u64 length, WriteFlags flags) {
    if (h_.version < 3 && (backing() || data_file_)) return fail(ENOTSUP, "version 2 images have no zero clusters");
    EMU_CHECK(first_change());
    if (tracking_) note_write(at, length);
    const bool unmap = has(flags, WriteFlags::may_unmap);
    const u64 end = at + length;
    if (h_.version >= 3) {
        std::shared_lock io(io_);
        std::unique_lock lock(meta_);
        if (!flying(cluster_down(at), cluster_up(end)) && !EMU_TRY(has_allocation(at, length))) return zero_clusters(at, length, unmap);
    }
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    if (h_.version < 3) return discard_clusters(at, length, false);
    if (data_file_ && h_.autoclear & autoclear_raw_data_file) EMU_CHECK(data_file_->write_zeroes(at, length, flags));
    EMU_CHECK(zero_clusters(at, length, unmap));
    return free_clusters_ > 65536 ? flush_all() : Result<void>();
}

/// Whole clusters forget their contents: they read as zeroes afterwards (`keep_zero`), or as the backing image.
Result<void> Image::discard_clusters(u64 at, u64 length, bool keep_zero) {
    for (const u64 end = at + length; at < end; at += cluster()) {
        const u64 next = skip_empty_l1(at, end);
        if (next != at && !(keep_zero && backing())) {
            at = next;
            if (at >= end) break;
        }
        if (l1_index(at) >= l1_.size()) break;
        TableCache::Piece* look = EMU_TRY(l2_piece(at, true));
        const L2Entry old = look ? entry_in(*look, at) : L2Entry{};
        const bool exists = old.descriptor & (offset_mask | flag_compressed) || (data_file_ && old.descriptor & flag_copied);
        L2Entry entry;
        if (keep_zero && h_.version >= 3 && (backing() || exists))
            entry = h_.extended_l2() ? L2Entry{0, u64(0xffffffff) << 32} : L2Entry{flag_zero, 0};
        if (entry.descriptor == old.descriptor && entry.bitmap == old.bitmap) continue;
        put_entry(*EMU_TRY(writable_l2(at)), at, entry);
        free_entry(old);
        if (free_clusters_ > 65536) EMU_CHECK(flush_all());
    }
    return {};
}

Result<void> Image::do_discard(u64 at, u64 length) {
    EMU_CHECK(first_change());
    if (tracking_) note_write(at, length);
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    if (data_file_ && h_.autoclear & autoclear_raw_data_file) return data_file_->write_zeroes(at, length, WriteFlags::may_unmap);
    EMU_CHECK(discard_clusters(at, length, true));
    if (data_file_ && options_.pass_discard_request) return data_file_->discard(at, std::min(length, data_file_->size() - std::min(at, data_file_->size())));
    return {};
}

Result<void> Image::make_empty() {
    EMU_CHECK(file_->event("empty_image_prepare"));
    EMU_CHECK(first_change());
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    EMU_CHECK(discard_clusters(0, cluster_up(virtual_size_), false));
    return flush_all();
}

} // namespace emu::block::qcow2
