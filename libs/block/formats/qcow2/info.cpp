// SPDX-License-Identifier: MIT
#include "block/formats/qcow2/image.h"
#include "block/formats/qcow2/luks.h"

namespace emu::block::qcow2 {

namespace {

Json bitmaps_json(const std::vector<Bitmap>& bitmaps) {
    Json list = Json::array();
    for (const Bitmap& b : bitmaps) {
        Json flags = Json::array();
        if (b.flags & bitmap_in_use) flags.push("in-use");
        if (b.flags & bitmap_auto) flags.push("auto");
        list.push(Json::object().set("flags", flags).set("name", b.name).set("granularity", u64(1) << b.granularity_bits));
    }
    return list;
}

} // namespace

Result<ImageInfo> Image::info() {
    std::shared_lock lock(meta_);
    ImageInfo out;
    out.cluster_size = cluster();
    out.encrypted = h_.crypt != CryptMethod::none;
    const u64 per_l1 = cluster() << l2_bits_;
    out.vm_state_offset = (virtual_size_ + per_l1 - 1) / per_l1 * per_l1;
    out.dirty = h_.incompatible & incompat_dirty;
    for (const Snapshot& s : snapshots_) out.snapshots.push_back(s.info);
    Json data = Json::object();
    data.set("compat", h_.version >= 3 ? "1.1" : "0.10");
    data.set("compression-type", h_.compression == Compression::zstd ? "zstd" : "zlib");
    if (h_.version >= 3) data.set("lazy-refcounts", (h_.compatible & compat_lazy_refcounts) != 0);
    if (!bitmaps_.empty()) data.set("bitmaps", bitmaps_json(bitmaps_));
    data.set("refcount-bits", h_.refcount_bits());
    if (h_.crypt == CryptMethod::aes) data.set("encrypt", Json::object().set("format", "aes"));
    if (h_.crypt == CryptMethod::luks)
        if (auto luks = luks_info(*file_, *h_.crypto)) data.set("encrypt", *luks);
    if (h_.version >= 3) {
        if (h_.data_file) data.set("data-file", *h_.data_file);
        if (h_.has_data_file()) data.set("data-file-raw", (h_.autoclear & autoclear_raw_data_file) != 0);
        data.set("corrupt", (h_.incompatible & incompat_corrupt) != 0);
        data.set("extended-l2", h_.extended_l2());
    }
    out.specific = Json::object().set("type", "qcow2").set("data", data);
    return out;
}

} // namespace emu::block::qcow2
