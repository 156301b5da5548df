// SPDX-License-Identifier: MIT
// copy-on-read, compress, preallocate and blkverify: filters of a page each.
#include "block/filters/filter.h"
#include "common/bits.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

namespace emu::block {
namespace {

/// What is read from backing images is written into the image, so that it is read from there only once.
class CopyOnRead final : public Filter {
public:
    using Filter::Filter;
    std::string_view driver() const override { return "copy-on-read"; }

protected:
    Result<void> do_read(u64 at, Bytes to) override {
        while (!to.empty()) {
            const Extent e = EMU_TRY(file_->extent(at, to.size()));
            EMU_CHECK(file_->read(at, to.first(e.length)));
            if (!e.allocated && !file_->read_only()) {
                std::lock_guard lock(mutex_); // a writer may have been faster: only what is still not there is written
                const Extent now = EMU_TRY(file_->extent(at, e.length));
                if (!now.allocated && now.length == e.length) EMU_CHECK(file_->write(at, ConstBytes(to).first(e.length)));
            }
            at += e.length;
            to = to.subspan(e.length);
        }
        return {};
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        std::lock_guard lock(mutex_);
        return file_->write(at, from, flags);
    }

private:
    std::mutex mutex_;
};

/// Everything that is written gets compressed.
class Compress final : public Filter {
public:
    using Filter::Filter;
    std::string_view driver() const override { return "compress"; }
    Limits limits() const override {
        Limits out = file_->limits();
        out.request_alignment = std::max<u32>(out.request_alignment, u32(std::min<u64>(out.cluster_size, 1u << 30)));
        return out;
    }

protected:
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        const u64 size = file_->size(), length = at < size ? std::min<u64>(from.size(), size - at) : 0;
        return file_->write(at, from.first(length), flags | WriteFlags::compressed);
    }
};

/// Storage grows in large steps and is cut back to what was written in the end.
class Preallocate final : public Filter {
public:
    Preallocate(NodePtr file, u64 align, u64 size) : Filter(std::move(file)), align_(align), step_(size), end_(file_->size()) {}
    ~Preallocate() override { (void)Preallocate::do_close(); }
    std::string_view driver() const override { return "preallocate"; }

protected:
    u64 do_size() const override { return end_; }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        EMU_CHECK(reach(at + from.size()));
        return file_->write(at, from, flags);
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override {
        EMU_CHECK(reach(at + length));
        return file_->write_zeroes(at, length, flags);
    }
    Result<void> do_truncate(u64 size, Preallocation mode) override {
        std::lock_guard lock(mutex_);
        EMU_CHECK(file_->truncate(size, mode));
        end_ = size;
        return {};
    }
    Result<void> do_close() override {
        std::lock_guard lock(mutex_);
        if (file_->read_only() || file_->size() == end_) return {};
        return file_->truncate(end_);
    }

private:
    Result<void> reach(u64 end) {
        std::lock_guard lock(mutex_);
        if (end > file_->size()) {
            auto grown = file_->truncate(align_up(end + step_, align_), Preallocation::falloc);
            if (!grown) EMU_CHECK(file_->truncate(align_up(end, align_)));
        }
        end_ = std::max<u64>(end_, end);
        return {};
    }

