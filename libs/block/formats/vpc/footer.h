// SPDX-License-Identifier: MIT
// The 512-byte footer and the 1024-byte dynamic header of VHD images ("Virtual Hard Disk Image Format Specification" 1.0).
#pragma once
#include "block/formats/vpc/geometry.h"
#include "common/result.h"
#include "common/types.h"

#include <array>
#include <string_view>

namespace emu::block {

struct VhdFooter {
    static constexpr usize bytes = 512;
    enum class Type : u32 { fixed = 2, dynamic = 3, differencing = 4 };
    u64 data_offset = ~u64(0);
    std::array<char, 4> creator = {'e', 'm', 'u', '1'};
    u64 original_size = 0, current_size = 0;
    Geometry geometry;
    Type type = Type::dynamic;
    std::array<u8, 16> uuid = {};
    u32 timestamp = 0;
    bool checksum_wrong = false;

    /// Cookie and version must be right; a wrong checksum is reported, not refused.
    static Result<VhdFooter> parse(ConstBytes bytes);
    std::array<u8, bytes> serialise() const;
    /// Is `current_size` what counts, rather than the geometry? Told by the writer's name.
    bool trusts_current_size() const;
};

struct VhdDynamicHeader {
    static constexpr usize bytes = 1024;
    u64 table_offset = 0;
    u32 entries = 0, block_bytes = 0;

    static Result<VhdDynamicHeader> parse(ConstBytes bytes);
    std::array<u8, bytes> serialise() const;
};

} // namespace emu::block
