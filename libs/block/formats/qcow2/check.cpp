// SPDX-License-Identifier: MIT
#include "block/formats/qcow2/check.h"

#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block::qcow2 {
namespace {

constexpr u64 max_clusters = u64(1) << 31;
constexpr usize max_messages = 100000;

} // namespace

void Checker::error(std::string text) {
    result_.corruptions++;
    if (result_.messages.size() < max_messages) result_.messages.push_back(std::move(text));
}

void Checker::refer(u64 offset, u64 length, u64 times) {
    if (!length) return;
    const u64 first = offset >> h_.cluster_bits, last = (offset + length - 1) >> h_.cluster_bits;
    if (last >= references_.size() || offset + length < offset) {
        error(fmt::format("ERROR: counting reference for region exceeding the end of the file by one cluster or more: offset {:#x} size {:#x}", offset, length));
        return;
    }
    for (u64 i = first; i <= last; i++) references_[i] = u16(std::min<u64>(0xffff, references_[i] + times));
}

void Checker::count_entry(u64 entry, u64 bitmap, u64 times, bool active) {
    const u64 cluster = h_.cluster_size();
    if (entry & flag_compressed) {
        if (entry & flag_copied) error(fmt::format("ERROR: coffset={:#x}: copied flag must never be set for compressed clusters", image_.compressed_offset(entry)));
        if (h_.has_data_file()) error(fmt::format("ERROR compressed cluster {:#x} with data file", entry));
        else refer(image_.compressed_offset(entry), image_.compressed_length(entry), times);
        if (active) {
            (*result_.allocated_clusters)++;
            (*result_.compressed_clusters)++;
            (*result_.fragmented_clusters)++; // compressed clusters are never where they would be read in one go
        }
        return;
    }
    const u64 offset = entry & offset_mask;
    if (h_.extended_l2() && (u32(bitmap) & u32(bitmap >> 32))) error(fmt::format("ERROR offset={:#x}: Allocated cluster has corrupted subcluster allocation bitmap: {:#x}", offset, bitmap));
    if (!offset && !(h_.has_data_file() && entry & flag_copied)) return;
    if (offset & (cluster - 1)) {
        error(fmt::format("ERROR offset={:x}: Cluster is not properly aligned; L2 entry corrupted.", offset));
        return;
    }
    if (active) {
        (*result_.allocated_clusters)++;
        if (next_contiguous_ && offset != next_contiguous_) (*result_.fragmented_clusters)++;
        next_contiguous_ = offset + cluster;
    }
    if (!h_.has_data_file()) refer(offset, cluster, times);
}

Result<void> Checker::count_l2(u64 offset, u64 times, bool active) {
    std::vector<u8> table(h_.cluster_size());
    if (auto got = read_padded(*image_.file_, offset, table); !got) {
        result_.check_errors++;
        result_.messages.push_back("ERROR: I/O error in check_refcounts_l2");
        return {};
    }
    const u64 step = h_.l2_entry_size();
    for (u64 at = 0; at < table.size(); at += step) {
        const u64 entry = be64(table, at), bitmap = step == 16 ? be64(table, at + 8) : 0;
        if (entry || bitmap) count_entry(entry, bitmap, times, active);
    }
    return {};
}

void Checker::count_l1_entry(u64 entry, u64 times, bool active) {
    const u64 offset = entry & offset_mask;
    if (!offset) return;
    const u64 before = result_.corruptions;
    refer(offset, h_.cluster_size(), times);
    if (offset & (h_.cluster_size() - 1)) return error(fmt::format("ERROR l2_offset={:x}: Table is not cluster aligned; L1 entry corrupted", offset));
    if (result_.corruptions != before) return;
    u64& known = l2_times_[offset];
    if (active && !known) active_l2_.push_back(offset);
    known += times;
}

std::vector<Checker::Range> Checker::snapshot_tables() {
    std::vector<Range> out;
    const u64 there = image_.file_->size();
    for (const Snapshot& s : image_.snapshots_) {
        const u64 length = std::max<u64>(8, u64(s.l1_size) * 8);
        if (s.l1_offset & (h_.cluster_size() - 1))
            error(fmt::format("ERROR snapshot {} ({}) l1_offset={:#x}: L1 table is not cluster aligned; snapshot table entry corrupted", s.info.id, s.info.name, s.l1_offset));
        else if (s.l1_size && (s.l1_offset >= there || length >= there - s.l1_offset + h_.cluster_size()))
            error(fmt::format("ERROR snapshot {} ({}): Could not read L1 table: it lies behind the end of the file", s.info.id, s.info.name));
        else out.push_back({s.l1_offset, length});
    }
    return out;
}

std::vector<Checker::Range> Checker::bitmap_tables() {
    std::vector<Range> out;
    if (!h_.bitmaps) return out;
    refer(h_.bitmaps->directory_offset, h_.bitmaps->directory_size);
    for (const Bitmap& b : image_.bitmaps_) {
        const u64 length = u64(b.table_size) * 8;
        if (length && in_range(b.table_offset, length, image_.file_->size())) out.push_back({b.table_offset, length});
        else refer(b.table_offset, length); // says what is wrong
    }
    return out;
}

