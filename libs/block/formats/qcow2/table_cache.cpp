// SPDX-License-Identifier: MIT
#include "block/formats/qcow2/table_cache.h"

#include "common/checked.h"

#include <algorithm>
#include <cstring>

namespace emu::block::qcow2 {

Result<void> read_padded(Node& file, u64 at, Bytes to) {
    const u64 there = file.size();
    const u64 real = at < there ? std::min<u64>(to.size(), there - at) : 0;
    if (real) EMU_CHECK(file.read(at, to.first(real)));
    if (real < to.size()) std::memset(to.data() + real, 0, to.size() - real);
    return {};
}

TableCache::TableCache(Node& file, u64 piece_size, u64 capacity)
    : file_(file), piece_size_(piece_size), max_pieces_(std::max<usize>(4, usize(capacity / piece_size))) {}

TableCache::Piece* TableCache::find(u64 offset) const {
    auto at = pieces_.find(offset);
    if (at == pieces_.end()) return nullptr;
    at->second->used.store(clock_.fetch_add(1, std::memory_order_relaxed), std::memory_order_relaxed);
    return at->second.get();
}

Result<void> TableCache::evict() {
    if (pieces_.size() < max_pieces_) return {};
    // A quarter at a time, so that the search for the oldest is paid rarely.
    std::vector<std::pair<u64, u64>> ages;
    for (const auto& [offset, piece] : pieces_) ages.emplace_back(piece->used.load(), offset);
    const usize count = std::max<usize>(1, max_pieces_ / 4);
    std::nth_element(ages.begin(), ages.begin() + std::ptrdiff_t(count) - 1, ages.end());
    const bool any_dirty = std::any_of(ages.begin(), ages.begin() + std::ptrdiff_t(count), [&](auto& a) { return pieces_[a.second]->dirty; });
    if (any_dirty) EMU_CHECK(make_room ? make_room() : write_back());
    for (usize i = 0; i < count; i++)
        if (auto at = pieces_.find(ages[i].second); at != pieces_.end() && !at->second->dirty) pieces_.erase(at);
    return {};
}

Result<TableCache::Piece*> TableCache::get(u64 offset) {
    if (Piece* here = find(offset)) return here;
    EMU_CHECK(evict());
    auto piece = std::make_unique<Piece>();
    piece->offset = offset;
    piece->bytes.resize(piece_size_);
    if (!in_range(offset, 1, file_.size())) return fail(EIO, "a metadata table lies behind the end of the image file");
    EMU_CHECK(read_padded(file_, offset, piece->bytes));
    piece->used = clock_.fetch_add(1);
    return (pieces_[offset] = std::move(piece)).get();
}

Result<TableCache::Piece*> TableCache::fresh(u64 offset) {
    Piece* piece = find(offset);
    if (!piece) {
        EMU_CHECK(evict());
        auto made = std::make_unique<Piece>();
        made->offset = offset;
        made->bytes.resize(piece_size_);
        made->used = clock_.fetch_add(1);
        piece = (pieces_[offset] = std::move(made)).get();
    } else {
        std::fill(piece->bytes.begin(), piece->bytes.end(), u8(0));
    }
    mark(*piece);
    return piece;
}

void TableCache::mark(Piece& piece) {
    if (piece.dirty) return;
    piece.dirty = true;
    dirty_++;
}

Result<void> TableCache::write_back() {
    if (!dirty_) return {};
    std::vector<Piece*> changed;
    for (const auto& [offset, piece] : pieces_)
        if (piece->dirty) changed.push_back(piece.get());
    std::sort(changed.begin(), changed.end(), [](Piece* a, Piece* b) { return a->offset < b->offset; });
    std::vector<u8> joined;
    constexpr u64 most = u64(1) << 20;
    for (usize i = 0; i < changed.size();) {
        usize end = i + 1;
        while (end < changed.size() && changed[end]->offset == changed[end - 1]->offset + piece_size_ && (end - i) * piece_size_ < most) end++;
        if (end == i + 1) {
            EMU_CHECK(file_.write(changed[i]->offset, changed[i]->bytes));
        } else {
            joined.clear();
            for (usize k = i; k < end; k++) joined.insert(joined.end(), changed[k]->bytes.begin(), changed[k]->bytes.end());
            EMU_CHECK(file_.write(changed[i]->offset, joined));
        }
        for (; i < end; i++) {
            changed[i]->dirty = false;
            dirty_--;
        }
    }
    return {};
}

void TableCache::drop(u64 offset, u64 length) {
    for (auto at = pieces_.begin(); at != pieces_.end();) {
        if (at->first < offset || at->first - offset >= length) {
            ++at;
            continue;
        }
        if (at->second->dirty) dirty_--;
        at = pieces_.erase(at);
    }
}

void TableCache::drop_all() {
    pieces_.clear();
    dirty_ = 0;
}

} // namespace emu::block::qcow2
