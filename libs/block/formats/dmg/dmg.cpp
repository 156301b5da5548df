// SPDX-License-Identifier: MIT
// Apple disk images (UDIF), read only. The last 512 bytes of the file ("koly") say where the block tables ("mish") are: in a
// property list in XML, or in a resource fork. A table lists runs of sectors and how each is stored. All numbers big endian.
//
//   koly: 24 data fork  40 resource fork: offset, length  216 property list: offset, length  492 sectors of the disk
//   mish: 8 first sector  16 sectors  24 data offset  200 number of runs  204 runs of 40 bytes:
//         type, comment, first sector (8), sectors (8), offset (8), length (8)
#include "block/driver.h"
#include "block/formats/dmg/chunks.h"
#include "common/bytes.h"
#include "crypto/base64.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {
namespace {

constexpr u64 sector = 512, trailer_bytes = 512;
constexpr u64 max_text = u64(32) << 20; ///< property list or resource fork
constexpr usize mish_bytes = 204, run_bytes = 40;
enum RunType : u32 { run_zero = 0, run_raw = 1, run_ignore = 2, run_adc = 0x80000004, run_zlib = 0x80000005, run_bzip2 = 0x80000006,
                     run_lzfse = 0x80000007, run_comment = 0x7ffffffe, run_end = 0xffffffff };

class DmgNode final : public ChunkNode {
public:
    DmgNode(NodePtr file, std::vector<Chunk> chunks, u64 size) : ChunkNode(std::move(file), std::move(chunks), size) {}
    std::string_view driver() const override { return "dmg"; }
};

/// Where the trailer is. Some images carry a few bytes behind it.
Result<u64> find_trailer(Node& file) {
    const u64 there = file.size(), look = std::min<u64>(there, trailer_bytes + 515);
    if (there < trailer_bytes) return fail(EINVAL, "dmg file must be at least 512 bytes long");
    std::vector<u8> tail(usize(look), 0);
    EMU_CHECK(file.read(there - look, tail));
    for (u64 i = look - trailer_bytes + 1; i-- > 0;) {
        if (ByteView(ConstBytes(tail).subspan(i)).starts_with("koly")) return there - look + i;
    }
    return fail(EINVAL, "Could not locate UDIF trailer in dmg file");
}

struct Places {
    u64 data = 0;
    u64 file_end = 0;
};

std::optional<Chunk::Kind> kind_of(u32 type) {
    switch (type) {
    case run_zero:
    case run_ignore: return Chunk::Kind::zero;
    case run_raw: return Chunk::Kind::raw;
    case run_adc: return Chunk::Kind::adc;
    case run_zlib: return Chunk::Kind::zlib;
    case run_bzip2: return Chunk::Kind::bzip2;
    case run_lzfse: return Chunk::Kind::lzfse;
    default: return std::nullopt;
    }
}

Result<void> add_table(ConstBytes bytes, const Places& places, std::vector<Chunk>& chunks) {
    const ByteView t(bytes, Endian::big);
    if (t.size() < mish_bytes || !t.starts_with("mish")) return {}; // tables of other kinds live there too
    const u64 first = t.u64_at(8), data = t.u64_at(24), count = t.u32_at(200);
    if (first > (u64(1) << 50) || count > (t.size() - mish_bytes) / run_bytes) return fail(EINVAL, "a dmg block table is longer than its place");
    for (u64 i = 0; i < count; i++) {
        const ByteView run = *t.sub(mish_bytes + i * run_bytes, run_bytes);
        const u32 type = run.u32_at(0);
        if (type == run_end) break;
        if (type == run_comment) continue;
        const auto kind = kind_of(type);
        if (!kind) return fail(ENOTSUP, fmt::format("dmg run of the unknown type {:#x}", type));
        const u64 start = run.u64_at(8), sectors = run.u64_at(16);
        if (start > (u64(1) << 50) || sectors > (u64(1) << 50)) return fail(EINVAL, "dmg run at an impossible place");
        if (sectors == 0) continue;
        Chunk chunk{.kind = *kind, .at = (first + start) * sector, .length = sectors * sector};
        if (*kind != Chunk::Kind::zero) {
            const auto at = checked_add(run.u64_at(24), data), from = at ? checked_add(*at, places.data) : std::nullopt;
            if (!from) return fail(EINVAL, "dmg run lies outside the file");
            chunk.file_at = *from;
            chunk.file_length = run.u64_at(32);
        }
        chunks.push_back(chunk);
    }
    return {};
}

/// Every <data> of the list is tried; the block tables are those that say "mish".
Result<void> read_property_list(Node& file, u64 at, u64 length, const Places& places, std::vector<Chunk>& chunks) {
    if (length > max_text || !in_range(at, length, file.size())) return fail(EINVAL, "dmg property list is too long or lies outside the file");
    std::string text(usize(length), '\0');
    EMU_CHECK(file.read(at, Bytes(reinterpret_cast<u8*>(text.data()), text.size())));
    for (usize from = 0; (from = text.find("<data>", from)) != std::string::npos;) {
        from += 6;
        const usize to = text.find("</data>", from);
        if (to == std::string::npos) return fail(EINVAL, "dmg property list is cut off");
        const auto bytes = crypto::base64_decode(std::string_view(text).substr(from, to - from));
        if (bytes) EMU_CHECK(add_table(*bytes, places, chunks));
        from = to;
    }
    return {};
}

/// A resource fork: its data part is a list of lengths and bytes.
Result<void> read_resources(Node& file, u64 at, u64 length, const Places& places, std::vector<Chunk>& chunks) {
    if (length > max_text || length < 16 || !in_range(at, length, file.size())) return fail(EINVAL, "dmg resource fork is too long or lies outside the file");
    std::vector<u8> bytes(usize(length), 0);
    EMU_CHECK(file.read(at, bytes));
    const ByteView fork(bytes, Endian::big);
    const auto data = fork.sub(fork.u32_at(0), fork.u32_at(8));
    if (!data) return fail(EINVAL, "dmg resource fork is cut off");
    for (u64 from = 0; from + 4 <= data->size();) {
        const u64 size = data->u32_at(usize(from));
        const auto part = data->sub(from + 4, size);
        if (!part) return fail(EINVAL, "dmg resource is cut off");
        EMU_CHECK(add_table(part->bytes(), places, chunks));
        from += 4 + size;
    }
    return {};
}

int probe(ConstBytes, std::string_view name) { return name.ends_with(".dmg") ? 2 : 0; } // the magic is at the end

Result<NodePtr> open(NodePtr file, OpenArgs&) {
    const u64 trailer_at = EMU_TRY(find_trailer(*file));
    std::array<u8, trailer_bytes> raw;
    EMU_CHECK(file->read(trailer_at, raw));
    const ByteView trailer(raw, Endian::big);
    const Places places{.data = trailer.u64_at(24), .file_end = trailer_at};
    const u64 fork_at = trailer.u64_at(40), fork_length = trailer.u64_at(48), list_at = trailer.u64_at(216), list_length = trailer.u64_at(224);
    if (places.data > trailer_at) return fail(EINVAL, "dmg data fork lies outside the file");
    std::vector<Chunk> chunks;
    if (list_length)
        EMU_CHECK(read_property_list(*file, list_at, list_length, places, chunks));
    else if (fork_length)
        EMU_CHECK(read_resources(*file, fork_at, fork_length, places, chunks));
    else
        return fail(EINVAL, "dmg image without a block table");
    EMU_CHECK(ChunkNode::check(chunks, file->size()));
    u64 size = trailer.u64_at(492) > (u64(1) << 50) ? 0 : trailer.u64_at(492) * sector;
    if (!chunks.empty()) size = std::max(size, chunks.back().at + chunks.back().length);
    return NodePtr(std::make_shared<DmgNode>(std::move(file), std::move(chunks), size));
}

} // namespace

extern const Driver dmg_driver{.name = "dmg", .probe = probe, .open = open, .read_only = true, .summary = "Apple disk image"};

} // namespace emu::block
