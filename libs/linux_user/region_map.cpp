// SPDX-License-Identifier: MIT
#include "linux_user/region_map.h"

#include "common/bits.h"

#include <algorithm>
#include <iterator>

namespace emu::linux_user {

void RegionMap::split(u64 at) {
    auto next = map_.upper_bound(at);
    if (next == map_.begin()) return;
    auto& [start, value] = *std::prev(next);
    if (start == at || value.end <= at) return;
    map_.emplace_hint(next, at, Value{value.end, value.props});
    value.end = at;
}

void RegionMap::erase(u64 start, u64 end) {
    if (start >= end) return;
    split(start);
    split(end);
    map_.erase(map_.lower_bound(start), map_.lower_bound(end));
}

void RegionMap::insert(u64 start, u64 end, RegionProps props) {
    if (start >= end) return;
    erase(start, end);
    merge_around(map_.emplace(start, Value{end, props}).first);
}

void RegionMap::merge_around(Map::iterator at) {
    if (auto next = std::next(at); next != map_.end() && next->first == at->second.end &&
                                   next->second.props == at->second.props) {
        at->second.end = next->second.end;
        map_.erase(next);
    }
    if (at == map_.begin()) return;
    auto before = std::prev(at);
    if (before->second.end != at->first || before->second.props != at->second.props) return;
    before->second.end = at->second.end;
    map_.erase(at);
}

RegionMap::Map::const_iterator RegionMap::first_touching(u64 start) const {
    auto at = map_.upper_bound(start);
    if (at != map_.begin() && std::prev(at)->second.end > start) --at;
    return at;
}

std::optional<Region> RegionMap::find(u64 address) const {
    auto at = first_touching(address);
    if (at == map_.end() || at->first > address) return std::nullopt;
    return Region{at->first, at->second.end, at->second.props};
}

std::vector<Region> RegionMap::within(u64 start, u64 end) const {
    std::vector<Region> parts;
    for (auto at = first_touching(start); at != map_.end() && at->first < end; ++at)
        parts.push_back({std::max(at->first, start), std::min(at->second.end, end), at->second.props});
    return parts;
}

std::vector<Region> RegionMap::holes(u64 start, u64 end) const {
    std::vector<Region> parts;
    u64 cursor = start;
    for (const Region& region : within(start, end)) {
        if (region.start > cursor) parts.push_back({cursor, region.start, {}});
        cursor = region.end;
    }
    if (cursor < end) parts.push_back({cursor, end, {}});
    return parts;
}

bool RegionMap::free(u64 start, u64 end) const {
    auto at = first_touching(start);
    return at == map_.end() || at->first >= end;
}

bool RegionMap::covers(u64 start, u64 end, u8 prot) const {
    u64 cursor = start;
    for (auto at = first_touching(start); cursor < end; ++at) {
        if (at == map_.end() || at->first > cursor || (at->second.props.prot & prot) != prot) return false;
        cursor = at->second.end;
    }
    return true;
}

std::optional<u64> RegionMap::gap_below(u64 high, u64 low, u64 size, u64 alignment) const {
    u64 top = high;
    for (auto at = map_.lower_bound(high);;) {
        bool more = at != map_.begin();
        if (more) --at;
        u64 bottom = more ? std::clamp(at->second.end, low, std::max(low, top)) : low;
        if (top >= bottom && top - bottom >= size) {
            u64 start = align_down(top - size, alignment);
            if (start >= bottom) return start;
        }
        if (!more || at->first <= low) return std::nullopt;
        top = std::min(top, at->first);
    }
}

std::optional<u64> RegionMap::gap_above(u64 low, u64 high, u64 size, u64 alignment) const {
    u64 start = align_up(low, alignment);
    for (auto at = first_touching(start); start >= low && start < high && high - start >= size; ++at) {
        if (at == map_.end() || (at->first >= start && at->first - start >= size)) return start;
        start = align_up(std::max(start, at->second.end), alignment);
    }
    return std::nullopt;
}

} // namespace emu::linux_user
