// SPDX-License-Identifier: MIT
#include "block/formats/qcow2/header.h"

#include "common/bits.h"
#include "common/bytes.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::block::qcow2 {
namespace {

// Offsets of header fields ("Header").
enum : usize {
    at_version = 4, at_backing_offset = 8, at_backing_size = 16, at_cluster_bits = 20, at_size = 24, at_crypt = 32, at_l1_size = 36,
    at_l1_offset = 40, at_reftable_offset = 48, at_reftable_clusters = 56, at_snapshots = 60, at_snapshots_offset = 64,
    at_incompatible = 72, at_compatible = 80, at_autoclear = 88, at_refcount_order = 96, at_header_length = 100, at_compression = 104,
};
constexpr u32 max_backing_name = 1023;
constexpr u64 max_l1_bytes = u64(32) << 20, max_reftable_bytes = u64(8) << 20, max_snapshots = 65536;

struct FeatureName {
    u8 kind, bit;
    std::string_view name;
};
constexpr FeatureName feature_names[] = {
    {0, 0, "dirty bit"}, {0, 1, "corrupt bit"}, {0, 2, "external data file"}, {0, 3, "compression type"},
    {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"}, {2, 0, "bitmaps"}, {2, 1, "raw external data"},
};
constexpr usize feature_name_size = 48;

std::string text_of(ConstBytes bytes) { return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()); }

/// Names for bits we do not know, from the image's own table where it has one.
std::string unknown_features(u64 bits, const std::vector<u8>& names) {
    std::string out;
    for (unsigned bit = 0; bit < 64; bit++) {
        if (!(bits >> bit & 1)) continue;
        std::string name = fmt::format("Unknown incompatible feature: {:x}", u64(1) << bit);
        for (usize at = 0; at + feature_name_size <= names.size(); at += feature_name_size)
            if (names[at] == 0 && names[at + 1] == bit) {
                name = text_of(ConstBytes(names).subspan(at + 2, feature_name_size - 2));
                name.resize(std::min(name.find('\0'), name.size()));
            }
        out += (out.empty() ? "" : ", ") + name;
    }
    return out;
}

Result<void> take_extension(Header& h, Extension extension, std::vector<u8>& names) {
    const ByteView v(extension.data, Endian::big);
    switch (extension.type) {
    case ext_backing_format:
        if (v.size() >= 16) return fail(EINVAL, fmt::format("ERROR: ext_backing_format: len={} too large (>=16)", v.size()));
        h.backing_format = text_of(extension.data);
        return {};
    case ext_feature_names: names = extension.data; return {};
    case ext_data_file: h.data_file = text_of(extension.data); return {};
    case ext_bitmaps:
        if (v.size() != 24) return fail(EINVAL, "bitmaps_ext: Invalid extension length");
        if (h.version < 3 || !(h.autoclear & autoclear_bitmaps)) return {}; // written by a program that did not keep them
        if (v.u32_at(4)) return fail(EINVAL, "bitmaps_ext: Reserved field is not zero");
        h.bitmaps = BitmapsExtension{v.u32_at(0), v.u64_at(8), v.u64_at(16)};
        if (!h.bitmaps->count) return fail(EINVAL, "bitmaps_ext: found bitmaps extension with zero bitmaps");
        if (h.bitmaps->count > 65535) return fail(EINVAL, fmt::format("bitmaps_ext: image has {} bitmaps, exceeding the supported maximum of 65535", h.bitmaps->count));
        if (h.bitmaps->directory_offset & (h.cluster_size() - 1)) return fail(EINVAL, "bitmaps_ext: invalid bitmap directory offset");
        if (h.bitmaps->directory_size > u64(65536) * 1024) return fail(EINVAL, "bitmaps_ext: bitmap directory is too large");
        return {};
    case ext_crypto:
        if (h.crypt != CryptMethod::luks) return fail(EINVAL, "CRYPTO header extension only expected with LUKS encryption method");
        if (v.size() != 16) return fail(EINVAL, fmt::format("CRYPTO header extension size {}, but expected size 16", v.size()));
        h.crypto = CryptoExtension{v.u64_at(0), v.u64_at(8)};
        if (h.crypto->offset % h.cluster_size()) return fail(EINVAL, "Encryption header offset is not a multiple of cluster size");
        return {};
    default: h.unknown.push_back(std::move(extension)); return {};
    }
}

Result<void> read_extensions(Header& h, ByteView cluster, u64 end, std::vector<u8>& names) {
    u64 at = h.header_length;
    while (at + 8 <= end) {
        const auto head = cluster.sub(at, 8);
        if (!head) return fail(EINVAL, "header extensions run out of the first cluster");
        const u32 type = head->u32_at(0), length = head->u32_at(4);
        at += 8;
        if (type == ext_end) return {};
        if (length > end - at) return fail(EINVAL, "Header extension too large");
        const auto body = cluster.sub(at, length);
        if (!body) return fail(EINVAL, "Header extension too large");
        EMU_CHECK(take_extension(h, {type, {body->bytes().begin(), body->bytes().end()}}, names));
        at += align_up<u64>(length, 8);
    }
    return {};
}

Result<void> check_tables(const Header& h) {
    const u64 cluster = h.cluster_size();
    if (h.l1_size > max_l1_bytes / 8) return fail(EFBIG, "Active L1 table too large");
    if (h.l1_offset % cluster || h.l1_offset > INT64_MAX - max_l1_bytes) return fail(EINVAL, "Active L1 table offset invalid");
    if (h.l1_size < h.l1_entries_for(h.size)) return fail(EINVAL, "L1 table is too small");
    if (u64(h.refcount_table_clusters) << h.cluster_bits > max_reftable_bytes) return fail(EINVAL, "Image does not contain a reference count table");
    if (!h.refcount_table_clusters) return fail(EINVAL, "Image does not contain a reference count table");
    if (h.refcount_table_offset % cluster || h.refcount_table_offset > INT64_MAX - max_reftable_bytes)
        return fail(EINVAL, "Reference count table offset invalid");
    if (h.snapshot_count > max_snapshots) return fail(EINVAL, "Snapshot table too large");
    if (h.snapshots_offset % cluster) return fail(EINVAL, "Snapshot table offset invalid");
    return {};
}

Result<void> check_features(const Header& h, const std::vector<u8>& names) {
    if (const u64 strange = h.incompatible & ~incompat_known)
        return fail(ENOTSUP, fmt::format("Unsupported qcow2 feature(s): {}", unknown_features(strange, names)));
    if (h.refcount_order > 6) return fail(EINVAL, "Reference count entry width too large; may not exceed 64 bits");
    if (h.extended_l2() && h.cluster_bits < 14) return fail(EINVAL, "Extended L2 entries need clusters of 16 KiB or more");
    if (h.compression != Compression::zlib && !(h.incompatible & incompat_compression))
        return fail(EINVAL, "Compression type is set but its feature bit is not");
    if (h.incompatible & incompat_compression && h.compression == Compression::zlib)
        return fail(EINVAL, "Compression type incompatible feature bit must not be set");
    if (h.compression > Compression::zstd) return fail(ENOTSUP, fmt::format("Unknown compression type: {}", unsigned(h.compression)));
    return {};
}

Result<void> read_v3(Header& h, ByteView v) {
    h.incompatible = v.u64_at(at_incompatible);
    h.compatible = v.u64_at(at_compatible);
    h.autoclear = v.u64_at(at_autoclear);
    h.refcount_order = v.u32_at(at_refcount_order);
    h.header_length = v.u32_at(at_header_length);
    if (h.header_length < v3_header_size) return fail(EINVAL, "qcow2 header too short");
    if (h.header_length > h.cluster_size()) return fail(EINVAL, "qcow2 header exceeds cluster size");
    if (h.header_length > at_compression && v.size() > at_compression) h.compression = Compression(v.u8_at(at_compression));
    if (h.header_length > full_header_size) {
        auto rest = v.sub(full_header_size, h.header_length - full_header_size);
        if (!rest) return fail(EINVAL, "Unsupported qcow2 header length");
        h.unknown_fields.assign(rest->bytes().begin(), rest->bytes().end());
    }
    return {};
}

} // namespace

