// SPDX-License-Identifier: MIT
// VMware disk images ("Virtual Disk Format 5.0"). A descriptor, in a file of its own or inside a sparse extent, lists extents;
// sparse.h says what those are. The content ID changes with the first write after opening, and a child refuses a parent whose
// content ID is not the one it was made for.
#include "block/formats/vmdk/image.h"

#include "block/image.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/random.h>

namespace emu::block::vmdk {

Result<void> VmdkNode::Parent::read(u64 at, Bytes to) {
    EMU_CHECK(node_.check_parent());
    return node_.read_backing(start_ + at, to);
}

Result<NodePtr> VmdkNode::open(NodePtr file, OpenArgs& args) {
    std::vector<u8> head(usize(std::min<u64>(file->size(), 2048)));
    EMU_CHECK(file->read(0, head));
    auto node = std::shared_ptr<VmdkNode>(new VmdkNode(file));
    node->read_only_ = !args.writable;
    node->name_ = args.name;
    if (!is_sparse_extent(head)) {
        if (!looks_like_descriptor({reinterpret_cast<const char*>(head.data()), head.size()})) return fail(EINVAL, "Image not in VMDK format");
        if (file->size() > max_descriptor) return fail(EFBIG, "VMDK descriptor is too long");
        std::string text(usize(file->size()), '\0');
        EMU_CHECK(file->read(0, Bytes(reinterpret_cast<u8*>(text.data()), text.size())));
        EMU_CHECK(node->open_descriptor(args, text));
        return NodePtr(std::move(node));
    }
    // One sparse extent, as a rule with its descriptor inside.
    Part part{.parent = std::make_unique<Parent>(*node, 0), .file = nullptr, .name = args.name, .type = "SPARSE"};
    NodePtr extent = EMU_TRY(open_sparse_extent(file, args.writable, part.parent.get()));
    const u64 capacity = extent->size();
    if (auto header = read_sparse_header(*file); header && header->descriptor_at && header->descriptor_sectors) {
        const u64 at = header->descriptor_at * sector;
        const auto bytes = checked_mul(header->descriptor_sectors, sector);
        if (!bytes || *bytes > max_descriptor || header->descriptor_at > (u64(1) << 50) || !in_range(at, *bytes, file->size()))
            return fail(EINVAL, "VMDK descriptor lies outside the file");
        node->text_.resize(usize(*bytes));
        EMU_CHECK(file->read(at, Bytes(reinterpret_cast<u8*>(node->text_.data()), node->text_.size())));
        node->text_at_ = at;
        node->descriptor_ = EMU_TRY(Descriptor::parse(node->text_));
        if (node->descriptor_.parent_cid != 0xffffffff) node->backing_file_ = node->descriptor_.parent_hint;
    }
    EMU_CHECK(node->add_part(std::move(part), std::move(extent), capacity));
    return NodePtr(std::move(node));
}

Result<void> VmdkNode::open_descriptor(OpenArgs& args, const std::string& text) {
    descriptor_ = EMU_TRY(Descriptor::parse(text));
    text_ = text;
    static constexpr std::string_view known[] = {"monolithicFlat", "vmfs", "vmfsSparse", "seSparse", "twoGbMaxExtentSparse",
                                                 "twoGbMaxExtentFlat", "monolithicSparse", "streamOptimized", "custom"};
    if (std::find(std::begin(known), std::end(known), descriptor_.create_type) == std::end(known))
        return fail(ENOTSUP, fmt::format("Unsupported image type '{}'", descriptor_.create_type));
    if (descriptor_.parent_cid != 0xffffffff) backing_file_ = descriptor_.parent_hint;
    if (args.context->untrusted && !descriptor_.extents.empty()) return fail(EPERM, "an untrusted image names other files as its extents");
    for (usize i = 0; i < descriptor_.extents.size(); i++) EMU_CHECK(open_part(args, i, descriptor_.extents[i]));
    return {};
}

Result<void> VmdkNode::open_part(OpenArgs& args, usize index, const ExtentLine& line) {
    const u64 length = line.sectors * sector;
    Part part{.parent = std::make_unique<Parent>(*this, size_), .name = line.file, .type = line.type};
    if (line.type == "ZERO" || line.access == "NOACCESS") return add_part(std::move(part), nullptr, length);
    const bool flat = line.type == "FLAT" || line.type == "VMFS", sparse = line.type == "SPARSE" || line.type == "VMFSSPARSE" || line.type == "SESPARSE";
    if (!flat && !sparse) return fail(ENOTSUP, fmt::format("Unsupported extent type '{}'", line.type));
    OpenArgs below = args;
    below.writable = args.writable && line.access == "RW";
    below.options = {};
    for (KeyValues group = args.options.take_group(fmt::format("extents.{}", index)); const KeyValue& kv : group.items())
        below.options.add("extents." + kv.key, kv.value);
    const std::string path = EMU_TRY(backing_path(args.name, line.file));
    part.file = EMU_TRY(open_child(below, "extents", path, ChildKind::storage));
    part.name = path;
    if (sparse) {
        NodePtr node = EMU_TRY(in(line.file, open_sparse_extent(part.file, below.writable, part.parent.get())));
        if (node->size() < length) return fail(EINVAL, fmt::format("extent '{}' is shorter than its descriptor says", line.file));
        return add_part(std::move(part), std::move(node), length);
    }
    const auto stop = checked_add(line.offset * sector, length);
    if (!stop || *stop > align_up(part.file->size(), sector)) return fail(EINVAL, fmt::format("extent '{}' is shorter than its descriptor says", line.file));
    NodePtr node = open_flat_extent(part.file, line.offset * sector, length, below.writable);
    return add_part(std::move(part), std::move(node), length);
}

Result<void> VmdkNode::add_part(Part part, NodePtr node, u64 length) {
    const auto total = checked_add(size_, length);
    if (!total || *total > u64(INT64_MAX)) return fail(EFBIG, "VMDK image is too large");
    part.node = std::move(node);
    part.start = size_;
    part.length = length;
    size_ = *total;
    if (length) parts_.push_back(std::move(part));
    return {};
}

Limits VmdkNode::limits() const {
    Limits out;
    out.zero_after_create = true;
    for (const Part& part : parts_) {
        if (!part.node) continue;
        const Limits one = part.node->limits();
        out.cluster_size = std::max(out.cluster_size, one.cluster_size);
        out.can_write_compressed |= one.can_write_compressed;
        out.only_compressed |= one.only_compressed;
    }
    out.can_pack = parts_.size() == 1 && parts_.front().node && parts_.front().node->limits().can_pack;
    return out;
}

Result<std::vector<u8>> VmdkNode::pack_cluster(ConstBytes plain) const {
    if (!limits().can_pack) return fail(ENOTSUP, "the subformat has no packed grains");
    return parts_.front().node->pack_cluster(plain);
}

Result<void> VmdkNode::write_packed(u64 at, ConstBytes packed) {
    if (!limits().can_pack) return fail(ENOTSUP, "the subformat has no packed grains");
    EMU_CHECK(changed());
    return parts_.front().node->write_packed(at, packed);
}

std::vector<NodePtr> VmdkNode::children() const {
    std::vector<NodePtr> out = {file_};
    for (const Part& part : parts_) {
        if (part.file) out.push_back(part.file);
    }
    return out;
}

Result<ImageInfo> VmdkNode::info() {
    ImageInfo out;
    Json list = Json::array();
    for (const Part& part : parts_) {
        Json one = Json::object();
        one.set("virtual-size", part.length).set("filename", part.name);
        const ImageInfo inner = part.node ? EMU_TRY(part.node->info()) : ImageInfo{};
        const bool flat = part.type == "FLAT" || part.type == "VMFS";
        if (inner.cluster_size && !flat) {
            one.set("cluster-size", *inner.cluster_size);
            out.cluster_size = out.cluster_size ? std::max(*out.cluster_size, *inner.cluster_size) : inner.cluster_size;
        }
        // A stand-alone sparse file has no extent line to name its kind.
        one.set("format", part.file ? part.type : std::string());
        if (inner.compressed) one.set("compressed", true);
        list.push(std::move(one));
    }
    Json data = Json::object();
    data.set("cid", u64(descriptor_.cid)).set("parent-cid", u64(descriptor_.parent_cid)).set("create-type", descriptor_.create_type);
    data.set("extents", std::move(list));
    out.specific = Json::object().set("type", "vmdk").set("data", std::move(data));
    return out;
}

Result<CheckResult> VmdkNode::check(CheckMode mode) {
    CheckResult sum;
    sum.total_clusters = sum.allocated_clusters = sum.fragmented_clusters = sum.compressed_clusters = 0;
    for (const Part& part : parts_) {
        if (!part.node || part.type == "FLAT" || part.type == "VMFS") continue;
        auto one = part.node->check(mode);
        if (!one && one.error().code == ENOTSUP) continue;
        if (!one) return fail(std::move(one.error()));
        sum.corruptions += one->corruptions;
        sum.leaks += one->leaks;
        for (auto& text : one->messages) sum.messages.push_back(std::move(text));
        for (auto member : {&CheckResult::total_clusters, &CheckResult::allocated_clusters, &CheckResult::fragmented_clusters, &CheckResult::compressed_clusters})
            sum.*member = (sum.*member).value_or(0) + ((*one).*member).value_or(0);
    }
    return sum;
}

VmdkNode::Part& VmdkNode::part_at(u64 at) {
    auto behind = std::upper_bound(parts_.begin(), parts_.end(), at, [](u64 value, const Part& part) { return value < part.start; });
    EMU_ASSERT(behind != parts_.begin());
    return *std::prev(behind);
}

template <class Fn> Result<void> VmdkNode::for_parts(u64 at, u64 length, Fn fn) {
    for (u64 done = 0; done < length;) {
        Part& part = part_at(at + done);
        const u64 within = at + done - part.start, step = std::min(part.length - within, length - done);
        EMU_CHECK(fn(part, within, done, step));
        done += step;
    }
    return {};
}

Result<void> VmdkNode::do_read(u64 at, Bytes to) {
    return for_parts(at, to.size(), [&](Part& part, u64 within, u64 done, u64 length) -> Result<void> {
        const Bytes bytes = to.subspan(done, length);
        if (part.node) return part.node->read(within, bytes);
        std::memset(bytes.data(), 0, bytes.size());
        return {};
    });
}

Result<void> VmdkNode::do_write(u64 at, ConstBytes from, WriteFlags flags) {
    EMU_CHECK(changed());
    return for_parts(at, from.size(), [&](Part& part, u64 within, u64 done, u64 length) -> Result<void> {
        if (!part.node) return fail(EROFS, "this part of the VMDK image cannot be written");
        return part.node->write(within, from.subspan(done, length), flags);
    });
}

Result<void> VmdkNode::do_write_zeroes(u64 at, u64 length, WriteFlags flags) {
    EMU_CHECK(changed());
    return for_parts(at, length, [&](Part& part, u64 within, u64, u64 step) -> Result<void> {
        return part.node ? part.node->write_zeroes(within, step, flags) : Result<void>();
    });
}

Result<void> VmdkNode::do_discard(u64 at, u64 length) {
    EMU_CHECK(changed());
    return for_parts(at, length, [&](Part& part, u64 within, u64, u64 step) -> Result<void> {
        return part.node ? part.node->discard(within, step) : Result<void>();
    });
}

Result<void> VmdkNode::do_flush() {
    for (const Part& part : parts_) {
        if (part.node) EMU_CHECK(part.node->flush());
    }
    return file_->flush();
}

Result<void> VmdkNode::do_close() {
    for (const Part& part : parts_) {
        if (part.node) EMU_CHECK(part.node->close());
    }
    return {};
}

Result<Extent> VmdkNode::do_extent(u64 at, u64 length) {
    const Part& part = part_at(at);
    const u64 within = at - part.start, step = std::min(length, part.length - within);
    if (!part.node) return Extent{.length = step, .zero = true, .allocated = true};
    return part.node->extent(within, step);
}

/// The first change since the image was opened gives it another content ID, so that children made before are refused.
Result<void> VmdkNode::changed() {
    if (changed_.load(std::memory_order_acquire)) return {};
    std::lock_guard lock(mutex_);
    if (changed_) return {};
    u32 cid = 0;
    if (getrandom(&cid, sizeof cid, 0) != sizeof cid) return fail(EIO, "no random bytes");
    if (cid >= 0xfffffffe) cid = 1; // these two mean "none"
    const std::string fresh = with_cid(text_, cid);
    if (fresh != text_) {
        EMU_CHECK(file_->write(text_at_, ConstBytes(reinterpret_cast<const u8*>(fresh.data()), fresh.size())));
        EMU_CHECK(file_->flush());
        text_ = fresh;
        descriptor_.cid = cid;
    }
    changed_.store(true, std::memory_order_release);
    return {};
}

Result<void> VmdkNode::check_parent() {
    if (parent_checked_.load(std::memory_order_acquire)) return {};
    NodePtr parent = backing();
    while (parent && parent->filtered()) parent = parent->children().front();
    if (const auto* vmdk = dynamic_cast<const VmdkNode*>(parent.get()); vmdk && vmdk->cid() != descriptor_.parent_cid)
        return fail(EINVAL, fmt::format("'{}' has changed since '{}' was made on top of it (content ID {:08x}, not {:08x})", parent->name(), name_,
                                        vmdk->cid(), descriptor_.parent_cid));
    parent_checked_.store(true, std::memory_order_release);
    return {};
}

} // namespace emu::block::vmdk
