// SPDX-License-Identifier: MIT
#include "block/formats/vmdk/sparse.h"

#include <algorithm>
#include <cstring>

namespace emu::block::vmdk {

namespace {

class FlatExtent final : public Node {
public:
    FlatExtent(NodePtr file, u64 offset, u64 length, bool writable) : file_(std::move(file)), offset_(offset), length_(length) {
        read_only_ = !writable;
    }
    std::string_view driver() const override { return "vmdk"; }
    std::vector<NodePtr> children() const override { return {file_}; }

protected:
    u64 do_size() const override { return length_; }
    Result<void> do_read(u64 at, Bytes to) override {
        // A file that is a few bytes short of its last sector reads as zeroes there.
        const u64 there = file_->size(), start = offset_ + at;
        const u64 real = start < there ? std::min<u64>(to.size(), there - start) : 0;
        if (real) EMU_CHECK(file_->read(start, to.first(real)));
        std::memset(to.data() + real, 0, to.size() - real);
        return {};
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override { return file_->write(offset_ + at, from, flags); }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override { return file_->write_zeroes(offset_ + at, length, flags); }
    Result<void> do_discard(u64 at, u64 length) override { return file_->discard(offset_ + at, length); }
    Result<Extent> do_extent(u64 at, u64 length) override {
        const u64 there = file_->size(), start = offset_ + at;
        if (start >= there) return Extent{.length = length, .zero = true, .allocated = true};
        Extent out = EMU_TRY(file_->extent(start, std::min(length, there - start)));
        out.allocated = true;
        return out;
    }

private:
    NodePtr file_;
    u64 offset_, length_;
};

} // namespace

NodePtr open_flat_extent(NodePtr file, u64 offset, u64 length, bool writable) {
    return std::make_shared<FlatExtent>(std::move(file), offset, length, writable);
}

} // namespace emu::block::vmdk
