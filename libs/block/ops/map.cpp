// SPDX-License-Identifier: MIT
#include "block/ops/map.h"

#include <algorithm>

namespace emu::block {
namespace {

/// Storage that has holes where the format sees data (preallocated images): those ranges are zero as well.
Result<void> look_below(MapEntry& entry, const ChainExtent& e) {
    if (!e.data || e.zero || !e.offset || !e.file) return {};
    Node* file = const_cast<Node*>(e.file);
    const u64 there = file->size();
    if (*e.offset >= there) {
        entry.zero = true;
        return {};
    }
    const auto allocated = file->allocated_size();
    if (!allocated || *allocated * 10 >= there * 9) return {};
    const Extent below = EMU_TRY(file->extent(*e.offset, std::min(e.length, there - *e.offset)));
    if (*e.offset + below.length < there || below.length >= e.length) entry.length = std::min(entry.length, below.length);
    entry.zero = below.zero;
    return {};
}

bool joins(const MapEntry& a, const MapEntry& b) {
    if (a.depth != b.depth || a.present != b.present || a.zero != b.zero || a.data != b.data || a.compressed != b.compressed) return false;
    if (a.offset.has_value() != b.offset.has_value() || (a.offset && *a.offset + a.length != *b.offset)) return false;
    return a.file_name == b.file_name;
}

} // namespace

Result<void> map_image(Node& image, u64 start, u64 length, const std::function<void(const MapEntry&)>& each) {
    const u64 size = image.size(), end = length < size - std::min(start, size) ? start + length : size;
    std::optional<MapEntry> pending;
    for (u64 at = start; at < end;) {
        const ChainExtent e = EMU_TRY(chain_extent(image, nullptr, at, end - at));
        MapEntry entry{.start = at, .length = e.length, .depth = e.depth, .present = e.allocated, .zero = e.zero, .data = e.data,
                       .compressed = e.compressed, .offset = e.offset, .file_name = {}};
        if (!e.allocated && !e.data) entry.zero = true;
        if (entry.offset && e.file) entry.file_name = e.file->name();
        EMU_CHECK(look_below(entry, e));
        at += entry.length;
        if (pending && joins(*pending, entry)) {
            pending->length += entry.length;
            continue;
        }
        if (pending) each(*pending);
        pending = std::move(entry);
    }
    if (pending) each(*pending);
    return {};
}

} // namespace emu::block
