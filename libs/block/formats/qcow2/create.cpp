// SPDX-License-Identifier: MIT
// Fresh images: the header, a refcount table and block, an empty L1 table; then whatever preallocation asks for.
#include "block/chain.h"
#include "block/formats/luks/luks_options.h"
#include "block/formats/qcow2/image.h"
#include "block/formats/qcow2/luks.h"
#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block::qcow2 {
namespace {

Result<void> take_compat(KeyValues& o, Header& h) {
    const std::string compat = o.take("compat").value_or("v3");
    if (compat == "0.10" || compat == "v2") h.version = 2;
    else if (compat == "1.1" || compat == "v3") h.version = 3;
    else return fail(EINVAL, fmt::format("Parameter 'version' does not accept value '{}'", compat));
    return {};
}

Result<void> take_features(KeyValues& o, Header& h) {
    const bool v3 = h.version >= 3;
    if (EMU_TRY(o.take_bool("lazy_refcounts")).value_or(false)) {
        if (!v3) return fail(EINVAL, "Lazy refcounts only supported with compatibility level 1.1 and above (use version=v3 or greater)");
        h.compatible |= compat_lazy_refcounts;
    }
    if (EMU_TRY(o.take_bool("extended_l2")).value_or(false)) {
        if (h.cluster_size() < 16384) return fail(EINVAL, "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes");
        if (!v3) return fail(EINVAL, "Extended L2 entries are only supported with compatibility level 1.1 and above (use version=v3 or greater)");
        h.incompatible |= incompat_extended_l2;
    }
    const std::string compression = o.take("compression_type").value_or("zlib");
    if (compression == "zstd") {
        if (!v3) return fail(EINVAL, "Non-zlib compression type is only supported with compatibility level 1.1 and above (use version=v3 or greater)");
        h.compression = Compression::zstd;
        h.incompatible |= incompat_compression;
    } else if (compression != "zlib") {
        return fail(EINVAL, fmt::format("Parameter 'compression-type' does not accept value '{}'", compression));
    }
    const u64 bits = EMU_TRY(o.take_number("refcount_bits")).value_or(16);
    if (bits > 64 || !is_power_of_two(bits)) return fail(EINVAL, "Refcount width must be a power of two and may not exceed 64 bits");
    if (bits != 16 && !v3) return fail(EINVAL, "Different refcount widths than 16 bits require compatibility level 1.1 or above (use version=v3 or greater)");
    h.refcount_order = unsigned(std::countr_zero(bits));
    return {};
}

Result<void> take_files(KeyValues& o, Header& h) {
    h.backing_file = o.take("backing_file").value_or("");
    h.backing_format = o.take("backing_fmt").value_or("");
    h.data_file = o.take("data_file");
    const bool raw = EMU_TRY(o.take_bool("data_file_raw")).value_or(false);
    if (raw && !h.data_file) return fail(EINVAL, "data-file-raw requires data-file");
    if (raw && !h.backing_file.empty()) return fail(EINVAL, "Backing file and data-file-raw cannot be used at the same time");
    if (h.data_file && h.version < 3) return fail(EINVAL, "External data files are only supported with compatibility level 1.1 and above (use version=v3 or greater)");
    if (h.data_file) h.incompatible |= incompat_data_file;
    if (raw) h.autoclear |= autoclear_raw_data_file;
    if (h.backing_format.size() >= 16) return fail(EINVAL, "Backing format name too long");
    return {};
}

Result<void> take_encryption(KeyValues& o, Header& h) {
    auto format = o.take("encrypt.format");
    if (EMU_TRY(o.take_bool("encryption")).value_or(false)) {
        if (format) return fail(EINVAL, "Options encryption and encrypt.format are mutually exclusive");
        format = "aes";
    }
    if (!format) return {};
    if (*format == "aes") h.crypt = CryptMethod::aes;
    else if (*format == "luks") h.crypt = CryptMethod::luks;
    else return fail(EINVAL, fmt::format("Parameter 'format' does not accept value '{}'", *format));
    return {};
}

Result<void> check_geometry(Header& h) {
    if (!is_power_of_two(h.cluster_size())) return fail(EINVAL, "Cluster size must be a power of two");
    if (h.l1_entries_for(h.size) * 8 > u64(32) << 20) return fail(EFBIG, "The image size is too large for file format 'qcow2' (try using a larger cluster size)");
    return {};
}

Result<void> write_skeleton(Node& file, Header& h) {
    const u64 cluster = h.cluster_size();
    h.refcount_table_clusters = 1;
    h.refcount_table_offset = cluster;
    h.l1_size = u32(h.l1_entries_for(h.size));
    const u64 l1_clusters = (u64(h.l1_size) * 8 + cluster - 1) >> h.cluster_bits;
    // Header, refcount table, refcount blocks for what is used so far, L1 table.
    u64 used = 3 + l1_clusters, blocks = 1;
    while (blocks * h.refcount_block_entries() < used) {
        blocks++;
        used++;
    }
    if (blocks * 8 > cluster) return fail(EFBIG, "the L1 table does not fit into an image of such small clusters");
    h.l1_offset = (2 + blocks) * cluster;
    EMU_CHECK(reach(file, used * cluster));
    std::vector<u8> table(cluster), block(cluster);
    for (u64 b = 0; b < blocks; b++) {
        put_be64(table, b * 8, (2 + b) * cluster);
        std::fill(block.begin(), block.end(), u8(0));
        const u64 first = b * h.refcount_block_entries();
        for (u64 i = 0; i < h.refcount_block_entries() && first + i < used; i++) set_refcount_entry(block, i, h.refcount_order, 1);
        EMU_CHECK(file.write((2 + b) * cluster, block));
    }
    EMU_CHECK(file.write(cluster, table));
    // A fresh file reads as zeroes; its length covers the L1 table.
    if (l1_clusters && file.size() < h.l1_offset + l1_clusters * cluster) {
        if (file.limits().zero_after_create) EMU_CHECK(file.truncate(h.l1_offset + l1_clusters * cluster));
        else EMU_CHECK(file.write_zeroes(h.l1_offset, l1_clusters * cluster));
    } else if (l1_clusters && !file.limits().zero_after_create) {
        EMU_CHECK(file.write_zeroes(h.l1_offset, l1_clusters * cluster));
    }
    const std::vector<u8> first = EMU_TRY(encode_header(h));
    return file.write(0, first);
}

Result<void> make_data_file(const Header& h, u64 size, const CreateArgs& args, Preallocation mode) {
    const std::string name = EMU_TRY(backing_path(args.name, *h.data_file));
    auto protocol = EMU_TRY(protocol_of(name));
    CreateArgs storage{.name = name, .size = size, .options = {}, .context = args.context};
    if (mode == Preallocation::falloc || mode == Preallocation::full) storage.options.add("preallocation", preallocation_name(mode));
    if (!protocol.driver->create) return fail(ENOTSUP, "the data file cannot be created");
    return protocol.driver->create(nullptr, storage);
}

} // namespace

