// SPDX-License-Identifier: MIT
// Virtual PC / Hyper-V VHD images, fixed and dynamic. Differencing images are refused.
//
// A dynamic image is: copy of the footer, dynamic header, table of 32-bit sector numbers (~0: not allocated), blocks, footer.
// Each block is a bitmap of its sectors, rounded up to whole sectors, and its data. We set every bit of a bitmap when the block
// is made, as readers do that take blocks whole; sectors whose bit another writer left clear read as zeroes.
//
// Write ordering: a new block takes the footer's place at the end, so the footer is written behind it first; then bitmap and
// data, a flush, the table, a flush. A reader that finds no footer at the end uses the copy at the start.
#include "block/formats/mapped/mapped.h"
#include "block/formats/mapped/tables.h"
#include "block/formats/vpc/footer.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <optional>
#include <sys/random.h>

namespace emu::block {
namespace {

constexpr u64 sector = 512, default_block = u64(2) << 20;
constexpr u32 entry_free = 0xffffffff;
constexpr u64 max_disk = u64(0xff000000) * sector; ///< 2040 GiB, the specification's limit
constexpr s64 epoch = 946684800;                   ///< 2000-01-01 00:00 UTC

class FixedVpcNode final : public Node {
public:
    FixedVpcNode(NodePtr file, u64 size, bool writable) : file_(std::move(file)), size_(size) { read_only_ = !writable; }
    std::string_view driver() const override { return "vpc"; }
    std::vector<NodePtr> children() const override { return {file_}; }
    Limits limits() const override {
        Limits out = file_->limits();
        out.growable = false;
        out.request_alignment = 1;
        return out;
    }
    Result<CheckResult> check(CheckMode) override { return fail(ENOTSUP, "This image format does not support checks"); }

protected:
    u64 do_size() const override { return size_; }
    Result<void> do_read(u64 at, Bytes to) override { return file_->read(at, to); }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override { return file_->write(at, from, flags); }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override { return file_->write_zeroes(at, length, flags); }
    Result<void> do_discard(u64 at, u64 length) override { return file_->discard(at, length); }
    Result<Extent> do_extent(u64 at, u64 length) override {
        Extent out = EMU_TRY(file_->extent(at, length));
        out.allocated = true;
        return out;
    }

private:
    NodePtr file_;
    u64 size_;
};

class DynamicVpcNode final : public MappedNode {
public:
    DynamicVpcNode(NodePtr file, const VhdFooter& footer, const VhdDynamicHeader& header, u64 size, bool writable)
        : MappedNode(std::move(file), header.block_bytes, writable), footer_(footer), header_(header), size_(size),
          bitmap_bytes_(align_up(u64(header.block_bytes) / sector / 8 + (header.block_bytes / sector % 8 != 0), sector)),
          table_(header.table_offset, Endian::big) {}

    Result<void> load() {
        const u64 needed = (size_ + block_ - 1) / block_;
        if (header_.entries < needed)
            return fail(EINVAL, fmt::format("VHD block table has {} entries, the disk needs {}", header_.entries, needed));
        EMU_CHECK(table_.load(*file_, needed * 4));
        u64 last = header_.table_offset + u64(header_.entries) * 4;
        for (u64 i = 0; i < needed; i++) {
            const u32 entry = table_.get32(i);
            if (entry != entry_free) last = std::max(last, u64(entry) * sector + bitmap_bytes_ + block_);
        }
        end_ = align_up(last, sector);
        return {};
    }

    std::string_view driver() const override { return "vpc"; }
    Result<ImageInfo> info() override {
        ImageInfo out;
        out.cluster_size = block_;
        return out;
    }

protected:
    u64 do_size() const override { return size_; }