namespace {

/// Each stretch of numbers that lies in the same ranges, with how many those are.
Result<void> sweep(const std::vector<std::pair<u64, u64>>& ranges, const std::function<Result<void>(u64 begin, u64 end, u64 times)>& each) {
    std::vector<std::pair<u64, s64>> marks;
    for (const auto& [begin, end] : ranges) {
        marks.emplace_back(begin, 1);
        marks.emplace_back(end, -1);
    }
    std::sort(marks.begin(), marks.end());
    u64 times = 0, from = 0;
    for (const auto& [at, step] : marks) {
        if (times && at > from) EMU_CHECK(each(from, at, times));
        from = at;
        times += u64(step);
    }
    return {};
}

} // namespace

Result<void> Checker::count_tables(const std::vector<Range>& tables, const std::function<void(u64 entry, u64 times)>& each) {
    std::vector<std::pair<u64, u64>> clusters, bytes;
    for (const Range& t : tables) {
        clusters.emplace_back(t.offset >> h_.cluster_bits, ((t.offset + t.length - 1) >> h_.cluster_bits) + 1);
        bytes.emplace_back(t.offset, t.offset + t.length);
    }
    EMU_CHECK(sweep(clusters, [&](u64 begin, u64 end, u64 times) {
        return refer(begin << h_.cluster_bits, (end - begin) << h_.cluster_bits, times), Result<void>();
    }));
    std::vector<u8> raw;
    return sweep(bytes, [&](u64 begin, u64 end, u64 times) -> Result<void> {
        for (u64 at = begin; at < end; at += raw.size()) {
            raw.resize(std::min<u64>(end - at, 65536));
            EMU_CHECK(read_padded(*image_.file_, at, raw));
            for (usize i = 0; i + 8 <= raw.size(); i += 8) each(be64(raw, i), times);
        }
        return {};
    });
}

Result<void> Checker::count_refcount_blocks() {
    const auto& table = image_.counts_.table();
    refer(image_.counts_.table_offset(), image_.counts_.table_bytes());
    for (u64 i = 0; i < table.size(); i++) {
        const u64 offset = table[i] & ~u64(511), index = offset >> h_.cluster_bits;
        if (!offset) continue;
        if (offset & (h_.cluster_size() - 1)) {
            error(fmt::format("ERROR refcount block {} is not cluster aligned; refcount table entry corrupted", i));
            rebuild_ = true;
            continue;
        }
        if (index >= references_.size()) {
            error(fmt::format("ERROR refcount block {} is outside image", i));
            rebuild_ = true;
            continue;
        }
        refer(offset, h_.cluster_size());
        if (references_[index] != 1) {
            error(fmt::format("ERROR refcount block {} refcount={}", i, references_[index]));
            rebuild_ = true;
        }
    }
    return {};
}

Result<void> Checker::count_references() {
    l2_times_.clear();
    active_l2_.clear();
    refer(0, h_.cluster_size());
    refer(h_.l1_offset, u64(image_.l1_.size()) * 8);
    for (u64 entry : image_.l1_) count_l1_entry(entry, 1, true);
    EMU_CHECK(count_tables(snapshot_tables(), [&](u64 entry, u64 times) { count_l1_entry(entry, times, false); }));
    refer(h_.snapshots_offset, image_.snapshots_bytes_);
    if (h_.crypto) refer(h_.crypto->offset, h_.crypto->length);
    EMU_CHECK(count_tables(bitmap_tables(), [&](u64 entry, u64 times) {
        if (const u64 offset = entry & offset_mask) refer(offset, h_.cluster_size(), times);
    }));
    std::unordered_map<u64, u64> left = l2_times_;
    for (u64 offset : active_l2_) {
        EMU_CHECK(count_l2(offset, left[offset], true));
        left.erase(offset);
    }
    for (const auto& [offset, times] : left) EMU_CHECK(count_l2(offset, times, false));
    return {};
}

/// What is wrong is said first, as without repairing; what was repaired follows.
Result<void> Checker::compare() {
    std::vector<std::string> repairs;
    for (u64 i = 0; i < references_.size(); i++) {
        auto count = image_.counts_.get(i);
        if (!count) {
            result_.check_errors++;
            rebuild_ = true;
            result_.messages.push_back(fmt::format("Can't get refcount for cluster {}: {}", i, count.error().text));
            if (result_.check_errors > 100) return {};
            continue;
        }
        const u64 wanted = references_[i];
        if (*count || wanted) highest_ = i + 1;
        if (*count == wanted || (wanted == 0xffff && *count > wanted)) continue;
        const bool low = *count < wanted;
        const bool fixing = low ? mode_.fix_errors : mode_.fix_leaks;
        const std::string text = fmt::format(" cluster {} refcount={} reference={}", i, *count, wanted);
        if (low) error("ERROR" + text);
        else {
            result_.leaks++;
            if (result_.messages.size() < max_messages) result_.messages.push_back("Leaked" + text);
        }
        if (!fixing || rebuild_) continue;
        if (auto fixed = image_.counts_.repair(i, wanted); !fixed) {
            result_.check_errors++;
            continue;
        }
        if (repairs.size() < max_messages) repairs.push_back("Repairing" + text);
        (low ? result_.corruptions_fixed : result_.leaks_fixed)++;
    }
    result_.messages.insert(result_.messages.end(), repairs.begin(), repairs.end());
    return {};
}