Result<Header> plan_header(u64 size, KeyValues& o) {
    Header h;
    h.size = align_up<u64>(size, 512);
    EMU_CHECK(take_compat(o, h));
    const u64 cluster = EMU_TRY(o.take_size("cluster_size")).value_or(65536);
    if (!is_power_of_two(cluster) || cluster < 512 || cluster > 2u << 20) return fail(EINVAL, "Cluster size must be a power of two between 512 and 2048k");
    h.cluster_bits = unsigned(std::countr_zero(cluster));
    EMU_CHECK(take_features(o, h));
    EMU_CHECK(take_files(o, h));
    EMU_CHECK(take_encryption(o, h));
    EMU_CHECK(check_geometry(h));
    return h;
}

Result<void> create(NodePtr file, CreateArgs& args) {
    auto mode_text = args.options.take("preallocation").value_or("off");
    auto mode = parse_preallocation(mode_text);
    if (!mode) return fail(EINVAL, fmt::format("Parameter 'preallocation' does not accept value '{}'", mode_text));
    const std::string secret = args.options.take("encrypt.key-secret").value_or("");
    crypto::LuksCreate luks = EMU_TRY(take_luks_create(args.options, "encrypt."));
    Header h = EMU_TRY(plan_header(args.size, args.options));
    if (h.crypt == CryptMethod::none && !secret.empty()) return fail(EINVAL, "Parameter 'encrypt.format' is missing");
    if (!h.backing_file.empty() && *mode != Preallocation::off && !h.extended_l2())
        return fail(EINVAL, "Backing file and preallocation can only be used at the same time if extended_l2 is enabled");
    std::vector<u8> key;
    if (h.crypt != CryptMethod::none) {
        if (secret.empty()) return fail(EINVAL, "Parameter 'encrypt.key-secret' is required for cipher");
        key = EMU_TRY(args.context->secret(secret));
    }
    const u64 size = h.size;
    const CryptMethod crypt = h.crypt;
    h.size = 0; // an empty image first; growing it allocates what is needed
    h.crypt = CryptMethod::none;
    if (h.has_data_file()) EMU_CHECK(make_data_file(h, size, args, *mode));
    EMU_CHECK(write_skeleton(*file, h));
    // Tables are made one after the other: none is needed again.
    auto image = std::make_shared<Image>(file, h, Options{.l2_cache_bytes = u64(512) << 10, .refcount_cache_bytes = u64(512) << 10});
    OpenArgs open{.writable = true, .cache = {.no_flush = true}, .options = {}, .name = args.name, .context = args.context};
    Context* context = args.context;
    const bool untrusted = std::exchange(context->untrusted, false);
    auto loaded = image->load(open);
    context->untrusted = untrusted;
    EMU_CHECK(std::move(loaded));
    {
        std::unique_lock lock(image->meta_);
        EMU_CHECK(image->grow_l1(image->h_.l1_entries_for(size)));
        image->virtual_size_ = image->h_.size = size;
        if (crypt == CryptMethod::luks) {
            const u64 bytes = image->cluster_up(crypto::Luks::header_size(luks.scheme));
            const u64 offset = EMU_TRY(image->counts_.allocate(bytes >> h.cluster_bits));
            EMU_CHECK(file->write_zeroes(offset, bytes));
            image->h_.crypto = CryptoExtension{offset, crypto::Luks::header_size(luks.scheme)};
            EMU_TRY(create_luks(*file, *image->h_.crypto, luks, key));
        }
        image->h_.crypt = crypt;
        EMU_CHECK(image->flush_all());
        EMU_CHECK(image->write_header());
        image->changed_ = true;
        if (*mode != Preallocation::off) EMU_CHECK(image->preallocate(0, size, *mode));
        EMU_CHECK(image->flush_all());
    }
    return image->close();
}

