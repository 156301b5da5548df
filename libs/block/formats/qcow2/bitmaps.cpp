// SPDX-License-Identifier: MIT
// Persistent dirty bitmaps ("Bitmaps extension", "Bitmap directory"). Recording bitmaps are loaded and marked in use before
// the first write, and stored when the image is closed: after a crash they stay marked, and nobody trusts them.
#include "block/formats/qcow2/image.h"
#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block::qcow2 {
namespace {

constexpr usize fixed_size = 24;
constexpr u64 all_ones = 1;
constexpr u64 max_bits_bytes = u64(512) << 20;

u64 granules(u64 size, unsigned granularity_bits) { return (size + (u64(1) << granularity_bits) - 1) >> granularity_bits; }

Result<Bitmap> parse(ByteView v, u64& at) {
    const auto fixed = v.sub(at, fixed_size);
    if (!fixed) return fail(EINVAL, "Bitmap directory is too short");
    Bitmap b;
    b.table_offset = fixed->u64_at(0);
    b.table_size = fixed->u32_at(8);
    b.flags = fixed->u32_at(12);
    b.type = fixed->u8_at(16);
    b.granularity_bits = fixed->u8_at(17);
    const u16 name_size = fixed->u16_at(18);
    const u32 extra_size = fixed->u32_at(20);
    const auto extra = v.sub(at + fixed_size, extra_size);
    const auto name = v.sub(at + fixed_size + extra_size, name_size);
    if (!extra || !name) return fail(EINVAL, "Bitmap directory is too short");
    b.extra.assign(extra->bytes().begin(), extra->bytes().end());
    b.name.assign(reinterpret_cast<const char*>(name->bytes().data()), name_size);
    if (b.type != 1 || b.granularity_bits < 9 || b.granularity_bits > 31 || !name_size || name_size > 1023)
        return fail(EINVAL, "Bitmap directory contains an invalid entry");
    at = align_up<u64>(at + fixed_size + extra_size + name_size, 8);
    return b;
}

void encode(std::vector<u8>& out, const Bitmap& b) {
    const usize at = out.size();
    out.resize(align_up<usize>(at + fixed_size + b.extra.size() + b.name.size(), 8));
    const Bytes to = Bytes(out).subspan(at);
    put_be64(to, 0, b.table_offset);
    put_be32(to, 8, b.table_size);
    put_be32(to, 12, b.flags);
    to[16] = b.type;
    to[17] = b.granularity_bits;
    put_be16(to, 18, u16(b.name.size()));
    put_be32(to, 20, u32(b.extra.size()));
    auto next = std::copy(b.extra.begin(), b.extra.end(), to.begin() + fixed_size);
    std::copy(b.name.begin(), b.name.end(), next);
}

} // namespace

Result<void> Image::load_bitmaps() {
    bitmaps_.clear();
    if (!h_.bitmaps) return {};
    if (!in_range(h_.bitmaps->directory_offset, h_.bitmaps->directory_size, file_->size()))
        return fail(EINVAL, "Bitmap directory lies behind the end of the file");
    std::vector<u8> raw(h_.bitmaps->directory_size);
    EMU_CHECK(file_->read(h_.bitmaps->directory_offset, raw));
    u64 at = 0;
    for (u32 i = 0; i < h_.bitmaps->count; i++) bitmaps_.push_back(EMU_TRY(parse(ByteView(raw, Endian::big), at)));
    return {};
}

Result<void> Image::load_bits(Bitmap& b) {
    if (b.loaded) return {};
    const u64 bytes = (granules(virtual_size_, b.granularity_bits) + 7) / 8;
    if (bytes > max_bits_bytes) return fail(EFBIG, fmt::format("Bitmap '{}' is too large", b.name));
    if (b.flags & bitmap_in_use) return fail(EINVAL, fmt::format("Bitmap '{}' is inconsistent and cannot be used", b.name));
    const u64 wanted = (bytes + cluster() - 1) >> h_.cluster_bits;
    if (b.table_size < wanted) return fail(EINVAL, fmt::format("Bitmap '{}' has a table that is too short", b.name));
    std::vector<u8> table(wanted * 8);
    if (!in_range(b.table_offset, table.size(), file_->size())) return fail(EINVAL, fmt::format("Bitmap '{}' lies behind the end of the file", b.name));
    EMU_CHECK(file_->read(b.table_offset, table));
    b.bits = SparseBits(bytes);
    std::vector<u8> part;
    for (u64 i = 0; i < wanted; i++) {
        const u64 entry = be64(table, i * 8), offset = entry & offset_mask, at = i << h_.cluster_bits;
        const u64 length = std::min(cluster(), bytes - at);
        if (offset) {
            part.resize(length);
            EMU_CHECK(read_padded(*file_, offset, part));
            b.bits.put(at, part);
        } else if (entry & all_ones) {
            b.bits.fill(at, length, 0xff);
        }
    }
    b.bits.clear_from(granules(virtual_size_, b.granularity_bits));
    b.loaded = true;
    return {};
}

