// SPDX-License-Identifier: MIT
// Bochs growing images (its "redolog" of the kind Growing), read only.
//
//   0 "Bochs Virtual HD Image"  32 "Redolog"  48 "Growing"  64 version (2 or 1)  68 header size  72 catalog entries
//   76 bytes of a bitmap  80 bytes of an extent  then, version 2: 84 reserved, 88 disk size; version 1: 84 disk size
//
// A catalog entry is the number of an extent's slot; a slot is a bitmap of the extent's sectors (lowest bit first) and their data.
#include "block/driver.h"
#include "block/start.h"
#include "common/bits.h"
#include "common/bytes.h"
#include "common/checked.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::block {
namespace {

constexpr u64 sector = 512, header_bytes = 512;
constexpr u32 version_1 = 0x10000, version_2 = 0x20000, no_extent = 0xffffffff;

struct Header {
    u64 catalog_at = 0, entries = 0, bitmap = 0, extent = 0, disk = 0;
};

Result<Header> parse(Node& file) {
    std::array<u8, header_bytes> raw;
    EMU_CHECK(read_start(file, raw));
    const ByteView h{ConstBytes(raw)};
    if (!h.starts_with(std::string_view("Bochs Virtual HD Image\0", 23)) || h.string_at(32) != "Redolog" || h.string_at(48) != "Growing")
        return fail(EINVAL, "Image not in Bochs format");
    if (file.size() < header_bytes) return fail(EINVAL, "file too short for a Bochs header");
    const u32 version = h.u32_at(64);
    if (version != version_1 && version != version_2) return fail(ENOTSUP, fmt::format("Bochs image version {:#x} is not supported", version));
    Header out{.catalog_at = h.u32_at(68), .entries = h.u32_at(72), .bitmap = h.u32_at(76), .extent = h.u32_at(80),
               .disk = version == version_1 ? h.u64_at(84) : h.u64_at(88)};
    if (out.catalog_at < 96 || out.catalog_at > (u64(1) << 20)) return fail(EINVAL, "Bochs catalog is not where it may be");
    if (out.extent < sector || !is_power_of_two(out.extent) || out.extent > 0x800000) return fail(EINVAL, fmt::format("Bochs extent size {} is impossible", out.extent));
    if (out.bitmap == 0 || out.bitmap * 8 < out.extent / sector || out.bitmap > 0x100000) return fail(EINVAL, "Bochs extent bitmap is too small or large");
    if (out.entries > 0x100000) return fail(EFBIG, "Bochs catalog size is too large");
    if (out.disk > u64(INT64_MAX) || (out.disk + out.extent - 1) / out.extent > out.entries)
        return fail(EINVAL, "Catalog size is too small for this disk size");
    return out;
}

class BochsNode final : public Node {
public:
    BochsNode(NodePtr file, const Header& header) : file_(std::move(file)), h_(header) {}
    Result<void> load() {
        if (!in_range(h_.catalog_at, h_.entries * 4, file_->size())) return fail(EINVAL, "Bochs catalog lies outside the file");
        catalog_.resize(usize(h_.entries * 4));
        return file_->read(h_.catalog_at, catalog_);
    }
    std::string_view driver() const override { return "bochs"; }
    std::vector<NodePtr> children() const override { return {file_}; }

protected:
    u64 do_size() const override { return align_down(h_.disk, sector); }
    Result<void> do_read(u64 at, Bytes to) override {
        while (!to.empty()) {
            const Extent run = EMU_TRY(do_extent(at, to.size()));
            if (run.offset)
                EMU_CHECK(file_->read(*run.offset, to.first(run.length)));
            else
                std::memset(to.data(), 0, run.length);
            at += run.length;
            to = to.subspan(run.length);
        }
        return {};
    }
    Result<Extent> do_extent(u64 at, u64 length) override {
        const auto first = EMU_TRY(locate(at));
        Extent out{.length = std::min(length, sector - at % sector), .data = first.has_value(), .zero = !first, .allocated = true};
        if (first) {
            out.offset = *first;
            out.file = file_.get();
        }
        for (int i = 0; i < 2048 && out.length < length; i++) { // bounded; the caller asks again
            const auto next = EMU_TRY(locate(at + out.length));
            if (next.has_value() != first.has_value() || (next && *next != *first + out.length)) break;
            out.length += std::min(sector, length - out.length);
        }
        return out;
    }

private:
    /// Where a byte lies; nothing if its sector was never written.
    Result<std::optional<u64>> locate(u64 at) {
        const u64 index = at / h_.extent, within = at % h_.extent, bit = within / sector;
        const u32 slot = le32(catalog_, usize(index * 4));
        if (slot == no_extent) return std::optional<u64>();
        // The bitmap takes whole sectors.
        const u64 bitmap_bytes = align_up(h_.bitmap, sector);
        const u64 base = h_.catalog_at + h_.entries * 4 + u64(slot) * (bitmap_bytes + h_.extent);
        std::array<u8, 1> byte;
        if (!in_range(base, bitmap_bytes + within + 1, file_->size())) return fail(EIO, fmt::format("Bochs extent {} lies outside the file", index));
        EMU_CHECK(file_->read(base + bit / 8, byte));
        if (!(byte[0] >> (bit % 8) & 1)) return std::optional<u64>();
        return std::optional<u64>(base + bitmap_bytes + within);
    }

    NodePtr file_;
    Header h_;
    std::vector<u8> catalog_;
};

int probe(ConstBytes head, std::string_view) {
    const ByteView h(head);
    return head.size() >= 64 && h.starts_with("Bochs Virtual HD Image") && h.string_at(32) == "Redolog" && h.string_at(48) == "Growing" ? 100 : 0;
}

Result<NodePtr> open(NodePtr file, OpenArgs&) {
    const Header header = EMU_TRY(parse(*file));
    auto node = std::make_shared<BochsNode>(std::move(file), header);
    EMU_CHECK(node->load());
    return NodePtr(std::move(node));
}

} // namespace

extern const Driver bochs_driver{.name = "bochs", .probe = probe, .open = open, .read_only = true, .summary = "Bochs growing disk image"};

} // namespace emu::block
