// SPDX-License-Identifier: MIT
// The bytes of the storage as they are, or a part of them (`offset`, `size`).
//
// Write ordering: the storage's; nothing but data is written.
#include "block/image.h"
#include "block/stream.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::block {
namespace {

constexpr u64 sector = 512; ///< other tools see whole sectors only, so sizes are rounded up to them

class RawNode final : public Node {
public:
    RawNode(NodePtr file, u64 offset, std::optional<u64> size) : file_(std::move(file)), offset_(offset), fixed_(size) {}
    std::string_view driver() const override { return "raw"; }
    Limits limits() const override {
        Limits out = file_->limits();
        if (offset_ & (out.request_alignment - 1)) out.request_alignment = 1; // the storage bounces for itself
        out.growable &= !fixed_;
        return out;
    }
    std::vector<NodePtr> children() const override { return {file_}; }
    int native_fd() const override { return offset_ || fixed_ ? -1 : file_->native_fd(); }
    Result<std::vector<Zone>> zones(u64 at, usize most) override { return offset_ ? Node::zones(at, most) : file_->zones(at, most); }
    Result<void> zone_action(ZoneAction action, u64 at, u64 length) override {
        return offset_ ? Node::zone_action(action, at, length) : file_->zone_action(action, at, length);
    }
    Result<u64> zone_append(u64 at, ConstBytes from) override { return offset_ ? Node::zone_append(at, from) : file_->zone_append(at, from); }

protected:
    u64 do_size() const override {
        if (fixed_) return *fixed_;
        const u64 whole = file_->size();
        return whole > offset_ ? align_up(whole - offset_, sector) : 0;
    }
    Result<void> do_read(u64 at, Bytes to) override {
        const u64 there = file_->size(), start = offset_ + at;
        const u64 real = start < there ? std::min<u64>(to.size(), there - start) : 0;
        if (real) EMU_CHECK(file_->read(start, to.first(real)));
        if (real < to.size()) std::memset(to.data() + real, 0, to.size() - real);
        return {};
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        return file_->write(offset_ + at, from, flags);
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override {
        return file_->write_zeroes(offset_ + at, length, flags);
    }
    Result<bool> do_place(u64 at, u64 length) override { return file_->place(offset_ + at, length); }
    bool heeds_fua() const override { return true; }
    Result<void> do_discard(u64 at, u64 length) override {
        const u64 there = file_->size(), start = offset_ + at;
        return start >= there ? Result<void>() : file_->discard(start, std::min(length, there - start));
    }
    Result<Extent> do_extent(u64 at, u64 length) override {
        const u64 there = file_->size(), start = offset_ + at;
        if (start >= there) return Extent{.length = length, .zero = true, .allocated = true};
        Extent out = EMU_TRY(file_->extent(start, std::min(length, there - start)));
        out.allocated = true;
        if (start + out.length == there) out.length = length; // the rounded tail is like what is before it
        return out;
    }
    Result<void> do_truncate(u64 size, Preallocation preallocation) override {
        if (fixed_ && size > *fixed_) return fail(ENOSPC, "Cannot resize fixed-size raw disks");
        if (fixed_) {
            fixed_ = size;
            return {};
        }
        auto end = checked_add<u64>(size, offset_);
        if (!end) return fail(EINVAL, "Disk size too large for the chosen offset");
        return file_->truncate(*end, preallocation);
    }

private:
    NodePtr file_;
    u64 offset_;
    std::optional<u64> fixed_;
};

Result<NodePtr> open_raw(NodePtr file, OpenArgs& args) {
    const u64 offset = EMU_TRY(args.options.take_size("offset")).value_or(0);
    const auto size = EMU_TRY(args.options.take_size("size"));
    if (offset > file->size()) return fail(EINVAL, fmt::format("Offset ({}) cannot be greater than size of the containing file ({})", offset, file->size()));
    if (size && *size % sector) return fail(EINVAL, "Specified size is not multiple of 512");
    if (size && *size > file->size() - offset)
        return fail(EINVAL, fmt::format("The sum of offset ({}) and size ({}) has to be smaller or equal to the  actual size of the containing file ({})", offset, *size, file->size()));
    return NodePtr(std::make_shared<RawNode>(std::move(file), offset, size));
}

Result<void> create_raw(NodePtr file, CreateArgs& args) {
    // The storage was made with the size, or (devices, exports) has its own.
    return file->size() >= args.size ? Result<void>() : file->truncate(align_up(args.size, sector));
}

Result<Measure> measure_raw(u64 size, CreateArgs&, Node* source) {
    Measure out{.required = size, .fully_allocated = size, .bitmaps = {}};
    if (source) out.required = out.fully_allocated = source->size();
    return out;
}

} // namespace

Result<NodePtr> sub_range(NodePtr node, u64 offset, u64 length) {
    if (!in_range(offset, length, node->size())) return fail(EINVAL, "a range outside the image");
    return NodePtr(std::make_shared<RawNode>(std::move(node), offset, length));
}

namespace {

/// One pass: what is not written is zeroes.
class RawStream final : public StreamNode {
public:
    using StreamNode::StreamNode;
    std::string_view driver() const override { return "raw"; }

protected:
    Result<void> take(u64 at, ConstBytes from) override {
        EMU_CHECK(put_zeroes(at - reached_));
        reached_ = at + from.size();
        return put(from);
    }
    Result<void> finish() override { return put_zeroes(do_size() - reached_); }

private:
    u64 reached_ = 0;
};

Result<NodePtr> stream_raw(StreamArgs& args) {
    EMU_CHECK(args.options.finish("no option"));
    return NodePtr(std::make_shared<RawStream>(std::move(args)));
}

constexpr CreateOption create_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
};
constexpr CreateOption raw_open_options[] = {
    {"offset", CreateOption::Kind::size, "offset in the storage at which the image begins", "0"},
    {"size", CreateOption::Kind::size, "size of the image; a multiple of 512"},
};

} // namespace

extern const Driver raw_driver{.name = "raw", .open = open_raw, .create = create_raw, .create_options = create_options,
                               .open_options = raw_open_options, .measure = measure_raw, .stream = stream_raw, .summary = "the bytes as they are"};

} // namespace emu::block