u64 Header::l1_entries_for(u64 bytes) const {
    const u64 covered = cluster_size() * l2_entries();
    return bytes / covered + (bytes % covered != 0);
}

Result<Header> read_header(Node& file) {
    const u64 there = file.size();
    std::vector<u8> first(std::min<u64>(there, 65536));
    EMU_CHECK(file.read(0, first));
    ByteView v(first, Endian::big);
    if (v.size() < 4 || v.u32_at(0) != magic) return fail(EINVAL, "Image is not in qcow2 format");
    Header h;
    h.version = v.size() < v2_header_size ? 0 : v.u32_at(at_version);
    if (h.version != 2 && h.version != 3) return fail(ENOTSUP, fmt::format("Unsupported qcow2 version {}", h.version));
    if (h.version == 3 && v.size() < v3_header_size) return fail(EINVAL, "qcow2 header too short");
    h.cluster_bits = v.u32_at(at_cluster_bits);
    if (h.cluster_bits < 9 || h.cluster_bits > 21) return fail(EINVAL, fmt::format("Unsupported cluster size: 2^{}", h.cluster_bits));
    if (h.cluster_size() < first.size()) {
        first.resize(h.cluster_size());
        v = ByteView(first, Endian::big);
    }
    h.header_length = v2_header_size;
    if (h.version == 3) EMU_CHECK(read_v3(h, v));
    h.size = v.u64_at(at_size);
    if (h.size > u64(INT64_MAX)) return fail(EFBIG, "Image size is larger than any file");
    h.crypt = CryptMethod(v.u32_at(at_crypt));
    if (h.crypt > CryptMethod::luks) return fail(EINVAL, fmt::format("Unsupported encryption method {}", u32(h.crypt)));
    h.l1_size = v.u32_at(at_l1_size);
    h.l1_offset = v.u64_at(at_l1_offset);
    h.refcount_table_offset = v.u64_at(at_reftable_offset);
    h.refcount_table_clusters = v.u32_at(at_reftable_clusters);
    h.snapshot_count = v.u32_at(at_snapshots);
    h.snapshots_offset = v.u64_at(at_snapshots_offset);
    const u64 backing_offset = v.u64_at(at_backing_offset);
    const u32 backing_size = v.u32_at(at_backing_size);
    if (backing_offset > h.cluster_size()) return fail(EINVAL, "Invalid backing file offset");
    std::vector<u8> names;
    if (h.version == 3 || backing_offset || h.header_length < first.size())
        EMU_CHECK(read_extensions(h, v, backing_offset ? backing_offset : std::min<u64>(h.cluster_size(), first.size()), names));
    EMU_CHECK(check_features(h, names));
    EMU_CHECK(check_tables(h));
    if (backing_offset && backing_size) {
        if (backing_size > max_backing_name) return fail(EINVAL, "Backing file name too long");
        auto name = v.sub(backing_offset, backing_size);
        if (!name) return fail(EINVAL, "Backing file name lies outside the first cluster");
        h.backing_file = text_of(name->bytes());
        if (h.backing_file.find('\0') != std::string::npos) return fail(EINVAL, "Backing file name contains a NUL byte");
    }
    if (h.crypt == CryptMethod::luks && !h.crypto) return fail(EINVAL, "CRYPTO header extension is missing");
    return h;
}

