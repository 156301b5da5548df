// SPDX-License-Identifier: MIT
// A qcow2 image in one pass: header, refcount table and blocks, L1 and L2 tables, and behind them the data in the order of the
// disk. All places are known before the first byte goes, from the ranges that will hold data.
#include "block/formats/qcow2/stream.h"

#include "block/formats/qcow2/image.h"
#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block::qcow2 {
namespace {

/// Neighbouring clusters of the disk that have data.
struct Run {
    u64 first = 0, count = 0;
};

struct Layout {
    Header h;
    std::vector<Run> runs;
    u64 data_clusters = 0, l2_tables = 0, blocks = 0;
    u64 l2_start = 0, data_start = 0, total = 0; ///< clusters
};

std::vector<Run> clusters_of(const std::vector<Range>& ranges, u32 bits) {
    std::vector<Run> out;
    for (const Range& r : ranges) {
        if (!r.length) continue;
        u64 first = r.at >> bits;
        const u64 end = ((r.at + r.length - 1) >> bits) + 1;
        if (!out.empty()) {
            Run& last = out.back();
            first = std::max(first, last.first + last.count); // ranges may share a cluster
            if (first >= end) continue;
            if (first == last.first + last.count) {
                last.count += end - first;
                continue;
            }
        }
        out.push_back({first, end - first});
    }
    return out;
}

u64 tables_of(const std::vector<Run>& runs, u64 per_table) {
    u64 count = 0, next = 0; // tables below `next` are counted
    for (const Run& run : runs) {
        const u64 first = std::max(run.first / per_table, next), last = (run.first + run.count - 1) / per_table;
        if (last + 1 <= first) continue;
        count += last + 1 - first;
        next = last + 1;
    }
    return count;
}

Result<Layout> plan(Header h, const std::vector<Range>& ranges) {
    Layout l;
    l.runs = clusters_of(ranges, h.cluster_bits);
    for (const Run& run : l.runs) l.data_clusters += run.count;
    l.l2_tables = tables_of(l.runs, h.l2_entries());
    const u64 cluster = h.cluster_size();
    h.l1_size = u32(h.l1_entries_for(h.size));
    const u64 l1_clusters = (u64(h.l1_size) * 8 + cluster - 1) / cluster, others = 1 + l1_clusters + l.l2_tables + l.data_clusters;
    u64 table = 1;
    for (u64 before = 0; before != others + table + l.blocks;) { // counts count themselves
        before = others + table + l.blocks;
        l.blocks = (before + h.refcount_block_entries() - 1) / h.refcount_block_entries();
        table = std::max<u64>(1, (l.blocks * 8 + cluster - 1) / cluster);
    }
    if (table * cluster > u64(8) << 20) return fail(EFBIG, "The image size is too large for file format 'qcow2' (try using a larger cluster size)");
    h.refcount_table_offset = cluster;
    h.refcount_table_clusters = u32(table);
    h.l1_offset = (1 + table + l.blocks) * cluster;
    l.l2_start = 1 + table + l.blocks + l1_clusters;
    l.data_start = l.l2_start + l.l2_tables;
    l.total = l.data_start + l.data_clusters;
    l.h = std::move(h);
    return l;
}

class Stream final : public StreamNode {
public:
    Stream(StreamArgs args, Layout layout) : StreamNode(std::move(args)), l_(std::move(layout)) {
        if (!l_.runs.empty()) next_ = l_.runs[0].first << l_.h.cluster_bits;
    }
    std::string_view driver() const override { return "qcow2"; }
    Result<void> start() {
        const std::vector<u8> first = EMU_TRY(encode_header(l_.h));
        EMU_CHECK(put(first));
        EMU_CHECK(put_counts());
        EMU_CHECK(put_l1());
        return put_l2();
    }

protected:
    Result<void> take(u64 at, ConstBytes from) override;
    Result<void> finish() override { return pad_to(~u64(0)); }

private:
    Result<void> put_counts();
    Result<void> put_l1();
    Result<void> put_l2();
    Result<void> pad_to(u64 at);
    u64 run_end() const { return (l_.runs[run_].first + l_.runs[run_].count) << l_.h.cluster_bits; }
    void advance(u64 length);

