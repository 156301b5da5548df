// SPDX-License-Identifier: MIT
#include "block/formats/mapped/tables.h"

#include <algorithm>
#include <cerrno>

namespace emu::block {

Result<void> FlatTable::load(Node& file, u64 bytes) {
    if (!in_range(at_, bytes, file.size())) return fail(EINVAL, "the block table lies outside the file");
    bytes_.resize(usize(bytes));
    dirty_units_.clear();
    dirty_.clear();
    return file.read(at_, bytes_);
}

void FlatTable::move_to(u64 at) {
    at_ = at;
    mark(0, bytes_.size());
}

void FlatTable::mark(u64 from, u64 length) {
    if (!length) return;
    dirty_units_.resize((bytes_.size() + unit - 1) / unit);
    for (u64 i = from / unit; i <= (from + length - 1) / unit; i++) {
        if (dirty_units_[i]) continue;
        dirty_units_[i] = true;
        dirty_.push_back(i);
    }
}

void FlatTable::put32(u64 index, u32 value) {
    store(Bytes(bytes_), usize(index * 4), value, order_);
    mark(index * 4, 4);
}
void FlatTable::put64(u64 index, u64 value) {
    store(Bytes(bytes_), usize(index * 8), value, order_);
    mark(index * 8, 8);
}

void FlatTable::resize(u64 bytes, u8 fill) {
    const u64 old = bytes_.size();
    bytes_.resize(usize(bytes), fill);
    if (bytes > old) mark(old, bytes - old);
}

Result<void> FlatTable::write_dirty(const std::function<Result<void>(u64, ConstBytes)>& write) {
    std::sort(dirty_.begin(), dirty_.end());
    while (!dirty_.empty()) {
        // Neighbours go out together.
        usize run = 1;
        while (run < dirty_.size() && dirty_[run] == dirty_[0] + run) run++;
        const u64 from = dirty_[0] * unit, to = std::min<u64>(from + run * unit, bytes_.size());
        EMU_CHECK(write(at_ + from, ConstBytes(bytes_).subspan(from, to - from)));
        for (usize i = 0; i < run; i++) dirty_units_[dirty_[i]] = false;
        dirty_.erase(dirty_.begin(), dirty_.begin() + long(run));
    }
    return {};
}

Result<void> FlatTable::write_dirty(Node& file) {
    return write_dirty([&](u64 at, ConstBytes bytes) { return file.write(at, bytes); });
}

SliceCache::SliceCache(Node& file, u64 slice, Endian order, u64 capacity_bytes)
    : file_(file), slice_(slice), order_(order), capacity_(std::max<usize>(usize(capacity_bytes / slice), 4)) {}

Result<SliceCache::Slice*> SliceCache::find(u64 at) {
    if (auto found = by_offset_.find(at); found != by_offset_.end()) {
        slices_.splice(slices_.begin(), slices_, found->second);
        return &slices_.front();
    }
    if (slices_.size() >= capacity_) {
        auto victim = std::find_if(slices_.rbegin(), slices_.rend(), [](const Slice& s) { return !s.dirty; });
        if (victim == slices_.rend() && make_room_) {
            EMU_CHECK(make_room_());
            victim = slices_.rbegin();
        }
        if (victim != slices_.rend() && !victim->dirty) {
            by_offset_.erase(victim->at);
            slices_.erase(std::next(victim).base());
        }
    }
    Slice fresh{at, std::vector<u8>(slice_), false};
    const u64 there = file_.size();
    if (at >= there) return fail(EIO, "a table lies outside the file");
    EMU_CHECK(file_.read(at, Bytes(fresh.bytes).first(std::min(slice_, there - at))));
    slices_.push_front(std::move(fresh));
    by_offset_[at] = slices_.begin();
    return &slices_.front();
}

template <class T> Result<T> SliceCache::get(u64 table, u64 index) {
    const u64 byte = index * sizeof(T);
    Slice* slice = EMU_TRY(find(table + byte / slice_ * slice_));
    return load_bytes<T>(slice->bytes.data() + byte % slice_, order_);
}

template <class T> Result<void> SliceCache::put(u64 table, u64 index, T value) {
    const u64 byte = index * sizeof(T);
    Slice* slice = EMU_TRY(find(table + byte / slice_ * slice_));
    store_bytes<T>(slice->bytes.data() + byte % slice_, value, order_);
    if (!slice->dirty) dirty_count_++;
    slice->dirty = true;
    return {};
}

Result<u32> SliceCache::get32(u64 table, u64 index) { return get<u32>(table, index); }
Result<u64> SliceCache::get64(u64 table, u64 index) { return get<u64>(table, index); }
Result<void> SliceCache::put32(u64 table, u64 index, u32 value) { return put<u32>(table, index, value); }
Result<void> SliceCache::put64(u64 table, u64 index, u64 value) { return put<u64>(table, index, value); }

Result<void> SliceCache::write_dirty(const Writer& write) {
    std::vector<Slice*> dirty;
    for (Slice& slice : slices_) {
        if (slice.dirty) dirty.push_back(&slice);
    }
    std::sort(dirty.begin(), dirty.end(), [](const Slice* a, const Slice* b) { return a->at < b->at; });
    for (Slice* slice : dirty) {
        EMU_CHECK(write(slice->at, slice->bytes));
        slice->dirty = false;
        dirty_count_--;
    }
    return {};
}

void SliceCache::drop_all() {
    slices_.clear();
    by_offset_.clear();
    dirty_count_ = 0;
}

} // namespace emu::block
