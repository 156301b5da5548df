// SPDX-License-Identifier: MIT
// Hyper-V VHDX images, dynamic and fixed; no parents. Reading what another writer left needs its log replayed first, which
// happens when the image is opened for writing (or by check -r all).
//
// Write ordering: the header gets new write identifiers before the first change. At flush: data, flush; changed sectors of the
// block table as a log entry, flush; the header says once that the log is in use, flush; the sectors to their places, flush.
// close takes the log out of use. A crash leaves unused space at the end of the file, which the next allocation takes.
#include "block/formats/mapped/mapped.h"
#include "block/formats/mapped/tables.h"
#include "block/formats/vhdx/format.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {
namespace {

using namespace vhdx;

struct Opened {
    Header header;
    bool second = false; ///< the current header is the second one
    Regions regions;
    Metadata metadata;
};

Result<void> current_header(Node& file, Opened& out) {
    std::optional<Header> found[2];
    std::string why;
    for (int i = 0; i < 2; i++) {
        std::vector<u8> bytes(header_bytes);
        EMU_CHECK(file.read(i ? header_2_at : header_1_at, bytes));
        auto header = Header::parse(bytes);
        if (header)
            found[i] = *header;
        else
            why = header.error().text;
    }
    if (!found[0] && !found[1]) return fail(EINVAL, why);
    if (found[0] && found[1] && found[0]->sequence == found[1]->sequence && !(*found[0] == *found[1]))
        return fail(EINVAL, "VHDX headers contradict each other");
    out.second = !found[0] || (found[1] && found[1]->sequence > found[0]->sequence);
    out.header = out.second ? *found[1] : *found[0];
    return {};
}

Result<void> store_header(Node& file, Opened& image) {
    image.header.sequence++;
    image.second = !image.second;
    EMU_CHECK(file.write(image.second ? header_2_at : header_1_at, image.header.serialise()));
    return file.flush();
}

Result<Opened> read_metadata(NodePtr& file, const OpenArgs& args) {
    Opened out;
    std::array<u8, 8> id;
    if (file->size() < MiB) return fail(EINVAL, "file too short for a VHDX image");
    EMU_CHECK(file->read(0, id));
    if (!ByteView(id).starts_with("vhdxfile")) return fail(EINVAL, "Image not in VHDX format");
    EMU_CHECK(current_header(*file, out));
    if (!is_null(out.header.log)) {
        if (!args.writable)
            return fail(Error{EPERM, fmt::format("VHDX image file '{}' opened read-only, but contains a log that needs to be replayed", args.name),
                              fmt::format("to replay the log, run: check -r all '{}'", args.name)});
        EMU_CHECK(in("VHDX log", replay(*file, out.header)));
        out.header.log = {};
        EMU_CHECK(store_header(*file, out));
    }
    std::vector<u8> bytes(region_bytes);
    EMU_CHECK(file->read(region_1_at, bytes));
    auto regions = Regions::parse(bytes);
    if (!regions && regions.error().code != ENOTSUP) {
        EMU_CHECK(file->read(region_2_at, bytes));
        if (auto second = Regions::parse(bytes)) regions = second;
    }
    out.regions = EMU_TRY(std::move(regions));
    for (const Region& r : {out.regions.bat, out.regions.metadata}) {
        if (r.at < out.header.log_at + out.header.log_bytes && out.header.log_at < r.at + r.bytes) return fail(EINVAL, "a VHDX region overlaps the log");
    }
    out.metadata = EMU_TRY(Metadata::read(*file, out.regions.metadata));
    return out;
}

class VhdxNode final : public MappedNode {
public:
    VhdxNode(NodePtr file, Opened image, bool writable)
        : MappedNode(std::move(file), image.metadata.block_bytes, writable), i_(std::move(image)), bat_(i_.regions.bat.at, Endian::little) {}

