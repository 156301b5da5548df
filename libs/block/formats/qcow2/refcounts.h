// SPDX-License-Identifier: MIT
// Reference counts of host clusters: table and blocks ("Host cluster management"), and the search for free clusters.
//
// Nothing here reaches the storage but through write_blocks() and write_table(), which the owner calls in the order that makes
// the image survive a crash. Not locked: the owner's lock is held exclusively.
#pragma once
#include "block/formats/qcow2/header.h"
#include "block/formats/qcow2/table_cache.h"

namespace emu::block::qcow2 {

/// One entry of a block that is `order` (log2 of bits) wide.
u64 refcount_entry(ConstBytes block, u64 index, u32 order);
void set_refcount_entry(Bytes block, u64 index, u32 order, u64 value);

/// Storage that does not grow by being written to is made to reach `end`.
Result<void> reach(Node& file, u64 end);

class Refcounts {
public:
    Refcounts(Node& file, const Header& header, u64 cache_bytes);
    Result<void> load();
    /// Start over with this geometry and no counts at all (repair, new images).
    void reset(u64 table_entries);

    u64 max_count() const { return order_ == 6 ? ~u64(0) : (u64(1) << (u64(1) << order_)) - 1; }
    Result<u64> get(u64 cluster);
    /// Add `delta` (positive or negative) to each cluster that [offset, offset + length) touches.
    Result<void> change(u64 offset, u64 length, s64 delta);
    /// First-fit: `count` free neighbouring clusters, counted once from now on. Returns the byte offset.
    Result<u64> allocate(u64 count);
    /// Exactly these clusters if they are free; returns how many of them, from the first on, were (and are now taken).
    Result<u64> allocate_at(u64 offset, u64 count);
    /// Room for a compressed cluster: behind the one before if that fits.
    Result<u64> allocate_bytes(u64 size);
    void forget_byte_position() { byte_position_ = 0; }

    bool blocks_dirty() const { return blocks_.dirty(); }
    bool table_dirty() const { return table_dirty_ || moved_; }
    Result<void> write_blocks() { return blocks_.write_back(); }
    /// Write the changed table; `update_header` makes the header point to a table that moved, in a crash-safe way.
    Result<void> write_table(const std::function<Result<void>(u64 offset, u32 clusters)>& update_header);

    const std::vector<u64>& table() const { return table_; }
    u64 table_offset() const { return table_offset_; }
    u64 table_bytes() const { return table_.size() * 8; }
    /// Clusters whose count just went to zero are reported here.
    std::function<void(u64 offset)> on_free;
    /// Counts for clusters 0 ... references.size() - 1 in new blocks and a new table behind them, written at once.
    Result<void> rebuild(const std::vector<u16>& references);
    /// One count changed by a repair.
    Result<void> repair(u64 cluster, u64 value);
    void set_order(u32 order) {
        order_ = order;
        per_block_ = (u64(8) << cluster_bits_) >> order;
    }
    void forget_cache() { blocks_.drop_all(); }
    void set_hint(u64 cluster) { hint_ = std::min(hint_, cluster); }

private:
    Result<TableCache::Piece*> block_for(u64 cluster);
    Result<void> ensure_block(u64 index);
    Result<void> grow_table(u64 entries);
    Result<u64> find_free(u64 count);
    Result<void> set(u64 cluster, u64 value);

    Node& file_;
    u32 cluster_bits_, order_;
    u64 per_block_;
    TableCache blocks_;
    std::vector<u64> table_;
    u64 table_offset_ = 0, old_table_offset_ = 0, old_table_bytes_ = 0;
    bool table_dirty_ = false, moved_ = false;
    u64 hint_ = 0;          ///< no cluster below it is known to be free
    u64 byte_position_ = 0; ///< where the next compressed cluster may go; 0: nowhere
};

} // namespace emu::block::qcow2
