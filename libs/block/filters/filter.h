// SPDX-License-Identifier: MIT
// Base of the filters: everything goes to the child unless a filter says otherwise.
#pragma once
#include "block/image.h"

namespace emu::block {

class Filter : public Node {
public:
    explicit Filter(NodePtr file) : file_(std::move(file)) {}
    Limits limits() const override { return file_->limits(); }
    std::vector<NodePtr> children() const override { return {file_}; }
    Node* filtered() const override { return file_.get(); }
    Result<void> event(std::string_view name) override { return file_->event(name); }

protected:
    u64 do_size() const override { return file_->size(); }
    Result<void> do_read(u64 at, Bytes to) override { return file_->read(at, to); }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override { return file_->write(at, from, flags); }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override { return file_->write_zeroes(at, length, flags); }
    Result<void> do_discard(u64 at, u64 length) override { return file_->discard(at, length); }
    Result<void> do_flush() override { return file_->flush(); }
    Result<Extent> do_extent(u64 at, u64 length) override { return file_->extent(at, length); }
    Result<void> do_truncate(u64 size, Preallocation mode) override { return file_->truncate(size, mode); }

    NodePtr file_;
};

} // namespace emu::block
