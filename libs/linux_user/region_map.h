// SPDX-License-Identifier: MIT
// What the guest has mapped where: an interval map from guest addresses to protection and kind, neighbours of equal
// properties merged. Pure bookkeeping; AddressSpace keeps it true to the host's mappings.
#pragma once
#include "common/types.h"

#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace emu::linux_user {

enum class RegionKind : u8 { plain, heap, stack, signal_page, vectors };

struct RegionProps {
    u8 prot = 0; ///< PROT_READ | PROT_WRITE | PROT_EXEC as the guest sees them
    bool shared = false;
    RegionKind kind = RegionKind::plain;
    /// Shared memory: a number for the file or segment (0: none that others could map too), and its offset minus the address.
    u32 backing = 0;
    u64 delta = 0;
    bool operator==(const RegionProps&) const = default;
};

struct Region {
    u64 start = 0, end = 0;
    RegionProps props;
};

class RegionMap {
public:
    /// Map [start, end); what was there is replaced.
    void insert(u64 start, u64 end, RegionProps props);
    void erase(u64 start, u64 end);

    /// The region that holds this address.
    std::optional<Region> find(u64 address) const;
    /// The parts of regions that lie within [start, end), in order.
    std::vector<Region> within(u64 start, u64 end) const;
    /// The parts of [start, end) where nothing is mapped.
    std::vector<Region> holes(u64 start, u64 end) const;
    bool free(u64 start, u64 end) const;
    /// Is every address of [start, end) mapped, with at least these protections?
    bool covers(u64 start, u64 end, u8 prot = 0) const;

    /// The highest free address below `high` (and not below `low`) where `size` bytes fit, a multiple of `alignment`.
    std::optional<u64> gap_below(u64 high, u64 low, u64 size, u64 alignment) const;
    /// The same from `low` upwards.
    std::optional<u64> gap_above(u64 low, u64 high, u64 size, u64 alignment) const;

    usize size() const { return map_.size(); }

private:
    struct Value {
        u64 end;
        RegionProps props;
    };
    using Map = std::map<u64, Value>;
    /// Make `at` the border between two regions where it lies within one.
    void split(u64 at);
    void merge_around(Map::iterator at);
    Map::const_iterator first_touching(u64 start) const;

    Map map_;
};

} // namespace emu::linux_user
