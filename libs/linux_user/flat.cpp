// SPDX-License-Identifier: MIT
#include "linux_user/flat.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <zlib.h>

namespace emu::linux_user {
namespace {

// The header's fields, and bits of its flags.
enum : usize { version_at = 4, entry_at = 8, data_start_at = 12, data_end_at = 16, bss_end_at = 20, relocations_at = 28, relocation_count_at = 32, flags_at = 36 };
enum : u32 { flag_ram = 1, flag_got = 2, flag_gzip = 4, flag_gzip_data = 8 };
constexpr u32 newest_version = 4, old_version = 2;

/// What follows in the file, decompressed: `to` is filled as far as that goes.
Result<void> inflate_into(const ElfSource& source, u64 from, Bytes to) {
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 16) != Z_OK) return fail(ENOMEM, "cannot decompress"); // +16: with a gzip header
    stream.next_out = to.data();
    stream.avail_out = uInt(to.size());
    std::vector<u8> piece(usize(64) << 10);
    int status = Z_OK;
    while (status == Z_OK && stream.avail_out && from < source.size) {
        const usize size = usize(std::min<u64>(piece.size(), source.size - from));
        if (!source.read(from, Bytes(piece).first(size))) break;
        from += size;
        stream.next_in = piece.data();
        stream.avail_in = uInt(size);
        status = inflate(&stream, Z_NO_FLUSH);
    }
    const bool complete = stream.avail_out == 0 && (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR);
    inflateEnd(&stream);
    if (!complete) return fail(ENOEXEC, "the compressed part of the bFLT file is damaged or too short");
    return {};
}

Result<void> read_parts(const ElfSource& source, u32 flags, u32 plain, Bytes to) {
    const usize first = usize(std::min<u64>(flags & (flag_gzip | flag_gzip_data) ? plain : to.size(), to.size()));
    if (first > source.size || !source.read(0, to.first(first))) return fail(ENOEXEC, "the bFLT file is too short");
    return first == to.size() ? Result<void>() : inflate_into(source, first, to.subspan(first));
}

/// Applies the relocations of one image.
class Relocator {
public:
    Relocator(FlatImage& image, u32 text_at, u32 data_at, Endian order) : image_(image), text_at_(text_at), data_at_(data_at), order_(order) {}

    Result<void> run() {
        if (image_.position_independent) EMU_CHECK(table());
        for (u32 each : image_.relocations) EMU_CHECK(image_.version == old_version ? old_one(each) : one(each));
        return {};
    }

private:
    static Error bad() { return {ENOEXEC, "a relocation of the bFLT file leads outside of it", {}}; }

    /// An offset from the first instruction as an address.
    std::optional<u32> address(u32 offset) const {
        if (offset > image_.bss_end - flat_header_size) return std::nullopt;
        const u32 at = offset + flat_header_size;
        return at < image_.data_start ? text_at_ + at : data_at_ + (at - image_.data_start);
    }
    Result<void> table() {
        for (u64 at = image_.data_start; at + 4 <= image_.data_end; at += 4) {
            const u32 value = load<u32>(ConstBytes(image_.bytes), at, order_);
            if (value == ~u32(0)) return {};
            if (!value) continue;
            auto to = address(value);
            if (!to) return fail(bad());
            store<u32>(Bytes(image_.bytes), at, *to, order_);
        }
        return {};
    }
    Result<void> one(u32 offset) {
        const u64 at = u64(offset) + flat_header_size;
        if (at + 4 > image_.data_end) return fail(bad());
        const u32 value = load<u32>(ConstBytes(image_.bytes), at, image_.position_independent ? order_ : Endian::big);
        if (!value) return {};
        auto to = address(value);
        if (!to) return fail(bad());
        store<u32>(Bytes(image_.bytes), at, *to, order_);
        return {};
    }
    /// Version 2: what the word is relative to is in the upper two bits, where it is (from the data on) in the others.
    Result<void> old_one(u32 relocation) {
        const u32 type = relocation >> 30;
        const s64 at = s64(image_.data_start) + (s32(relocation << 2) >> 2);
        if (type > 2 || at < s64(flat_header_size) || at + 4 > s64(image_.data_end)) return fail(bad());
        const u32 base = type == 0 ? text_at_ + flat_header_size : type == 1 ? data_at_ : data_at_ + (image_.data_end - image_.data_start);
        store<u32>(Bytes(image_.bytes), usize(at), load<u32>(ConstBytes(image_.bytes), usize(at), order_) + base, order_);
        return {};
    }

    FlatImage& image_;
    u32 text_at_, data_at_;
    Endian order_;
};

} // namespace

bool is_flat(ConstBytes head) {
    static constexpr u8 magic[] = {'b', 'F', 'L', 'T'};
    return head.size() >= sizeof magic && std::equal(std::begin(magic), std::end(magic), head.begin());
}

Result<FlatImage> parse_flat(const ElfSource& source) {
    std::array<u8, flat_header_size> head{};
    if (source.size < head.size() || !source.read(0, head) || !is_flat(head)) return fail(ENOEXEC, "no bFLT file");
    auto field = [&](usize at) { return load<u32>(ConstBytes(head), at, Endian::big); };
    FlatImage image;
    image.version = field(version_at);
    if (image.version != newest_version && image.version != old_version) return fail(ENOEXEC, "bFLT files are known in versions 2 and 4");
    image.entry = field(entry_at) & 0xffffff; // above are flags of old tools
    image.data_start = field(data_start_at);
    image.data_end = field(data_end_at);
    image.bss_end = field(bss_end_at);
    u32 flags = field(flags_at);
    if (image.version == old_version) flags &= flag_ram;
    image.position_independent = flags & flag_got;
    const u64 first = field(relocations_at), count = field(relocation_count_at), end = first + count * 4;
    if (image.data_start < flat_header_size || image.data_end < image.data_start || image.bss_end < image.data_end || image.bss_end > largest_flat ||
        image.entry >= image.data_start || (count && first < flat_header_size) || end > largest_flat)
        return fail(ENOEXEC, "the header of the bFLT file makes no sense");
    // Not more memory than such a file can fill: gzip's ratio is below 1032.
    const u64 size = std::max<u64>(image.data_end, count ? end : 0);
    if (size > (flags & (flag_gzip | flag_gzip_data) ? source.size * 1032 : source.size)) return fail(ENOEXEC, "the bFLT file is too short");
    image.bytes.resize(usize(size));
    EMU_CHECK(read_parts(source, flags, flags & flag_gzip ? flat_header_size : image.data_start, image.bytes));
    for (u64 i = 0; i < count; i++) image.relocations.push_back(load<u32>(ConstBytes(image.bytes), usize(first + i * 4), Endian::big));
    image.bytes.resize(image.data_end);
    return image;
}

Result<void> relocate_flat(FlatImage& image, u32 text_at, u32 data_at, Endian order) { return Relocator(image, text_at, data_at, order).run(); }

} // namespace emu::linux_user
