// SPDX-License-Identifier: MIT
// FAT file systems ("Microsoft FAT32 File System Specification" 1.03): where things are, and the directory entries' two forms.
#pragma once
#include "common/bytes.h"
#include "common/result.h"

#include <optional>
#include <string>
#include <vector>

namespace emu::block::vvfat {

constexpr u64 sector = 512;
constexpr usize entry_bytes = 32;

/// A disk with one FAT partition, or a floppy that is one.
struct Geometry {
    unsigned bits = 16;      ///< of an entry of the table
    u32 cylinders = 1024, heads = 16, track = 63;
    u32 first = 63;          ///< sector of the boot sector
    u32 cluster = 16;        ///< sectors, like all that follow
    u32 reserved = 1, table = 0, root_entries = 512;
    u32 clusters = 0;        ///< their numbers are 2 to clusters + 1

    static Result<Geometry> choose(unsigned bits, bool floppy);
    u64 sectors() const { return u64(cylinders) * heads * track; }
    u64 tables_at() const { return first + reserved; }
    u64 root_at() const { return tables_at() + 2 * u64(table); }
    u64 data_at() const { return root_at() + root_entries * entry_bytes / sector; }
    u64 cluster_bytes() const { return cluster * sector; }
    u64 cluster_at(u32 number) const { return data_at() + u64(number - 2) * cluster; }
    bool is_cluster(u32 number) const { return number >= 2 && number - 2 < clusters; }
    u32 end_mark() const { return bits == 12 ? 0xfff : bits == 16 ? 0xffff : 0x0fffffff; }
    u8 media() const { return first ? 0xf8 : 0xf0; }
    /// Master boot record, boot sectors, FSInfo: everything but tables, root folder and data. `image` starts at sector 0.
    void write_boot(Bytes image, u32 id, std::string_view label, u32 free_clusters, u32 next_free) const;
};

u32 get_entry(ConstBytes table, unsigned bits, u32 number);
void put_entry(Bytes table, unsigned bits, u32 number, u32 value);

/// What a folder says of one of its members.
struct Entry {
    std::string name;      ///< long, UTF-8
    std::string short_name; ///< 11 characters, padded with spaces
    bool folder = false;
    bool read_only = false;
    u32 cluster = 0, size = 0;
    s64 changed = 0;       ///< seconds since 1970, local time of the guest
};

constexpr u8 a_read_only = 1, a_label = 8, a_folder = 16, a_archive = 32, a_long = 15;

/// A short name for `name` that is none of `taken`.
std::string make_short_name(const std::string& name, const std::vector<std::string>& taken);
/// The entries of one member: the long name's, if the short one does not say it, and the short one.
Result<std::vector<u8>> write_entry(const Entry& entry);
/// A bare short entry: ".", "..", the label.
std::vector<u8> write_short_entry(std::string_view short_name, u8 attributes, u32 cluster, u32 size, s64 changed);
/// The members that a folder's bytes list; labels, "." and ".." are left out. An error where it is damaged.
Result<std::vector<Entry>> read_entries(ConstBytes folder, unsigned bits);

} // namespace emu::block::vvfat
