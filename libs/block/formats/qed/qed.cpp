// SPDX-License-Identifier: MIT
// QED images ("QED Image File Format"): two levels of tables of 64-bit offsets, each table a few clusters.
//
//   0 magic  4 cluster size  8 clusters of a table  12 clusters of the header  16 features  24 compatible features
//   32 features cleared by writers that do not know them  40 first-level table  48 image size  56 backing name: offset, length
//
// A second-level entry of 1 is a cluster of zeroes. Features: 1 has a backing file, 2 needs a check, 4 the backing file is raw.
//
// Write ordering: data, flush, second level, flush, first level, flush; so an image is consistent at every moment but for leaked
// clusters, and the "needs check" mark is not set by us. If it is set when an image is opened for writing, it is checked, what
// is wrong is repaired, and the mark goes.
#include "block/formats/mapped/two_level.h"
#include "block/start.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {
namespace {

constexpr u32 magic = 0x00444551; // "QED\0"
constexpr u64 header_bytes = 64;
constexpr u64 f_backing = 1, f_need_check = 2, f_backing_raw = 4, known_features = 7;
constexpr u64 min_cluster = 4096, max_cluster = u64(64) << 20, max_table = 16, max_name = 1023;
constexpr u64 entry_zero = 1;

struct Header {
    u32 cluster = 65536, table = 4, header = 1;
    u64 features = 0, compat = 0, autoclear = 0, l1 = 0, size = 0;
    u32 name_at = 0, name_bytes = 0;

    u64 table_bytes() const { return u64(cluster) * table; }
    u64 entries() const { return table_bytes() / 8; }
    /// Saturates: 64 MiB clusters and 16-cluster tables describe more than 2^64 bytes.
    u64 capacity() const {
        const u128 all = u128(entries()) * entries() * cluster;
        return all > u128(INT64_MAX) ? u64(INT64_MAX) : u64(all);
    }
    std::array<u8, header_bytes> serialise() const {
        std::array<u8, header_bytes> bytes = {};
        const Bytes h(bytes);
        put_le32(h, 0, magic);
        put_le32(h, 4, cluster);
        put_le32(h, 8, table);
        put_le32(h, 12, header);
        put_le64(h, 16, features);
        put_le64(h, 24, compat);
        put_le64(h, 32, autoclear);
        put_le64(h, 40, l1);
        put_le64(h, 48, size);
        put_le32(h, 56, name_at);
        put_le32(h, 60, name_bytes);
        return bytes;
    }
};

Result<void> check_shape(u64 cluster, u64 table) {
    if (!is_power_of_two(cluster) || cluster < min_cluster || cluster > max_cluster)
        return fail(EINVAL, fmt::format("QED cluster size must be within range [{}, {}] and power of 2", min_cluster, max_cluster));
    if (!is_power_of_two(table) || table > max_table)
        return fail(EINVAL, fmt::format("QED table size must be within range [1, {}] and power of 2", max_table));
    return {};
}

Result<Header> parse(Node& file) {
    std::array<u8, header_bytes> bytes;
    EMU_CHECK(read_start(file, bytes));
    const ByteView h{ConstBytes(bytes)};
    if (h.u32_at(0) != magic) return fail(EINVAL, "Image not in QED format");
    if (file.size() < header_bytes) return fail(EINVAL, "file too short for a QED header");
    Header out{.cluster = h.u32_at(4), .table = h.u32_at(8), .header = h.u32_at(12), .features = h.u64_at(16),
               .compat = h.u64_at(24), .autoclear = h.u64_at(32), .l1 = h.u64_at(40), .size = h.u64_at(48),
               .name_at = h.u32_at(56), .name_bytes = h.u32_at(60)};
    if (out.features & ~known_features)
        return fail(ENOTSUP, fmt::format("Unsupported QED features: {:x}", out.features & ~known_features));
    EMU_CHECK(check_shape(out.cluster, out.table));
    if (out.header == 0 || u64(out.header) * out.cluster > (u64(1) << 40)) return fail(EINVAL, "QED header has an impossible size");
    if (out.l1 % out.cluster || out.l1 < u64(out.header) * out.cluster || !in_range(out.l1, out.table_bytes(), file.size()))
        return fail(EINVAL, "QED first-level table is not where it may be");
    if (out.size > out.capacity() || out.size % 512) return fail(EINVAL, fmt::format("QED image size {} is impossible", out.size));
    if (out.features & f_backing) {
        if (out.name_bytes == 0 || out.name_bytes > max_name || !in_range(out.name_at, out.name_bytes, u64(out.header) * out.cluster) ||
            !in_range(out.name_at, out.name_bytes, file.size()))
            return fail(EINVAL, "QED backing file name lies outside the header");
    }
    return out;
}

TwoLevelShape shape_of(const Header& h) {
    TwoLevelShape s;
    s.block_bytes = h.cluster;
    s.l1_at = h.l1;
    // Only as much of the first level as the image's size uses; its tail stays as it is.
    const u64 blocks = (h.size + h.cluster - 1) / h.cluster;
    s.l1_entries = (blocks + h.entries() - 1) / h.entries();
    s.l2_entries = h.entries();
    s.table_alignment = h.cluster;
    return s;
}

class QedNode final : public TwoLevelNode {
public:
    QedNode(NodePtr file, const Header& header, bool writable) : TwoLevelNode(std::move(file), shape_of(header), writable), h_(header) {}

