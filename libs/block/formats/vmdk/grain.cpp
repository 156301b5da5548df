// SPDX-License-Identifier: MIT
// Compressed grains are zlib streams (RFC 1950) behind a marker that says which sector of the disk they start at.
#include "block/formats/vmdk/sparse.h"

#include "common/bits.h"
#include "common/bytes.h"

#include <cerrno>
#include <libdeflate.h>
#include <memory>

namespace emu::block::vmdk {

namespace {

constexpr int level = 6;

struct FreeCompressor {
    void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};
struct FreeDecompressor {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};

} // namespace

Result<std::vector<u8>> pack_grain(u64 lba, ConstBytes grain) {
    thread_local std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(libdeflate_alloc_compressor(level));
    if (!compressor) return fail(ENOMEM, "no memory to compress");
    std::vector<u8> out(marker_bytes + libdeflate_zlib_compress_bound(compressor.get(), grain.size()));
    const usize length = libdeflate_zlib_compress(compressor.get(), grain.data(), grain.size(), out.data() + marker_bytes, out.size() - marker_bytes);
    if (length == 0) return fail(EIO, "a grain does not compress");
    put_le64(out, 0, lba);
    put_le32(out, 8, u32(length));
    out.resize(usize(align_up(u64(marker_bytes + length), sector)));
    std::fill(out.begin() + long(marker_bytes + length), out.end(), u8(0));
    return out;
}

Result<void> unpack_grain(ConstBytes packed, Bytes grain) {
    thread_local std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(libdeflate_alloc_decompressor());
    if (!decompressor) return fail(ENOMEM, "no memory to decompress");
    size_t length = 0;
    const auto status = libdeflate_zlib_decompress(decompressor.get(), packed.data(), packed.size(), grain.data(), grain.size(), &length);
    if (status != LIBDEFLATE_SUCCESS) return fail(EIO, "a compressed grain is damaged");
    std::fill(grain.begin() + long(length), grain.end(), u8(0)); // the disk's last grain may be short
    return {};
}

std::vector<u8> make_marker(u64 sectors, Marker kind) {
    std::vector<u8> out(sector);
    put_le64(out, 0, sectors);
    put_le32(out, 12, u32(kind));
    return out;
}

std::vector<u8> make_stream_end(u64 at, ConstBytes directory, SparseHeader header) {
    const u64 sectors = (directory.size() + sector - 1) / sector;
    std::vector<u8> out = make_marker(sectors, Marker::directory);
    out.insert(out.end(), directory.begin(), directory.end());
    out.resize(usize((1 + sectors) * sector));
    header.directory_at = at / sector + 1;
    for (const auto& part : {make_marker(1, Marker::footer), header.serialise(), make_marker(0, Marker::end)}) out.insert(out.end(), part.begin(), part.end());
    return out;
}

} // namespace emu::block::vmdk
