// SPDX-License-Identifier: MIT
#include "block/formats/vmdk/sparse.h"

#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <optional>

namespace emu::block::vmdk {

namespace {

constexpr u32 magic_hosted = 0x564d444b, magic_cowd = 0x44574f43; // "KDMV", "COWD" as little-endian numbers
constexpr u64 magic_se = 0xcafebabe, version_se = 0x200000001;
constexpr u64 max_grain = u64(4) << 20, max_packed = max_grain * 2;
constexpr u32 gte_zero = 1;
constexpr usize max_pending = 64; ///< grains of a compressed extent that are only partly written yet

struct Layout {
    TwoLevelShape shape;
    u64 bytes = 0;
    u64 redundant_at = 0; ///< bytes; 0: no second set of tables
    bool zero_grains = false, compressed = false, writable = true;
    std::optional<SparseHeader> stream; ///< the directory is at the end, and this is the footer
};

} // namespace

Result<SparseHeader> SparseHeader::parse(ConstBytes raw) {
    if (raw.size() != bytes || le32(raw) != magic_hosted) return fail(EINVAL, "no VMDK sparse extent header");
    const ByteView h(raw);
    SparseHeader out{.version = h.u32_at(4), .flags = h.u32_at(8), .capacity = h.u64_at(12), .grain = h.u64_at(20),
                     .descriptor_at = h.u64_at(28), .descriptor_sectors = h.u64_at(36), .table_entries = h.u32_at(44),
                     .redundant_at = h.u64_at(48), .directory_at = h.u64_at(56), .overhead = h.u64_at(64), .compression = h.u16_at(77)};
    if (out.version < 1 || out.version > 3) return fail(ENOTSUP, fmt::format("Unsupported VMDK version {}", out.version));
    if (out.flags & f_newlines && !(h.u8_at(73) == '\n' && h.u8_at(74) == ' ' && h.u8_at(75) == '\r' && h.u8_at(76) == '\n'))
        return fail(EINVAL, "VMDK image was damaged by a transfer in text mode");
    if (!is_power_of_two(out.grain) || out.grain * sector > max_grain) return fail(EINVAL, fmt::format("Invalid granularity: {} sectors in a grain", out.grain));
    if (!is_power_of_two(out.table_entries) || out.table_entries > 512) return fail(EINVAL, "L2 table size too big");
    if (out.capacity > (u64(1) << 54)) return fail(EFBIG, "VMDK extent is too large");
    if (out.flags & f_compressed && out.compression != 1) return fail(ENOTSUP, fmt::format("VMDK compression method {} is not supported", out.compression));
    return out;
}

std::vector<u8> SparseHeader::serialise() const {
    std::vector<u8> raw(bytes);
    put_le32(raw, 0, magic_hosted);
    put_le32(raw, 4, version);
    put_le32(raw, 8, flags);
    put_le64(raw, 12, capacity);
    put_le64(raw, 20, grain);
    put_le64(raw, 28, descriptor_at);
    put_le64(raw, 36, descriptor_sectors);
    put_le32(raw, 44, table_entries);
    put_le64(raw, 48, redundant_at);
    put_le64(raw, 56, directory_at);
    put_le64(raw, 64, overhead);
    raw[73] = '\n';
    raw[74] = ' ';
    raw[75] = '\r';
    raw[76] = '\n';
    put_le16(raw, 77, compression);
    return raw;
}

Result<SparseHeader> read_sparse_header(Node& file) {
    std::array<u8, SparseHeader::bytes> raw;
    const u64 there = file.size();
    if (there < raw.size()) return fail(EINVAL, "file too short for a VMDK header");
    EMU_CHECK(file.read(0, raw));
    SparseHeader header = EMU_TRY(SparseHeader::parse(raw));
    if (header.directory_at != SparseHeader::at_end) return header;
    // Footer marker, footer, end-of-stream marker: the last three sectors.
    if (there < 4 * sector) return fail(EINVAL, "VMDK image without its footer");
    EMU_CHECK(file.read(align_down(there, sector) - 2 * sector, raw));
    header = EMU_TRY(in("footer", SparseHeader::parse(raw)));
    if (header.directory_at == SparseHeader::at_end) return fail(EINVAL, "VMDK image whose footer names no grain directory");
    return header;
}

namespace {

class SparseExtent : public TwoLevelNode {
public:
    SparseExtent(NodePtr file, const Layout& layout, bool writable, Below* below)
        : TwoLevelNode(std::move(file), layout.shape, writable && layout.writable), layout_(layout), below_(below),
          redundant_(layout.redundant_at, Endian::little) {}

