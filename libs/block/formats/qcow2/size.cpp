// SPDX-License-Identifier: MIT
// Growing and shrinking, and clusters allocated before they are written.
#include "block/formats/qcow2/image.h"
#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::block::qcow2 {
namespace {

constexpr u64 max_l1_entries = (u64(32) << 20) / 8;

} // namespace

/// A larger L1 table elsewhere; the old one serves until the header points to the new one.
Result<void> Image::grow_l1(u64 entries) {
    if (entries <= l1_.size()) return {};
    if (entries > max_l1_entries) return fail(EFBIG, fmt::format("Failed to grow the L1 table: {}", std::strerror(EFBIG)));
    EMU_CHECK(file_->event("l1_grow_alloc_table"));
    const u64 old_offset = h_.l1_offset, old_bytes = u64(l1_.size()) * 8;
    const u64 bytes = cluster_up(entries * 8);
    const u64 offset = EMU_TRY(counts_.allocate(bytes >> h_.cluster_bits));
    EMU_CHECK(check_overlap(offset, bytes));
    EMU_CHECK(write_out());
    std::vector<u8> raw(bytes);
    l1_.resize(entries);
    for (usize i = 0; i < l1_.size(); i++) put_be64(raw, i * 8, l1_[i]);
    EMU_CHECK(file_->event("l1_grow_write_table"));
    EMU_CHECK(file_->write(offset, raw));
    EMU_CHECK(file_->flush());
    EMU_CHECK(file_->event("l1_grow_activate_table"));
    h_.l1_offset = offset;
    h_.l1_size = u32(entries);
    l1_dirty_.assign(l1_.size() / 64 + 1, false);
    any_l1_dirty_ = false;
    EMU_CHECK(write_header());
    EMU_CHECK(file_->flush());
    free_later(old_offset, old_bytes);
    return {};
}

/// Host clusters for every guest cluster of [from, to) that has none.
Result<void> Image::preallocate(u64 from, u64 to, Preallocation mode) {
    u64 host_end = 0;
    for (u64 at = cluster_down(from); at < to;) {
        TableCache::Piece* piece = EMU_TRY(writable_l2(at));
        const u64 per_piece = l2_.piece_size() / h_.l2_entry_size() << h_.cluster_bits;
        const u64 end = std::min(cluster_up(to), align_down(at, per_piece) + per_piece);
        u64 count = 0;
        for (u64 c = at; c < end; c += cluster(), count++) {
            const L2Entry entry = entry_in(*piece, c);
            if (entry.descriptor & (offset_mask | flag_compressed | flag_zero) || entry.bitmap || (data_file_ && entry.descriptor)) break;
        }
        if (!count) {
            at += cluster();
            continue;
        }
        const u64 host = data_file_ ? at : EMU_TRY(counts_.allocate(count));
        piece = EMU_TRY(writable_l2(at)); // counting may have moved things in the cache
        for (u64 i = 0; i < count; i++)
            put_entry(*piece, at + (i << h_.cluster_bits), {(host + (i << h_.cluster_bits)) | flag_copied, h_.extended_l2() ? u64(0xffffffff) : 0});
        host_end = std::max(host_end, host + (count << h_.cluster_bits));
        at += count << h_.cluster_bits;
    }
    if (mode == Preallocation::metadata) mode = Preallocation::off;
    if (host_end > data().size()) EMU_CHECK(data().truncate(host_end, mode));
    return {};
}

Result<void> Image::shrink(u64 size) {
    const u64 old_size = virtual_size_, from = cluster_up(size);
    if (from < cluster_up(old_size)) EMU_CHECK(discard_clusters(from, cluster_up(old_size) - from, false));
    // L2 tables that only served the part that is gone.
    const u64 keep = h_.l1_entries_for(size);
    for (u64 i = keep; i < l1_.size(); i++) {
        if (!(l1_[i] & offset_mask)) continue;
        free_later(l1_[i] & offset_mask, cluster());
        l1_[i] = 0;
        l1_dirty_[i / 64] = any_l1_dirty_ = true;
    }
    metadata_noted_ = false;
    EMU_CHECK(flush_all());
    if (data_file_) return data_file_->size() > size ? data_file_->truncate(size) : Result<void>();
    // Free clusters at the end of the file go.
    u64 last = file_->size() >> h_.cluster_bits;
    while (last > 0 && !EMU_TRY(counts_.get(last - 1))) last--;
    if (last << h_.cluster_bits < file_->size()) {
        EMU_CHECK(write_out());
        EMU_CHECK(file_->truncate(last << h_.cluster_bits));
    }
    return {};
}

Result<void> Image::do_truncate(u64 size, Preallocation preallocation) {
    const u64 old_size = virtual_size_, below = backing() ? backing()->size() : 0;
    EMU_CHECK(resize(size, preallocation));
    // The new part reads as zeroes, whatever a longer backing image has there.
    return below > old_size && size > old_size ? write_zeroes(old_size, std::min(size, below) - old_size) : Result<void>();
}

Result<void> Image::resize(u64 size, Preallocation preallocation) {
    if (size % 512) return fail(EINVAL, "The new size must be a multiple of 512");
    if (size > u64(INT64_MAX)) return fail(EFBIG, "The new size is too large");
    if (!snapshots_.empty() && h_.version < 3) return fail(ENOTSUP, "Can't resize a v2 image which has snapshots");
    EMU_CHECK(first_change());
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    const u64 old_size = virtual_size_;
    if (size < old_size) {
        if (preallocation != Preallocation::off) return fail(EINVAL, "Preallocation can't be used for shrinking an image");
        EMU_CHECK(shrink(size));
    } else {
        EMU_CHECK(grow_l1(h_.l1_entries_for(size)));
        if (data_file_ && data_file_->size() < size) EMU_CHECK(data_file_->truncate(size, preallocation == Preallocation::metadata ? Preallocation::off : preallocation));
    }
    for (Bitmap& b : bitmaps_) {
        EMU_CHECK(load_bits(b));
        const u64 granules = (size + (u64(1) << b.granularity_bits) - 1) >> b.granularity_bits;
        b.bits.resize((granules + 7) / 8);
        b.bits.clear_from(granules);
        b.changed = true;
    }
    if (!bitmaps_.empty()) tracking_ = true;
    virtual_size_ = size;
    h_.size = size;
    EMU_CHECK(flush_all());
    EMU_CHECK(write_header());
    if (size > old_size && preallocation != Preallocation::off) EMU_CHECK(preallocate(old_size, size, preallocation));
    return flush_all();
}

} // namespace emu::block::qcow2
