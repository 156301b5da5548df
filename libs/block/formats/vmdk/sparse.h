// SPDX-License-Identifier: MIT
// Sparse extents of VMDK images: hosted ("KDMV", plain and stream-optimized), and of ESX hosts ("COWD" and space-efficient, both
// read-only). A grain directory of 32-bit (space-efficient: 64-bit) numbers names grain tables, those name grains.
//
// Write ordering: grains, flush, grain tables and their redundant copies, flush. The directory is made once and does not change,
// but in stream-optimized extents: there it is at the end, and is written anew behind everything else, with the footer that says
// where it is. A crash while such an extent is written can cost it; it is a format for transport, written in one go.
#pragma once
#include "block/formats/mapped/two_level.h"

#include <map>
#include <unordered_map>

namespace emu::block::vmdk {

constexpr u64 sector = 512;

/// What the header of a hosted extent says.
struct SparseHeader {
    static constexpr usize bytes = 512;
    static constexpr u64 at_end = ~u64(0);
    static constexpr u32 f_newlines = 1, f_redundant = 2, f_zero_grains = 4, f_compressed = 1u << 16, f_markers = 1u << 17;
    u32 version = 1, flags = f_newlines | f_redundant;
    u64 capacity = 0, grain = 128; ///< sectors, like all below
    u64 descriptor_at = 0, descriptor_sectors = 0;
    u32 table_entries = 512;
    u64 redundant_at = 0, directory_at = 0, overhead = 0;
    u16 compression = 0;

    static Result<SparseHeader> parse(ConstBytes raw);
    std::vector<u8> serialise() const;
    u64 directory_entries() const {
        const u64 covered = grain * table_entries;
        return (capacity + covered - 1) / covered;
    }
};

/// The header that counts: the footer's where the directory is at the end.
Result<SparseHeader> read_sparse_header(Node& file);

/// What shows through holes of an extent.
class Below {
public:
    virtual ~Below() = default;
    virtual u64 size() const = 0;
    virtual Result<void> read(u64 at, Bytes to) = 0;
};

/// An extent, as a node of its own size. `below` outlives it (null: nothing below) and counts from the extent's start.
Result<NodePtr> open_sparse_extent(NodePtr file, bool writable, Below* below);
/// A flat extent: bytes of `file` from `offset` on.
NodePtr open_flat_extent(NodePtr file, u64 offset, u64 length, bool writable);
/// The kinds by what the first bytes say.
bool is_sparse_extent(ConstBytes head);

// A compressed grain with its marker, padded to whole sectors; and back.
Result<std::vector<u8>> pack_grain(u64 lba, ConstBytes grain);
Result<void> unpack_grain(ConstBytes packed, Bytes grain);
constexpr usize marker_bytes = 12; ///< sector (8), length (4)

/// What stands in front of metadata in a stream: a sector that says how many sectors follow and what they are.
enum class Marker : u32 { end = 0, table = 1, directory = 2, footer = 3 };
std::vector<u8> make_marker(u64 sectors, Marker kind);
/// Directory, footer and end of stream, as they stand at `at` (a multiple of a sector). The header learns where the directory is.
std::vector<u8> make_stream_end(u64 at, ConstBytes directory, SparseHeader header);

} // namespace emu::block::vmdk