namespace {

void put_extension(std::vector<u8>& out, u32 type, ConstBytes data) {
    const usize at = out.size();
    out.resize(at + 8 + align_up<usize>(data.size(), 8));
    put_be32(out, at, type);
    put_be32(out, at + 4, u32(data.size()));
    std::copy(data.begin(), data.end(), out.begin() + std::ptrdiff_t(at) + 8);
}
ConstBytes bytes_of(const std::string& text) { return {reinterpret_cast<const u8*>(text.data()), text.size()}; }

void put_known_extensions(std::vector<u8>& out, const Header& h) {
    if (!h.backing_format.empty()) put_extension(out, ext_backing_format, bytes_of(h.backing_format));
    if (h.data_file) put_extension(out, ext_data_file, bytes_of(*h.data_file));
    if (h.crypto) {
        u8 body[16];
        put_be64(body, 0, h.crypto->offset);
        put_be64(body, 8, h.crypto->length);
        put_extension(out, ext_crypto, body);
    }
    if (h.version >= 3) {
        std::vector<u8> table(feature_name_size * std::size(feature_names));
        for (usize i = 0; i < std::size(feature_names); i++) {
            table[i * feature_name_size] = feature_names[i].kind;
            table[i * feature_name_size + 1] = feature_names[i].bit;
            std::copy(feature_names[i].name.begin(), feature_names[i].name.end(), table.begin() + std::ptrdiff_t(i * feature_name_size) + 2);
        }
        put_extension(out, ext_feature_names, table);
    }
    if (h.bitmaps && h.bitmaps->count) {
        u8 body[24] = {};
        put_be32(body, 0, h.bitmaps->count);
        put_be64(body, 8, h.bitmaps->directory_size);
        put_be64(body, 16, h.bitmaps->directory_offset);
        put_extension(out, ext_bitmaps, body);
    }
    for (const Extension& e : h.unknown) put_extension(out, e.type, e.data);
}

} // namespace

