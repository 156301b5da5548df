// SPDX-License-Identifier: MIT
// A VMDK image: its descriptor and the extents that make up the disk.
#pragma once
#include "block/driver.h"
#include "block/formats/vmdk/descriptor.h"
#include "block/formats/vmdk/sparse.h"

#include <atomic>
#include <mutex>

namespace emu::block::vmdk {

class VmdkNode final : public Node {
public:
    static Result<NodePtr> open(NodePtr file, OpenArgs& args);

    std::string_view driver() const override { return "vmdk"; }
    Limits limits() const override;
    std::vector<NodePtr> children() const override;
    Result<ImageInfo> info() override;
    Result<CheckResult> check(CheckMode mode) override;
    Result<std::vector<u8>> pack_cluster(ConstBytes plain) const override;
    Result<void> write_packed(u64 at, ConstBytes packed) override;
    u32 cid() const { return descriptor_.cid; }

protected:
    u64 do_size() const override { return size_; }
    Result<void> do_read(u64 at, Bytes to) override;
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override;
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override;
    Result<void> do_discard(u64 at, u64 length) override;
    Result<void> do_flush() override;
    Result<Extent> do_extent(u64 at, u64 length) override;
    Result<void> do_close() override;

private:
    /// The part of the backing image behind one extent.
    class Parent final : public Below {
    public:
        Parent(VmdkNode& node, u64 start) : node_(node), start_(start) {}
        u64 size() const override {
            const u64 all = node_.backing() ? node_.backing()->size() : 0;
            return all > start_ ? all - start_ : 0;
        }
        Result<void> read(u64 at, Bytes to) override;

    private:
        VmdkNode& node_;
        u64 start_;
    };
    struct Part {
        std::unique_ptr<Parent> parent;
        NodePtr file, node; ///< node null: zeroes
        u64 start = 0, length = 0;
        std::string name, type;
    };
    explicit VmdkNode(NodePtr file) : file_(std::move(file)) {}
    Result<void> open_descriptor(OpenArgs& args, const std::string& text);
    Result<void> open_part(OpenArgs& args, usize index, const ExtentLine& line);
    Result<void> add_part(Part part, NodePtr node, u64 length);
    template <class Fn> Result<void> for_parts(u64 at, u64 length, Fn fn);
    Part& part_at(u64 at);
    Result<void> changed();
    Result<void> check_parent();

    NodePtr file_;
    std::vector<Part> parts_;
    Descriptor descriptor_;
    std::string text_;      ///< the descriptor as it stands in the file
    u64 text_at_ = 0;
    u64 size_ = 0;
    std::atomic<bool> changed_{false}, parent_checked_{false};
    std::mutex mutex_;
};

/// Driver::stream of the format: streamOptimized only.
Result<NodePtr> stream(StreamArgs& args);

} // namespace emu::block::vmdk
