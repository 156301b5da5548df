// SPDX-License-Identifier: MIT
// streamOptimized images into a pipe: the subformat was made for it.
#include "block/formats/vmdk/image.h"
#include "block/formats/vmdk/stream_writer.h"
#include "block/stream.h"

#include <cerrno>

namespace emu::block::vmdk {
namespace {

class Stream final : public StreamNode {
public:
    explicit Stream(StreamArgs args) : StreamNode(args), writer_(args.size, args.name, [this](ConstBytes bytes) { return put(bytes); }) {}
    std::string_view driver() const override { return "vmdk"; }
    Limits limits() const override {
        Limits out = StreamNode::limits();
        out.cluster_size = StreamWriter::grain_bytes;
        out.can_write_compressed = out.can_pack = out.only_compressed = true;
        return out;
    }
    Result<std::vector<u8>> pack_cluster(ConstBytes plain) const override {
        std::vector<u8> grain(plain.begin(), plain.end());
        grain.resize(StreamWriter::grain_bytes);
        return pack_grain(0, grain);
    }
    Result<void> write_packed(u64 at, ConstBytes packed) override {
        EMU_CHECK(in_order(at, StreamWriter::grain_bytes));
        std::vector<u8> grain(packed.begin(), packed.end());
        put_le64(grain, 0, at / sector);
        return writer_.add_packed(at, grain);
    }
    Result<void> start() { return writer_.start(); }

protected:
    Result<void> take(u64, ConstBytes) override { return fail(ENOTSUP, "grains are packed"); }
    Result<void> finish() override { return writer_.finish(); }

private:
    StreamWriter writer_;
};

} // namespace

Result<NodePtr> stream(StreamArgs& args) {
    if (args.options.take("subformat").value_or("") != "streamOptimized") return fail(ENOTSUP, "another subformat than streamOptimized in one pass");
    if (!args.options.empty()) return fail(ENOTSUP, "options of the descriptor in one pass");
    auto node = std::make_shared<Stream>(std::move(args));
    EMU_CHECK(node->start());
    return NodePtr(node);
}

} // namespace emu::block::vmdk
