// SPDX-License-Identifier: MIT
#include "block/formats/qcow2/refcounts.h"

#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block::qcow2 {
namespace {

constexpr u64 table_entry_mask = ~u64(0x1ff);
constexpr u64 max_table_bytes = u64(8) << 20;
constexpr u64 max_host_offset = (u64(1) << 56) - 1; ///< L2 entries have no more bits

} // namespace

u64 refcount_entry(ConstBytes block, u64 index, u32 order) {
    switch (order) {
    case 0: return block[index / 8] >> (index % 8) & 1;
    case 1: return block[index / 4] >> (index % 4 * 2) & 3;
    case 2: return block[index / 2] >> (index % 2 * 4) & 15;
    case 3: return block[index];
    case 4: return be16(block, index * 2);
    case 5: return be32(block, index * 4);
    default: return be64(block, index * 8);
    }
}

void set_refcount_entry(Bytes block, u64 index, u32 order, u64 value) {
    auto part = [&](unsigned bits_each) {
        const unsigned per_byte = 8 / bits_each, shift = unsigned(index % per_byte) * bits_each;
        u8& byte = block[index / per_byte];
        byte = u8((byte & ~(((1u << bits_each) - 1) << shift)) | unsigned(value) << shift);
    };
    switch (order) {
    case 0: return part(1);
    case 1: return part(2);
    case 2: return part(4);
    case 3: block[index] = u8(value); return;
    case 4: return put_be16(block, index * 2, u16(value));
    case 5: return put_be32(block, index * 4, u32(value));
    default: return put_be64(block, index * 8, value);
    }
}

Refcounts::Refcounts(Node& file, const Header& header, u64 cache_bytes)
    : file_(file), cluster_bits_(header.cluster_bits), order_(header.refcount_order), per_block_(header.refcount_block_entries()),
      blocks_(file, header.cluster_size(), cache_bytes), table_offset_(header.refcount_table_offset) {
    table_.resize((u64(header.refcount_table_clusters) << cluster_bits_) / 8);
}

Result<void> Refcounts::load() {
    std::vector<u8> raw(table_.size() * 8);
    if (table_offset_ >= file_.size()) return fail(EINVAL, "Could not read reference count table");
    EMU_CHECK(read_padded(file_, table_offset_, raw));
    for (usize i = 0; i < table_.size(); i++) table_[i] = be64(raw, i * 8);
    return {};
}

void Refcounts::reset(u64 table_entries) {
    table_.assign(table_entries, 0);
    blocks_.drop_all();
    table_dirty_ = true;
    moved_ = false;
    hint_ = byte_position_ = 0;
}

Result<TableCache::Piece*> Refcounts::block_for(u64 cluster) {
    const u64 index = cluster / per_block_;
    if (index >= table_.size() || !(table_[index] & table_entry_mask)) return nullptr;
    const u64 offset = table_[index] & table_entry_mask;
    if (offset & ((u64(1) << cluster_bits_) - 1))
        return fail(EIO, fmt::format("Refblock offset {:#x} unaligned (reftable index: {:#x})", offset, index));
    return blocks_.get(offset);
}

Result<u64> Refcounts::get(u64 cluster) {
    TableCache::Piece* block = EMU_TRY(block_for(cluster));
    return block ? refcount_entry(block->bytes, cluster % per_block_, order_) : 0;
}

Result<void> reach(Node& file, u64 end) {
    if (file.limits().growable || file.size() >= end) return {};
    return file.truncate(end);
}

Result<void> Refcounts::set(u64 cluster, u64 value) {
    if (value) EMU_CHECK(reach(file_, (cluster + 1) << cluster_bits_));
    TableCache::Piece* block = EMU_TRY(block_for(cluster));
    if (!block) return fail(EIO, fmt::format("cluster {} has no reference count block", cluster));
    set_refcount_entry(block->bytes, cluster % per_block_, order_, value);
    blocks_.mark(*block);
    return {};
}

