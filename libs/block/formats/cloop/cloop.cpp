// SPDX-License-Identifier: MIT
// Compressed loop images, version 2, read only: 128 bytes of shell script, the block size and number of blocks (big endian), an
// offset (8 bytes) for each block and one for the end, zlib streams.
#include "block/driver.h"
#include "block/formats/dmg/chunks.h"
#include "common/bytes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {
namespace {

constexpr u64 header_bytes = 136, size_at = 128, count_at = 132, sector = 512;
constexpr std::string_view script = "#!/bin/sh\n#V2.0 Format\n";

class CloopNode final : public ChunkNode {
public:
    CloopNode(NodePtr file, std::vector<Chunk> chunks, u64 size) : ChunkNode(std::move(file), std::move(chunks), size) {}
    std::string_view driver() const override { return "cloop"; }
};

int probe(ConstBytes head, std::string_view) { return ByteView(head).starts_with(script) ? 2 : 0; }

Result<NodePtr> open(NodePtr file, OpenArgs&) {
    std::array<u8, header_bytes> raw;
    if (file->size() < header_bytes) return fail(EINVAL, "file too short for a cloop header");
    EMU_CHECK(file->read(0, raw));
    const ByteView h(raw, Endian::big);
    if (!h.starts_with("#!/bin/sh\n")) return fail(EINVAL, "not a cloop image");
    if (!h.starts_with(script)) return fail(ENOTSUP, "only version 2 of the cloop format is supported");
    const u64 block = h.u32_at(size_at), count = h.u32_at(count_at);
    if (block == 0 || block % sector || block > max_chunk) return fail(EINVAL, fmt::format("block_size {} must be a multiple of 512 and at most 16 MiB", block));
    if (!in_range(header_bytes, (count + 1) * 8, file->size())) return fail(EINVAL, "cloop image with more blocks than it has room to list");
    std::vector<u8> offsets(usize((count + 1) * 8));
    EMU_CHECK(file->read(header_bytes, offsets));
    std::vector<Chunk> chunks;
    chunks.reserve(count);
    for (u64 i = 0; i < count; i++) {
        const u64 from = be64(offsets, usize(i * 8)), to = be64(offsets, usize(i * 8 + 8));
        if (to < from) return fail(EINVAL, "offsets not monotonically increasing at index " + std::to_string(i + 1) + ", image file is corrupt");
        chunks.push_back({.kind = Chunk::Kind::zlib, .at = i * block, .length = block, .file_at = from, .file_length = to - from});
    }
    EMU_CHECK(ChunkNode::check(chunks, file->size()));
    return NodePtr(std::make_shared<CloopNode>(std::move(file), std::move(chunks), count * block));
}

} // namespace

extern const Driver cloop_driver{.name = "cloop", .probe = probe, .open = open, .read_only = true, .summary = "compressed loop image"};

} // namespace emu::block
