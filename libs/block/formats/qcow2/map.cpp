// SPDX-License-Identifier: MIT
// From guest offsets to host clusters, through L1 and L2 tables; and back into them.
#include "block/formats/qcow2/image.h"
#include "common/bits.h"
#include "common/bytes.h"
#include "common/text.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::block::qcow2 {
namespace {

constexpr u64 l1_sector = 64;

/// How many subclusters from `first` on have the same two bits as that one, at most `limit`.
unsigned same_subclusters(u64 bitmap, unsigned first, unsigned limit) {
    auto state = [&](unsigned i) { return unsigned(bitmap >> i & 1) | unsigned(bitmap >> (32 + i) & 1) << 1; };
    unsigned count = 1;
    while (count < limit && state(first + count) == state(first)) count++;
    return count;
}

} // namespace

u64 Image::compressed_offset(u64 descriptor) const { return descriptor & ones(62 - (h_.cluster_bits - 8)); }

u64 Image::compressed_length(u64 descriptor) const {
    const unsigned shift = 62 - (h_.cluster_bits - 8);
    const u64 sectors = (descriptor >> shift & ones(h_.cluster_bits - 8)) + 1;
    return sectors * 512 - (compressed_offset(descriptor) & 511);
}

/// The piece of the L2 table for `at`: null where the L1 entry is empty. `load` false: null and `*missing` where it is not cached.
Result<TableCache::Piece*> Image::l2_piece(u64 at, bool load) {
    const u64 index = l1_index(at);
    const u64 table = index < l1_.size() ? l1_[index] & offset_mask : 0;
    if (!table) return nullptr;
    if (table & (cluster() - 1)) return corrupt(fmt::format("L2 table offset {:#x} unaligned (L1 index: {})", table, hex(index)));
    const u64 inside = l2_index(at) * h_.l2_entry_size();
    const u64 offset = table + inside / l2_.piece_size() * l2_.piece_size();
    if (!load) return l2_.find(offset);
    if (!l2_.find(offset)) EMU_CHECK(file_->event("l2_load"));
    return l2_.get(offset);
}

L2Entry Image::entry_in(const TableCache::Piece& piece, u64 at) const {
    const u64 size = h_.l2_entry_size(), inside = l2_index(at) * size % l2_.piece_size();
    L2Entry out{be64(piece.bytes, inside), 0};
    if (size == 16) out.bitmap = be64(piece.bytes, inside + 8);
    return out;
}

void Image::put_entry(TableCache::Piece& piece, u64 at, L2Entry entry) {
    const u64 size = h_.l2_entry_size(), inside = l2_index(at) * size % l2_.piece_size();
    put_be64(piece.bytes, inside, entry.descriptor);
    if (size == 16) put_be64(piece.bytes, inside + 8, entry.bitmap);
    l2_.mark(piece);
}

Result<Run> Image::classify(L2Entry entry, u64 at, u64 length) const {
    const u64 inside = at & (cluster() - 1), rest = std::min(length, cluster() - inside);
    if (entry.descriptor & flag_compressed)
        return Run{.state = State::compressed, .length = rest, .host = entry.descriptor};
    const u64 host = entry.descriptor & offset_mask;
    if (host & (cluster() - 1)) return fail(EIO, fmt::format("Cluster allocation offset {:#x} unaligned (guest offset: {:#x})", host, at));
    const bool exists = host || (h_.has_data_file() && entry.descriptor & flag_copied);
    if (!h_.extended_l2()) {
        if (h_.version >= 3 && entry.descriptor & flag_zero) return Run{State::zero, rest, host, exists};
        if (!exists) return Run{State::unallocated, rest, 0, false};
        return Run{State::data, rest, host + inside, true};
    }
    const unsigned first = unsigned(inside / subcluster());
    const unsigned last = unsigned((inside + rest - 1) / subcluster());
    const unsigned same = same_subclusters(entry.bitmap, first, last - first + 1);
    const u64 run = std::min(rest, (first + same) * subcluster() - inside);
    const bool allocated = entry.bitmap >> first & 1, zero = entry.bitmap >> (32 + first) & 1;
    if ((allocated && zero) || (allocated && !exists))
        return fail(EIO, fmt::format("Invalid cluster entry found  (guest offset: {:#x}, bitmap {:#x})", at, entry.bitmap));
    if (allocated) return Run{State::data, run, host + inside, true};
    return Run{zero ? State::zero : State::unallocated, run, host, exists};
}

