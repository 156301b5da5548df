// SPDX-License-Identifier: MIT
#include "nbd/image.h"

#include "common/fd.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

namespace emu::nbd {
namespace {

/// A raw image whose format was guessed. The guess must not change under us: a client that could write a qcow2 header
/// would have the next one who opens the image read files of its choice.
class GuardedNode final : public block::Node {
public:
    GuardedNode(block::NodePtr inner, bool writable) : inner_(std::move(inner)) {
        read_only_ = !writable;
        name_ = inner_->name();
    }
    std::string_view driver() const override { return inner_->driver(); }
    block::Limits limits() const override { return inner_->limits(); }
    std::vector<block::NodePtr> children() const override { return {inner_}; }
    block::Node* filtered() const override { return inner_.get(); }
    int native_fd() const override { return inner_->native_fd(); }

protected:
    u64 do_size() const override { return inner_->size(); }
    Result<void> do_read(u64 at, Bytes to) override { return inner_->read(at, to); }
    Result<void> do_write(u64 at, ConstBytes from, block::WriteFlags flags) override {
        if (at < head_size) EMU_CHECK(check_head(at, from));
        return inner_->write(at, from, flags);
    }
    Result<void> do_write_zeroes(u64 at, u64 length, block::WriteFlags flags) override {
        return inner_->write_zeroes(at, length, flags);
    }
    Result<void> do_discard(u64 at, u64 length) override { return inner_->discard(at, length); }
    Result<void> do_flush() override { return inner_->flush(); }
    Result<block::Extent> do_extent(u64 at, u64 length) override { return inner_->extent(at, length); }

private:
    static constexpr u64 head_size = 2048; ///< as much as formats are probed by
    Result<void> check_head(u64 at, ConstBytes from) {
        std::vector<u8> head(std::min(head_size, inner_->size()));
        EMU_CHECK(inner_->read(0, head));
        std::copy_n(from.data(), std::min<u64>(from.size(), head.size() - at), head.data() + at);
        for (const block::Driver* row : block::drivers())
            if (row->probe && row->name != "raw" && row->probe(head, inner_->name()) > 0)
                return fail(
                    EPERM,
                    fmt::format("the beginning of a {} image may not be written into an image that was taken for raw",
                                row->name));
        return {};
    }
    block::NodePtr inner_;
};

Result<std::string> snapshot_name(const std::string& text) {
    if (!text.starts_with("snapshot.")) return text;
    KeyValues options = EMU_TRY(KeyValues::parse(text));
    const auto id = options.take("snapshot.id"), name = options.take("snapshot.name");
    EMU_CHECK(options.finish("snapshot.id, snapshot.name"));
    return id ? *id : name.value_or("");
}

/// An overlay of the image in a file without a name.
Result<block::NodePtr> overlay(block::NodePtr base, block::Context* context) {
    const char* folder = std::getenv("TMPDIR");
    std::string path = std::string(folder && *folder ? folder : "/var/tmp") + "/emu-nbd.XXXXXX";
    Fd made(::mkostemp(path.data(), O_CLOEXEC));
    if (!made) return fail_errno(errno, path);
    auto open = [&]() -> Result<block::NodePtr> {
        EMU_CHECK(block::create_image({.name = path, .format = "qcow2", .size = base->size(), .context = context}));
        return block::open_image(
            {.name = path, .format = "qcow2", .writable = true, .cache = {.no_flush = true}, .context = context});
    };
    auto node = open();
    ::unlink(path.c_str());
    if (node) (*node)->set_backing(std::move(base));
    return node;
}

} // namespace

Result<block::NodePtr> open_for_export(const ImageOptions& o) {
    block::OpenRequest request{.name = o.name,
                               .image_opts = o.image_opts,
                               .format = o.format,
                               .writable = o.writable && !o.snapshot,
                               .cache = o.cache,
                               .unmap = o.unmap,
                               .options = o.options,
                               .context = o.context};
    auto opened = block::open_image(request);
    // What cannot be written can still be read.
    if (!opened && request.writable && (opened.error().code == EACCES || opened.error().code == EROFS)) {
        request.writable = false;
        auto again = block::open_image(request);
        if (again) opened = std::move(again);
    }
    block::NodePtr node = EMU_TRY(std::move(opened));
    if (o.load_snapshot) {
        const std::string name = EMU_TRY(snapshot_name(*o.load_snapshot));
        EMU_CHECK(in("Failed to load snapshot", node->snapshot_load(name)));
    }
    if (o.snapshot) return overlay(std::move(node), o.context);
    if (o.format.empty() && !o.image_opts && node->driver() == "raw" && !node->read_only()) {
        o.context->warn(fmt::format(
            "Image format was not specified for '{}' and probing guessed raw: headers of other formats cannot be "
            "written to its beginning. Specify 'raw' to remove the restriction",
            o.name));
        node = std::make_shared<GuardedNode>(std::move(node), true);
    }
    return node;
}

} // namespace emu::nbd
