// SPDX-License-Identifier: MIT
// Parallels expandable images: header, table of 32-bit numbers, clusters.
//
//   0 magic (16)  16 version (2)  20 heads  24 cylinders  28 sectors of a cluster  32 table entries  36 sectors of the disk
//   44 in use  48 first data sector  52 flags  56 sector of the format extension
//
// With the magic "WithouFreSpacExt" table entries count clusters, with "WithoutFreeSpace" sectors and the disk's size is 32 bits.
// 0 is a free entry. A format extension holds dirty bitmaps; they are listed, and dropped when the image is written to.
//
// Write ordering: the "in use" mark is flushed before the first change; data, flush, table, flush; close clears the mark.
// A crash leaves the mark (check clears it) and clusters behind the last one that the table names.
#include "block/formats/mapped/mapped.h"
#include "block/formats/mapped/tables.h"
#include "block/start.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <unordered_map>

namespace emu::block {
namespace {

constexpr std::string_view magic_sectors = "WithoutFreeSpace", magic_clusters = "WithouFreSpacExt";
constexpr u64 header_bytes = 64, sector = 512, default_cluster = u64(1) << 20;
constexpr u32 in_use_open = 0x746f6e59, in_use_closed = 0x312e3276;
constexpr u32 max_cluster_sectors = 1u << 20, heads = 16, track = 32;
constexpr u64 extension_magic = 0xab234cef23dcea87, bitmap_feature = 0x20385fae252cb34a;
constexpr usize in_use_at = 44, data_at = 48;
constexpr u64 max_entries = u64(1) << 28; ///< a table of 1 GiB, 256 TiB of disk at the usual cluster size

struct Header {
    bool in_clusters = false;
    u32 cluster_sectors = 0, entries = 0, in_use = 0;
    u64 sectors = 0, data = 0, extension = 0; ///< data, extension in bytes; data 0: behind the table
    u64 cluster() const { return u64(cluster_sectors) * sector; }
    u64 first_data() const { return data ? data : align_up(header_bytes + u64(entries) * 4, sector); }
};

Result<Header> parse(Node& file) {
    std::array<u8, header_bytes> bytes;
    EMU_CHECK(read_start(file, bytes));
    const ByteView h{ConstBytes(bytes)};
    if (!h.starts_with(magic_sectors) && !h.starts_with(magic_clusters)) return fail(EINVAL, "Image not in Parallels format");
    if (file.size() < header_bytes) return fail(EINVAL, "file too short for a Parallels header");
    if (h.u32_at(16) != 2) return fail(ENOTSUP, fmt::format("Parallels version {} is not supported", h.u32_at(16)));
    Header out;
    out.in_clusters = h.starts_with(magic_clusters);
    out.cluster_sectors = h.u32_at(28);
    out.entries = h.u32_at(32);
    out.sectors = out.in_clusters ? h.u64_at(36) : h.u32_at(36);
    out.in_use = h.u32_at(in_use_at);
    out.data = u64(h.u32_at(data_at)) * sector;
    if (out.cluster_sectors == 0 || out.cluster_sectors > max_cluster_sectors)
        return fail(EFBIG, fmt::format("Invalid image: a cluster of {} sectors", out.cluster_sectors));
    if (out.entries > max_entries) return fail(EFBIG, "Catalog too large");
    if (out.sectors > u64(INT64_MAX) / sector || (out.sectors + out.cluster_sectors - 1) / out.cluster_sectors > out.entries)
        return fail(EINVAL, fmt::format("Parallels disk of {} sectors does not fit its {} table entries", out.sectors, out.entries));
    if (out.data && out.data < header_bytes + u64(out.entries) * 4) out.data = 0; // some writers left nonsense there
    const auto extension = checked_mul(h.u64_at(56), sector);
    if (!extension) return fail(EINVAL, "Parallels format extension lies outside the file");
    out.extension = *extension;
    return out;
}

class ParallelsNode final : public MappedNode {
public:
    ParallelsNode(NodePtr file, const Header& header, bool writable)
        : MappedNode(std::move(file), header.cluster(), writable), h_(header), table_(header_bytes, Endian::little) {}

