// SPDX-License-Identifier: MIT
// On-disk structures of VHDX ("VHDX Format Specification" 1.00), read with every field checked. All numbers little endian.
#pragma once
#include "block/node.h"

#include <array>
#include <string>

namespace emu::block::vhdx {

using Guid = std::array<u8, 16>; ///< as stored
/// From text; the first three groups are stored little endian.
constexpr Guid guid(u32 a, u16 b, u16 c, std::array<u8, 8> d) {
    return {u8(a), u8(a >> 8), u8(a >> 16), u8(a >> 24), u8(b), u8(b >> 8), u8(c), u8(c >> 8),
            d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]};
}
Result<Guid> random_guid();
inline bool is_null(const Guid& g) { return g == Guid{}; }

constexpr u64 KiB = 1024, MiB = KiB * KiB;
constexpr u64 header_1_at = 64 * KiB, header_2_at = 128 * KiB, region_1_at = 192 * KiB, region_2_at = 256 * KiB;
constexpr u64 header_bytes = 4 * KiB, region_bytes = 64 * KiB, log_sector = 4 * KiB;

/// CRC-32C with the 4 bytes at `field` counting as zero.
u32 checksum(ConstBytes bytes, usize field);

struct Header {
    u64 sequence = 0;
    Guid file_write = {}, data_write = {}, log = {};
    u32 log_bytes = 0;
    u64 log_at = 0;

    static Result<Header> parse(ConstBytes bytes);
    std::vector<u8> serialise() const;
    bool operator==(const Header&) const = default;
};

struct Region {
    u64 at = 0, bytes = 0;
};
struct Regions {
    Region bat, metadata;
    static Result<Regions> parse(ConstBytes bytes);
    std::vector<u8> serialise() const;
};

struct Metadata {
    u32 block_bytes = 0;
    bool leave_allocated = false, has_parent = false;
    u64 disk_bytes = 0;
    u32 logical_sector = 512, physical_sector = 4096;
    Guid disk_id = {};

    static Result<Metadata> read(Node& file, const Region& region);
    std::vector<u8> serialise() const; ///< the table and the items behind it

    /// Payload blocks that one sector bitmap block covers.
    u64 chunk_ratio() const { return (u64(1) << 23) * logical_sector / block_bytes; }
    u64 payload_blocks() const { return (disk_bytes + block_bytes - 1) / block_bytes; }
    /// Entries of the table: a bitmap's stands behind each chunk of payload blocks.
    u64 bat_entries() const {
        const u64 blocks = payload_blocks();
        return blocks ? blocks + (blocks - 1) / chunk_ratio() : 0;
    }
    u64 bat_index(u64 block) const { return block + block / chunk_ratio(); }
};

// States of a payload block (table 3 of section 2.4.1.1).
enum State : u64 { not_present = 0, undefined = 1, zero = 2, unmapped = 3, fully_present = 6, partially_present = 7 };
constexpr u64 state_mask = 7, offset_shift = 20;

/// Bring a file up to date with its log, if it has one that is in use. False: nothing to do.
Result<bool> replay(Node& file, const Header& header);

/// Writes log entries. One entry holds whole sectors of the file.
class LogWriter {
public:
    LogWriter(u64 at, u64 bytes, const Guid& id, u64 sequence) : at_(at), bytes_(bytes), id_(id), sequence_(sequence) {}
    /// Most sectors of one entry: two entries fit in the log, so that the earlier one is whole until the new one is.
    usize max_sectors() const;
    /// `sectors`: file offset (multiple of 4 KiB) and 4096 bytes each. Does not flush.
    Result<void> append(Node& file, const std::vector<std::pair<u64, std::vector<u8>>>& sectors);

private:
    u64 at_, bytes_;
    Guid id_;
    u64 sequence_, next_ = 0;
};

} // namespace emu::block::vhdx