    Result<void> load() {
        const u64 bytes = align_up(i_.metadata.bat_entries() * 8, log_sector);
        if (bytes > i_.regions.bat.bytes) return fail(EINVAL, "VHDX block table is too small for the disk");
        EMU_CHECK(bat_.load(*file_, bytes));
        end_ = std::max({i_.header.log_at + i_.header.log_bytes, i_.regions.bat.at + i_.regions.bat.bytes,
                         i_.regions.metadata.at + i_.regions.metadata.bytes});
        for (u64 i = 0; i < i_.metadata.bat_entries(); i++) {
            const u64 raw = bat_.get64(i), at = raw >> offset_shift << offset_shift;
            if ((raw & state_mask) == fully_present && at < u64(INT64_MAX) - block_) end_ = std::max(end_, at + block_);
        }
        return {};
    }
    std::string_view driver() const override { return "vhdx"; }
    Limits limits() const override {
        Limits out = MappedNode::limits();
        return out;
    }
    Result<ImageInfo> info() override {
        ImageInfo out;
        out.cluster_size = block_;
        return out;
    }
    Result<CheckResult> check(CheckMode mode) override;

protected:
    u64 do_size() const override { return i_.metadata.disk_bytes; }
    Result<Place> lookup(u64 index) override {
        const u64 raw = bat_.get64(i_.metadata.bat_index(index));
        switch (raw & state_mask) {
        case not_present:
        case undefined:
        case unmapped: return Place{};
        case zero: return Place{Place::Kind::zero, 0};
        case fully_present: {
            const u64 at = raw >> offset_shift << offset_shift;
            if (at < MiB || at > u64(INT64_MAX) - block_) return fail(EIO, fmt::format("VHDX block {} is at an impossible offset", index));
            return Place{Place::Kind::data, at};
        }
        default: return fail(EIO, fmt::format("VHDX block {} has the state {}", index, raw & state_mask));
        }
    }
    Result<Room> reserve(u64) override { return reserve_at_end(block_, MiB); }
    Result<void> link(u64 index, u64 offset) override {
        bat_.put64(i_.metadata.bat_index(index), offset | fully_present);
        return {};
    }
    Result<void> link_zero(u64 index) override {
        if (i_.metadata.leave_allocated) return fail(ENOTSUP, "a fixed image keeps its blocks");
        bat_.put64(i_.metadata.bat_index(index), zero);
        return {};
    }
    Result<void> begin_changes() override {
        i_.header.file_write = EMU_TRY(random_guid());
        i_.header.data_write = EMU_TRY(random_guid());
        return store_header(*file_, i_);
    }
    Result<void> commit_map() override {
        std::vector<std::pair<u64, std::vector<u8>>> sectors;
        EMU_CHECK(bat_.write_dirty([&](u64 at, ConstBytes bytes) -> Result<void> {
            for (u64 done = 0; done < bytes.size(); done += log_sector)
                sectors.emplace_back(at + done, std::vector<u8>(bytes.begin() + long(done), bytes.begin() + long(done + log_sector)));
            return {};
        }));
        for (usize done = 0; done < sectors.size();) {
            const usize count = std::min(sectors.size() - done, log().max_sectors());
            EMU_CHECK(commit_part({sectors.begin() + long(done), sectors.begin() + long(done + count)}));
            done += count;
        }
        return {};
    }
    Result<void> do_close() override {
        EMU_CHECK(MappedNode::do_close());
        if (read_only_ || is_null(i_.header.log)) return {};
        i_.header.log = {};
        return store_header(*file_, i_);
    }

private:
    LogWriter& log() {
        if (!log_) {
            log_id_ = random_guid().value_or(Guid{1});
            log_.emplace(i_.header.log_at, i_.header.log_bytes, log_id_, 1);
        }
        return *log_;
    }
    Result<void> commit_part(const std::vector<std::pair<u64, std::vector<u8>>>& sectors) {
        EMU_CHECK(log().append(*file_, sectors));
        EMU_CHECK(file_->flush());
        if (is_null(i_.header.log)) { // the log has something whole now, and may be pointed at
            i_.header.log = log_id_;
            EMU_CHECK(store_header(*file_, i_));
        }
        for (const auto& [at, bytes] : sectors) EMU_CHECK(file_->write(at, bytes));
        return file_->flush();
    }