    Result<Place> lookup(u64 index) override {
        const u32 entry = table_.get32(index);
        if (entry == entry_free) return Place{};
        const u64 at = u64(entry) * sector;
        // Another writer's bitmap decides what reads as zeroes; a full one (the rule) is remembered.
        if (EMU_TRY(full_bitmap(index, at))) return Place{Place::Kind::data, at + bitmap_bytes_};
        return Place{Place::Kind::other, at};
    }
    Result<void> read_other(u64, const Place& place, u64 within, Bytes to) override {
        std::vector<u8> bitmap(bitmap_bytes_);
        EMU_CHECK(file_->read(place.offset, bitmap));
        for (u64 done = 0; done < to.size();) {
            const u64 at = within + done, s = at / sector, n = std::min(sector - at % sector, to.size() - done);
            const Bytes part = to.subspan(done, n);
            if (bitmap[s / 8] >> (7 - s % 8) & 1)
                EMU_CHECK(file_->read(place.offset + bitmap_bytes_ + at, part));
            else
                std::memset(part.data(), 0, part.size());
            done += n;
        }
        return {};
    }
    Result<Room> reserve(u64) override {
        const u64 bytes = bitmap_bytes_ + block_;
        Room room = EMU_TRY(reserve_at_end(bytes, sector));
        if (room.offset / sector >= entry_free) return fail(EFBIG, "VHD image is full");
        EMU_CHECK(file_->truncate(end_ + VhdFooter::bytes));
        EMU_CHECK(file_->write(end_, footer_.serialise()));
        if (!room.fresh) {
            // The first sector held the footer; behind it, what an earlier crash may have left.
            EMU_CHECK(file_->write_zeroes(room.offset, bytes));
        }
        const std::vector<u8> bitmap(bitmap_bytes_, 0xff);
        EMU_CHECK(file_->write(room.offset, bitmap));
        return Room{room.offset + bitmap_bytes_, true};
    }
    Result<void> link(u64 index, u64 offset) override {
        table_.put32(index, u32((offset - bitmap_bytes_) / sector));
        full_.insert(index);
        return {};
    }
    Result<void> commit_map() override { return table_.write_dirty(*file_); }

private:
    Result<bool> full_bitmap(u64 index, u64 at) {
        if (full_.contains(index)) return true;
        if (partial_.contains(index)) return false;
        std::vector<u8> bitmap(bitmap_bytes_);
        if (!in_range(at, bitmap_bytes_, file_->size())) return fail(EIO, fmt::format("VHD block {} lies outside the file", index));
        EMU_CHECK(file_->read(at, bitmap));
        const bool full = std::all_of(bitmap.begin(), bitmap.begin() + long(std::max<u64>(block_ / sector / 8, 1)), [](u8 b) { return b == 0xff; });
        (full ? full_ : partial_).insert(index);
        return full;
    }

