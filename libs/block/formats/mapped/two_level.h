// SPDX-License-Identifier: MIT
// Formats whose map is a first-level table (held whole) of second-level tables (held in slices).
//
// Ordering on top of MappedNode's: second-level tables are written and flushed before the first level names them.
#pragma once
#include "block/formats/mapped/mapped.h"
#include "block/formats/mapped/tables.h"

namespace emu::block {

struct TwoLevelShape {
    u64 block_bytes = 0;
    u64 l1_at = 0, l1_entries = 0;
    u64 l2_entries = 0;
    unsigned width = 8;             ///< bytes of an entry, both levels: 4 or 8
    Endian order = Endian::little;
    u64 scale = 1;                  ///< what a first-level entry counts in, in bytes
    u64 table_alignment = 1;        ///< of new second-level tables
    u64 l2_bytes() const { return l2_entries * width; }
};

class TwoLevelNode : public MappedNode {
protected:
    TwoLevelNode(NodePtr file, const TwoLevelShape& shape, bool writable);
    Result<void> load_l1() { return l1_.load(*file_, shape_.l1_entries * shape_.width); }

    u64 l1_get(u64 index) const { return shape_.width == 4 ? l1_.get32(index) : l1_.get64(index); }
    void l1_put(u64 index, u64 value) { shape_.width == 4 ? l1_.put32(index, u32(value)) : l1_.put64(index, value); }
    /// File offset of the table behind a first-level entry; 0 if there is none. Refuses what lies outside the file.
    virtual Result<u64> table_of(u64 l1_index);
    /// The second-level entry of a block as it stands there; 0 where there is no table.
    Result<u64> entry(u64 index);
    /// Change it, making the table first where there is none.
    Result<void> set_entry(u64 index, u64 value);
    /// Room for a table that reads as zeroes.
    virtual Result<u64> new_table();
    virtual Result<void> write_slice(u64 at, ConstBytes bytes) { return file_->write(at, bytes); }
    virtual Result<void> write_l1() { return l1_.write_dirty(*file_); }
    Result<void> commit_map() override;
    /// First-level entries that `offset_mask` strips flags from.
    u64 l1_mask_ = ~u64(0);

    TwoLevelShape shape_;
    FlatTable l1_;
    SliceCache l2_;
};

} // namespace emu::block
