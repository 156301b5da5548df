// SPDX-License-Identifier: MIT
// The text part of VMDK images ("Virtual Disk Format 5.0"): identity, extents, disk database.
#pragma once
#include "common/result.h"
#include "common/types.h"

#include <string>
#include <string_view>
#include <vector>

namespace emu::block::vmdk {

struct ExtentLine {
    std::string access; ///< RW, RDONLY, NOACCESS
    u64 sectors = 0;
    std::string type;   ///< SPARSE FLAT ZERO VMFS VMFSSPARSE SESPARSE
    std::string file;
    u64 offset = 0;     ///< sectors
};

struct Descriptor {
    u32 cid = 0xffffffff, parent_cid = 0xffffffff;
    std::string create_type, parent_hint;
    std::vector<ExtentLine> extents;

    /// Unknown lines are skipped; what is known must make sense.
    static Result<Descriptor> parse(std::string_view text);
};

constexpr usize max_descriptor = usize(1) << 20;

/// Does text start like a descriptor?
bool looks_like_descriptor(std::string_view text);
/// The same text with another CID; no change of length.
std::string with_cid(std::string text, u32 cid);

struct DescriptorOptions {
    std::string adapter = "ide", hw_version = "4", tools_version = "2147483647";
};
std::string make_descriptor(const Descriptor& d, u64 disk_sectors, const DescriptorOptions& options);

} // namespace emu::block::vmdk
