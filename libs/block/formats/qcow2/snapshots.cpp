// SPDX-License-Identifier: MIT
// Internal snapshots ("Snapshots"): copies of the L1 table, with everything below counted once more.
#include "block/formats/qcow2/image.h"
#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>

namespace emu::block::qcow2 {
namespace {

constexpr usize fixed_size = 40;
constexpr u64 max_table = u64(64) << 20, max_extra = 1024, max_l1 = (u64(32) << 20) / 8;

Result<Snapshot> parse(ByteView v, u64& at, u64 virtual_size) {
    const auto fixed = v.sub(at, fixed_size);
    if (!fixed) return fail(EINVAL, "Snapshot table too short");
    Snapshot s;
    s.l1_offset = fixed->u64_at(0);
    s.l1_size = fixed->u32_at(8);
    const u16 id_size = fixed->u16_at(12), name_size = fixed->u16_at(14);
    s.info.date_sec = fixed->u32_at(16);
    s.info.date_nsec = fixed->u32_at(20);
    s.info.vm_clock_nsec = fixed->u64_at(24);
    s.info.vm_state_size = fixed->u32_at(32);
    s.info.disk_size = virtual_size;
    const u32 extra_size = fixed->u32_at(36);
    at += fixed_size;
    if (extra_size > max_extra) return fail(EINVAL, fmt::format("Snapshot extra data too large ({} bytes)", extra_size));
    const auto extra = v.sub(at, extra_size);
    if (!extra) return fail(EINVAL, "Snapshot table too short");
    if (extra_size >= 8) s.info.vm_state_size = extra->u64_at(0);
    if (extra_size >= 16) s.info.disk_size = extra->u64_at(8);
    if (extra_size >= 24 && extra->u64_at(16) != ~u64(0)) s.info.icount = extra->u64_at(16);
    if (extra_size > 24) s.unknown_extra.assign(extra->bytes().begin() + 24, extra->bytes().end());
    at += extra_size;
    auto text = [&](u16 size, std::string& to) {
        const auto part = v.sub(at, size);
        if (part) to.assign(reinterpret_cast<const char*>(part->bytes().data()), size);
        at += size;
        return part.has_value();
    };
    if (!text(id_size, s.info.id) || !text(name_size, s.info.name)) return fail(EINVAL, "Snapshot table too short");
    at = align_up<u64>(at, 8);
    if (s.l1_size > max_l1) return fail(EFBIG, "Snapshot L1 table too large");
    if (s.info.disk_size > u64(INT64_MAX)) return fail(EINVAL, "Snapshot disk size too large");
    return s;
}

void encode(std::vector<u8>& out, const Snapshot& s) {
    const usize at = out.size(), extra = 24 + s.unknown_extra.size();
    out.resize(align_up<usize>(at + fixed_size + extra + s.info.id.size() + s.info.name.size(), 8));
    const Bytes b = Bytes(out).subspan(at);
    put_be64(b, 0, s.l1_offset);
    put_be32(b, 8, s.l1_size);
    put_be16(b, 12, u16(s.info.id.size()));
    put_be16(b, 14, u16(s.info.name.size()));
    put_be32(b, 16, u32(s.info.date_sec));
    put_be32(b, 20, s.info.date_nsec);
    put_be64(b, 24, s.info.vm_clock_nsec);
    put_be32(b, 32, u32(std::min<u64>(s.info.vm_state_size, 0xffffffff)));
    put_be32(b, 36, u32(extra));
    put_be64(b, 40, s.info.vm_state_size);
    put_be64(b, 48, s.info.disk_size);
    put_be64(b, 56, s.info.icount.value_or(~u64(0)));
    auto to = std::copy(s.unknown_extra.begin(), s.unknown_extra.end(), b.begin() + 64);
    to = std::copy(s.info.id.begin(), s.info.id.end(), to);
    std::copy(s.info.name.begin(), s.info.name.end(), to);
}

} // namespace

Result<void> Image::load_snapshots() {
    snapshots_.clear();
    snapshots_bytes_ = 0;
    if (!h_.snapshot_count) return {};
    const u64 there = file_->size();
    if (h_.snapshots_offset >= there) return fail(EINVAL, "Could not read snapshots: the table lies behind the end of the file");
    // Names and extra data bound an entry to some 130 KiB; the table ends where the file ends at the latest.
    const u64 most = std::min<u64>({u64(h_.snapshot_count) * (fixed_size + max_extra + 2 * 65536), max_table, there - h_.snapshots_offset});
    u64 loaded = std::min<u64>(most, 65536);
    std::vector<u8> raw;
    for (;; loaded = std::min(most, loaded * 4)) {
        raw.resize(loaded);
        EMU_CHECK(file_->read(h_.snapshots_offset, raw));
        snapshots_.clear();
        u64 at = 0;
        Result<void> parsed;
        for (u32 i = 0; i < h_.snapshot_count && parsed; i++) {
            auto one = parse(ByteView(raw, Endian::big), at, h_.size);
            if (one) snapshots_.push_back(std::move(*one));
            else parsed = fail(std::move(one.error()));
        }
        if (parsed) {
            snapshots_bytes_ = std::min<u64>(at, loaded);
            return {};
        }
        if (loaded >= most) return in("Could not read snapshots", std::move(parsed));
    }
}

/// The whole table in a new place, then the header's reference to it.
Result<void> Image::write_snapshots() {
    std::vector<u8> raw;
    for (const Snapshot& s : snapshots_) encode(raw, s);
    const u64 old_offset = h_.snapshots_offset, old_bytes = snapshots_bytes_;
    u64 offset = 0;
    if (!raw.empty()) {
        if (raw.size() > max_table) return fail(EFBIG, "the snapshot table would become too large");
        offset = EMU_TRY(counts_.allocate(cluster_up(raw.size()) >> h_.cluster_bits));
        EMU_CHECK(check_overlap(offset, raw.size()));
        EMU_CHECK(file_->write(offset, raw));
    }
    EMU_CHECK(write_out());
    EMU_CHECK(file_->flush());
    h_.snapshots_offset = offset;
    h_.snapshot_count = u32(snapshots_.size());
    snapshots_bytes_ = raw.size();
    EMU_CHECK(write_header());
    EMU_CHECK(file_->flush());
    free_later(old_offset, old_bytes);
    return apply_frees();
}

Result<Snapshot*> Image::find_snapshot(std::string_view id_or_name) {
    for (Snapshot& s : snapshots_)
        if (s.info.id == id_or_name) return &s;
    for (Snapshot& s : snapshots_)
        if (s.info.name == id_or_name) return &s;
    return fail(ENOENT, "Can't find snapshot");
}

/// Add to the counts of all that an L1 table refers to, tables included.
Result<void> Image::update_counts(const std::vector<u64>& l1, s64 delta) {
    std::vector<u8> table(cluster());
    for (u64 entry : l1) {
        const u64 offset = entry & offset_mask;
        if (!offset) continue;
        if (offset & (cluster() - 1)) return corrupt(fmt::format("L2 table offset {:#x} unaligned", offset));
        for (u64 part = 0; part < cluster(); part += l2_.piece_size()) {
            TableCache::Piece* piece = EMU_TRY(l2_.get(offset + part));
            std::copy(piece->bytes.begin(), piece->bytes.end(), table.begin() + std::ptrdiff_t(part));
        }
        for (u64 i = 0; i < table.size() && !data_file_; i += h_.l2_entry_size()) {
            const u64 d = be64(table, i);
            if (d & flag_compressed) EMU_CHECK(counts_.change(compressed_offset(d), compressed_length(d), delta));
            else if (d & offset_mask) EMU_CHECK(counts_.change(d & offset_mask, cluster(), delta));
        }
        EMU_CHECK(counts_.change(offset, cluster(), delta));
    }
    return {};
}

/// COPIED means "counted once": set it so in the active tables.
Result<void> Image::fix_copied_flags() {
    auto wanted = [&](u64 offset) -> Result<u64> { return EMU_TRY(counts_.get(offset >> h_.cluster_bits)) == 1 ? flag_copied : 0; };
    std::unordered_set<u64> done;
    for (u64 i = 0; i < l1_.size(); i++) {
        const u64 offset = l1_[i] & offset_mask;
        if (!offset) continue;
        const u64 entry = offset | EMU_TRY(wanted(offset));
        if (entry != l1_[i]) {
            l1_[i] = entry;
            l1_dirty_[i / 64] = any_l1_dirty_ = true;
        }
        if (!done.insert(offset).second) continue;
        for (u64 part = 0; part < cluster() && !data_file_; part += l2_.piece_size()) {
            TableCache::Piece* piece = EMU_TRY(l2_.get(offset + part));
            for (u64 at = 0; at < piece->bytes.size(); at += h_.l2_entry_size()) {
                const u64 d = be64(piece->bytes, at);
                if (d & flag_compressed || !(d & offset_mask)) continue;
                const u64 fixed = (d & ~flag_copied) | EMU_TRY(wanted(d & offset_mask));
                piece = EMU_TRY(l2_.get(offset + part)); // counting reads blocks, not pieces of this cache; but stay sure
                if (fixed == d) continue;
                put_be64(piece->bytes, at, fixed);
                l2_.mark(*piece);
            }
        }
    }
    return {};
}

Result<void> Image::snapshot_create(std::string_view name) {
    if (h_.snapshot_count >= 65536) return fail(EFBIG, "too many snapshots");
    if (data_file_) return fail(ENOTSUP, "images with an external data file have no internal snapshots");
    EMU_CHECK(first_change());
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    EMU_CHECK(flush_all());
    Snapshot s;
    u64 id = 0;
    for (const Snapshot& other : snapshots_) id = std::max<u64>(id, std::strtoull(other.info.id.c_str(), nullptr, 10));
    s.info.id = std::to_string(id + 1);
    s.info.name = name;
    s.info.disk_size = virtual_size_;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    s.info.date_sec = now.tv_sec;
    s.info.date_nsec = u32(now.tv_nsec);
    s.l1_size = u32(l1_.size());
    const u64 bytes = std::max<u64>(8, u64(l1_.size()) * 8);
    EMU_CHECK(update_counts(l1_, 1));
    s.l1_offset = EMU_TRY(counts_.allocate(cluster_up(bytes) >> h_.cluster_bits));
    EMU_CHECK(check_overlap(s.l1_offset, bytes));
    std::vector<u8> raw(cluster_up(bytes));
    for (usize i = 0; i < l1_.size(); i++) put_be64(raw, i * 8, l1_[i] & ~flag_copied);
    EMU_CHECK(file_->write(s.l1_offset, raw));
    EMU_CHECK(fix_copied_flags());
    EMU_CHECK(flush_all());
    snapshots_.push_back(std::move(s));
    return write_snapshots();
}

Result<void> Image::snapshot_apply(std::string_view id_or_name) {
    EMU_CHECK(first_change());
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    EMU_CHECK(flush_all());
    const Snapshot s = *EMU_TRY(find_snapshot(id_or_name));
    std::vector<u64> wanted;
    EMU_CHECK(load_l1(s.l1_offset, s.l1_size, wanted));
    EMU_CHECK(grow_l1(std::max<u64>(s.l1_size, h_.l1_entries_for(s.info.disk_size))));
    EMU_CHECK(update_counts(wanted, 1));
    EMU_CHECK(flush_all());
    const std::vector<u64> before = l1_;
    std::fill(l1_.begin(), l1_.end(), 0);
    for (usize i = 0; i < wanted.size(); i++) l1_[i] = wanted[i] & offset_mask;
    std::fill(l1_dirty_.begin(), l1_dirty_.end(), true);
    any_l1_dirty_ = true;
    metadata_noted_ = false;
    EMU_CHECK(flush_all());
    if (s.info.disk_size != virtual_size_) {
        h_.size = s.info.disk_size;
        virtual_size_ = h_.size;
        EMU_CHECK(write_header());
        EMU_CHECK(file_->flush());
    }
    EMU_CHECK(update_counts(before, -1));
    EMU_CHECK(fix_copied_flags());
    return flush_all();
}

Result<void> Image::snapshot_delete(std::string_view id_or_name) {
    EMU_CHECK(first_change());
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    EMU_CHECK(flush_all());
    Snapshot* found = EMU_TRY(find_snapshot(id_or_name));
    const Snapshot s = *found;
    std::vector<u64> table;
    EMU_CHECK(load_l1(s.l1_offset, s.l1_size, table));
    snapshots_.erase(snapshots_.begin() + (found - snapshots_.data()));
    EMU_CHECK(write_snapshots());
    EMU_CHECK(update_counts(table, -1));
    EMU_CHECK(counts_.change(s.l1_offset, std::max<u64>(8, u64(s.l1_size) * 8), -1));
    EMU_CHECK(fix_copied_flags());
    return flush_all();
}

Result<void> Image::snapshot_load(std::string_view id_or_name) {
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    const Snapshot s = *EMU_TRY(find_snapshot(id_or_name));
    EMU_CHECK(load_l1(s.l1_offset, s.l1_size, l1_));
    virtual_size_ = s.info.disk_size;
    snapshot_loaded_ = read_only_ = true;
    return {};
}

namespace {
/// Machine state lies behind the disk, at the first L1 entry that the disk does not need.
u64 vmstate_start(const Header& h, unsigned l2_bits) { return h.l1_entries_for(h.size) << (h.cluster_bits + l2_bits); }
} // namespace

Result<void> Image::vmstate_read(u64 at, Bytes to) {
    std::shared_lock io(io_);
    return read_guest(vmstate_start(h_, l2_bits_) + at, to);
}

Result<void> Image::vmstate_write(u64 at, ConstBytes from) {
    if (from.empty()) return {};
    EMU_CHECK(first_change());
    const u64 start = vmstate_start(h_, l2_bits_) + at;
    {
        std::unique_lock io(io_);
        std::unique_lock lock(meta_);
        EMU_CHECK(grow_l1(l1_index(start + from.size() - 1) + 1));
    }
    return do_write(start, from, WriteFlags::none);
}

} // namespace emu::block::qcow2