Result<void> Image::free_bits(Bitmap& b) {
    if (!b.table_size) return {};
    std::vector<u8> table(u64(b.table_size) * 8);
    if (!in_range(b.table_offset, table.size(), file_->size())) return fail(EINVAL, fmt::format("Bitmap '{}' lies behind the end of the file", b.name));
    EMU_CHECK(file_->read(b.table_offset, table));
    for (u64 i = 0; i < b.table_size; i++)
        if (const u64 offset = be64(table, i * 8) & offset_mask) free_later(offset, cluster());
    free_later(b.table_offset, table.size());
    b.table_size = 0;
    b.table_offset = 0;
    return {};
}

/// New clusters for the bits; the old ones are freed once the directory that names the new ones is written.
Result<void> Image::store_bits(Bitmap& b) {
    EMU_CHECK(free_bits(b));
    const u64 count = (b.bits.size() + cluster() - 1) >> h_.cluster_bits;
    std::vector<u8> table(cluster_up(std::max<u64>(count, 1) * 8));
    std::vector<u8> whole;
    for (u64 i = 0; i < count; i++) {
        const u64 at = i << h_.cluster_bits, length = std::min<u64>(cluster(), b.bits.size() - at);
        if (b.bits.uniform(at, length, 0)) continue;
        if (length == cluster() && b.bits.uniform(at, length, 0xff)) {
            put_be64(table, i * 8, all_ones);
            continue;
        }
        whole.assign(cluster(), 0);
        b.bits.copy(at, Bytes(whole).first(length));
        const u64 offset = EMU_TRY(counts_.allocate(1));
        EMU_CHECK(check_overlap(offset, cluster()));
        EMU_CHECK(file_->write(offset, whole));
        put_be64(table, i * 8, offset);
    }
    const u64 offset = EMU_TRY(counts_.allocate(table.size() >> h_.cluster_bits));
    EMU_CHECK(check_overlap(offset, table.size()));
    EMU_CHECK(file_->write(offset, table));
    b.table_offset = offset;
    b.table_size = u32(count);
    b.changed = false;
    return {};
}

Result<void> Image::write_bitmap_directory() {
    std::vector<u8> raw;
    for (const Bitmap& b : bitmaps_) encode(raw, b);
    const auto old = h_.bitmaps;
    if (bitmaps_.empty()) {
        h_.bitmaps.reset();
        h_.autoclear &= ~autoclear_bitmaps;
    } else {
        const u64 offset = EMU_TRY(counts_.allocate(cluster_up(raw.size()) >> h_.cluster_bits));
        EMU_CHECK(check_overlap(offset, raw.size()));
        EMU_CHECK(file_->write(offset, raw));
        h_.bitmaps = BitmapsExtension{u32(bitmaps_.size()), raw.size(), offset};
        h_.autoclear |= autoclear_bitmaps;
    }
    EMU_CHECK(write_out());
    EMU_CHECK(file_->flush());
    EMU_CHECK(write_header());
    EMU_CHECK(file_->flush());
    if (old) free_later(old->directory_offset, old->directory_size);
    return apply_frees();
}

/// Before the first change: recording bitmaps into memory, and their mark on storage.
Result<void> Image::start_bitmaps() {
    bool any = false;
    for (Bitmap& b : bitmaps_) {
        if (!(b.flags & bitmap_auto) || b.flags & bitmap_in_use) continue;
        EMU_CHECK(load_bits(b));
        any = true;
    }
    if (!any) return {};
    for (Bitmap& b : bitmaps_)
        if (b.loaded) b.flags |= bitmap_in_use;
    EMU_CHECK(write_bitmap_directory());
    tracking_ = true;
    return {};
}

Result<void> Image::store_bitmaps() {
    for (Bitmap& b : bitmaps_) {
        if (!b.loaded) continue;
        if (b.changed) EMU_CHECK(store_bits(b));
        b.flags &= ~bitmap_in_use;
    }
    return write_bitmap_directory();
}

void Image::note_write(u64 at, u64 length) {
    std::lock_guard lock(bitmap_mutex_);
    for (Bitmap& b : bitmaps_) {
        if (!b.loaded || !(b.flags & bitmap_auto)) continue;
        const u64 end = std::min(at + length, virtual_size_.load());
        if (at >= end) return;
        b.bits.set(at >> b.granularity_bits, (end - 1) >> b.granularity_bits);
        b.changed = true;
    }
}

Bitmap* Image::find_bitmap(std::string_view name) {
    for (Bitmap& b : bitmaps_)
        if (b.name == name) return &b;
    return nullptr;
}