    Result<void> load(bool for_check) {
        EMU_CHECK(load_l1());
        end_ = align_up(file_->size(), u64(h_.cluster));
        if (h_.features & f_backing) {
            backing_file_.resize(h_.name_bytes);
            EMU_CHECK(file_->read(h_.name_at, Bytes(reinterpret_cast<u8*>(backing_file_.data()), backing_file_.size())));
            if (backing_file_.find('\0') != std::string::npos) return fail(EINVAL, "QED backing file name contains a NUL");
            if (h_.features & f_backing_raw) backing_format_ = "raw";
        }
        if (read_only_) return {};
        if (h_.autoclear) {
            h_.autoclear = 0;
            EMU_CHECK(write_header());
        }
        if (!(h_.features & f_need_check) || for_check) return {};
        const CheckResult result = EMU_TRY(check({.fix_leaks = true, .fix_errors = true}));
        if (result.check_errors || result.corruptions > result.corruptions_fixed) return fail(EIO, "QED image is damaged beyond repair");
        return {};
    }

    std::string_view driver() const override { return "qed"; }
    Result<ImageInfo> info() override {
        ImageInfo out;
        out.cluster_size = h_.cluster;
        out.dirty = (h_.features & f_need_check) != 0;
        return out;
    }
    Result<CheckResult> check(CheckMode mode) override;
    Result<void> change_backing(std::string_view file, std::string_view format) override;
    Result<void> make_empty() override;

protected:
    u64 do_size() const override { return h_.size; }
    Result<u64> table_of(u64 l1_index) override {
        const u64 at = EMU_TRY(TwoLevelNode::table_of(l1_index));
        if (at % h_.cluster || (at && at < u64(h_.header) * h_.cluster)) return fail(EIO, fmt::format("QED table {} is misplaced", l1_index));
        return at;
    }
    Result<Place> lookup(u64 index) override {
        const u64 raw = EMU_TRY(entry(index));
        if (raw == 0) return Place{};
        if (raw == entry_zero) return Place{Place::Kind::zero, 0};
        if (!good_cluster(raw)) return fail(EIO, fmt::format("QED cluster {} is at the impossible offset {:#x}", index, raw));
        return Place{Place::Kind::data, raw};
    }
    Result<Room> reserve(u64) override { return reserve_at_end(h_.cluster, h_.cluster); }
    Result<void> link(u64 index, u64 offset) override { return set_entry(index, offset); }
    Result<void> link_zero(u64 index) override { return set_entry(index, entry_zero); }
    Result<void> do_truncate(u64 size, Preallocation preallocation) override;
    Result<void> commit_map() override {
        EMU_CHECK(TwoLevelNode::commit_map());
        if (!header_dirty_) return {};
        header_dirty_ = false;
        EMU_CHECK(file_->flush());
        return write_header();
    }

private:
    bool good_cluster(u64 at) const {
        return at % h_.cluster == 0 && at >= u64(h_.header) * h_.cluster && in_range(at, h_.cluster, align_up(file_->size(), u64(h_.cluster)));
    }
    Result<void> write_header() { return file_->write(0, h_.serialise()); }
    Result<void> check_table(CheckResult& out, CheckMode mode, std::vector<bool>& used, u64 l1_index);
    /// Marks clusters as used; false if one is used already or does not exist.
    bool take(std::vector<bool>& used, u64 at, u64 clusters) const {
        for (u64 i = at / h_.cluster; i < at / h_.cluster + clusters; i++) {
            if (i >= used.size() || used[i]) return false;
            used[i] = true;
        }
        return true;
    }