Result<u64> Refcounts::find_free(u64 count) {
    u64 cluster = std::max<u64>(hint_, 1), run = 0; // the header is nobody's, whatever a damaged count says
    while (run < count) {
        if (cluster >= max_host_offset >> cluster_bits_) return fail(EFBIG, "the image file would become too large");
        TableCache::Piece* block = EMU_TRY(block_for(cluster));
        if (!block) { // a whole block of free ones
            const u64 step = per_block_ - cluster % per_block_;
            run += step;
            cluster += step;
            continue;
        }
        // One look at the cache for all entries of the block.
        const u64 end = cluster - cluster % per_block_ + per_block_;
        for (; cluster < end && run < count; cluster++) {
            if (refcount_entry(block->bytes, cluster % per_block_, order_)) run = 0;
            else run++;
        }
    }
    // The last step may have gone further than asked.
    return cluster - run;
}

Result<void> Refcounts::ensure_block(u64 index) {
    while (index >= table_.size() || !(table_[index] & table_entry_mask)) {
        if (index >= table_.size()) EMU_CHECK(grow_table(index + 1));
        if (table_[index] & table_entry_mask) break;
        const u64 cluster = EMU_TRY(find_free(1));
        const u64 home = cluster / per_block_;
        if (home != index && (home >= table_.size() || !(table_[home] & table_entry_mask))) {
            EMU_CHECK(ensure_block(home));
            continue;
        }
        EMU_CHECK(file_.event("refblock_alloc"));
        EMU_CHECK(file_.event("refblock_alloc_write"));
        const u64 offset = cluster << cluster_bits_;
        (void)EMU_TRY(blocks_.fresh(offset));
        table_[index] = offset;
        table_dirty_ = true;
        EMU_CHECK(set(cluster, 1)); // possibly in the new block itself
        if (cluster == hint_) hint_++;
    }
    return {};
}

Result<void> Refcounts::grow_table(u64 entries) {
    const u64 cluster = u64(1) << cluster_bits_;
    const u64 clusters = align_up((std::max(entries, table_.size() + table_.size() / 2)) * 8, cluster) >> cluster_bits_;
    if (clusters << cluster_bits_ > max_table_bytes) return fail(EFBIG, "the refcount table would become too large");
    EMU_CHECK(file_.event("reftable_grow"));
    if (!moved_) {
        old_table_offset_ = table_offset_;
        old_table_bytes_ = table_bytes();
    }
    const u64 unused = table_offset_, unused_bytes = table_bytes();
    table_.resize((clusters << cluster_bits_) / 8); // first, so that the allocation below has its blocks
    table_offset_ = EMU_TRY(allocate(clusters));
    if (moved_) EMU_CHECK(change(unused, unused_bytes, -1)); // one that never reached the storage
    moved_ = true;
    return {};
}

Result<void> Refcounts::write_table(const std::function<Result<void>(u64, u32)>& update_header) {
    if (!table_dirty()) return {};
    std::vector<u8> raw(table_.size() * 8);
    for (usize i = 0; i < table_.size(); i++) put_be64(raw, i * 8, table_[i]);
    EMU_CHECK(file_.event(moved_ ? "refblock_alloc_write_table" : "reftable_update"));
    EMU_CHECK(file_.write(table_offset_, raw));
    table_dirty_ = false;
    if (!moved_) return {};
    EMU_CHECK(file_.flush());
    EMU_CHECK(file_.event("refblock_alloc_switch_table"));
    EMU_CHECK(update_header(table_offset_, u32(table_bytes() >> cluster_bits_)));
    moved_ = false;
    return change(old_table_offset_, old_table_bytes_, -1);
}

Result<void> Refcounts::change(u64 offset, u64 length, s64 delta) {
    if (!length) return {};
    const u64 first = offset >> cluster_bits_, last = (offset + length - 1) >> cluster_bits_;
    for (u64 cluster = first; cluster <= last; cluster++) {
        if (delta > 0) EMU_CHECK(ensure_block(cluster / per_block_));
        const u64 before = EMU_TRY(get(cluster));
        if (delta < 0 && before < u64(-delta))
            return fail(EIO, fmt::format("the reference count of cluster {} would fall below zero; the image is damaged", cluster));
        if (delta > 0 && before > max_count() - u64(delta)) return fail(EINVAL, "a reference count would become too large");
        const u64 after = before + u64(delta);
        EMU_CHECK(set(cluster, after));
        if (after == 0) {
            hint_ = std::min(hint_, cluster);
            if (byte_position_ >> cluster_bits_ == cluster) byte_position_ = 0;
            if (on_free) on_free(cluster << cluster_bits_);
        }
    }
    return {};
}