    VhdFooter footer_;
    VhdDynamicHeader header_;
    u64 size_, bitmap_bytes_;
    FlatTable table_;
    std::set<u64> full_, partial_; ///< blocks whose bitmap is known
};

int probe(ConstBytes head, std::string_view) { return ByteView(head).starts_with("conectix") ? 100 : 0; }

Result<VhdFooter> read_footer(Node& file) {
    const u64 there = file.size();
    std::array<u8, VhdFooter::bytes> bytes;
    if (there < VhdFooter::bytes) return fail(EINVAL, "File too small for a VHD header");
    EMU_CHECK(file.read(0, bytes));
    if (auto first = VhdFooter::parse(bytes); first && first->type == VhdFooter::Type::dynamic && !first->checksum_wrong) return first;
    // Fixed images have only the one at the end; some writers made it a byte short.
    for (u64 at : {there - VhdFooter::bytes, there - (VhdFooter::bytes - 1)}) {
        bytes.fill(0);
        EMU_CHECK(file.read(at, Bytes(bytes).first(usize(std::min<u64>(VhdFooter::bytes, there - at)))));
        auto last = VhdFooter::parse(bytes);
        if (last || at != there - VhdFooter::bytes) return last;
    }
    return fail(EINVAL, "invalid VPC image");
}

Result<NodePtr> open_vpc(NodePtr file, OpenArgs& args) {
    const auto how = args.options.take("force_size_calc");
    if (how && *how != "chs" && *how != "current_size") return fail(EINVAL, fmt::format("Invalid size calculation algorithm '{}'", *how));
    const VhdFooter footer = EMU_TRY(read_footer(*file));
    if (footer.checksum_wrong) args.context->warn(fmt::format("block-vpc: The header checksum of '{}' is incorrect.", args.name));
    const bool current = how ? *how == "current_size" : footer.trusts_current_size();
    const u64 size = current ? footer.current_size : footer.geometry.total() * sector;
    if (size % sector || size > max_disk) return fail(EFBIG, fmt::format("VHD size {} is beyond the format's limit", size));
    switch (footer.type) {
    case VhdFooter::Type::differencing: return fail(ENOTSUP, "VHD differencing images are not supported");
    case VhdFooter::Type::fixed:
        if (size > file->size() - VhdFooter::bytes + 1)
            return fail(EINVAL, fmt::format("VHD footer claims {} bytes, the file holds {}", size, file->size()));
        return NodePtr(std::make_shared<FixedVpcNode>(std::move(file), size, args.writable));
    case VhdFooter::Type::dynamic: break;
    }
    std::array<u8, VhdDynamicHeader::bytes> bytes;
    if (!in_range(footer.data_offset, bytes.size(), file->size())) return fail(EINVAL, "VHD dynamic header lies outside the file");
    EMU_CHECK(file->read(footer.data_offset, bytes));
    const VhdDynamicHeader header = EMU_TRY(VhdDynamicHeader::parse(bytes));
    auto node = std::make_shared<DynamicVpcNode>(std::move(file), footer, header, size, args.writable);
    EMU_CHECK(node->load());
    return NodePtr(std::move(node));
}

Result<VhdFooter> new_footer(u64 size, bool exact) {
    VhdFooter footer;
    const u64 sectors = (size + sector - 1) / sector;
    if (size > max_disk) return fail(EFBIG, "The image size is too large for file format 'vpc'");
    footer.geometry = exact ? vhd_geometry(sectors) : vhd_geometry_at_least(sectors);
    // The name tells readers which of size and geometry counts; both of these are known to tools that care.
    const std::string_view creator = exact ? "qem2" : "qemu";
    std::copy(creator.begin(), creator.end(), footer.creator.begin());
    // Beyond the largest geometry the size itself must do.
    const u64 chosen = exact || footer.geometry.total() < sectors ? sectors : footer.geometry.total();
    footer.original_size = footer.current_size = chosen * sector;
    footer.timestamp = u32(::time(nullptr) - epoch);
    if (getrandom(footer.uuid.data(), footer.uuid.size(), 0) != ssize_t(footer.uuid.size())) return fail(EIO, "no random bytes for a UUID");
    footer.uuid[6] = u8((footer.uuid[6] & 0x0f) | 0x40);
    footer.uuid[8] = u8((footer.uuid[8] & 0x3f) | 0x80);
    return footer;
}

Result<void> create_as(NodePtr file, CreateArgs& args, bool exact_by_default) {
    const std::string subformat = args.options.take("subformat").value_or("dynamic");
    const bool exact = EMU_TRY(args.options.take_bool("force_size")).value_or(exact_by_default);
    if (subformat != "dynamic" && subformat != "fixed") return fail(EINVAL, fmt::format("Parameter 'subformat' does not accept value '{}'", subformat));
    // Under the name vhd the image is what clouds accept: a whole number of MiB.
    const u64 wanted = exact_by_default ? align_up(args.size, u64(1) << 20) : args.size;
    VhdFooter footer = EMU_TRY(new_footer(wanted, exact));
    if (subformat == "fixed") {
        footer.type = VhdFooter::Type::fixed;
        EMU_CHECK(file->truncate(footer.current_size + VhdFooter::bytes));
        EMU_CHECK(file->write(footer.current_size, footer.serialise()));
        return file->flush();
    }
    footer.data_offset = VhdFooter::bytes;
    VhdDynamicHeader header;
    header.table_offset = footer.data_offset + VhdDynamicHeader::bytes;
    header.block_bytes = u32(default_block);
    header.entries = u32((footer.current_size + default_block - 1) / default_block);
    const u64 table = align_up(u64(header.entries) * 4, sector);
    EMU_CHECK(file->truncate(header.table_offset + table + VhdFooter::bytes));
    EMU_CHECK(file->write(0, footer.serialise()));
    EMU_CHECK(file->write(footer.data_offset, header.serialise()));
    EMU_CHECK(file->write(header.table_offset, std::vector<u8>(table, 0xff)));
    EMU_CHECK(file->write(header.table_offset + table, footer.serialise()));
    return file->flush();
}
Result<void> create_vpc(NodePtr file, CreateArgs& args) { return create_as(std::move(file), args, false); }
Result<void> create_vhd(NodePtr file, CreateArgs& args) { return create_as(std::move(file), args, true); }

constexpr CreateOption vpc_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
    {"subformat", CreateOption::Kind::string, "Type of virtual hard disk format. Supported formats are {dynamic (default) | fixed} "},
    {"force_size", CreateOption::Kind::flag, "Force disk size calculation to use the actual size specified, rather than using the nearest CHS-based calculation"},
};
constexpr CreateOption vhd_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size, rounded up to whole MiB"},
    {"subformat", CreateOption::Kind::string, "Type of virtual hard disk format. Supported formats are {dynamic (default) | fixed} "},
    {"force_size", CreateOption::Kind::flag, "Use exactly the size given (default here); off: the nearest CHS-based calculation"},
};
constexpr CreateOption vpc_open_options[] = {
    {"force_size_calc", CreateOption::Kind::string, "Force disk size calculation to use either CHS geometry, or use the disk current_size"},
};

} // namespace

extern const Driver vpc_driver{.name = "vpc", .probe = probe, .open = open_vpc, .create = create_vpc,
                               .create_options = vpc_options, .open_options = vpc_open_options,
                               .summary = "Virtual PC / Hyper-V disk image (VHD)"};
extern const Driver vhd_driver{.name = "vhd", .open = open_vpc, .create = create_vhd, .create_options = vhd_options,
                               .open_options = vpc_open_options, .summary = "another name of vpc; sizes are exact, in whole MiB"};

} // namespace emu::block