    Result<void> load() {
        EMU_CHECK(table_.load(*file_, u64(h_.entries) * 4));
        end_ = h_.first_data();
        const u64 blocks = used_entries();
        for (u64 i = 0; i < blocks; i++) {
            if (const auto at = offset_of(table_.get32(i)); at && *at) end_ = std::max(end_, *at + block_);
        }
        if (h_.extension) EMU_CHECK(load_extension());
        if (h_.extension && in_range(h_.extension, block_, file_->size())) end_ = std::max(end_, h_.extension + block_);
        return {};
    }

    std::string_view driver() const override { return "parallels"; }
    Limits limits() const override {
        Limits out = MappedNode::limits();
        if (!is_power_of_two(block_)) out.cluster_size = 0;
        return out;
    }
    Result<ImageInfo> info() override {
        ImageInfo out;
        out.dirty = h_.in_use == in_use_open;
        return out;
    }
    Result<std::vector<BitmapInfo>> bitmaps() override { return bitmaps_; }
    Result<CheckResult> check(CheckMode mode) override;

protected:
    u64 do_size() const override { return h_.sectors * sector; }

    Result<Place> lookup(u64 index) override {
        const u32 raw = table_.get32(index);
        if (raw == 0) return Place{};
        const u64 at = EMU_TRY(offset_of(raw));
        return Place{Place::Kind::data, at};
    }
    Result<Room> reserve(u64) override {
        const u64 unit = h_.in_clusters ? block_ : sector;
        // Clusters are counted from the start of the file; without a power of two the base cannot align, so it is done here.
        const u64 start = (end_ + unit - 1) / unit * unit;
        if (start / unit > 0xffffffffu) return fail(EFBIG, "Parallels image is full");
        end_ = start;
        return reserve_at_end(block_, 1);
    }
    Result<void> link(u64 index, u64 offset) override {
        table_.put32(index, u32(offset / (h_.in_clusters ? block_ : sector)));
        return {};
    }
    Result<void> unlink(u64 index) override {
        table_.put32(index, 0);
        return {};
    }
    Result<void> commit_map() override { return table_.write_dirty(*file_); }
    Result<void> begin_changes() override {
        EMU_CHECK(mark(in_use_open));
        if (!h_.extension) return {};
        // The bitmaps will not be true any more.
        h_.extension = 0;
        bitmaps_.clear();
        std::array<u8, 8> none = {};
        EMU_CHECK(file_->write(56, none));
        return file_->flush();
    }
    Result<void> do_close() override {
        EMU_CHECK(MappedNode::do_close());
        if (read_only_ || !changing_) return {};
        changing_ = false;
        return mark(in_use_closed);
    }
    Result<void> do_truncate(u64 size, Preallocation preallocation) override;

private:
    u64 used_entries() const { return (h_.sectors + h_.cluster_sectors - 1) / h_.cluster_sectors; }
    /// File offset of an entry; an error where no cluster can be.
    Result<u64> offset_of(u32 raw) const {
        if (raw == 0) return u64(0);
        const u64 at = u64(raw) * (h_.in_clusters ? block_ : sector);
        if (at < h_.first_data() || at > u64(INT64_MAX) - block_) return fail(EIO, fmt::format("Parallels cluster at the impossible offset {:#x}", at));
        return at;
    }
    Result<void> mark(u32 state) {
        h_.in_use = state;
        std::array<u8, 4> bytes;
        put_le32(bytes, 0, state);
        EMU_CHECK(file_->write(in_use_at, bytes));
        return file_->flush();
    }
    Result<void> load_extension();

