// SPDX-License-Identifier: MIT
// Changing what an image was created with.
#include "block/formats/qcow2/image.h"
#include "block/formats/qcow2/luks.h"
#include "common/bits.h"
#include "common/bytes.h"
#include "common/log.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block::qcow2 {

/// Zero clusters become what version 2 can say: nothing where no backing image shows, data otherwise.
Result<void> Image::expand_zeroes(const std::function<void(u64, u64)>& progress) {
    const std::vector<u8> zeroes(cluster());
    for (u64 at = 0; at < virtual_size_; at += cluster()) {
        const u64 next = skip_empty_l1(at, virtual_size_);
        at = align_down(next, cluster());
        if (at >= virtual_size_) break;
        if (progress && at % (u64(64) << 20) == 0) progress(at, virtual_size_);
        const L2Entry entry = entry_in(*EMU_TRY(l2_piece(at, true)), at);
        if (entry.descriptor & flag_compressed || !(entry.descriptor & flag_zero)) continue;
        u64 host = entry.descriptor & offset_mask;
        if (!backing() && !host) {
            put_entry(*EMU_TRY(writable_l2(at)), at, {0, 0});
            continue;
        }
        if (!host) host = EMU_TRY(counts_.allocate(1));
        EMU_CHECK(write_data(host, at, zeroes));
        put_entry(*EMU_TRY(writable_l2(at)), at, {host | flag_copied, 0});
    }
    return flush_all();
}

Result<void> Image::downgrade(const std::function<void(u64, u64)>& progress) {
    if (h_.refcount_order != 4) return fail(ENOTSUP, "compat=0.10 requires refcount_bits=16");
    if (h_.has_data_file()) return fail(ENOTSUP, "Cannot downgrade an image with a data file");
    if (const u64 others = h_.incompatible & ~incompat_dirty)
        return fail(ENOTSUP, fmt::format("Cannot downgrade an image with incompatible features {:#x} set", others));
    if (!bitmaps_.empty()) return fail(ENOTSUP, "Cannot downgrade an image with bitmaps");
    if (!snapshots_.empty()) {
        for (const Snapshot& s : snapshots_)
            if (s.info.disk_size != virtual_size_) return fail(ENOTSUP, "Internal snapshots prevent downgrade of image");
        return fail(ENOTSUP, "Internal snapshots prevent downgrade of image");
    }
    EMU_CHECK(expand_zeroes(progress));
    options_.lazy_refcounts = false;
    EMU_CHECK(flush_all());
    EMU_CHECK(set_incompatible(incompat_dirty, false));
    h_.version = 2;
    h_.compatible = h_.autoclear = h_.incompatible = 0;
    return write_header();
}

/// Counts of another width: everything is counted anew into a fresh structure.
Result<void> Image::change_refcount_order(u32 order) {
    EMU_CHECK(flush_all());
    EMU_CHECK(flush_all());
    std::vector<u16> references((file_->size() + cluster() - 1) >> h_.cluster_bits);
    for (u64 i = 0; i < references.size(); i++) references[i] = u16(std::min<u64>(EMU_TRY(counts_.get(i)), 0xffff));
    // The old structure is not referred to afterwards.
    for (u64 entry : counts_.table())
        if (const u64 offset = entry & ~u64(511); offset && offset >> h_.cluster_bits < references.size()) references[offset >> h_.cluster_bits] = 0;
    for (u64 at = counts_.table_offset(); at < counts_.table_offset() + counts_.table_bytes(); at += cluster())
        if (at >> h_.cluster_bits < references.size()) references[at >> h_.cluster_bits] = 0;
    counts_.set_order(order);
    EMU_CHECK(counts_.rebuild(references));
    EMU_CHECK(file_->flush());
    h_.refcount_order = order;
    h_.refcount_table_offset = counts_.table_offset();
    h_.refcount_table_clusters = u32(counts_.table_bytes() >> h_.cluster_bits);
    metadata_noted_ = false;
    return write_header();
}

