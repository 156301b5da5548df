// SPDX-License-Identifier: MIT
#include "block/formats/vhdx/format.h"

#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <set>
#include <sys/random.h>

namespace emu::block::vhdx {

namespace {

constexpr Guid bat_region = guid(0x2dc27766, 0xf623, 0x4200, {0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08});
constexpr Guid metadata_region = guid(0x8b7ca206, 0x4790, 0x4b9a, {0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e});
constexpr Guid item_file_parameters = guid(0xcaa16737, 0xfa36, 0x4d43, {0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b});
constexpr Guid item_disk_size = guid(0x2fa54224, 0xcd1b, 0x4876, {0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8});
constexpr Guid item_disk_id = guid(0xbeca12ab, 0xb2e6, 0x4523, {0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46});
constexpr Guid item_logical_sector = guid(0x8141bf1d, 0xa96f, 0x4709, {0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f});
constexpr Guid item_physical_sector = guid(0xcda348c7, 0x445d, 0x4471, {0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56});
constexpr Guid item_parent_locator = guid(0xa8d35f2d, 0xb30b, 0x454d, {0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c});

constexpr std::array<u32, 256> crc_table = [] {
    std::array<u32, 256> table{};
    for (u32 i = 0; i < 256; i++) {
        u32 value = i;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ 0x82f63b78u : value >> 1;
        table[i] = value;
    }
    return table;
}();

Guid guid_at(ByteView view, usize at) {
    Guid out;
    std::copy_n(view.bytes().begin() + long(at), 16, out.begin());
    return out;
}
void put_guid(Bytes to, usize at, const Guid& g) { std::copy(g.begin(), g.end(), to.begin() + long(at)); }
void put_text(Bytes to, usize at, std::string_view text) { std::copy(text.begin(), text.end(), to.begin() + long(at)); }
void put_checksum(Bytes to, usize field) { put_le32(to, field, checksum(to, field)); }

} // namespace

Result<Guid> random_guid() {
    Guid g;
    if (getrandom(g.data(), g.size(), 0) != ssize_t(g.size())) return fail(EIO, "no random bytes for a GUID");
    g[7] = u8((g[7] & 0x0f) | 0x40);
    g[8] = u8((g[8] & 0x3f) | 0x80);
    return g;
}

u32 checksum(ConstBytes bytes, usize field) {
    u32 value = ~0u;
    for (usize i = 0; i < bytes.size(); i++) {
        const u8 byte = i >= field && i < field + 4 ? 0 : bytes[i];
        value = (value >> 8) ^ crc_table[(value ^ byte) & 0xff];
    }
    return ~value;
}

Result<Header> Header::parse(ConstBytes bytes) {
    const ByteView h(bytes);
    if (bytes.size() != header_bytes || !h.starts_with("head")) return fail(EINVAL, "no VHDX header");
    if (h.u32_at(4) != checksum(bytes, 4)) return fail(EINVAL, "wrong checksum of the VHDX header");
    Header out{.sequence = h.u64_at(8), .file_write = guid_at(h, 16), .data_write = guid_at(h, 32), .log = guid_at(h, 48),
               .log_bytes = h.u32_at(68), .log_at = h.u64_at(72)};
    if (h.u16_at(66) != 1) return fail(ENOTSUP, fmt::format("VHDX version {} is not supported", h.u16_at(66)));
    if (h.u16_at(64) != 0) return fail(ENOTSUP, fmt::format("VHDX log version {} is not supported", h.u16_at(64)));
    if (out.log_at < MiB || out.log_at % MiB || out.log_bytes == 0 || out.log_bytes % MiB || out.log_at > u64(INT64_MAX) / 2)
        return fail(EINVAL, "the VHDX log is not where it may be");
    return out;
}

std::vector<u8> Header::serialise() const {
    std::vector<u8> bytes(header_bytes);
    put_text(bytes, 0, "head");
    put_le64(bytes, 8, sequence);
    put_guid(bytes, 16, file_write);
    put_guid(bytes, 32, data_write);
    put_guid(bytes, 48, log);
    put_le16(bytes, 66, 1);
    put_le32(bytes, 68, log_bytes);
    put_le64(bytes, 72, log_at);
    put_checksum(bytes, 4);
    return bytes;
}

Result<Regions> Regions::parse(ConstBytes bytes) {
    const ByteView r(bytes);
    if (bytes.size() != region_bytes || !r.starts_with("regi")) return fail(EINVAL, "no VHDX region table");
    if (r.u32_at(4) != checksum(bytes, 4)) return fail(EINVAL, "wrong checksum of the VHDX region table");
    const u32 count = r.u32_at(8);
    if (count > 2047) return fail(EINVAL, fmt::format("VHDX region table with {} entries", count));
    Regions out;
    bool have_bat = false, have_metadata = false;
    for (u32 i = 0; i < count; i++) {
        const ByteView e = *r.sub(16 + u64(i) * 32, 32);
        const Guid id = guid_at(e, 0);
        const Region region{e.u64_at(16), e.u32_at(24)};
        bool& seen = id == bat_region ? have_bat : have_metadata;
        if (id != bat_region && id != metadata_region) {
            if (e.u32_at(28) & 1) return fail(ENOTSUP, "VHDX image requires a region of an unknown kind");
            continue;
        }
        if (seen) return fail(EINVAL, "VHDX region listed twice");
        seen = true;
        if (region.at < MiB || region.at % MiB || region.bytes % MiB || region.bytes == 0 || region.at > u64(INT64_MAX) / 2)
            return fail(EINVAL, "VHDX region is not where it may be");
        (id == bat_region ? out.bat : out.metadata) = region;
    }
    if (!have_bat || !have_metadata) return fail(EINVAL, "VHDX image without block table or metadata");
    if (out.bat.at < out.metadata.at + out.metadata.bytes && out.metadata.at < out.bat.at + out.bat.bytes)
        return fail(EINVAL, "VHDX regions overlap");
    return out;
}

std::vector<u8> Regions::serialise() const {
    std::vector<u8> bytes(region_bytes);
    put_text(bytes, 0, "regi");
    put_le32(bytes, 8, 2);
    usize at = 16;
    for (const auto& [id, region] : {std::pair{bat_region, bat}, std::pair{metadata_region, metadata}}) {
        put_guid(bytes, at, id);
        put_le64(bytes, at + 16, region.at);
        put_le32(bytes, at + 24, u32(region.bytes));
        put_le32(bytes, at + 28, 1);
        at += 32;
    }
    put_checksum(bytes, 4);
    return bytes;
}

namespace {

struct Item {
    Guid id;
    u32 at, bytes, flags;
};
constexpr u32 flag_virtual = 2, flag_required = 4;
constexpr usize items_at = 64 * KiB;

Result<std::vector<Item>> parse_items(ByteView table) {
    if (!table.starts_with("metadata")) return fail(EINVAL, "no VHDX metadata table");
    const u16 count = table.u16_at(10);
    if (count > 2047) return fail(EINVAL, fmt::format("VHDX metadata table with {} entries", count));
    std::vector<Item> out;
    std::set<Guid> seen;
    for (u32 i = 0; i < count; i++) {
        const ByteView e = *table.sub(32 + u64(i) * 32, 32);
        const Item item{guid_at(e, 0), e.u32_at(16), e.u32_at(20), e.u32_at(24)};
        if (item.flags & 1) continue; // a user's
        if (!seen.insert(item.id).second) return fail(EINVAL, "VHDX metadata item listed twice");
        out.push_back(item);
    }
    return out;
}

Result<void> check_metadata(const Metadata& m) {
    if (m.block_bytes < MiB || m.block_bytes > 256 * MiB || !is_power_of_two(m.block_bytes))
        return fail(EINVAL, fmt::format("VHDX block size {} is impossible", m.block_bytes));
    if (m.logical_sector != 512 && m.logical_sector != 4096)
        return fail(EINVAL, fmt::format("VHDX logical sector size {} is impossible", m.logical_sector));
    if (m.physical_sector != 512 && m.physical_sector != 4096)
        return fail(EINVAL, fmt::format("VHDX physical sector size {} is impossible", m.physical_sector));
    if (m.disk_bytes % m.logical_sector || m.disk_bytes > (u64(64) << 40))
        return fail(EINVAL, fmt::format("VHDX disk size {} is impossible", m.disk_bytes));
    if (m.has_parent) return fail(ENOTSUP, "VHDX images with a parent are not supported");
    return {};
}

} // namespace

Result<Metadata> Metadata::read(Node& file, const Region& region) {
    std::vector<u8> bytes(64 * KiB);
    if (region.bytes < bytes.size() || !in_range(region.at, bytes.size(), file.size())) return fail(EINVAL, "VHDX metadata lies outside the file");
    EMU_CHECK(file.read(region.at, bytes));
    Metadata out;
    unsigned seen = 0;
    for (const Item& item : EMU_TRY(parse_items(ByteView(bytes)))) {
        std::array<u8, 16> value = {};
        const auto load = [&](usize needed) -> Result<void> {
            if (item.bytes < needed || item.at < items_at || !in_range(item.at, needed, region.bytes) ||
                !in_range(region.at + item.at, needed, file.size()))
                return fail(EINVAL, "VHDX metadata item lies outside its region");
            return file.read(region.at + item.at, Bytes(value).first(needed));
        };
        if (item.id == item_file_parameters) {
            EMU_CHECK(load(8));
            out.block_bytes = le32(value);
            out.leave_allocated = le32(value, 4) & 1;
            out.has_parent = le32(value, 4) & 2;
            seen |= 1;
        } else if (item.id == item_disk_size) {
            EMU_CHECK(load(8));
            out.disk_bytes = le64(value);
            seen |= 2;
        } else if (item.id == item_disk_id) {
            EMU_CHECK(load(16));
            out.disk_id = value;
            seen |= 4;
        } else if (item.id == item_logical_sector || item.id == item_physical_sector) {
            EMU_CHECK(load(4));
            (item.id == item_logical_sector ? out.logical_sector : out.physical_sector) = le32(value);
            seen |= item.id == item_logical_sector ? 8 : 16;
        } else if (item.flags & flag_required && item.id != item_parent_locator) {
            return fail(ENOTSUP, "VHDX image requires a metadata item of an unknown kind");
        }
    }
    if (seen != 31) return fail(EINVAL, "VHDX metadata is incomplete");
    EMU_CHECK(check_metadata(out));
    return out;
}

std::vector<u8> Metadata::serialise() const {
    std::vector<u8> bytes(items_at + 4 * KiB);
    put_text(bytes, 0, "metadata");
    u32 count = 0, at = u32(items_at);
    const auto item = [&](const Guid& id, u32 length, u32 flags) {
        const usize entry = 32 + usize(count++) * 32;
        put_guid(bytes, entry, id);
        put_le32(bytes, entry + 16, at);
        put_le32(bytes, entry + 20, length);
        put_le32(bytes, entry + 24, flags);
        at += length;
        return usize(at - length);
    };
    const usize parameters = item(item_file_parameters, 8, flag_required);
    put_le32(bytes, parameters, block_bytes);
    put_le32(bytes, parameters + 4, leave_allocated ? 1 : 0);
    put_le64(bytes, item(item_disk_size, 8, flag_required | flag_virtual), disk_bytes);
    put_guid(bytes, item(item_disk_id, 16, flag_required | flag_virtual), disk_id);
    put_le32(bytes, item(item_logical_sector, 4, flag_required | flag_virtual), logical_sector);
    put_le32(bytes, item(item_physical_sector, 4, flag_required | flag_virtual), physical_sector);
    put_le16(bytes, 10, u16(count));
    return bytes;
}

} // namespace emu::block::vhdx
