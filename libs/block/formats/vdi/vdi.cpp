// SPDX-License-Identifier: MIT
// VirtualBox disk images, version 1.1: a header, a table of 32-bit block numbers, and blocks of (as a rule) 1 MiB.
//
//   0x40 signature  0x44 version  0x48 header size  0x4c type (1 dynamic, 2 fixed)  0x154 table offset  0x158 data offset
//   0x168 sector size  0x170 disk size  0x178 block size  0x17c bytes in front of each block's data  0x180 blocks
//   0x184 blocks allocated  0x188 UUID of the image, then of its snapshot, link, parent
//
// A table entry is the number of the block in the data area; ~0 is a free block and ~1 one that reads as zeroes. Snapshots
// that need a parent are refused.
//
// Write ordering: data, flush, then table and header together, flush. The count of allocated blocks in the header is a hint;
// open() counts the table's entries. A crash leaks blocks behind the last one that the table names, which are used again.
#include "block/formats/mapped/mapped.h"
#include "block/formats/mapped/tables.h"
#include "block/start.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <sys/random.h>

namespace emu::block {
namespace {

constexpr u32 signature = 0xbeda107f, version_1_1 = 0x00010001;
constexpr u32 type_dynamic = 1, type_fixed = 2;
constexpr u32 entry_free = 0xffffffff, entry_zero = 0xfffffffe;
constexpr u64 header_bytes = 512, default_block = u64(1) << 20, sector = 512;
constexpr u64 max_blocks = u64(0x3fffffff); ///< the table stays below 4 GiB
constexpr std::string_view banner = "<<< Oracle VM VirtualBox Disk Image >>>\n";

struct Header {
    u32 type = type_dynamic;
    u64 table = 0, data = 0, disk_size = 0;
    u32 block = 0, extra = 0, blocks = 0, allocated = 0;
};

Result<Header> parse(Node& file) {
    std::array<u8, header_bytes> bytes;
    EMU_CHECK(read_start(file, bytes));
    const ByteView h{ConstBytes(bytes)};
    if (h.u32_at(0x40) != signature) return fail(EINVAL, fmt::format("Image not in VDI format (bad signature {:08x})", h.u32_at(0x40)));
    if (file.size() < header_bytes) return fail(EINVAL, "file too short for a VDI header");
    if (h.u32_at(0x44) != version_1_1)
        return fail(ENOTSUP, fmt::format("unsupported VDI image (version {}.{})", h.u32_at(0x44) >> 16, h.u32_at(0x44) & 0xffff));
    Header out;
    out.type = h.u32_at(0x4c);
    if (out.type != type_dynamic && out.type != type_fixed)
        return fail(ENOTSUP, fmt::format("unsupported VDI image (type {}: it needs its parent)", out.type));
    out.table = h.u32_at(0x154);
    out.data = h.u32_at(0x158);
    out.disk_size = h.u64_at(0x170);
    out.block = h.u32_at(0x178);
    out.extra = h.u32_at(0x17c);
    out.blocks = h.u32_at(0x180);
    out.allocated = h.u32_at(0x184);
    if (h.u32_at(0x168) != sector) return fail(ENOTSUP, fmt::format("unsupported VDI image (sector size {} is not 512)", h.u32_at(0x168)));
    if (out.block < sector || !is_power_of_two(out.block) || out.block > (u64(1) << 30))
        return fail(ENOTSUP, fmt::format("unsupported VDI image (block size {})", out.block));
    if (out.extra % sector) return fail(ENOTSUP, fmt::format("unsupported VDI image (block extra data {})", out.extra));
    if (out.table < 0x180) return fail(EINVAL, "VDI block table is not where it may be");
    if (out.blocks > max_blocks) return fail(EFBIG, fmt::format("unsupported VDI image (too many blocks {})", out.blocks));
    if (out.disk_size > u64(out.blocks) * out.block)
        return fail(EINVAL, fmt::format("unsupported VDI image (disk size {}, image bitmap has room for {})", out.disk_size,
                                        u64(out.blocks) * out.block));
    if (out.data < out.table + u64(out.blocks) * 4) return fail(EINVAL, "VDI block table runs into the data area");
    for (usize at : {usize(0x1a8), usize(0x1b8)}) { // links to other images
        const ConstBytes uuid = ConstBytes(bytes).subspan(at, 16);
        if (std::any_of(uuid.begin(), uuid.end(), [](u8 b) { return b != 0; }))
            return fail(ENOTSUP, "unsupported VDI image (it has a parent or link)");
    }
    return out;
}

class VdiNode final : public MappedNode {
public:
    VdiNode(NodePtr file, const Header& header, bool writable)
        : MappedNode(std::move(file), header.block, writable), h_(header), table_(header.table, Endian::little) {}