Result<void> Image::amend_version(AmendArgs& args) {
    const auto compat = args.options.take("compat");
    const auto bits = EMU_TRY(args.options.take_number("refcount_bits"));
    const auto lazy = EMU_TRY(args.options.take_bool("lazy_refcounts"));
    u32 version = h_.version;
    if (compat) {
        if (*compat == "0.10" || *compat == "v2") version = 2;
        else if (*compat == "1.1" || *compat == "v3") version = 3;
        else return fail(EINVAL, fmt::format("Unknown compatibility level {}", *compat));
    }
    if (bits && (*bits > 64 || !is_power_of_two(*bits))) return fail(EINVAL, "Refcount width must be a power of two and may not exceed 64 bits");
    const u32 order = bits ? u32(std::countr_zero(*bits)) : h_.refcount_order;
    if (version < 3 && order != 4) return fail(EINVAL, "Refcount widths other than 16 bits require compatibility level 1.1 or above (use compat=1.1 or greater)");
    if (lazy.value_or(false) && version < 3) return fail(EINVAL, "Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or greater)");
    if (version > h_.version) {
        h_.version = 3;
        h_.header_length = full_header_size;
        EMU_CHECK(write_header());
    }
    if (order != h_.refcount_order) EMU_CHECK(change_refcount_order(order));
    if (lazy && *lazy != ((h_.compatible & compat_lazy_refcounts) != 0)) {
        if (!*lazy) {
            options_.lazy_refcounts = false;
            EMU_CHECK(flush_all());
            EMU_CHECK(set_incompatible(incompat_dirty, false));
        }
        h_.compatible = *lazy ? h_.compatible | compat_lazy_refcounts : h_.compatible & ~compat_lazy_refcounts;
        EMU_CHECK(write_header());
    }
    return version < h_.version ? downgrade(args.progress) : Result<void>();
}

Result<void> Image::amend(AmendArgs& args) {
    KeyValues& o = args.options;
    const auto& items = o.items();
    const bool encryption = std::any_of(items.begin(), items.end(), [](const KeyValue& kv) { return kv.key.starts_with("encrypt."); });
    if (encryption && h_.crypt == CryptMethod::none) return fail(EINVAL, "Can't amend encryption options - encryption not present");
    if (encryption && h_.crypt != CryptMethod::luks)
        return fail(EINVAL, "Only LUKS encryption options can be amended for qcow2 with amend");
    for (std::string_view fixed : {"cluster_size", "preallocation", "encryption", "extended_l2", "compression_type"})
        if (o.take(fixed)) return fail(EINVAL, fmt::format("Invalid parameter '{}'\nThis option is only supported for image creation", fixed));
    const auto size = EMU_TRY(o.take_size("size"));
    const auto backing_name = o.take("backing_file"), format = o.take("backing_fmt"), data_file = o.take("data_file");
    const auto raw = EMU_TRY(o.take_bool("data_file_raw"));
    if (backing_name.value_or(h_.backing_file) != h_.backing_file || format.value_or(h_.backing_format) != h_.backing_format)
        return fail(EINVAL, fmt::format("Cannot amend the backing file\nYou can use '{} rebase' instead.", log::program()));
    EMU_CHECK(first_change());
    if (encryption && !o.has("encrypt.key-secret") && !key_secret_.empty()) o.add("encrypt.key-secret", key_secret_);
    if (encryption) EMU_CHECK(amend_luks(*file_, *h_.crypto, args));
    {
        std::unique_lock io(io_);
        std::unique_lock lock(meta_);
        if (raw && *raw != ((h_.autoclear & autoclear_raw_data_file) != 0)) {
            if (*raw) return fail(EINVAL, "data-file-raw cannot be set on existing images");
            h_.autoclear &= ~autoclear_raw_data_file;
            EMU_CHECK(write_header());
        }
        if (data_file) {
            if (!h_.has_data_file()) return fail(EINVAL, "data-file can only be set for images that use an external data file");
            h_.data_file = *data_file;
            EMU_CHECK(write_header());
        }
        EMU_CHECK(amend_version(args));
    }
    if (!o.empty()) return fail(EINVAL, fmt::format("Invalid parameter '{}'", o.items().front().key));
    if (size) EMU_CHECK(truncate(*size));
    return flush();
}

} // namespace emu::block::qcow2
