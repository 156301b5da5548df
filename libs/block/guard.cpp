// SPDX-License-Identifier: MIT
#include "block/guard.h"

#include "block/image.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {
namespace {

constexpr u64 head_size = 2048; ///< as much as formats are probed by

class Guard final : public Node {
public:
    explicit Guard(NodePtr inner) : inner_(std::move(inner)) {
        read_only_ = false;
        name_ = inner_->name();
    }
    std::string_view driver() const override { return inner_->driver(); }
    Limits limits() const override { return inner_->limits(); }
    std::vector<NodePtr> children() const override { return {inner_}; }
    Node* filtered() const override { return inner_.get(); }
    int native_fd() const override { return inner_->native_fd(); }

protected:
    u64 do_size() const override { return inner_->size(); }
    Result<void> do_read(u64 at, Bytes to) override { return inner_->read(at, to); }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        if (at < head_size) EMU_CHECK(check_head(at, from));
        return inner_->write(at, from, flags);
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override { return inner_->write_zeroes(at, length, flags); }
    Result<void> do_discard(u64 at, u64 length) override { return inner_->discard(at, length); }
    Result<void> do_flush() override { return inner_->flush(); }
    Result<Extent> do_extent(u64 at, u64 length) override { return inner_->extent(at, length); }
    Result<void> do_truncate(u64 size, Preallocation preallocation) override { return inner_->truncate(size, preallocation); }

private:
    Result<void> check_head(u64 at, ConstBytes from) {
        std::vector<u8> head(std::min(head_size, inner_->size()));
        if (at >= head.size()) return {};
        EMU_CHECK(inner_->read(0, head));
        std::copy_n(from.data(), std::min<u64>(from.size(), head.size() - at), head.data() + at);
        for (const Driver* row : drivers())
            if (row->probe && row->name != "raw" && row->probe(head, inner_->name()) > 0)
                return fail(EPERM, fmt::format("the beginning of a {} image may not be written into an image that was taken for raw", row->name));
        return {};
    }
    NodePtr inner_;
};

} // namespace

NodePtr guard_guess(NodePtr raw) { return std::make_shared<Guard>(std::move(raw)); }

} // namespace emu::block