/// The run at `at`; nothing if it needs a table that is not cached (and `load` is false).
Result<std::optional<Run>> Image::run_at(u64 at, u64 length, bool load) {
    const u64 index = l1_index(at);
    if (index >= l1_.size() || !(l1_[index] & offset_mask)) {
        u64 end = index + 1;
        const u64 per_l1 = u64(1) << (h_.cluster_bits + l2_bits_);
        while (end * per_l1 < at + length && (end >= l1_.size() || !(l1_[end] & offset_mask))) end++;
        return std::optional<Run>(Run{.state = State::unallocated, .length = std::min(length, end * per_l1 - at)});
    }
    TableCache::Piece* piece = EMU_TRY(l2_piece(at, load));
    if (!piece) return std::optional<Run>();
    auto first = classify(entry_in(*piece, at), at, length);
    if (!first) return corrupt(first.error().text);
    Run run = *first;
    if (run.state == State::compressed) return std::optional<Run>(run);
    const u64 per_piece = l2_.piece_size() / h_.l2_entry_size() << h_.cluster_bits;
    const u64 end = std::min(at + length, align_down(at, per_piece) + per_piece);
    while (at + run.length < end && !((at + run.length) & (subcluster() - 1))) {
        const u64 next_at = at + run.length;
        auto next = classify(entry_in(*piece, next_at), next_at, end - next_at);
        if (!next) break; // reported when somebody gets there
        if (next->state != run.state || next->reserved != run.reserved) break;
        if (run.state == State::data && next->host != run.host + run.length) break;
        run.length += next->length;
    }
    return std::optional<Run>(run);
}

Result<Run> Image::lookup(u64 at, u64 length) {
    {
        std::shared_lock lock(meta_);
        if (auto run = EMU_TRY(run_at(at, length, false))) return *run;
    }
    std::unique_lock lock(meta_);
    return *EMU_TRY(run_at(at, length, true));
}

Result<TableCache::Piece*> Image::writable_l2(u64 at) {
    const u64 index = l1_index(at);
    if (index >= l1_.size()) return fail(EIO, "a write behind the L1 table");
    const u64 old = l1_[index];
    if (!(old & flag_copied) || !(old & offset_mask)) {
        EMU_CHECK(file_->event("l2_alloc_write"));
        const u64 table = EMU_TRY(counts_.allocate(1));
        EMU_CHECK(check_overlap(table, cluster()));
        for (u64 part = 0; part < cluster(); part += l2_.piece_size()) {
            std::vector<u8> before;
            if (old & offset_mask) {
                EMU_CHECK(file_->event("l2_alloc_cow_read"));
                before = EMU_TRY(l2_.get((old & offset_mask) + part))->bytes;
            }
            TableCache::Piece* fresh = EMU_TRY(l2_.fresh(table + part));
            if (before.empty()) continue;
            fresh->bytes = before;
            // Shared until now, so nothing in it is ours alone, whatever a damaged table says.
            for (u64 at_entry = 0; at_entry < before.size(); at_entry += h_.l2_entry_size()) fresh->bytes[at_entry] &= 0x7f;
        }
        l1_[index] = table | flag_copied;
        l1_dirty_[index / l1_sector] = any_l1_dirty_ = true;
        if (metadata_noted_) metadata_.insert(table >> h_.cluster_bits);
        if (old & offset_mask) free_later(old & offset_mask, cluster());
    }
    return l2_piece(at, true);
}

void Image::free_entry(L2Entry entry) {
    if (data_file_) return; // clusters there have no counts
    if (entry.descriptor & flag_compressed) return free_later(compressed_offset(entry.descriptor), compressed_length(entry.descriptor));
    if (entry.descriptor & offset_mask) free_later(entry.descriptor & offset_mask, cluster());
}

Result<Extent> Image::do_extent(u64 at, u64 length) {
    std::shared_lock io(io_);
    const Run run = EMU_TRY(lookup(at, length));
    Extent out{.length = run.length};
    switch (run.state) {
    case State::unallocated: {
        const u64 below = backing() ? backing()->size() : 0;
        if (at >= below) out.zero = true;
        else out.length = std::min(out.length, below - at);
        break;
    }
    case State::zero:
        out.zero = out.allocated = true;
        break;
    case State::compressed: out.data = out.allocated = out.compressed = true; break;
    case State::data:
        out.data = out.allocated = true;
        if (h_.crypt == CryptMethod::none) {
            out.offset = run.host;
            out.file = data_file_ ? data_file_.get() : file_.get();
        }
        break;
    }
    return out;
}

} // namespace emu::block::qcow2