    u64 align_, step_;
    std::atomic<u64> end_;
    std::mutex mutex_;
};

/// Two images that must agree on every byte that is read.
class Blkverify final : public Filter {
public:
    Blkverify(NodePtr test, NodePtr raw) : Filter(std::move(test)), raw_(std::move(raw)) {}
    std::string_view driver() const override { return "blkverify"; }
    std::vector<NodePtr> children() const override { return {file_, raw_}; }

protected:
    Result<void> do_read(u64 at, Bytes to) override {
        EMU_CHECK(file_->read(at, to));
        std::vector<u8> other(to.size());
        EMU_CHECK(raw_->read(at, other));
        if (std::memcmp(to.data(), other.data(), to.size()) == 0) return {};
        const u64 first = u64(std::mismatch(to.begin(), to.end(), other.begin()).first - to.begin());
        fmt::print(stderr, "blkverify: read offset={} bytes={} contents mismatch at offset {}\n", at, to.size(), at + first);
        std::abort(); // the point of this filter: stop where it happens
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        EMU_CHECK(file_->write(at, from, flags));
        return raw_->write(at, from, flags);
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags) override {
        EMU_CHECK(file_->write_zeroes(at, length));
        return raw_->write_zeroes(at, length);
    }
    Result<void> do_discard(u64, u64) override { return {}; } // what it reads as afterwards is not the same everywhere
    Result<void> do_flush() override {
        EMU_CHECK(file_->flush());
        return raw_->flush();
    }

private:
    NodePtr raw_;
};

Result<NodePtr> need_file(NodePtr file) {
    if (!file) return fail(EINVAL, "A block device must be specified for \"file\"");
    return file;
}
Result<NodePtr> open_copy_on_read(NodePtr file, OpenArgs& args) {
    args.options.take("bottom");
    return NodePtr(std::make_shared<CopyOnRead>(EMU_TRY(need_file(std::move(file)))));
}
Result<NodePtr> open_compress(NodePtr file, OpenArgs&) {
    file = EMU_TRY(need_file(std::move(file)));
    if (!file->limits().can_write_compressed) return fail(ENOTSUP, fmt::format("Compression is not supported by '{}'", file->driver()));
    return NodePtr(std::make_shared<Compress>(std::move(file)));
}
Result<NodePtr> open_preallocate(NodePtr file, OpenArgs& args) {
    file = EMU_TRY(need_file(std::move(file)));
    const u64 align = EMU_TRY(args.options.take_size("prealloc-align")).value_or(1u << 20), size = EMU_TRY(args.options.take_size("prealloc-size")).value_or(128u << 20);
    if (!align || (align & (align - 1)) || align % 512) return fail(EINVAL, "prealloc-align must be a power of two and a multiple of 512");
    return NodePtr(std::make_shared<Preallocate>(std::move(file), align, size));
}
Result<NodePtr> open_blkverify(NodePtr, OpenArgs& args) {
    NodePtr raw = EMU_TRY(open_child(args, "raw", args.options.take("x-raw").value_or(""), ChildKind::storage));
    NodePtr test = EMU_TRY(open_child(args, "test", args.options.take("x-image").value_or(""), ChildKind::image));
    return NodePtr(std::make_shared<Blkverify>(std::move(test), std::move(raw)));
}
/// "blkverify:RAW:IMAGE"
Result<KeyValues> parse_blkverify(std::string_view name) {
    name.remove_prefix(std::string_view("blkverify:").size());
    const usize colon = name.find(':');
    if (colon == std::string_view::npos) return fail(EINVAL, "blkverify requires raw copy and original image path");
    KeyValues out;
    out.add("x-raw", name.substr(0, colon));
    out.add("x-image", name.substr(colon + 1));
    return out;
}

constexpr std::string_view prefixes[] = {"blkverify"};
using Kind = Driver::Kind;

} // namespace

extern const Driver copy_on_read_driver{.name = "copy-on-read", .kind = Kind::filter, .open = open_copy_on_read, .summary = "copies from backing images what is read"};
extern const Driver compress_driver{.name = "compress", .kind = Kind::filter, .open = open_compress, .summary = "compresses what is written"};
extern const Driver preallocate_driver{.name = "preallocate", .kind = Kind::filter, .open = open_preallocate, .summary = "lets storage grow in large steps"};
extern const Driver blkverify_driver{.name = "blkverify", .kind = Kind::protocol, .open = open_blkverify, .parse_name = parse_blkverify, .prefixes = prefixes,
                                     .summary = "compares all reads of two images"};

} // namespace emu::block