Result<std::vector<u8>> encode_header(const Header& h) {
    const u32 length = h.version == 2 ? v2_header_size : std::max<u32>(full_header_size + u32(h.unknown_fields.size()), full_header_size);
    std::vector<u8> out(length);
    put_be32(out, 0, magic);
    put_be32(out, at_version, h.version);
    put_be32(out, at_cluster_bits, h.cluster_bits);
    put_be64(out, at_size, h.size);
    put_be32(out, at_crypt, u32(h.crypt));
    put_be32(out, at_l1_size, h.l1_size);
    put_be64(out, at_l1_offset, h.l1_offset);
    put_be64(out, at_reftable_offset, h.refcount_table_offset);
    put_be32(out, at_reftable_clusters, h.refcount_table_clusters);
    put_be32(out, at_snapshots, h.snapshot_count);
    put_be64(out, at_snapshots_offset, h.snapshots_offset);
    if (h.version >= 3) {
        put_be64(out, at_incompatible, h.incompatible);
        put_be64(out, at_compatible, h.compatible);
        put_be64(out, at_autoclear, h.autoclear);
        put_be32(out, at_refcount_order, h.refcount_order);
        put_be32(out, at_header_length, length);
        out[at_compression] = u8(h.compression);
        std::copy(h.unknown_fields.begin(), h.unknown_fields.end(), out.begin() + full_header_size);
    }
    put_known_extensions(out, h);
    out.resize(out.size() + 8); // the end of extensions
    // 512-byte clusters have no room for names of features.
    if (out.size() + h.backing_file.size() > h.cluster_size() && h.version >= 3) {
        Header smaller = h;
        out.resize(length);
        std::vector<u8> rest;
        smaller.version = 2;
        put_known_extensions(rest, smaller);
        out.insert(out.end(), rest.begin(), rest.end());
        out.resize(out.size() + 8);
    }
    if (!h.backing_file.empty()) {
        if (h.backing_file.size() > max_backing_name) return fail(EINVAL, "Backing file name too long");
        put_be64(out, at_backing_offset, out.size());
        put_be32(out, at_backing_size, u32(h.backing_file.size()));
        out.insert(out.end(), h.backing_file.begin(), h.backing_file.end());
    }
    if (out.size() > h.cluster_size()) return fail(ENOSPC, "the header does not fit into its cluster");
    out.resize(h.cluster_size());
    return out;
}

} // namespace emu::block::qcow2