    Result<void> load() {
        EMU_CHECK(load_l1());
        end_ = align_up(file_->size(), std::min<u64>(block_, u64(1) << 20));
        if (layout_.compressed) end_ = align_up(file_->size(), sector);
        // An extent without grains has nothing to lose: they take the directory's place.
        const ConstBytes directory = l1_.data();
        if (layout_.stream && std::all_of(directory.begin(), directory.end(), [](u8 b) { return b == 0; })) end_ = shape_.l1_at - sector;
        if (!layout_.redundant_at || read_only_) return {};
        EMU_CHECK(redundant_.load(*file_, shape_.l1_entries * 4));
        for (u64 i = 0; i < shape_.l1_entries; i++) {
            if (const u64 table = l1_get(i) * sector) table_index_[table] = i;
        }
        return {};
    }
    std::string_view driver() const override { return "vmdk"; }
    Limits limits() const override {
        Limits out = TwoLevelNode::limits();
        out.can_write_compressed = out.only_compressed = out.can_pack = layout_.compressed;
        return out;
    }
    Result<ImageInfo> info() override {
        ImageInfo out;
        out.cluster_size = block_;
        out.compressed = layout_.compressed;
        return out;
    }
    Result<CheckResult> check(CheckMode) override;
    /// The marker's sector number is put in when it is known. Grains of a stream are always packed, smaller or not.
    Result<std::vector<u8>> pack_cluster(ConstBytes plain) const override {
        std::vector<u8> grain(plain.begin(), plain.end());
        grain.resize(usize(block_));
        return pack_grain(0, grain);
    }
    Result<void> write_packed(u64 at, ConstBytes packed) override {
        if (!layout_.compressed || read_only_ || at % block_ || at >= layout_.bytes || packed.size() < sector) return fail(EINVAL, "no packed grain can be written there");
        std::vector<u8> bytes(packed.begin(), packed.end());
        put_le64(bytes, 0, at / sector);
        {
            std::lock_guard lock(map_mutex_);
            EMU_CHECK(start_changes_locked());
            pending_.erase(at / block_);
        }
        return append_packed(at / block_, bytes);
    }

protected:
    u64 do_size() const override { return layout_.bytes; }
    u64 below_size() const override { return below_ ? below_->size() : 0; }
    Result<void> read_below(u64 at, Bytes to) override {
        if (below_) return below_->read(at, to);
        std::memset(to.data(), 0, to.size());
        return {};
    }
    Result<Place> lookup(u64 index) override {
        if (pending_.contains(index)) return Place{Place::Kind::other, 0};
        const u64 raw = EMU_TRY(entry(index));
        if (raw == 0) return Place{};
        if (raw == gte_zero && layout_.zero_grains) return Place{Place::Kind::zero, 0};
        return Place{layout_.compressed ? Place::Kind::other : Place::Kind::data, raw * sector};
    }
    Result<Room> reserve(u64) override {
        Room room = EMU_TRY(reserve_at_end(block_, sector));
        if (room.offset / sector > 0xffffffffu) return fail(EFBIG, "VMDK extent is full");
        return room;
    }
    Result<u64> new_table() override {
        if (!layout_.stream) return fail(ENOTSUP, "VMDK extent lacks a grain table");
        const Room room = EMU_TRY(reserve_at_end(sector + shape_.l2_bytes(), sector));
        std::vector<u8> fresh = make_marker(shape_.l2_bytes() / sector, Marker::table);
        fresh.resize(usize(sector + shape_.l2_bytes()));
        EMU_CHECK(file_->write(room.offset, fresh));
        return room.offset + sector;
    }
    Result<void> write_l1() override { return layout_.stream ? Result<void>() : TwoLevelNode::write_l1(); }
    Result<void> commit_map() override {
        EMU_CHECK(TwoLevelNode::commit_map());
        if (!layout_.stream) return {};
        // Whatever was appended, the footer is last.
        EMU_CHECK(file_->flush());
        const std::vector<u8> tail = make_stream_end(end_, l1_.data(), *layout_.stream);
        EMU_CHECK(file_->truncate(end_ + tail.size()));
        EMU_CHECK(file_->write(end_, tail));
        end_ += tail.size();
        return {};
    }
    Result<void> link(u64 index, u64 offset) override { return set_entry(index, offset / sector); }
    Result<void> link_zero(u64 index) override {
        if (!layout_.zero_grains) return fail(ENOTSUP, "the extent has no zeroed grains");
        pending_.erase(index);
        return set_entry(index, gte_zero);
    }
    Result<void> unlink(u64 index) override {
        pending_.erase(index);
        return set_entry(index, 0);
    }
    Result<void> write_slice(u64 at, ConstBytes bytes) override {
        if (layout_.redundant_at) {
            const auto index = table_index_.find(at);
            const u64 copy = index == table_index_.end() ? 0 : u64(redundant_.get32(index->second)) * sector;
            if (copy && in_range(copy, bytes.size(), file_->size())) EMU_CHECK(file_->write(copy, bytes));
        }
        return file_->write(at, bytes);
    }
    Result<void> read_other(u64 index, const Place& place, u64 within, Bytes to) override;
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override;
    Result<void> do_flush() override {
        if (layout_.compressed) EMU_CHECK(write_pending(0));
        return TwoLevelNode::do_flush();
    }
    Result<void> do_close() override { return read_only_ ? Result<void>() : do_flush(); }

private:
    Result<std::vector<u8>> read_grain(u64 index, u64 offset);
    Result<void> append_grain(u64 index, ConstBytes grain);
    Result<void> append_packed(u64 index, ConstBytes packed);
    Result<void> write_pending(usize keep);

