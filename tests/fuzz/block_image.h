// SPDX-License-Identifier: MIT
// Any bytes as an image of one format: opened, asked everything, read, checked, repaired, written to. The input is
//   0, k, bytes...   an image that starts with these bytes and has k * 64 KiB of zeroes behind them
//   n, patches...    the n-th template (an image that our own create made), patched: offset (3 bytes, times `grid`, from the end if
//                    the top bit is set), length (1), bytes
// A request may not need more than 64 MiB of memory beyond the image itself, and what was consistent stays so when written to.
#pragma once
#include "block/image.h"
#include "common/bytes.h"
#include "objects/table.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <mutex>
#include <new>

namespace emu::block::fuzz {

/// Bytes that operator new has given out, and the limit at which the run is a failure.
inline std::atomic<usize> in_use{0}, most_allowed{~usize(0)};

inline void* counted_new(usize size) {
    void* p = std::malloc(size ? size : 1);
    if (!p) std::abort();
    if (in_use.fetch_add(::malloc_usable_size(p)) + size > most_allowed) {
        std::fprintf(stderr, "more memory than a hostile image may cost\n");
        std::abort();
    }
    return p;
}
inline void counted_delete(void* p) {
    if (p) in_use -= ::malloc_usable_size(p);
    std::free(p);
}

constexpr usize memory_limit = usize(64) << 20;
constexpr u64 file_limit = u64(24) << 20;

/// A file in memory that cannot grow without bounds.
class Storage final : public Node {
public:
    explicit Storage(std::vector<u8> bytes, bool writable) : bytes_(std::move(bytes)) {
        read_only_ = !writable;
        name_ = "image";
    }
    std::string_view driver() const override { return "memory"; }
    const std::vector<u8>& contents() const { return bytes_; }

protected:
    u64 do_size() const override { return bytes_.size(); }
    Result<void> do_read(u64 at, Bytes to) override {
        if (!in_range(at, to.size(), bytes_.size())) std::abort();
        std::copy_n(bytes_.begin() + long(at), to.size(), to.begin());
        return {};
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags) override {
        EMU_CHECK(reach(at, from.size()));
        std::copy(from.begin(), from.end(), bytes_.begin() + long(at));
        return {};
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags) override {
        EMU_CHECK(reach(at, length));
        std::fill_n(bytes_.begin() + long(at), length, u8(0));
        return {};
    }
    Result<void> do_flush() override { return {}; }
    Result<void> do_truncate(u64 size, Preallocation) override {
        if (size > file_limit) return fail(ENOSPC, "no space");
        bytes_.resize(usize(size));
        return {};
    }

private:
    Result<void> reach(u64 at, u64 length) {
        if (read_only_) std::abort();
        if (!in_range(at, length, file_limit)) return fail(ENOSPC, "no space");
        if (at + length > bytes_.size()) bytes_.resize(usize(at + length));
        return {};
    }
    std::vector<u8> bytes_;
};

struct Template {
    u64 size;
    const char* options;
};
struct Subject {
    const char* format;
    const char* open_options = "";
    std::vector<Template> templates = {};
    u64 grid = 1;                            ///< unit of patch offsets
    void (*fix)(std::vector<u8>&) = nullptr; ///< after patching: checksums, limits of work
};

class Quiet final : public objects::Table {
public:
    Quiet() {
        (void)add("secret,id=s0,data=passw0rd");
        untrusted = true;
    }
};

inline KeyValues options_of(std::string_view text) { return text.empty() ? KeyValues() : KeyValues::parse(text).value(); }

inline void must(const Result<void>& done) {
    if (done) return;
    std::fprintf(stderr, "template: %s\n", done.error().text.c_str());
    std::abort();
}

inline std::vector<u8> make_template(const Subject& s, const Template& t, Context& context) {
    const Driver* driver = find_driver(s.format);
    auto file = std::make_shared<Storage>(std::vector<u8>(), true);
    CreateArgs create{.name = "image", .size = t.size, .options = options_of(t.options), .context = &context};
    must(driver->create(file, create));
    OpenArgs open{.writable = true, .options = options_of(s.open_options), .name = "image", .context = &context};
    NodePtr node = driver->open(file, open).value();
    std::vector<u8> data(5000, 0x41);
    for (u64 at : {u64(0), t.size / 3, t.size - 6000}) must(node->write(at / 512 * 512, data));
    must(node->close());
    return file->contents();
}

inline std::vector<u8> image_from(const Subject& s, ConstBytes input, Context& context) {
    static std::vector<std::vector<u8>> made = [&] {
        std::vector<std::vector<u8>> out;
        for (const Template& t : s.templates) out.push_back(make_template(s, t, context));
        return out;
    }();
    if (input.size() < 2) return {input.begin(), input.end()};
    const usize which = input[0] % (made.size() + 1);
    std::vector<u8> image;
    if (which == 0) {
        image.assign(input.begin() + 2, input.end());
        image.resize(image.size() + input[1] * usize(65536));
    } else {
        image = made[which - 1];
        for (usize at = 1; at + 4 <= input.size();) {
            const u64 raw = input[at] | u64(input[at + 1]) << 8 | u64(input[at + 2] & 0x7f) << 16;
            u64 offset = raw * s.grid;
            if (input[at + 2] & 0x80) offset = image.size() > offset ? image.size() - offset : 0;
            const usize length = std::min<usize>(input[at + 3], input.size() - at - 4);
            for (usize i = 0; i < length && offset + i < image.size(); i++) image[usize(offset) + i] = input[at + 4 + i];
            at += 4 + length;
        }
    }
    if (s.fix) s.fix(image);
    return image;
}

/// Everything that looks; a refusal must have one line of text.
inline void look(Node& node) {
    const auto fine = [](const auto& result) {
        if (!result && (result.error().text.empty() || result.error().text.find('\n') != std::string::npos)) std::abort();
    };
    fine(node.info());
    fine(node.check({}));
    std::vector<u8> buffer(100'000);
    const u64 size = node.size();
    u64 at = 0;
    for (int i = 0; i < 200 && at < size; i++) {
        const auto extent = node.extent(at, size - at);
        fine(extent);
        if (!extent) break;
        if (extent->length == 0 || extent->length > size - at) std::abort();
        if (i < 16) fine(node.read(at, Bytes(buffer).first(usize(std::min<u64>(buffer.size(), size - at)))));
        at += extent->length;
    }
    for (const u64 from : {u64(0), size / 2, size > buffer.size() ? size - buffer.size() : 0})
        fine(node.read(from, Bytes(buffer).first(usize(std::min<u64>(buffer.size(), size - from)))));
    const auto bitmaps = node.bitmaps();
    fine(bitmaps);
    if (bitmaps)
        for (usize i = 0; i < std::min<usize>(bitmaps->size(), 3); i++) fine(node.bitmap_bits((*bitmaps)[i].name));
    fine(node.vmstate_read(0, Bytes(buffer).first(512)));
    const auto info = node.info();
    if (!info || info->snapshots.empty() || !node.read_only()) return;
    fine(node.snapshot_load(info->snapshots.back().id));
    const u64 then = node.size();
    if (then) fine(node.read(then / 2, Bytes(buffer).first(usize(std::min<u64>(buffer.size(), then - then / 2)))));
}

/// Writes here and there; what the check found consistent stays so.
inline void change(Node& node) {
    const auto before = node.check({});
    const bool clean = before && before->corruptions == 0 && before->check_errors == 0;
    std::vector<u8> data(70'000, 0x5a), got(data.size());
    const u64 size = node.size();
    bool good = true;
    for (const u64 at : {u64(0), size / 5, size / 2 + 777, size > data.size() ? size - data.size() : 0}) {
        const usize length = usize(std::min<u64>(data.size(), size - std::min(at, size)));
        if (!length) continue;
        if (!node.write(at, ConstBytes(data).first(length))) {
            good = false;
            continue;
        }
        // Blocks that share their place are what a check calls a corruption; without them a write is there to read.
        if (node.read(at, Bytes(got).first(length)) && clean && !std::equal(got.begin(), got.begin() + long(length), data.begin())) std::abort();
    }
    // What is refused half way, for a count that cannot grow, has promised nothing.
    const auto did = [&](const Result<void>& result) { good &= result || result.error().code == ENOTSUP; };
    did(node.snapshot_create("s"));
    did(node.bitmap_action({.kind = BitmapAction::Kind::add, .name = "b", .source_name = {}}));
    did(node.write(size / 7, ConstBytes(data).first(usize(std::min<u64>(777, size - size / 7)))));
    did(node.snapshot_apply("s"));
    did(node.snapshot_delete("s"));
    (void)node.write_zeroes(size / 3, std::min<u64>(size - size / 3, 200'000), WriteFlags::may_unmap);
    (void)node.discard(size / 4, std::min<u64>(size - size / 4, 3'000'000));
    good = bool(node.flush()) && good;
    good = bool(node.close()) && good;
    const auto after = node.check({});
    if (clean && good && after && after->corruptions) {
        for (const std::string& message : after->messages) std::fprintf(stderr, "%s\n", message.c_str());
        std::abort();
    }
}

inline int run(const Subject& s, const u8* data, usize size) {
    static Quiet context;
    const Driver* driver = find_driver(s.format);
    const std::vector<u8> image = image_from(s, ConstBytes(data, size), context);
    if (image.size() > file_limit) return 0;
    if (driver->probe) (void)driver->probe(ConstBytes(image).first(std::min<usize>(image.size(), 2048)), "image");
    for (const int round : {0, 1, 2, 3}) {
        const bool writable = round >= 2 && !driver->read_only;
        if (round >= 2 && !writable) break;
        auto file = std::make_shared<Storage>(image, writable);
        OpenArgs args{.writable = writable, .for_check = round == 2, .no_io = round == 1, .options = options_of(s.open_options), .name = "image",
                      .context = &context};
        most_allowed = in_use + memory_limit + (writable ? file_limit * 2 : 0);
        auto node = driver->open(file, args);
        if (node && round != 2 && round != 3) look(**node);
        if (node && round == 2) {
            (void)(*node)->check({.fix_leaks = true, .fix_errors = true});
            (void)(*node)->close();
            look(**node);
        }
        if (node && round == 3) change(**node);
        if (!node && (node.error().text.empty() || node.error().text.find('\n') != std::string::npos)) std::abort();
        node = NodePtr();
        most_allowed = ~usize(0);
    }
    return 0;
}

} // namespace emu::block::fuzz

void* operator new(std::size_t size) { return emu::block::fuzz::counted_new(size); }
void* operator new[](std::size_t size) { return emu::block::fuzz::counted_new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return emu::block::fuzz::counted_new(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return emu::block::fuzz::counted_new(size); }
void operator delete(void* p) noexcept { emu::block::fuzz::counted_delete(p); }
void operator delete[](void* p) noexcept { emu::block::fuzz::counted_delete(p); }
void operator delete(void* p, std::size_t) noexcept { emu::block::fuzz::counted_delete(p); }
void operator delete[](void* p, std::size_t) noexcept { emu::block::fuzz::counted_delete(p); }