    Header h_;
    FlatTable table_;
    std::vector<BitmapInfo> bitmaps_;
};

/// Feature sections: magic, flags, size, padding, data. Only the names and shapes of dirty bitmaps are of interest.
Result<void> ParallelsNode::load_extension() {
    const u64 bytes = std::min<u64>(block_, u64(16) << 20);
    if (!in_range(h_.extension, bytes, file_->size())) return {}; // an old image that was written to since
    std::vector<u8> raw(bytes);
    EMU_CHECK(file_->read(h_.extension, raw));
    const ByteView x{ConstBytes(raw)};
    if (x.size() < 24 || x.u64_at(0) != extension_magic) return {};
    for (u64 at = 24; at + 24 <= x.size();) {
        const u64 feature = x.u64_at(usize(at)), length = x.u32_at(usize(at + 16));
        if (feature == 0) break;
        const auto data = x.sub(at + 24, length);
        if (!data) return fail(EINVAL, "a section of the Parallels format extension is longer than the extension");
        if (feature == bitmap_feature && data->size() >= 32) {
            // disk size (8), identifier (16), granularity in sectors (4), first-level entries (4)
            std::string id;
            for (usize i = 0; i < 16; i++) id += fmt::format("{:02x}{}", data->u8_at(8 + i), i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
            bitmaps_.push_back({.name = id, .granularity = u64(data->u32_at(24)) * sector, .enabled = false, .persistent = true});
        }
        at += 24 + align_up(length, u64(8));
        if (bitmaps_.size() > 1024) return fail(EINVAL, "Parallels image with too many bitmaps");
    }
    return {};
}

Result<CheckResult> ParallelsNode::check(CheckMode mode) {
    std::lock_guard lock(map_mutex_);
    if (read_only_) mode = {};
    CheckResult out;
    const auto report = [&](std::string text) {
        if (out.messages.size() < 1000) out.messages.push_back(std::move(text));
    };
    const u64 there = file_->size(), blocks = used_entries();
    if (h_.in_use == in_use_open && !changing_) {
        report(fmt::format("{} image was not closed correctly", mode.fix_errors ? "Repairing" : "ERROR"));
        out.corruptions++;
        if (mode.fix_errors) {
            EMU_CHECK(mark(in_use_closed));
            out.corruptions_fixed++;
        }
    }
    out.total_clusters = blocks;
    std::unordered_map<u64, u64> users; // offset -> block
    u64 allocated = 0, fragmented = 0, last = 0, end = h_.first_data();
    for (u64 i = 0; i < blocks; i++) {
        const u32 raw = table_.get32(i);
        if (raw == 0) {
            last = 0;
            continue;
        }
        const auto at = offset_of(raw);
        const bool outside = !at || *at + block_ > align_up(there, u64(sector));
        if (outside || !users.emplace(*at, i).second) {
            report(fmt::format("{} cluster {} is {}", mode.fix_errors ? "Repairing" : "ERROR", i,
                               outside ? "outside image" : "used twice"));
            out.corruptions++;
            if (!mode.fix_errors) continue;
            out.corruptions_fixed++;
            map_dirty_ = true;
            u32 fixed = 0;
            if (!outside) { // both keep the contents: the second gets a copy
                std::vector<u8> copy(block_);
                EMU_CHECK(file_->read(*at, copy));
                const Room room = EMU_TRY(reserve(i));
                EMU_CHECK(file_->write(room.offset, copy));
                EMU_CHECK(link(i, room.offset));
                end = std::max(end, room.offset + block_);
                continue;
            }
            table_.put32(i, fixed);
            continue;
        }
        allocated++;
        if (last && *at != last + block_) fragmented++;
        last = *at;
        end = std::max(end, *at + block_);
    }
    if (h_.extension && in_range(h_.extension, block_, there)) end = std::max(end, h_.extension + block_);
    out.allocated_clusters = allocated;
    out.fragmented_clusters = fragmented;
    out.compressed_clusters = 0;
    out.image_end_offset = end;
    if (map_dirty_) EMU_CHECK(flush_locked());
    const u64 now = file_->size();
    if (now > align_up(end, sector)) {
        const u64 clusters = (now - end + block_ - 1) / block_;
        report(fmt::format("{} space leaked at the end of the image {}", mode.fix_leaks ? "Repairing" : "ERROR", now - end));
        out.leaks = clusters;
        if (mode.fix_leaks) {
            EMU_CHECK(file_->truncate(end));
            end_ = end;
            out.leaks_fixed = clusters;
        }
    }
    return out;
}

Result<void> ParallelsNode::do_truncate(u64 size, Preallocation preallocation) {
    if (preallocation != Preallocation::off)
        return fail(ENOTSUP, fmt::format("Unsupported preallocation mode '{}'", preallocation_name(preallocation)));
    std::lock_guard lock(map_mutex_);
    size = align_up(size, sector);
    if (size < h_.sectors * sector) return fail(ENOTSUP, "Shrinking images is not supported by format 'parallels'");
    const u64 sectors = size / sector, entries = (sectors + h_.cluster_sectors - 1) / h_.cluster_sectors;
    // The table may grow up to the first cluster.
    if (header_bytes + entries * 4 > h_.first_data() || entries > 0xffffffffu || (!h_.in_clusters && sectors > 0xffffffffu))
        return fail(ENOTSUP, "the block table of this Parallels image cannot grow so far");
    EMU_CHECK(start_changes_locked());
    if (const u64 tail = h_.sectors % h_.cluster_sectors; tail) {
        const Place last = EMU_TRY(lookup(h_.sectors / h_.cluster_sectors));
        if (last.kind == Place::Kind::data) EMU_CHECK(file_->write_zeroes(last.offset + tail * sector, block_ - tail * sector));
    }
    if (entries > h_.entries) {
        if (!h_.data) return fail(ENOTSUP, "the block table of this Parallels image cannot grow");
        table_.resize(entries * 4, 0);
        map_dirty_ = true;
    }
    EMU_CHECK(flush_locked());
    h_.sectors = sectors;
    h_.entries = std::max<u32>(h_.entries, u32(entries));
    std::array<u8, 12> fields = {}; // entries, sectors: neighbours in one write
    put_le32(fields, 0, h_.entries);
    put_le64(fields, 4, h_.sectors);
    EMU_CHECK(file_->write(32, Bytes(fields).first(h_.in_clusters ? 12 : 8)));
    return file_->flush();
}

int probe(ConstBytes head, std::string_view) {
    const ByteView h(head);
    return (h.starts_with(magic_sectors) || h.starts_with(magic_clusters)) && head.size() >= 20 && h.u32_at(16) == 2 ? 100 : 0;
}

Result<NodePtr> open(NodePtr file, OpenArgs& args) {
    args.options.take("prealloc-size"); // accepted: space is taken cluster by cluster here
    args.options.take("prealloc-mode");
    const Header header = EMU_TRY(parse(*file));
    if (header.in_use == in_use_open && args.writable && !args.for_check)
        return fail(Error{EBUSY, "Parallels image was not closed correctly; cannot be opened read/write", "repair it with check -r all"});
    auto node = std::make_shared<ParallelsNode>(std::move(file), header, args.writable);
    EMU_CHECK(node->load());
    return NodePtr(std::move(node));
}

Result<void> create(NodePtr file, CreateArgs& args) {
    const u64 wanted = EMU_TRY(args.options.take_size("cluster_size")).value_or(default_cluster);
    const u64 cluster = align_up(std::clamp<u64>(wanted, sector, u64(max_cluster_sectors) * sector), sector);
    if (wanted == 0 || wanted > u64(max_cluster_sectors) * sector || !is_power_of_two(cluster)) return fail(EINVAL, "Cluster size is too large, or no power of two");
    const u64 sectors = (args.size + sector - 1) / sector, entries = (sectors * sector + cluster - 1) / cluster;
    if (args.size > u64(INT64_MAX) - cluster || entries > max_entries) return fail(EFBIG, "Image size is too large for this cluster size");
    const u64 data = align_up(header_bytes + entries * 4, cluster);
    std::vector<u8> bytes(usize(align_up(header_bytes + entries * 4, u64(4096))));
    const Bytes h(bytes);
    std::copy(magic_clusters.begin(), magic_clusters.end(), bytes.begin());
    put_le32(h, 16, 2);
    put_le32(h, 20, heads);
    put_le32(h, 24, u32(std::min<u64>((sectors + heads * track - 1) / (heads * track), 0xffffffff)));
    put_le32(h, 28, u32(cluster / sector));
    put_le32(h, 32, u32(entries));
    put_le64(h, 36, sectors);
    put_le32(h, data_at, u32(data / sector));
    EMU_CHECK(file->truncate(data));
    EMU_CHECK(file->write(0, Bytes(bytes).first(usize(std::min<u64>(bytes.size(), data)))));
    return file->flush();
}

constexpr CreateOption parallels_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
    {"cluster_size", CreateOption::Kind::size, "Parallels image cluster size", "1048576"},
};
constexpr CreateOption parallels_open_options[] = {
    {"prealloc-size", CreateOption::Kind::size, "Preallocation size on image expansion"},
    {"prealloc-mode", CreateOption::Kind::string, "Preallocation mode on image expansion (allowed values: falloc, truncate)"},
};

} // namespace

extern const Driver parallels_driver{.name = "parallels", .probe = probe, .open = open, .create = create,
                                     .create_options = parallels_options, .open_options = parallels_open_options,
                                     .summary = "Parallels expandable disk image"};

} // namespace emu::block