    Layout layout_;
    Below* below_;
    FlatTable redundant_;
    std::unordered_map<u64, u64> table_index_;
    std::map<u64, std::vector<u8>> pending_; ///< guarded by the map's mutex
    std::mutex compressed_writes_;
};

Result<std::vector<u8>> SparseExtent::read_grain(u64 index, u64 offset) {
    std::array<u8, marker_bytes> marker;
    if (!in_range(offset, marker.size(), file_->size())) return fail(EIO, fmt::format("VMDK grain {} lies outside the file", index));
    EMU_CHECK(file_->read(offset, marker));
    const u64 length = le32(marker, 8);
    if (length == 0 || length > max_packed || !in_range(offset + marker_bytes, length, file_->size()))
        return fail(EIO, fmt::format("VMDK grain {} has an impossible length", index));
    std::vector<u8> packed(length), grain(block_);
    EMU_CHECK(file_->read(offset + marker_bytes, packed));
    EMU_CHECK(unpack_grain(packed, grain));
    return grain;
}

Result<void> SparseExtent::read_other(u64 index, const Place& place, u64 within, Bytes to) {
    {
        std::lock_guard lock(map_mutex_);
        if (const auto found = pending_.find(index); found != pending_.end()) {
            std::memcpy(to.data(), found->second.data() + within, to.size());
            return {};
        }
    }
    u64 offset = place.offset;
    if (offset == 0) { // was pending a moment ago
        std::lock_guard lock(map_mutex_);
        offset = EMU_TRY(entry(index)) * sector;
    }
    const std::vector<u8> grain = EMU_TRY(read_grain(index, offset));
    std::memcpy(to.data(), grain.data() + within, to.size());
    return {};
}

Result<void> SparseExtent::append_grain(u64 index, ConstBytes grain) {
    const std::vector<u8> packed = EMU_TRY(pack_grain(index * (block_ / sector), grain));
    return append_packed(index, packed);
}

Result<void> SparseExtent::append_packed(u64 index, ConstBytes packed) {
    Room room;
    {
        std::lock_guard lock(map_mutex_);
        room = EMU_TRY(reserve_at_end(packed.size(), sector));
        if (room.offset / sector > 0xffffffffu) return fail(EFBIG, "VMDK extent is full");
    }
    EMU_CHECK(file_->write(room.offset, packed));
    std::lock_guard lock(map_mutex_);
    return set_entry(index, room.offset / sector);
}

/// Compress the pending grains until `keep` are left; lowest first, so that the file is in the disk's order.
Result<void> SparseExtent::write_pending(usize keep) {
    std::lock_guard serial(compressed_writes_);
    for (;;) {
        u64 index;
        std::vector<u8> grain;
        {
            std::lock_guard lock(map_mutex_);
            if (pending_.size() <= keep) return {};
            index = pending_.begin()->first;
            grain = pending_.begin()->second;
        }
        EMU_CHECK(append_grain(index, grain));
        std::lock_guard lock(map_mutex_);
        pending_.erase(index);
    }
}

Result<void> SparseExtent::do_write(u64 at, ConstBytes from, WriteFlags flags) {
    if (!layout_.compressed) {
        if (has(flags, WriteFlags::compressed)) return fail(ENOTSUP, "the subformat does not store compressed grains");
        return TwoLevelNode::do_write(at, from, flags);
    }
    while (!from.empty()) {
        const u64 index = at / block_, within = at % block_, length = std::min<u64>(block_ - within, from.size());
        const ConstBytes part = from.first(length);
        const bool whole = length == block_;
        if (whole) {
            {
                std::lock_guard lock(map_mutex_);
                pending_.erase(index);
            }
            EMU_CHECK(append_grain(index, part));
        } else {
            std::lock_guard serial(compressed_writes_);
            std::vector<u8> grain(block_);
            Place old;
            {
                std::lock_guard lock(map_mutex_);
                old = EMU_TRY(lookup(index));
            }
            if (old.kind == Place::Kind::other)
                EMU_CHECK(read_other(index, old, 0, grain));
            else if (old.kind == Place::Kind::hole && below_size())
                EMU_CHECK(read_below(index * block_, grain));
            std::memcpy(grain.data() + within, part.data(), part.size());
            std::lock_guard lock(map_mutex_);
            pending_[index] = std::move(grain);
        }
        EMU_CHECK(write_pending(max_pending));
        at += length;
        from = from.subspan(length);
    }
    return {};
}

Result<CheckResult> SparseExtent::check(CheckMode) {
    std::lock_guard lock(map_mutex_);
    CheckResult out;
    const u64 grains = (layout_.bytes + block_ - 1) / block_;
    out.total_clusters = grains;
    u64 allocated = 0, fragmented = 0, last = 0;
    std::vector<u32> places;
    for (u64 i = 0; i < grains; i++) {
        if (i % shape_.l2_entries == 0 && l1_get(i / shape_.l2_entries) == 0) {
            i += shape_.l2_entries - 1;
            continue;
        }
        const auto raw = entry(i);
        if (!raw) {
            out.messages.push_back(fmt::format("ERROR: {}", raw.error().text));
            out.corruptions++;
            i |= shape_.l2_entries - 1; // the whole table is unreadable
            continue;
        }
        if (*raw == 0 || (*raw == gte_zero && layout_.zero_grains)) continue;
        allocated++;
        const u64 offset = *raw * sector, least = layout_.compressed ? marker_bytes : block_;
        if (!in_range(offset, least, align_up(file_->size(), sector))) {
            if (out.messages.size() < 1000)
                out.messages.push_back(fmt::format("ERROR: cluster offset {:#x} of grain {} lies outside the file", offset, i));
            out.corruptions++;
        }
        if (last && offset != last + block_ && !layout_.compressed) fragmented++;
        last = offset;
        places.push_back(u32(*raw));
    }
    std::sort(places.begin(), places.end());
    for (usize i = 1; i < places.size(); i++) {
        if (u64(places[i]) * sector < u64(places[i - 1]) * sector + (layout_.compressed ? 1 : block_)) {
            if (out.messages.size() < 1000) out.messages.push_back(fmt::format("ERROR: grains overlap at sector {}", places[i]));
            out.corruptions++;
        }
    }
    out.allocated_clusters = allocated;
    out.fragmented_clusters = fragmented;
    out.compressed_clusters = layout_.compressed ? allocated : 0;
    return out;
}

/// Space-efficient sparse extents: 64-bit entries whose top nibble is their kind; offsets in tables and grains are scattered
/// over the bits below. Read only.
class SeSparseExtent final : public TwoLevelNode {
public:
    SeSparseExtent(NodePtr file, const TwoLevelShape& shape, u64 bytes, u64 tables, u64 grains, Below* below)
        : TwoLevelNode(std::move(file), shape, false), bytes_(bytes), tables_(tables), grains_(grains), below_(below) {}
    Result<void> load() { return load_l1(); }
    std::string_view driver() const override { return "vmdk"; }
    Result<ImageInfo> info() override {
        ImageInfo out;
        out.cluster_size = block_;
        return out;
    }

protected:
    u64 do_size() const override { return bytes_; }
    u64 below_size() const override { return below_ ? below_->size() : 0; }
    Result<void> read_below(u64 at, Bytes to) override {
        if (below_) return below_->read(at, to);
        std::memset(to.data(), 0, to.size());
        return {};
    }
    Result<u64> table_of(u64 l1_index) override {
        if (l1_index >= shape_.l1_entries) return fail(EIO, "grain beyond the directory");
        const u64 raw = l1_get(l1_index);
        if (raw == 0) return u64(0);
        if ((raw & 0xffffffff00000000) != 0x1000000000000000) return fail(EIO, "space-efficient VMDK: bad directory entry");
        const u64 at = tables_ + (raw & 0xffffffff) * shape_.l2_bytes();
        if (!in_range(at, shape_.l2_bytes(), file_->size())) return fail(EIO, "grain table lies outside the file");
        return at;
    }
    Result<Place> lookup(u64 index) override {
        const u64 raw = EMU_TRY(entry(index));
        switch (raw >> 60) {
        case 0: return raw == 0 ? Result<Place>(Place{}) : fail(EIO, "space-efficient VMDK: bad table entry");
        case 1:   // given back
        case 2: return Place{Place::Kind::zero, 0};
        case 3: {
            const u64 grain = ((raw & 0x0fff000000000000) >> 48) | ((raw & 0x0000ffffffffffff) << 12);
            const auto at = checked_mul(grain, block_);
            if (!at || *at > u64(INT64_MAX) - grains_ - block_) return fail(EIO, "space-efficient VMDK: grain outside the file");
            return Place{Place::Kind::data, grains_ + *at};
        }
        default: return fail(EIO, "space-efficient VMDK: bad table entry");
        }
    }

private:
    u64 bytes_, tables_, grains_;
    Below* below_;
};

Result<NodePtr> open_hosted(NodePtr file, bool writable, Below* below) {
    const SparseHeader h = EMU_TRY(read_sparse_header(*file));
    Layout layout;
    layout.shape = {.block_bytes = h.grain * sector, .l1_at = h.directory_at * sector, .l1_entries = h.directory_entries(),
                    .l2_entries = h.table_entries, .width = 4, .order = Endian::little, .scale = sector, .table_alignment = sector};
    if (h.directory_at > (u64(1) << 50)) return fail(EINVAL, "VMDK grain directory lies outside the file");
    layout.bytes = h.capacity * sector;
    layout.compressed = h.flags & SparseHeader::f_compressed;
    layout.zero_grains = h.flags & SparseHeader::f_zero_grains;
    std::array<u8, SparseHeader::bytes> first;
    EMU_CHECK(file->read(0, first));
    const bool at_end = le64(first, 56) == SparseHeader::at_end;
    if (at_end && h.directory_at < 2) return fail(EINVAL, "VMDK grain directory lies outside the file");
    if (at_end && layout.compressed && h.table_entries * 4 >= sector) layout.stream = h;
    layout.writable = !at_end || layout.stream;
    if (h.flags & SparseHeader::f_redundant && h.redundant_at && h.redundant_at < (u64(1) << 50)) layout.redundant_at = h.redundant_at * sector;
    auto node = std::make_shared<SparseExtent>(std::move(file), layout, writable, below);
    EMU_CHECK(node->load());
    return NodePtr(std::move(node));
}

/// ESX "vmfsSparse": 4096 entries to a table, no redundant copy.
Result<NodePtr> open_cowd(NodePtr file, Below* below) {
    std::array<u8, 512> raw;
    if (file->size() < raw.size()) return fail(EINVAL, "file too short for a COWD header");
    EMU_CHECK(file->read(0, raw));
    const ByteView h{ConstBytes(raw)};
    const u64 capacity = h.u32_at(12), grain = h.u32_at(16), entries = h.u32_at(24);
    if (h.u32_at(4) != 1) return fail(ENOTSUP, fmt::format("COWD version {} is not supported", h.u32_at(4)));
    if (!is_power_of_two(grain) || grain * sector > max_grain) return fail(EINVAL, "Invalid granularity of a COWD extent");
    Layout layout;
    layout.shape = {.block_bytes = grain * sector, .l1_at = u64(h.u32_at(20)) * sector, .l1_entries = entries, .l2_entries = 4096,
                    .width = 4, .order = Endian::little, .scale = sector, .table_alignment = sector};
    if (entries * 4096 * grain < capacity) return fail(EINVAL, "COWD extent with too few grain tables");
    layout.bytes = capacity * sector;
    layout.writable = false;
    auto node = std::make_shared<SparseExtent>(std::move(file), layout, false, below);
    EMU_CHECK(node->load());
    return NodePtr(std::move(node));
}

Result<NodePtr> open_se(NodePtr file, Below* below) {
    std::array<u8, 512> raw;
    if (file->size() < raw.size()) return fail(EINVAL, "file too short for a space-efficient VMDK header");
    EMU_CHECK(file->read(0, raw));
    const ByteView h{ConstBytes(raw)};
    if (h.u64_at(8) != version_se) return fail(ENOTSUP, "unsupported version of a space-efficient VMDK");
    // capacity, grain, table size, flags, 4 reserved, then pairs of offset and size: volatile header, journal header, journal,
    // directory, tables, free bitmap, back map, grains.
    const u64 capacity = h.u64_at(16), grain = h.u64_at(24), table = h.u64_at(32);
    const u64 directory = h.u64_at(128), tables = h.u64_at(144), grains = h.u64_at(192);
    if (!is_power_of_two(grain) || grain * sector > max_grain || !is_power_of_two(table) || table > 4096)
        return fail(EINVAL, "space-efficient VMDK with an impossible grain or table size");
    if (capacity > (u64(1) << 50) || directory > (u64(1) << 50) || tables > (u64(1) << 50) || grains > (u64(1) << 50))
        return fail(EINVAL, "space-efficient VMDK with impossible offsets");
    TwoLevelShape shape{.block_bytes = grain * sector, .l1_at = directory * sector, .l2_entries = table * sector / 8};
    const u64 covered = grain * shape.l2_entries;
    shape.l1_entries = (capacity + covered - 1) / covered;
    auto node = std::make_shared<SeSparseExtent>(std::move(file), shape, capacity * sector, tables * sector, grains * sector, below);
    EMU_CHECK(node->load());
    return NodePtr(std::move(node));
}

} // namespace

bool is_sparse_extent(ConstBytes head) {
    if (head.size() < 8) return false;
    return le32(head) == magic_hosted || le32(head) == magic_cowd || le64(head) == magic_se;
}

Result<NodePtr> open_sparse_extent(NodePtr file, bool writable, Below* below) {
    std::array<u8, 8> head = {};
    if (file->size() < head.size()) return fail(EINVAL, "file too short for a VMDK extent");
    EMU_CHECK(file->read(0, head));
    if (le32(head) == magic_hosted) return open_hosted(std::move(file), writable, below);
    if (le32(head) == magic_cowd) return open_cowd(std::move(file), below);
    if (le64(head) == magic_se) return open_se(std::move(file), below);
    return fail(EINVAL, "not a VMDK sparse extent");
}

} // namespace emu::block::vmdk