    Result<void> load() {
        EMU_CHECK(table_.load(*file_, u64(h_.blocks) * 4));
        u32 next = 0;
        for (u32 i = 0; i < h_.blocks; i++) {
            const u32 entry = table_.get32(i);
            if (entry >= entry_zero) continue;
            if (entry >= max_blocks) continue; // lookup() refuses it
            next = std::max(next, entry + 1);
            allocated_++;
        }
        end_ = h_.data + u64(next) * stride();
        return {};
    }

    std::string_view driver() const override { return "vdi"; }
    Result<ImageInfo> info() override {
        ImageInfo out;
        out.cluster_size = block_;
        return out;
    }
    Result<CheckResult> check(CheckMode mode) override;

protected:
    u64 do_size() const override { return h_.disk_size; }
    u64 stride() const { return u64(h_.block) + h_.extra; }

    Result<Place> lookup(u64 index) override {
        const u32 entry = table_.get32(index);
        if (entry == entry_free) return Place{};
        if (entry == entry_zero) return Place{Place::Kind::zero, 0};
        if (entry >= max_blocks) return fail(EIO, fmt::format("VDI block {} has the entry {}", index, entry));
        return Place{Place::Kind::data, h_.data + entry * stride() + h_.extra};
    }
    Result<Room> reserve(u64) override {
        Room room = EMU_TRY(reserve_at_end(stride(), 1));
        if ((room.offset - h_.data) / stride() >= max_blocks) return fail(EFBIG, "VDI image is full");
        room.offset += h_.extra;
        return room;
    }
    Result<void> link(u64 index, u64 offset) override {
        table_.put32(index, u32((offset - h_.extra - h_.data) / stride()));
        allocated_++;
        return {};
    }
    Result<void> unlink(u64 index) override {
        if (h_.type == type_fixed) return fail(ENOTSUP, "a fixed image keeps its blocks");
        if (table_.get32(index) < entry_zero) allocated_--;
        table_.put32(index, entry_free);
        return {};
    }
    Result<void> link_zero(u64 index) override {
        if (h_.type == type_fixed) return fail(ENOTSUP, "a fixed image keeps its blocks");
        if (table_.get32(index) < entry_zero) allocated_--;
        table_.put32(index, entry_zero);
        return {};
    }
    Result<void> commit_map() override {
        EMU_CHECK(table_.write_dirty(*file_));
        std::array<u8, 4> count;
        put_le32(count, 0, allocated_);
        return file_->write(0x184, count);
    }

private:
    Header h_;
    FlatTable table_;
    u32 allocated_ = 0;
};

Result<CheckResult> VdiNode::check(CheckMode) {
    std::lock_guard lock(map_mutex_);
    CheckResult out;
    out.total_clusters = h_.blocks;
    const u64 there = file_->size();
    // Every entry counts blocks of the file; more of them than the file can hold are wrong without a look at a bitmap.
    const u64 room = there > h_.data ? (there - h_.data + stride() - 1) / stride() : 0;
    std::vector<bool> used(usize(std::min<u64>(room, max_blocks)));
    u64 allocated = 0;
    for (u32 i = 0; i < h_.blocks; i++) {
        const u32 entry = table_.get32(i);
        if (entry >= entry_zero) continue;
        allocated++;
        if (entry >= used.size()) {
            out.messages.push_back(fmt::format("ERROR: block index {} out of range, is {}", i, entry));
            out.corruptions++;
        } else if (used[entry]) {
            out.messages.push_back(fmt::format("ERROR: block index {} also used by {}", i, entry));
            out.corruptions++;
        } else {
            used[entry] = true;
        }
        if (out.messages.size() > 1000) out.messages.pop_back();
    }
    if (allocated != h_.allocated && read_only_) {
        // A writable node has the right number and writes it.
        out.messages.push_back(fmt::format("ERROR: allocated blocks mismatch, is {}, should be {}", h_.allocated, allocated));
        out.corruptions++;
    }
    out.allocated_clusters = allocated;
    out.fragmented_clusters = 0;
    out.compressed_clusters = 0;
    return out;
}

int probe(ConstBytes head, std::string_view) {
    return head.size() >= 0x48 && le32(head, 0x40) == signature && le32(head, 0x44) == version_1_1 ? 100 : 0;
}

Result<NodePtr> open(NodePtr file, OpenArgs& args) {
    const Header header = EMU_TRY(parse(*file));
    auto node = std::make_shared<VdiNode>(std::move(file), header, args.writable);
    EMU_CHECK(node->load());
    return NodePtr(std::move(node));
}

Result<void> create(NodePtr file, CreateArgs& args) {
    const bool fixed = EMU_TRY(args.options.take_bool("static")).value_or(false);
    const auto mode = args.options.take("preallocation").value_or("off");
    if (mode != "off" && mode != "metadata") return fail(EINVAL, fmt::format("Unsupported preallocation mode '{}'", mode));
    const bool all = fixed || mode == "metadata";
    const u64 disk = align_up(args.size, sector), blocks = (disk + default_block - 1) / default_block;
    if (args.size > u64(INT64_MAX) - default_block || blocks > max_blocks)
        return fail(EFBIG, fmt::format("Unsupported VDI image size (size is {:#x}, max supported is {:#x})", args.size,
                                       max_blocks * default_block));
    // The offsets of table and data are 32-bit fields; the data area starts on a page.
    const u64 table = header_bytes, data = align_up(table + blocks * 4, u64(4096));
    if (data > 0xffffffffu) return fail(EFBIG, "VDI image would need too large a block table");
    std::vector<u8> bytes(header_bytes);
    const Bytes h(bytes);
    std::copy(banner.begin(), banner.end(), bytes.begin());
    put_le32(h, 0x40, signature);
    put_le32(h, 0x44, version_1_1);
    put_le32(h, 0x48, 0x190);
    put_le32(h, 0x4c, fixed ? type_fixed : type_dynamic);
    put_le32(h, 0x154, u32(table));
    put_le32(h, 0x158, u32(data));
    put_le32(h, 0x168, u32(sector));
    put_le64(h, 0x170, disk);
    put_le32(h, 0x178, u32(default_block));
    put_le32(h, 0x180, u32(blocks));
    put_le32(h, 0x184, all ? u32(blocks) : 0);
    if (getrandom(h.data() + 0x188, 32, 0) != 32) return fail(EIO, "no random bytes for a UUID");
    for (usize at : {usize(0x188), usize(0x198)}) { // version 4, as RFC 4122 lays it out in mixed-endian GUIDs
        h[at + 7] = u8((h[at + 7] & 0x0f) | 0x40);
        h[at + 8] = u8((h[at + 8] & 0x3f) | 0x80);
    }
    std::vector<u8> entries(usize(data - table), 0xff);
    for (u64 i = 0; all && i < blocks; i++) put_le32(entries, usize(i * 4), u32(i));
    EMU_CHECK(file->truncate(all ? data + blocks * default_block : data));
    EMU_CHECK(file->write(table, entries));
    EMU_CHECK(file->write(0, bytes));
    return file->flush();
}

constexpr CreateOption create_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
    {"static", CreateOption::Kind::flag, "VDI static (pre-allocated) image", "off"},
    {"preallocation", CreateOption::Kind::string, "Preallocation mode (allowed values: off, metadata)"},
};

} // namespace

extern const Driver vdi_driver{.name = "vdi", .probe = probe, .open = open, .create = create,
                               .create_options = create_options, .summary = "VirtualBox disk image"};

} // namespace emu::block
