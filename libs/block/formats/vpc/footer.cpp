// SPDX-License-Identifier: MIT
#include "block/formats/vpc/footer.h"

#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {

namespace {

constexpr std::string_view footer_cookie = "conectix", header_cookie = "cxsparse";
constexpr usize footer_checksum_at = 64, header_checksum_at = 36;
constexpr u32 format_version = 0x00010000;

/// Ones' complement of the sum of all bytes, the field itself counting as zero.
u32 checksum(ConstBytes bytes, usize field) {
    u32 sum = 0;
    for (usize i = 0; i < bytes.size(); i++) {
        if (i < field || i >= field + 4) sum += bytes[i];
    }
    return ~sum;
}

void put_text(Bytes to, usize at, std::string_view text) { std::copy(text.begin(), text.end(), to.begin() + long(at)); }

} // namespace

Result<VhdFooter> VhdFooter::parse(ConstBytes raw) {
    if (raw.size() != bytes) return fail(EINVAL, "a VHD footer has 512 bytes");
    const ByteView f(raw, Endian::big);
    if (!f.starts_with(footer_cookie)) return fail(EINVAL, "invalid VPC image");
    if (f.u32_at(12) >> 16 != 1) return fail(ENOTSUP, fmt::format("VHD version {:#x} is not supported", f.u32_at(12)));
    VhdFooter out;
    out.data_offset = f.u64_at(16);
    out.timestamp = f.u32_at(24);
    std::copy_n(raw.begin() + 28, 4, out.creator.begin());
    out.original_size = f.u64_at(40);
    out.current_size = f.u64_at(48);
    out.geometry = {f.u16_at(56), f.u8_at(58), f.u8_at(59)};
    const u32 type = f.u32_at(60);
    if (type < 2 || type > 4) return fail(ENOTSUP, fmt::format("VHD disk type {} is not supported", type));
    out.type = Type(type);
    std::copy_n(raw.begin() + 68, 16, out.uuid.begin());
    out.checksum_wrong = f.u32_at(footer_checksum_at) != checksum(raw, footer_checksum_at);
    return out;
}

std::array<u8, VhdFooter::bytes> VhdFooter::serialise() const {
    std::array<u8, bytes> raw = {};
    const Bytes f(raw);
    put_text(f, 0, footer_cookie);
    put_be32(f, 8, 2); // features: the reserved bit that is always set
    put_be32(f, 12, format_version);
    put_be64(f, 16, data_offset);
    put_be32(f, 24, timestamp);
    put_text(f, 28, std::string_view(creator.data(), creator.size()));
    put_be32(f, 32, 0x00010000);
    put_text(f, 36, "Wi2k");
    put_be64(f, 40, original_size);
    put_be64(f, 48, current_size);
    put_be16(f, 56, geometry.cylinders);
    f[58] = geometry.heads;
    f[59] = geometry.sectors;
    put_be32(f, 60, u32(type));
    std::copy(uuid.begin(), uuid.end(), raw.begin() + 68);
    put_be32(f, footer_checksum_at, checksum(raw, footer_checksum_at));
    return raw;
}

bool VhdFooter::trusts_current_size() const {
    if (geometry.total() >= vhd_max_geometry) return true; // the geometry says only "at least so large"
    if (geometry.total() == 0) return true;
    // Virtual PC shows the geometry's size to its guests, and QEMU follows it unless told to be exact ("qem2"). All others
    // mean the size that they write.
    const std::string_view name(creator.data(), creator.size());
    return name != "vpc " && name != "qemu";
}

Result<VhdDynamicHeader> VhdDynamicHeader::parse(ConstBytes raw) {
    if (raw.size() != bytes) return fail(EINVAL, "a VHD dynamic header has 1024 bytes");
    const ByteView h(raw, Endian::big);
    if (!h.starts_with(header_cookie)) return fail(EINVAL, "VHD image without its dynamic header");
    VhdDynamicHeader out;
    out.table_offset = h.u64_at(16);
    out.entries = h.u32_at(28);
    out.block_bytes = h.u32_at(32);
    if (h.u32_at(header_checksum_at) != checksum(raw, header_checksum_at)) return fail(EINVAL, "wrong checksum of the VHD dynamic header");
    if (!is_power_of_two(out.block_bytes) || out.block_bytes < 512 || out.block_bytes > (1u << 30))
        return fail(EINVAL, fmt::format("Invalid block size {}", out.block_bytes));
    if (out.table_offset < bytes || out.table_offset % 512) return fail(EINVAL, "VHD block table is not where it may be");
    return out;
}

std::array<u8, VhdDynamicHeader::bytes> VhdDynamicHeader::serialise() const {
    std::array<u8, bytes> raw = {};
    const Bytes h(raw);
    put_text(h, 0, header_cookie);
    put_be64(h, 8, ~u64(0));
    put_be64(h, 16, table_offset);
    put_be32(h, 24, format_version);
    put_be32(h, 28, entries);
    put_be32(h, 32, block_bytes);
    put_be32(h, header_checksum_at, checksum(raw, header_checksum_at));
    return raw;
}

} // namespace emu::block
