// SPDX-License-Identifier: MIT
// Read-only images made of chunks that are stored as they are, as zeroes, or compressed: shared by dmg and cloop.
#pragma once
#include "block/node.h"

#include <list>
#include <mutex>

namespace emu::block {

struct Chunk {
    enum class Kind : u8 { zero, raw, zlib, bzip2, lzfse, adc };
    Kind kind = Kind::zero;
    u64 at = 0, length = 0;         ///< in the image, bytes
    u64 file_at = 0, file_length = 0;
};
constexpr u64 max_chunk = u64(16) << 20; ///< of a compressed chunk, either side

/// Decompress; `to` has the chunk's length.
Result<void> unpack_chunk(Chunk::Kind kind, ConstBytes packed, Bytes to);
/// Apple Data Compression: literals, and copies from at most 64 KiB behind.
Result<void> unpack_adc(ConstBytes packed, Bytes to);

class ChunkNode : public Node {
public:
    /// Chunks sorted by `at`, disjoint; what lies between them reads as zeroes.
    static Result<void> check(std::vector<Chunk>& chunks, u64 file_size);
    std::vector<NodePtr> children() const override { return {file_}; }

protected:
    ChunkNode(NodePtr file, std::vector<Chunk> chunks, u64 size) : file_(std::move(file)), chunks_(std::move(chunks)), size_(size) {}
    u64 do_size() const override { return size_; }
    Result<void> do_read(u64 at, Bytes to) override;
    Result<Extent> do_extent(u64 at, u64 length) override;

private:
    struct Part {
        const Chunk* chunk; ///< null: a gap
        u64 length;
    };
    Part part_at(u64 at, u64 length) const;
    Result<std::shared_ptr<const std::vector<u8>>> unpacked(const Chunk& chunk);

    NodePtr file_;
    std::vector<Chunk> chunks_;
    u64 size_;
    std::mutex mutex_;
    std::list<std::pair<const Chunk*, std::shared_ptr<const std::vector<u8>>>> cache_; ///< newest first
};

} // namespace emu::block