Result<std::vector<BitmapInfo>> Image::bitmaps() {
    std::shared_lock lock(meta_);
    std::vector<BitmapInfo> out;
    for (const Bitmap& b : bitmaps_) // our own marks are no damage
        out.push_back({b.name, u64(1) << b.granularity_bits, (b.flags & bitmap_auto) != 0, (b.flags & bitmap_in_use) && !b.loaded, true});
    return out;
}

Result<SparseBits> Image::bitmap_bits(std::string_view name) {
    std::unique_lock lock(meta_);
    Bitmap* b = find_bitmap(name);
    if (!b) return fail(ENOENT, fmt::format("Dirty bitmap '{}' not found", name));
    EMU_CHECK(load_bits(*b));
    std::lock_guard guard(bitmap_mutex_);
    return b->bits;
}

namespace {

/// Bits of one granularity OR-ed into those of another.
void merge_bits(SparseBits& to, unsigned to_bits, const SparseBits& from, unsigned from_bits) {
    for (u64 i = 0, run; i < from.size() * 8; i += run) {
        run = from.alike(i);
        if (from.get(i)) to.set((i << from_bits) >> to_bits, (((i + run) << from_bits) - 1) >> to_bits);
    }
}

} // namespace

Result<void> Image::bitmap_action(const BitmapAction& action) {
    using Kind = BitmapAction::Kind;
    if (h_.version < 3) return fail(ENOTSUP, "Cannot store dirty bitmaps in qcow2 v2 files");
    SparseBits merged;
    u64 merged_granularity = 0;
    if (action.kind == Kind::merge) {
        EMU_ASSERT(action.source);
        merged = EMU_TRY(action.source->bitmap_bits(action.source_name));
        auto list = EMU_TRY(action.source->bitmaps());
        for (const BitmapInfo& info : list)
            if (info.name == action.source_name) merged_granularity = info.granularity;
        if (action.source->size() != virtual_size_) return fail(EINVAL, "Bitmaps are of different sizes (destination size is different)");
    }
    EMU_CHECK(first_change());
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    Bitmap* b = find_bitmap(action.name);
    if (action.kind == Kind::add) {
        if (b) return fail(EEXIST, fmt::format("Bitmap already exists: {}", action.name));
        if (action.name.empty() || action.name.size() > 1023) return fail(EINVAL, "Bitmap name too long");
        const u64 g = action.granularity ? action.granularity : std::max<u64>(65536, std::min<u64>(cluster(), 2u << 20));
        if (!is_power_of_two(g) || g < 512 || g > u64(1) << 31) return fail(EINVAL, "Granularity must be power of 2 and at least 512");
        Bitmap made;
        made.name = action.name;
        made.granularity_bits = u8(std::countr_zero(g));
        made.flags = bitmap_auto;
        const u64 bytes = (granules(virtual_size_, made.granularity_bits) + 7) / 8;
        if (bytes > max_bits_bytes) return fail(EFBIG, "Too much space will be occupied by the bitmap. Use larger granularity");
        made.bits.resize(bytes);
        made.loaded = made.changed = true;
        made.flags |= bitmap_in_use;
        bitmaps_.push_back(std::move(made));
        tracking_ = true;
        return write_bitmap_directory();
    }
    if (!b) return fail(ENOENT, fmt::format("Dirty bitmap '{}' not found", action.name));
    if (action.kind == Kind::remove) {
        EMU_CHECK(free_bits(*b));
        bitmaps_.erase(bitmaps_.begin() + (b - bitmaps_.data()));
        return write_bitmap_directory();
    }
    if (b->flags & bitmap_in_use && !b->loaded)
        return fail(EINVAL, fmt::format("Bitmap '{}' is inconsistent and cannot be used\nTry block-dirty-bitmap-remove to delete this bitmap from disk", b->name));
    EMU_CHECK(load_bits(*b));
    tracking_ = true; // stored when the image is closed
    switch (action.kind) {
    case Kind::clear:
        b->bits.fill(0, b->bits.size(), 0);
        b->changed = true;
        break;
    case Kind::enable: b->flags |= bitmap_auto; break;
    case Kind::disable: b->flags &= ~bitmap_auto; break;
    default:
        merge_bits(b->bits, b->granularity_bits, merged, unsigned(std::countr_zero(merged_granularity)));
        b->changed = true;
    }
    return {};
}

u64 Image::bitmaps_size(u64 new_size) const {
    u64 total = 0, directory = 0;
    for (const Bitmap& b : bitmaps_) {
        if (b.flags & bitmap_in_use && !b.loaded) continue;
        const u64 bits = cluster_up((granules(new_size, b.granularity_bits) + 7) / 8);
        total += bits + cluster_up((bits >> h_.cluster_bits) * 8);
        directory += align_up<u64>(fixed_size + b.extra.size() + b.name.size(), 8);
    }
    return total + (directory ? cluster_up(directory) : 0);
}

} // namespace emu::block::qcow2
