// SPDX-License-Identifier: MIT
// Storage in memory for tests of formats: it grows on demand, remembers every change, and can show what would be on disk had
// the machine stopped after any of them.
#pragma once
#include "block/image.h"
#include "common/checked.h"
#include "objects/table.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <random>
#include <set>

namespace emu::block::test {

struct Change {
    enum class Kind : u8 { write, zero, truncate, flush } kind;
    u64 at = 0, length = 0;
    std::vector<u8> bytes = {};
};

inline void apply_change(std::vector<u8>& to, const Change& c) {
    const u64 end = c.at + (c.kind == Change::Kind::write ? c.bytes.size() : c.length);
    switch (c.kind) {
    case Change::Kind::flush: return;
    case Change::Kind::truncate: to.resize(usize(c.length)); return;
    case Change::Kind::write:
    case Change::Kind::zero: break;
    }
    if (to.size() < end) to.resize(usize(end));
    if (c.kind == Change::Kind::write)
        std::copy(c.bytes.begin(), c.bytes.end(), to.begin() + long(c.at));
    else
        std::fill_n(to.begin() + long(c.at), c.length, u8(0));
}

class MemoryNode final : public Node {
public:
    explicit MemoryNode(std::vector<u8> bytes = {}, bool writable = true) : bytes_(std::move(bytes)) {
        read_only_ = !writable;
        name_ = "memory";
    }
    std::string_view driver() const override { return "memory"; }
    const std::vector<u8>& contents() const { return bytes_; }
    std::vector<Change> changes;
    bool record = false;
    u64 limit = u64(1) << 32; ///< a file that grows beyond it is a mistake of the test

protected:
    u64 do_size() const override {
        std::lock_guard lock(mutex_);
        return bytes_.size();
    }
    Result<void> do_read(u64 at, Bytes to) override {
        std::lock_guard lock(mutex_);
        if (!in_range(at, to.size(), bytes_.size())) return fail(EIO, "read outside");
        std::copy_n(bytes_.begin() + long(at), to.size(), to.begin());
        return {};
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags) override {
        return change({Change::Kind::write, at, from.size(), std::vector<u8>(from.begin(), from.end())});
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags) override { return change({Change::Kind::zero, at, length}); }
    Result<void> do_discard(u64 at, u64 length) override { return change({Change::Kind::zero, at, length}); }
    Result<void> do_flush() override { return change({Change::Kind::flush}); }
    Result<void> do_truncate(u64 size, Preallocation) override { return change({Change::Kind::truncate, 0, size}); }

private:
    Result<void> change(Change c) {
        std::lock_guard lock(mutex_);
        if (c.at + c.length > limit) return fail(ENOSPC, "the file would become too large");
        apply_change(bytes_, c);
        if (record) changes.push_back(std::move(c));
        return {};
    }
    mutable std::mutex mutex_;
    std::vector<u8> bytes_;
};

/// Secrets "s0" (the password) and "s1" (another one), nothing else.
class TestContext final : public objects::Table {
public:
    TestContext() {
        (void)add("secret,id=s0,data=passw0rd");
        (void)add("secret,id=s1,data=other");
    }
};

inline KeyValues options_of(std::string_view text) { return text.empty() ? KeyValues() : KeyValues::parse(text).value(); }

/// A fresh image of that format in memory.
inline Result<std::shared_ptr<MemoryNode>> create(std::string_view format, u64 size, std::string_view options, Context& context) {
    auto file = std::make_shared<MemoryNode>();
    CreateArgs args{.name = "memory", .size = size, .options = options_of(options), .context = &context};
    EMU_CHECK(find_driver(format)->create(file, args));
    if (!args.options.empty()) return fail(EINVAL, "option not taken: " + args.options.items().front().key);
    return file;
}

inline Result<NodePtr> open(std::string_view format, NodePtr file, bool writable, Context& context, std::string_view options = "",
                            bool for_check = false) {
    OpenArgs args{.writable = writable, .for_check = for_check, .options = options_of(options), .name = "memory", .context = &context};
    return find_driver(format)->open(std::move(file), args);
}

inline std::vector<u8> read_all(Node& node) {
    std::vector<u8> out(usize(node.size()));
    for (u64 at = 0; at < out.size(); at += 100'000) {
        const auto done = node.read(at, Bytes(out).subspan(at, std::min<u64>(100'000, out.size() - at)));
        if (!done) return {};
    }
    return out;
}

/// Random requests against a node and a vector that says what it must hold.
class Model {
public:
    Model(std::vector<u8> start, unsigned seed) : truth(std::move(start)), random_(seed) {}
    std::vector<u8> truth;

    Result<void> step(Node& node, u64 align, bool discard = true) {
        const u64 blocks = truth.size() / align;
        const u64 from = random_() % blocks, count = 1 + random_() % std::min<u64>(blocks - from, most / align + 1);
        const u64 at = from * align, length = count * align;
        switch (random_() % (discard ? 5 : 4)) {
        case 0: {
            EMU_CHECK(node.write_zeroes(at, length, random_() % 2 ? WriteFlags::may_unmap : WriteFlags::none));
            std::fill_n(truth.begin() + long(at), length, u8(0));
            return {};
        }
        case 1: {
            std::vector<u8> got(length);
            EMU_CHECK(node.read(at, got));
            if (!std::equal(got.begin(), got.end(), truth.begin() + long(at))) return fail(EIO, "read returned other bytes");
            return {};
        }
        case 4: return node.discard(at, length); // advisory: the base drops it without discard=unmap
        default: break;
        }
        std::vector<u8> bytes(length);
        for (u8& b : bytes) b = u8(random_());
        EMU_CHECK(node.write(at, bytes));
        std::copy(bytes.begin(), bytes.end(), truth.begin() + long(at));
        return {};
    }
    u64 most = 200'000;
    std::mt19937& random() { return random_; }

private:
    std::mt19937 random_;
};

} // namespace emu::block::test
