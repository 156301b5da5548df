// SPDX-License-Identifier: MIT
// The header of a qcow2 image and its extensions (QCOW2 image format specification, "Header" and "Header extensions").
#pragma once
#include "block/node.h"
#include "common/result.h"
#include "common/types.h"

#include <optional>
#include <string>
#include <vector>

namespace emu::block::qcow2 {

inline constexpr u32 magic = 0x514649fb;
inline constexpr u32 v2_header_size = 72, v3_header_size = 104, full_header_size = 112;

// Feature bits.
inline constexpr u64 incompat_dirty = 1, incompat_corrupt = 2, incompat_data_file = 4, incompat_compression = 8,
                     incompat_extended_l2 = 16, incompat_known = 31;
inline constexpr u64 compat_lazy_refcounts = 1, compat_known = 1;
inline constexpr u64 autoclear_bitmaps = 1, autoclear_raw_data_file = 2, autoclear_known = 3;

enum class Compression : u8 { zlib = 0, zstd = 1 };
enum class CryptMethod : u32 { none = 0, aes = 1, luks = 2 };

struct Extension {
    u32 type = 0;
    std::vector<u8> data;
};
inline constexpr u32 ext_end = 0, ext_backing_format = 0xe2792aca, ext_feature_names = 0x6803f857, ext_bitmaps = 0x23852875,
                     ext_crypto = 0x0537be77, ext_data_file = 0x44415441;

struct BitmapsExtension {
    u32 count = 0;
    u64 directory_size = 0, directory_offset = 0;
};
struct CryptoExtension {
    u64 offset = 0, length = 0;
};

struct Header {
    u32 version = 3;
    u32 cluster_bits = 16;
    u64 size = 0;
    CryptMethod crypt = CryptMethod::none;
    u32 l1_size = 0;
    u64 l1_offset = 0;
    u64 refcount_table_offset = 0;
    u32 refcount_table_clusters = 0;
    u32 snapshot_count = 0;
    u64 snapshots_offset = 0;
    u64 incompatible = 0, compatible = 0, autoclear = 0;
    u32 refcount_order = 4;
    u32 header_length = full_header_size;
    Compression compression = Compression::zlib;
    std::string backing_file, backing_format;
    std::optional<std::string> data_file;
    std::optional<BitmapsExtension> bitmaps;
    std::optional<CryptoExtension> crypto;
    std::vector<u8> unknown_fields;      ///< header bytes behind those we know, kept as they are
    std::vector<Extension> unknown;      ///< extensions we do not know, kept as they are

    u64 cluster_size() const { return u64(1) << cluster_bits; }
    u64 refcount_bits() const { return u64(1) << refcount_order; }
    bool extended_l2() const { return incompatible & incompat_extended_l2; }
    bool has_data_file() const { return incompatible & incompat_data_file; }
    u64 l2_entry_size() const { return extended_l2() ? 16 : 8; }
    u64 l2_entries() const { return cluster_size() / l2_entry_size(); }
    u64 refcount_block_entries() const { return cluster_size() * 8 / refcount_bits(); }
    /// L1 entries that `bytes` of contents need.
    u64 l1_entries_for(u64 bytes) const;
};

/// Read and check everything that the header alone can tell. `repair`: accept an image marked corrupt.
Result<Header> read_header(Node& file);
/// The first cluster: header, extensions, backing file name.
Result<std::vector<u8>> encode_header(const Header& header);

} // namespace emu::block::qcow2