    Opened i_;
    FlatTable bat_;
    Guid log_id_ = {};
    std::optional<LogWriter> log_;
};

Result<CheckResult> VhdxNode::check(CheckMode mode) {
    std::lock_guard lock(map_mutex_);
    CheckResult out;
    const u64 there = file_->size(), blocks = i_.metadata.payload_blocks();
    std::vector<u64> places;
    out.total_clusters = blocks;
    u64 fragmented = 0, last = 0;
    const auto bad = [&](std::string text) {
        out.corruptions++;
        if (out.messages.size() < 1000) out.messages.push_back("ERROR: " + std::move(text));
    };
    for (u64 i = 0; i < blocks; i++) {
        const auto place = lookup(i);
        if (!place) {
            bad(place.error().text);
            continue;
        }
        if (place->kind != Place::Kind::data) continue;
        if (!in_range(place->offset, block_, align_up(there, MiB))) {
            bad(fmt::format("VHDX block {} lies outside the file", i));
            continue;
        }
        if (last && place->offset != last + block_) fragmented++;
        last = place->offset;
        places.push_back(place->offset);
    }
    out.allocated_clusters = places.size();
    out.fragmented_clusters = fragmented;
    out.compressed_clusters = 0;
    std::sort(places.begin(), places.end());
    for (usize i = 1; i < places.size(); i++) {
        if (places[i] < places[i - 1] + block_) bad(fmt::format("VHDX blocks overlap at offset {:#x}", places[i]));
    }
    const Region fixed[] = {i_.regions.bat, i_.regions.metadata, {i_.header.log_at, i_.header.log_bytes}, {0, MiB}};
    for (const Region& r : fixed) {
        const auto behind = std::lower_bound(places.begin(), places.end(), r.at + r.bytes);
        if (behind != places.begin() && *std::prev(behind) + block_ > r.at) bad("a VHDX block overlaps metadata");
    }
    if (there > align_up(end_, MiB)) {
        out.leaks = (there - end_ + block_ - 1) / block_;
        if (mode.fix_leaks && !read_only_) {
            EMU_CHECK(file_->truncate(end_));
            out.leaks_fixed = out.leaks;
        }
    }
    return out;
}

int probe(ConstBytes head, std::string_view) { return ByteView(head).starts_with("vhdxfile") ? 100 : 0; }

Result<NodePtr> open(NodePtr file, OpenArgs& args) {
    Opened image = EMU_TRY(read_metadata(file, args));
    auto node = std::make_shared<VhdxNode>(std::move(file), std::move(image), args.writable);
    EMU_CHECK(node->load());
    return NodePtr(std::move(node));
}

u64 automatic_block_size(u64 size) {
    if (size > (u64(32) << 40)) return 64 * MiB;
    if (size > (u64(100) << 30)) return 32 * MiB;
    if (size > (u64(1) << 30)) return 16 * MiB;
    return 8 * MiB;
}

struct CreateShape {
    Metadata metadata;
    u64 log = MiB;
    bool fixed = false, zero_state = true;
};

Result<CreateShape> parse_create(CreateArgs& args) {
    CreateShape out;
    const u64 log = EMU_TRY(args.options.take_size("log_size")).value_or(MiB);
    u64 block = EMU_TRY(args.options.take_size("block_size")).value_or(0);
    const std::string subformat = args.options.take("subformat").value_or("dynamic");
    out.zero_state = EMU_TRY(args.options.take_bool("block_state_zero")).value_or(true);
    if (subformat != "dynamic" && subformat != "fixed") return fail(EINVAL, fmt::format("Parameter 'subformat' does not accept value '{}'", subformat));
    out.fixed = subformat == "fixed";
    if (args.size > (u64(64) << 40)) return fail(EINVAL, "Image size too large; max of 64TB");
    if (log < MiB || log > (u64(64) << 20)) return fail(EINVAL, "Log size must be a multiple of 1 MB and at most 64 MB");
    out.log = align_up(log, MiB);
    if (block == 0) block = automatic_block_size(args.size);
    if (block < MiB || block > 256 * MiB) return fail(EINVAL, "Block size must be a multiple of 1 MB, at most 256 MB");
    if (!is_power_of_two(block)) return fail(EINVAL, "Block size must be a power of two");
    out.metadata.block_bytes = u32(block);
    out.metadata.leave_allocated = out.fixed;
    out.metadata.disk_bytes = align_up(args.size, u64(512));
    out.metadata.disk_id = EMU_TRY(random_guid());
    return out;
}

Result<void> create(NodePtr file, CreateArgs& args) {
    const CreateShape shape = EMU_TRY(parse_create(args));
    const Metadata& m = shape.metadata;
    Header header{.sequence = 1, .file_write = EMU_TRY(random_guid()), .data_write = EMU_TRY(random_guid()),
                  .log_bytes = u32(shape.log), .log_at = MiB};
    Regions regions;
    regions.metadata = {MiB + shape.log, MiB};
    regions.bat = {regions.metadata.at + MiB, align_up(std::max<u64>(m.bat_entries() * 8, 1), MiB)};
    const u64 data = regions.bat.at + regions.bat.bytes;
    std::vector<u8> bat(usize(m.bat_entries() * 8));
    for (u64 i = 0; i < m.payload_blocks(); i++) {
        const u64 raw = shape.fixed ? (data + i * m.block_bytes) | fully_present : shape.zero_state ? u64(zero) : u64(not_present);
        put_le64(bat, usize(m.bat_index(i) * 8), raw);
    }
    std::vector<u8> id(64 * KiB); // "vhdxfile" and the creator's name in UTF-16
    std::copy_n("vhdxfile", 8, id.begin());
    const std::string_view creator = "Emu " EMU_VERSION;
    for (usize i = 0; i < creator.size(); i++) id[8 + i * 2] = u8(creator[i]);
    EMU_CHECK(file->truncate(shape.fixed ? data + m.payload_blocks() * m.block_bytes : data));
    EMU_CHECK(file->write_zeroes(0, data));
    EMU_CHECK(file->write(0, id));
    EMU_CHECK(file->write(header_1_at, header.serialise()));
    header.sequence++;
    EMU_CHECK(file->write(header_2_at, header.serialise()));
    for (u64 at : {region_1_at, region_2_at}) EMU_CHECK(file->write(at, regions.serialise()));
    EMU_CHECK(file->write(regions.metadata.at, m.serialise()));
    EMU_CHECK(file->write(regions.bat.at, bat));
    return file->flush();
}

constexpr CreateOption vhdx_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size; max of 64TB."},
    {"log_size", CreateOption::Kind::size, "Log size; min 1MB.", "1048576"},
    {"block_size", CreateOption::Kind::size, "Block Size; min 1MB, max 256MB. 0 means auto-calculate based on image size.", "0"},
    {"subformat", CreateOption::Kind::string, "VHDX format type, can be either 'dynamic' or 'fixed'. Default is 'dynamic'."},
    {"block_state_zero", CreateOption::Kind::flag,
     "Force use of payload blocks of type 'ZERO'. Non-standard, but default.  Do not set to 'off' when using 'qemu-img convert' with subformat=dynamic."},
};

} // namespace

extern const Driver vhdx_driver{.name = "vhdx", .probe = probe, .open = open, .create = create, .create_options = vhdx_options,
                                .summary = "Hyper-V virtual disk"};

} // namespace emu::block