    Layout l_;
    usize run_ = 0;
    u64 next_ = 0; ///< the place on the disk whose byte comes next
};

Result<void> Stream::put_counts() {
    const u64 cluster = l_.h.cluster_size(), per_block = l_.h.refcount_block_entries();
    std::vector<u8> table, block;
    table.resize(usize(l_.h.refcount_table_clusters * cluster));
    for (u64 b = 0; b < l_.blocks; b++) put_be64(table, usize(b * 8), (1 + l_.h.refcount_table_clusters + b) * cluster);
    EMU_CHECK(put(table));
    for (u64 b = 0; b < l_.blocks; b++) {
        block.assign(usize(cluster), 0);
        for (u64 i = 0; i < per_block && b * per_block + i < l_.total; i++) set_refcount_entry(block, i, l_.h.refcount_order, 1);
        EMU_CHECK(put(block));
    }
    return {};
}

Result<void> Stream::put_l1() {
    const u64 cluster = l_.h.cluster_size(), per_table = l_.h.l2_entries();
    std::vector<u8> l1;
    l1.resize(usize(align_up(u64(l_.h.l1_size) * 8, cluster)));
    u64 place = l_.l2_start, next = 0;
    for (const Run& run : l_.runs)
        for (u64 t = std::max(run.first / per_table, next); t <= (run.first + run.count - 1) / per_table; next = ++t)
            put_be64(l1, usize(t * 8), place++ * cluster | flag_copied);
    return put(l1);
}

Result<void> Stream::put_l2() {
    const u64 cluster = l_.h.cluster_size(), per_table = l_.h.l2_entries(), step = l_.h.l2_entry_size();
    std::vector<u8> table;
    table.resize(usize(cluster));
    std::optional<u64> current;
    u64 place = l_.data_start;
    for (const Run& run : l_.runs) {
        for (u64 c = run.first; c < run.first + run.count; c++) {
            if (current && *current != c / per_table) {
                EMU_CHECK(put(table));
                std::fill(table.begin(), table.end(), u8(0));
            }
            current = c / per_table;
            put_be64(table, usize(c % per_table * step), place++ * cluster | flag_copied);
            if (step == 16) put_be64(table, usize(c % per_table * step + 8), 0xffffffff); // all subclusters are data
        }
    }
    return current ? put(table) : Result<void>();
}

void Stream::advance(u64 length) {
    next_ += length;
    if (next_ < run_end()) return;
    if (++run_ < l_.runs.size()) next_ = l_.runs[run_].first << l_.h.cluster_bits;
}

/// Zeroes up to this place of the disk, where clusters were planned.
Result<void> Stream::pad_to(u64 at) {
    while (run_ < l_.runs.size() && next_ < at) {
        const u64 length = std::min(at, run_end()) - next_;
        EMU_CHECK(put_zeroes(length));
        advance(length);
    }
    return {};
}

Result<void> Stream::take(u64 at, ConstBytes from) {
    while (!from.empty()) {
        EMU_CHECK(pad_to(at));
        const bool planned = run_ < l_.runs.size() && next_ == at;
        const u64 length = planned ? std::min<u64>(from.size(), run_end() - at)
                                   : std::min<u64>(from.size(), run_ < l_.runs.size() ? next_ - at : ~u64(0));
        const ConstBytes part = from.first(usize(length));
        if (planned) {
            EMU_CHECK(put(part));
            advance(length);
        } else if (!is_zero(part)) {
            return fail(EIO, fmt::format("the source has changed at {} while it was read", at));
        }
        at += length;
        from = from.subspan(usize(length));
    }
    return {};
}

} // namespace

Result<NodePtr> stream(StreamArgs& args) {
    KeyValues& o = args.options;
    if (o.take("preallocation").value_or("off") != "off") return fail(ENOTSUP, "preallocation in one pass");
    Header h = EMU_TRY(plan_header(args.size, o));
    if (h.crypt != CryptMethod::none || h.has_data_file() || !h.backing_file.empty()) return fail(ENOTSUP, "encryption, data files and backing files in one pass");
    o.take("size");
    EMU_CHECK(o.finish("the creation options of qcow2"));
    Layout layout = EMU_TRY(plan(std::move(h), args.data));
    auto node = std::make_shared<Stream>(std::move(args), std::move(layout));
    EMU_CHECK(node->start());
    return NodePtr(node);
}

} // namespace emu::block::qcow2
