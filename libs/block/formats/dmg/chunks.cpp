// SPDX-License-Identifier: MIT
#include "block/formats/dmg/chunks.h"

#include "common/library.h"
#include "common/checked.h"

#include <algorithm>
#include <bzlib.h>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <libdeflate.h>

namespace emu::block {

namespace {

constexpr u64 cached_bytes = u64(16) << 20; ///< and one chunk always

Result<void> unpack_zlib(ConstBytes packed, Bytes to) {
    struct Free {
        void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
    };
    thread_local std::unique_ptr<libdeflate_decompressor, Free> decompressor(libdeflate_alloc_decompressor());
    if (!decompressor) return fail(ENOMEM, "no memory to decompress");
    size_t length = 0;
    if (libdeflate_zlib_decompress(decompressor.get(), packed.data(), packed.size(), to.data(), to.size(), &length) != LIBDEFLATE_SUCCESS)
        return fail(EIO, "a compressed chunk is damaged");
    std::fill(to.begin() + long(length), to.end(), u8(0));
    return {};
}

/// Debian has no LZFSE; where Apple's reference library is installed, it is loaded for the first such chunk. Its face:
/// size_t lzfse_decode_buffer(uint8_t* to, size_t to_size, const uint8_t* from, size_t from_size, void* scratch).
Result<void> unpack_lzfse(ConstBytes packed, Bytes to) {
    using Decode = usize (*)(u8*, usize, const u8*, usize, void*);
    static const Result<void*> symbol = []() -> Result<void*> {
        void* const library = EMU_TRY(load_library({"liblzfse.so.1", "liblzfse.so"}));
        return library_symbol(library, "lzfse_decode_buffer");
    }();
    if (!symbol) return fail(Error(symbol.error()).in("a chunk is compressed with LZFSE"));
    const auto decode = reinterpret_cast<Decode>(*symbol);
    const usize length = decode(to.data(), to.size(), packed.data(), packed.size(), nullptr);
    if (length == 0) return fail(EIO, "a compressed chunk is damaged");
    std::fill(to.begin() + long(length), to.end(), u8(0));
    return {};
}

Result<void> unpack_bzip2(ConstBytes packed, Bytes to) {
    unsigned length = unsigned(to.size());
    const int status = BZ2_bzBuffToBuffDecompress(reinterpret_cast<char*>(to.data()), &length,
                                                  const_cast<char*>(reinterpret_cast<const char*>(packed.data())), unsigned(packed.size()), 0, 0);
    if (status != BZ_OK) return fail(EIO, "a compressed chunk is damaged");
    std::fill(to.begin() + long(length), to.end(), u8(0));
    return {};
}

} // namespace

Result<void> unpack_adc(ConstBytes packed, Bytes to) {
    usize out = 0;
    for (usize in = 0; in < packed.size() && out < to.size();) {
        const u8 head = packed[in];
        if (head & 0x80) { // a literal of 1 to 128 bytes
            const usize length = (head & 0x7fu) + 1;
            if (!in_range(in + 1, length, packed.size()) || !in_range(out, length, to.size())) return fail(EIO, "an ADC chunk is damaged");
            std::memcpy(to.data() + out, packed.data() + in + 1, length);
            in += 1 + length;
            out += length;
            continue;
        }
        const bool wide = head & 0x40;
        if (!in_range(in, wide ? 3 : 2, packed.size())) return fail(EIO, "an ADC chunk is damaged");
        const usize length = wide ? (head & 0x3fu) + 4 : ((head >> 2) & 0xfu) + 3;
        const usize back = 1 + (wide ? usize(packed[in + 1]) << 8 | packed[in + 2] : usize(head & 3) << 8 | packed[in + 1]);
        if (back > out || !in_range(out, length, to.size())) return fail(EIO, "an ADC chunk is damaged");
        for (usize i = 0; i < length; i++, out++) to[out] = to[out - back]; // may overlap: a run
        in += wide ? 3 : 2;
    }
    if (out != to.size()) return fail(EIO, "an ADC chunk is damaged");
    return {};
}

Result<void> unpack_chunk(Chunk::Kind kind, ConstBytes packed, Bytes to) {
    switch (kind) {
    case Chunk::Kind::zlib: return unpack_zlib(packed, to);
    case Chunk::Kind::bzip2: return unpack_bzip2(packed, to);
    case Chunk::Kind::adc: return unpack_adc(packed, to);
    case Chunk::Kind::lzfse: return unpack_lzfse(packed, to);
    case Chunk::Kind::zero:
    case Chunk::Kind::raw: break;
    }
    return fail(EINVAL, "not a compressed chunk");
}

Result<void> ChunkNode::check(std::vector<Chunk>& chunks, u64 file_size) {
    std::sort(chunks.begin(), chunks.end(), [](const Chunk& a, const Chunk& b) { return a.at < b.at; });
    u64 end = 0;
    for (const Chunk& c : chunks) {
        const auto stop = checked_add(c.at, c.length);
        if (!stop || *stop > u64(INT64_MAX) || c.at < end) return fail(EINVAL, "chunks of the image overlap");
        end = *stop;
        if (c.kind == Chunk::Kind::zero) continue;
        if (!in_range(c.file_at, c.file_length, file_size)) return fail(EINVAL, "a chunk lies outside the file");
        if (c.kind == Chunk::Kind::raw ? c.file_length < c.length : c.length > max_chunk || c.file_length > max_chunk)
            return fail(EINVAL, fmt::format("a chunk of {} bytes is too large", c.length));
    }
    return {};
}

ChunkNode::Part ChunkNode::part_at(u64 at, u64 length) const {
    auto behind = std::upper_bound(chunks_.begin(), chunks_.end(), at, [](u64 value, const Chunk& c) { return value < c.at; });
    if (behind != chunks_.begin()) {
        const Chunk& c = *std::prev(behind);
        if (at - c.at < c.length) return {&c, std::min(length, c.length - (at - c.at))};
    }
    return {nullptr, behind == chunks_.end() ? length : std::min(length, behind->at - at)};
}

Result<std::shared_ptr<const std::vector<u8>>> ChunkNode::unpacked(const Chunk& chunk) {
    {
        std::lock_guard lock(mutex_);
        for (auto it = cache_.begin(); it != cache_.end(); ++it) {
            if (it->first != &chunk) continue;
            cache_.splice(cache_.begin(), cache_, it);
            return cache_.front().second;
        }
    }
    std::vector<u8> packed(usize(chunk.file_length)), plain(usize(chunk.length));
    EMU_CHECK(file_->read(chunk.file_at, packed));
    EMU_CHECK(unpack_chunk(chunk.kind, packed, plain));
    auto shared = std::make_shared<const std::vector<u8>>(std::move(plain));
    std::lock_guard lock(mutex_);
    cache_.emplace_front(&chunk, shared);
    u64 total = 0;
    for (auto it = cache_.begin(); it != cache_.end(); ++it) {
        total += it->second->size();
        if (total <= cached_bytes || it == cache_.begin()) continue;
        cache_.erase(it, cache_.end());
        break;
    }
    return shared;
}

Result<void> ChunkNode::do_read(u64 at, Bytes to) {
    while (!to.empty()) {
        const Part part = part_at(at, to.size());
        const Bytes bytes = to.first(part.length);
        if (!part.chunk || part.chunk->kind == Chunk::Kind::zero)
            std::memset(bytes.data(), 0, bytes.size());
        else if (part.chunk->kind == Chunk::Kind::raw)
            EMU_CHECK(file_->read(part.chunk->file_at + (at - part.chunk->at), bytes));
        else
            std::memcpy(bytes.data(), EMU_TRY(unpacked(*part.chunk))->data() + (at - part.chunk->at), bytes.size());
        at += part.length;
        to = to.subspan(part.length);
    }
    return {};
}

Result<Extent> ChunkNode::do_extent(u64 at, u64 length) {
    const Part part = part_at(at, length);
    const bool zero = !part.chunk || part.chunk->kind == Chunk::Kind::zero;
    Extent out{.length = part.length, .data = !zero, .zero = zero, .allocated = true};
    if (zero) return out;
    if (part.chunk->kind == Chunk::Kind::raw) {
        out.offset = part.chunk->file_at + (at - part.chunk->at);
        out.file = file_.get();
    } else {
        out.compressed = true;
    }
    return out;
}

} // namespace emu::block