namespace {

/// Bytes of metadata for an image whose `clusters` data clusters are all allocated.
u64 metadata_bytes(const Header& h, u64 clusters) {
    const u64 cluster = h.cluster_size();
    const u64 l2_tables = (clusters + h.l2_entries() - 1) / h.l2_entries();
    const u64 l1 = (l2_tables * 8 + cluster - 1) / cluster;
    u64 others = 1 + l2_tables + l1, blocks = 0, table = 1;
    for (;;) { // counts count themselves
        const u64 all = others + clusters + blocks + table;
        const u64 new_blocks = (all + h.refcount_block_entries() - 1) / h.refcount_block_entries();
        const u64 new_table = std::max<u64>(1, (new_blocks * 8 + cluster - 1) / cluster);
        if (new_blocks == blocks && new_table == table) break;
        blocks = new_blocks;
        table = new_table;
    }
    return (others + blocks + table) * cluster;
}

Result<u64> needed_bytes(Node& source, u64 cluster) {
    u64 bytes = 0, last_end = 0;
    for (u64 at = 0, size = source.size(); at < size;) {
        const ChainExtent e = EMU_TRY(chain_extent(source, nullptr, at, size - at));
        if (!e.zero && (e.data || e.allocated)) {
            const u64 start = std::max(align_down(at, cluster), last_end), end = align_up(at + e.length, cluster);
            if (end > start) bytes += end - start;
            last_end = std::max(last_end, end);
        }
        at += e.length;
    }
    return bytes;
}

} // namespace

Result<Measure> measure(u64 size, CreateArgs& args, Node* source) {
    const Preallocation mode = EMU_TRY(parse_preallocation(args.options.take("preallocation").value_or("off")));
    const bool keyed = args.options.take("encrypt.key-secret").has_value();
    crypto::LuksCreate luks = EMU_TRY(take_luks_create(args.options, "encrypt."));
    auto planned = plan_header(source ? source->size() : size, args.options);
    if (!planned && planned.error().code == EFBIG) return fail(EFBIG, "The image size is too large (try using a larger cluster size)");
    Header h = EMU_TRY(std::move(planned));
    const u64 cluster = h.cluster_size(), total = align_up(h.size, cluster);
    u64 luks_bytes = 0;
    if (h.crypt == CryptMethod::luks && !keyed) return fail(EINVAL, "Parameter 'encrypt.key-secret' is required for cipher");
    if (h.crypt == CryptMethod::luks) luks_bytes = align_up(crypto::Luks::header_size(luks.scheme), cluster);
    u64 data = 0;
    Measure out;
    if (source) data = EMU_TRY(needed_bytes(*source, cluster));
    if (mode == Preallocation::falloc || mode == Preallocation::full) data = total;
    const u64 metadata = metadata_bytes(h, total / cluster);
    if (h.has_data_file()) {
        out.required = out.fully_allocated = metadata + luks_bytes;
    } else {
        out.fully_allocated = metadata + total + luks_bytes;
        out.required = metadata + data + luks_bytes;
    }
    if (auto* image = !source ? nullptr : dynamic_cast<Image*>(skip_filters(source)); image && image->header().version >= 3 && h.version >= 3)
        out.bitmaps = image->bitmaps_size(h.size);
    return out;
}

} // namespace emu::block::qcow2
