// SPDX-License-Identifier: MIT
#include "block/formats/vmdk/stream_writer.h"

#include "block/formats/vmdk/descriptor.h"
#include "common/bits.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/random.h>

namespace emu::block::vmdk {

namespace {

constexpr u64 overhead = 128; ///< sectors in front of the first grain

} // namespace

StreamWriter::StreamWriter(u64 disk_bytes, std::string name, Sink sink)
    : name_(std::move(name)), sink_(std::move(sink)) {
    header_.version = 3;
    header_.flags = SparseHeader::f_newlines | SparseHeader::f_compressed | SparseHeader::f_markers;
    header_.capacity = align_up(disk_bytes, grain_bytes) / sector;
    header_.descriptor_at = 1;
    header_.descriptor_sectors = 20;
    header_.directory_at = SparseHeader::at_end;
    header_.overhead = overhead;
    header_.compression = 1;
    entries_.resize(header_.table_entries * 4);
    directory_.resize(usize(align_up(std::max<u64>(header_.directory_entries(), 1) * 4, sector)));
}

Result<void> StreamWriter::put(ConstBytes bytes) {
    position_ += bytes.size() / sector;
    return sink_(bytes);
}

Result<void> StreamWriter::start() {
    Descriptor d;
    if (getrandom(&d.cid, sizeof d.cid, 0) != sizeof d.cid) return fail(EIO, "no random bytes");
    if (d.cid >= 0xfffffffe) d.cid = 1;
    d.create_type = "streamOptimized";
    d.extents.push_back({"RW", header_.capacity, "SPARSE", name_, 0});
    const std::string text = make_descriptor(d, header_.capacity, {});
    if (text.size() > header_.descriptor_sectors * sector) return fail(EINVAL, "the image's name is too long");
    std::vector<u8> head = header_.serialise();
    head.resize(overhead * sector);
    std::copy(text.begin(), text.end(), head.begin() + long(header_.descriptor_at * sector));
    return put(head);
}

Result<void> StreamWriter::add(u64 at, ConstBytes data) {
    if (is_zero(data)) return {};
    if (data.size() == grain_bytes) {
        const std::vector<u8> packed = EMU_TRY(pack_grain(at / sector, data));
        return add_packed(at, packed);
    }
    std::vector<u8> grain(grain_bytes);
    std::copy(data.begin(), data.end(), grain.begin());
    const std::vector<u8> packed = EMU_TRY(pack_grain(at / sector, grain));
    return add_packed(at, packed);
}

Result<void> StreamWriter::add_packed(u64 at, ConstBytes packed) {
    EMU_ASSERT(at % grain_bytes == 0 && at >= next_);
    const u64 index = at / grain_bytes, table = index / header_.table_entries;
    if (table != table_) EMU_CHECK(end_table());
    table_ = table;
    table_used_ = true;
    if (position_ > 0xffffffffu) return fail(EFBIG, "a stream-optimized image is limited to 2 TiB");
    put_le32(entries_, usize(index % header_.table_entries * 4), u32(position_));
    next_ = at + grain_bytes;
    return put(packed);
}

Result<void> StreamWriter::end_table() {
    if (!table_used_) return {};
    EMU_CHECK(put(make_marker(entries_.size() / sector, Marker::table)));
    put_le32(directory_, usize(table_ * 4), u32(position_));
    EMU_CHECK(put(entries_));
    std::fill(entries_.begin(), entries_.end(), u8(0));
    table_used_ = false;
    return {};
}

Result<void> StreamWriter::finish() {
    EMU_CHECK(end_table());
    return put(make_stream_end(position_ * sector, directory_, header_));
}

} // namespace emu::block::vmdk
