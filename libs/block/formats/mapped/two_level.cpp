// SPDX-License-Identifier: MIT
#include "block/formats/mapped/two_level.h"

#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {

namespace {
constexpr u64 max_slice = 16384;
u64 slice_for(const TwoLevelShape& shape) { return std::min(max_slice, std::bit_floor(shape.l2_bytes())); }
} // namespace

TwoLevelNode::TwoLevelNode(NodePtr file, const TwoLevelShape& shape, bool writable)
    : MappedNode(std::move(file), shape.block_bytes, writable), shape_(shape), l1_(shape.l1_at, shape.order),
      l2_(*file_, slice_for(shape), shape.order) {
    // Called with the map locked: a full cache forces a commit like that of flush().
    l2_.set_make_room([this] { return flush_locked(); });
}

Result<u64> TwoLevelNode::table_of(u64 l1_index) {
    if (l1_index >= shape_.l1_entries) return fail(EIO, "block beyond the first-level table");
    const u64 raw = l1_get(l1_index) & l1_mask_;
    if (raw == 0) return u64(0);
    const auto at = checked_mul(raw, shape_.scale);
    if (!at || !in_range(*at, shape_.l2_bytes(), file_->size()))
        return fail(EIO, fmt::format("table {} of the block map lies outside the file", l1_index));
    return *at;
}

Result<u64> TwoLevelNode::entry(u64 index) {
    const u64 table = EMU_TRY(table_of(index / shape_.l2_entries));
    if (table == 0) return u64(0);
    const u64 at = index % shape_.l2_entries;
    if (shape_.width == 8) return l2_.get64(table, at);
    return u64(EMU_TRY(l2_.get32(table, at)));
}

Result<u64> TwoLevelNode::new_table() {
    const Room room = EMU_TRY(reserve_at_end(shape_.l2_bytes(), shape_.table_alignment));
    if (!room.fresh) EMU_CHECK(file_->write_zeroes(room.offset, shape_.l2_bytes()));
    return room.offset;
}

Result<void> TwoLevelNode::set_entry(u64 index, u64 value) {
    const u64 l1_index = index / shape_.l2_entries, at = index % shape_.l2_entries;
    u64 table = EMU_TRY(table_of(l1_index));
    if (table == 0) {
        if (value == 0) return {};
        table = EMU_TRY(new_table());
        if (table % shape_.scale) return fail(EIO, "a new table is not aligned");
        l1_put(l1_index, table / shape_.scale);
    }
    map_dirty_ = true;
    return shape_.width == 4 ? l2_.put32(table, at, u32(value)) : l2_.put64(table, at, value);
}

Result<void> TwoLevelNode::commit_map() {
    const bool both = l1_.dirty();
    EMU_CHECK(l2_.write_dirty([this](u64 at, ConstBytes bytes) { return write_slice(at, bytes); }));
    if (!both) return {};
    EMU_CHECK(file_->flush());
    return write_l1();
}

} // namespace emu::block