/// COPIED speaks of the recorded count, which a leak may have made higher than it should be: writes then copy, which does no harm.
Result<void> Checker::check_copied_l2(u64 offset) {
    std::vector<u8> table(h_.cluster_size());
    if (!read_padded(*image_.file_, offset, table)) return {};
    for (u64 at = 0; at < table.size() && !h_.has_data_file(); at += h_.l2_entry_size()) {
        const u64 entry = be64(table, at), host = entry & offset_mask;
        if (entry & flag_compressed || !host || host & (h_.cluster_size() - 1)) continue;
        const u64 index = host >> h_.cluster_bits;
        if (index >= references_.size()) continue;
        const auto count = image_.counts_.get(index);
        if (!count || (*count == 1) == ((entry & flag_copied) != 0)) continue;
        wrong_flags_ = true;
        error(fmt::format("{} OFLAG_COPIED data cluster: l2_entry={:x} refcount={}", mode_.fix_errors ? "Repairing" : "ERROR", entry, *count));
    }
    return {};
}

Result<void> Checker::check_copied() {
    const auto& l1 = image_.l1_;
    for (u64 i = 0; i < l1.size(); i++) {
        const u64 offset = l1[i] & offset_mask, index = offset >> h_.cluster_bits;
        if (!offset || offset & (h_.cluster_size() - 1) || index >= references_.size()) continue;
        const auto count = image_.counts_.get(index);
        if (count && (*count == 1) != ((l1[i] & flag_copied) != 0)) {
            wrong_flags_ = true;
            error(fmt::format("{} OFLAG_COPIED L2 cluster: l1_index={} l1_entry={:x} refcount={}", mode_.fix_errors ? "Repairing" : "ERROR", i, l1[i], *count));
        }
    }
    for (u64 offset : active_l2_) EMU_CHECK(check_copied_l2(offset));
    return {};
}

Result<void> Checker::fix() {
    if (rebuild_ && mode_.fix_errors) {
        result_.messages.push_back("Rebuilding refcount structure");
        // What the old structure took is free in the new one.
        std::fill(references_.begin(), references_.end(), u16(0));
        const CheckResult before = result_;
        EMU_CHECK(count_references());
        result_ = before;
        EMU_CHECK(image_.counts_.rebuild(references_));
        EMU_CHECK(image_.file_->flush());
        image_.h_.refcount_table_offset = image_.counts_.table_offset();
        image_.h_.refcount_table_clusters = u32(image_.counts_.table_bytes() >> h_.cluster_bits);
        EMU_CHECK(image_.write_header());
        EMU_CHECK(image_.file_->flush());
        result_.corruptions_fixed = result_.corruptions;
        result_.leaks_fixed = result_.leaks;
    }
    image_.metadata_noted_ = false;
    if (wrong_flags_ && mode_.fix_errors) {
        u64 flags = 0;
        for (const std::string& m : result_.messages) flags += m.find("OFLAG_COPIED") != std::string::npos;
        EMU_CHECK(image_.fix_copied_flags());
        if (!rebuild_) result_.corruptions_fixed += flags;
    }
    EMU_CHECK(image_.flush_all());
    EMU_CHECK(image_.flush_all());
    const bool clean = result_.corruptions == result_.corruptions_fixed && !result_.check_errors && mode_.fix_errors;
    if (clean) EMU_CHECK(image_.set_incompatible(incompat_dirty | incompat_corrupt, false));
    return {};
}

Result<CheckResult> Checker::run() {
    const u64 cluster = h_.cluster_size(), there = image_.file_->size();
    const u64 total = there / cluster + (there % cluster != 0);
    if (total > max_clusters) return fail(EFBIG, "the image file has too many clusters to check");
    references_.resize(total);
    result_.allocated_clusters = result_.compressed_clusters = result_.fragmented_clusters = 0;
    result_.total_clusters = (h_.size + cluster - 1) >> h_.cluster_bits;
    EMU_CHECK(count_references());
    EMU_CHECK(count_refcount_blocks());
    EMU_CHECK(compare());
    EMU_CHECK(check_copied());
    if (mode_.fix_errors || mode_.fix_leaks) EMU_CHECK(fix());
    result_.image_end_offset = highest_ << h_.cluster_bits;
    result_.corruptions -= result_.corruptions_fixed;
    result_.leaks -= result_.leaks_fixed;
    return std::move(result_);
}

Result<CheckResult> Image::check(CheckMode mode) {
    if ((mode.fix_errors || mode.fix_leaks) && read_only_) return fail(EPERM, "the image is read-only");
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    if (!read_only_) EMU_CHECK(flush_all());
    return Checker(*this, mode).run();
}

} // namespace emu::block::qcow2