    Header h_;
    bool header_dirty_ = false;
};

Result<void> QedNode::check_table(CheckResult& out, CheckMode mode, std::vector<bool>& used, u64 l1_index) {
    const auto bad = [&](const std::string& text) -> bool {
        if (out.messages.size() < 1000) out.messages.push_back("ERROR: " + text);
        out.corruptions++;
        if (mode.fix_errors) out.corruptions_fixed++;
        return mode.fix_errors;
    };
    const auto table = table_of(l1_index);
    if (!table || (*table && !take(used, *table, h_.table))) {
        if (bad(fmt::format("table {} is at the impossible offset {:#x}", l1_index, l1_get(l1_index)))) {
            l1_put(l1_index, 0);
            map_dirty_ = true;
        }
        return {};
    }
    if (*table == 0) return {};
    u64 last = 0;
    for (u64 i = 0; i < shape_.l2_entries; i++) {
        const u64 index = l1_index * shape_.l2_entries + i;
        const u64 raw = EMU_TRY(l2_.get64(*table, i));
        if (raw <= entry_zero) continue;
        if (!good_cluster(raw) || !take(used, raw, 1)) {
            if (bad(fmt::format("cluster {} is at the impossible or shared offset {:#x}", index, raw))) EMU_CHECK(set_entry(index, 0));
            continue;
        }
        out.allocated_clusters = *out.allocated_clusters + 1;
        if (last && raw != last + h_.cluster) out.fragmented_clusters = *out.fragmented_clusters + 1;
        last = raw;
    }
    return {};
}

Result<CheckResult> QedNode::check(CheckMode mode) {
    std::lock_guard lock(map_mutex_);
    CheckResult out;
    if (read_only_) mode = {};
    out.total_clusters = (h_.size + h_.cluster - 1) / h_.cluster;
    out.allocated_clusters = out.fragmented_clusters = out.compressed_clusters = 0;
    const u64 clusters = (file_->size() + h_.cluster - 1) / h_.cluster;
    if (clusters > (u64(1) << 31)) return fail(EFBIG, "QED image has too many clusters to be checked");
    std::vector<bool> used(usize(clusters), false);
    take(used, 0, h_.header);
    take(used, h_.l1, h_.table);
    for (u64 i = 0; i < shape_.l1_entries; i++) EMU_CHECK(check_table(out, mode, used, i));
    u64 end = clusters;
    while (end && !used[end - 1]) end--;
    out.leaks = u64(std::count(used.begin(), used.end(), false));
    if (mode.fix_leaks && end < clusters) { // only what is at the end can be given back
        EMU_CHECK(flush_locked());
        EMU_CHECK(file_->truncate(end * h_.cluster));
        end_ = end * h_.cluster;
        out.leaks_fixed = clusters - end;
    }
    if ((mode.fix_errors || mode.fix_leaks) && h_.features & f_need_check && out.corruptions == out.corruptions_fixed) {
        EMU_CHECK(flush_locked());
        h_.features &= ~f_need_check;
        EMU_CHECK(write_header());
        EMU_CHECK(file_->flush());
    } else if (map_dirty_) {
        EMU_CHECK(flush_locked());
    }
    return out;
}

Result<void> QedNode::change_backing(std::string_view file, std::string_view format) {
    std::lock_guard lock(map_mutex_);
    if (file.size() > max_name || header_bytes + file.size() > u64(h_.header) * h_.cluster) return fail(EINVAL, "backing file name is too long");
    EMU_CHECK(flush_locked());
    h_.features &= ~(f_backing | f_backing_raw);
    h_.name_at = h_.name_bytes = 0;
    if (!file.empty()) {
        h_.features |= f_backing | (format == "raw" ? f_backing_raw : 0);
        h_.name_at = header_bytes;
        h_.name_bytes = u32(file.size());
    }
    // One write, so that name and header change together as far as storage can do that.
    std::vector<u8> bytes(header_bytes + file.size());
    const auto header = h_.serialise();
    std::copy(header.begin(), header.end(), bytes.begin());
    std::copy(file.begin(), file.end(), bytes.begin() + long(header_bytes));
    EMU_CHECK(file_->write(0, bytes));
    backing_file_ = file;
    backing_format_ = format == "raw" ? "raw" : "";
    return file_->flush();
}

Result<void> QedNode::make_empty() {
    std::lock_guard lock(map_mutex_);
    EMU_CHECK(flush_locked());
    EMU_CHECK(file_->write_zeroes(h_.l1, h_.table_bytes()));
    EMU_CHECK(file_->flush());
    l2_.drop_all();
    EMU_CHECK(load_l1());
    end_ = h_.l1 + h_.table_bytes();
    return file_->truncate(end_);
}

Result<void> QedNode::do_truncate(u64 size, Preallocation preallocation) {
    if (preallocation != Preallocation::off)
        return fail(ENOTSUP, fmt::format("Unsupported preallocation mode '{}'", preallocation_name(preallocation)));
    std::lock_guard lock(map_mutex_);
    if (size < h_.size) return fail(ENOTSUP, "Shrinking images is currently not supported");
    size = align_up(size, u64(512));
    if (size > h_.capacity()) return fail(EINVAL, "Invalid image size specified");
    Header grown = h_;
    grown.size = size;
    const u64 entries = shape_of(grown).l1_entries;
    if (entries > h_.entries()) return fail(EINVAL, "Invalid image size specified");
    EMU_CHECK(flush_locked());
    // Behind the old end of the image the last cluster may hold anything.
    if (h_.size % h_.cluster) {
        const Place last = EMU_TRY(lookup(h_.size / h_.cluster));
        const u64 within = h_.size % h_.cluster;
        if (last.kind == Place::Kind::data) EMU_CHECK(file_->write_zeroes(last.offset + within, h_.cluster - within));
    }
    h_ = grown;
    shape_.l1_entries = entries;
    EMU_CHECK(load_l1());
    EMU_CHECK(write_header());
    return file_->flush();
}

int probe(ConstBytes head, std::string_view) { return head.size() >= 4 && le32(head) == magic ? 100 : 0; }

Result<NodePtr> open(NodePtr file, OpenArgs& args) {
    const Header header = EMU_TRY(parse(*file));
    auto node = std::make_shared<QedNode>(std::move(file), header, args.writable);
    EMU_CHECK(node->load(args.for_check));
    return NodePtr(std::move(node));
}

Result<void> create(NodePtr file, CreateArgs& args) {
    Header h;
    h.cluster = u32(std::min<u64>(EMU_TRY(args.options.take_size("cluster_size")).value_or(65536), 0xffffffff));
    h.table = u32(std::min<u64>(EMU_TRY(args.options.take_size("table_size")).value_or(4), 0xffffffff));
    EMU_CHECK(check_shape(h.cluster, h.table));
    h.size = align_up(args.size, u64(512));
    h.l1 = h.cluster;
    if (args.size > h.capacity()) return fail(EINVAL, fmt::format("QED image size must be a non-zero multiple of cluster size and less than {} bytes", h.capacity()));
    const std::string backing = args.options.take("backing_file").value_or("");
    const std::string format = args.options.take("backing_fmt").value_or("");
    if (backing.size() > max_name) return fail(EINVAL, "backing file name is too long");
    if (!backing.empty()) {
        h.features = f_backing | (format == "raw" ? f_backing_raw : 0);
        h.name_at = header_bytes;
        h.name_bytes = u32(backing.size());
    }
    EMU_CHECK(file->truncate(h.l1 + h.table_bytes()));
    EMU_CHECK(file->write_zeroes(0, h.l1 + h.table_bytes()));
    EMU_CHECK(file->write(header_bytes, ConstBytes(reinterpret_cast<const u8*>(backing.data()), backing.size())));
    EMU_CHECK(file->write(0, h.serialise()));
    return file->flush();
}

constexpr CreateOption qed_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
    {"backing_file", CreateOption::Kind::string, "File name of a base image"},
    {"backing_fmt", CreateOption::Kind::string, "Image format of the base image"},
    {"cluster_size", CreateOption::Kind::size, "Cluster size (in bytes)", "65536"},
    {"table_size", CreateOption::Kind::size, "L1/L2 table size (in clusters)"},
};

} // namespace

extern const Driver qed_driver{.name = "qed", .probe = probe, .open = open, .create = create, .create_options = qed_options,
                               .has_backing = true, .summary = "QEMU enhanced disk"};

} // namespace emu::block
