// SPDX-License-Identifier: MIT
// A folder of the host as the contents of a FAT disk: which cluster shows which part of which file. And the way back: what folders
// and files a disk's table and folders describe.
#pragma once
#include "block/formats/vvfat/fat.h"

#include <functional>
#include <map>

namespace emu::block::vvfat {

/// Consecutive clusters.
struct Run {
    u32 first = 0, count = 0;
    bool operator==(const Run&) const = default;
};

/// A file or folder, by its path below the exported folder ("a/b.txt").
struct Item {
    bool folder = false, read_only = false;
    u64 size = 0;
    s64 changed = 0;
    std::vector<Run> runs;
};
using Items = std::map<std::string, Item>;

/// Clusters that show a file of the host.
struct Mapped {
    u32 first = 0, count = 0;
    std::string path;
};

struct Export {
    Geometry geometry;
    std::vector<u8> front;      ///< the disk up to the last cluster of a folder
    std::vector<Mapped> mapped; ///< in the order of clusters
    Items items;
};

constexpr usize max_items = 100'000;
constexpr unsigned max_depth = 64;

/// `warn` is told of files that are left out: links, devices, names and sizes that FAT has no place for.
Result<Export> export_folder(const std::string& folder, const Geometry& geometry, std::string_view label,
                             const std::function<void(std::string_view)>& warn);

/// The tree of a disk whose sectors `read(sector, bytes)` gives. EINVAL: the file system is not (or not now) in order.
Result<Items> read_tree(const Geometry& geometry, const std::function<Result<void>(u64, Bytes)>& read);

} // namespace emu::block::vvfat