Result<u64> Refcounts::allocate(u64 count) {
    for (;;) {
        const u64 first = EMU_TRY(find_free(count));
        bool complete = true; // do all blocks exist? making one may take a cluster of the range
        for (u64 index = first / per_block_; index <= (first + count - 1) / per_block_; index++)
            if (index >= table_.size() || !(table_[index] & table_entry_mask)) {
                EMU_CHECK(ensure_block(index));
                complete = false;
            }
        if (!complete) continue;
        for (u64 i = 0; i < count; i++) EMU_CHECK(set(first + i, 1));
        hint_ = first + count; // next fit from here; freeing moves it back
        return first << cluster_bits_;
    }
}

Result<void> Refcounts::repair(u64 cluster, u64 value) {
    if (value > max_count()) return fail(EINVAL, "a reference count would become too large");
    EMU_CHECK(ensure_block(cluster / per_block_));
    EMU_CHECK(set(cluster, value));
    if (!value) hint_ = std::min(hint_, cluster);
    return {};
}

Result<void> Refcounts::rebuild(const std::vector<u16>& references) {
    const u64 cluster = u64(1) << cluster_bits_, used = references.size();
    u64 blocks = 0, clusters = 0;
    for (u64 total = used; blocks * per_block_ < total; total = used + blocks + clusters) {
        blocks = (total + per_block_ - 1) / per_block_;
        clusters = (blocks * 8 + cluster - 1) >> cluster_bits_;
    }
    if (clusters << cluster_bits_ > max_table_bytes) return fail(EFBIG, "the refcount table would become too large");
    reset((clusters << cluster_bits_) / 8);
    EMU_CHECK(reach(file_, (used + blocks + clusters) << cluster_bits_));
    std::vector<u8> block(cluster), raw(clusters << cluster_bits_);
    for (u64 b = 0; b < blocks; b++) {
        std::fill(block.begin(), block.end(), u8(0));
        for (u64 i = 0; i < per_block_; i++) {
            const u64 at = b * per_block_ + i;
            const u64 value = at < used ? references[at] : at < used + blocks + clusters ? 1 : 0;
            if (value > max_count()) return fail(EINVAL, "a reference count does not fit into its width");
            if (value) set_refcount_entry(block, i, order_, value);
        }
        table_[b] = (used + b) << cluster_bits_;
        put_be64(raw, b * 8, table_[b]);
        EMU_CHECK(file_.write(table_[b], block));
    }
    table_offset_ = (used + blocks) << cluster_bits_;
    table_dirty_ = false;
    return file_.write(table_offset_, raw);
}

Result<u64> Refcounts::allocate_at(u64 offset, u64 count) {
    const u64 first = offset >> cluster_bits_;
    u64 taken = 0;
    for (; taken < count; taken++) {
        if (EMU_TRY(get(first + taken))) break;
        EMU_CHECK(ensure_block((first + taken) / per_block_));
        if (EMU_TRY(get(first + taken))) break; // the new block went there
        EMU_CHECK(set(first + taken, 1));
    }
    return taken;
}

Result<u64> Refcounts::allocate_bytes(u64 size) {
    const u64 cluster = u64(1) << cluster_bits_;
    u64 start = byte_position_;
    const u64 inside = start & (cluster - 1);
    // A cluster whose count is full, or whose owner is gone, takes no more.
    if (inside) {
        const u64 count = EMU_TRY(get(start >> cluster_bits_));
        if (!count || count == max_count()) start = 0;
    }
    if (!start || !inside || inside + size > cluster) {
        const u64 fresh = EMU_TRY(allocate(1));
        const bool continues = start && inside && fresh == align_up(start, cluster);
        // The new cluster counts once for whoever uses it first; change() below adds for the others.
        if (!continues) start = fresh;
        if (continues) EMU_CHECK(change(start, 1, 1));
    } else {
        EMU_CHECK(change(start, 1, 1));
    }
    byte_position_ = start + size;
    if (!(byte_position_ & (cluster - 1))) byte_position_ = 0;
    return start;
}

} // namespace emu::block::qcow2
