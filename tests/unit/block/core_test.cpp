// SPDX-License-Identifier: MIT
#include "tests/unit/block/support.h"

#include "block/ops/copy.h"

#include <doctest/doctest.h>
#include <fstream>
#include <iterator>

using namespace emu;
using namespace emu::block;

TEST_CASE("names: prefixes mean protocols, everything else is a path") {
    auto meaning = [](std::string_view name) {
        auto p = protocol_of(name);
        return p ? std::string(p->driver->name) + " " + p->options.text() : p.error().text;
    };
    CHECK(meaning("a.img") == "file filename=a.img");
    CHECK(meaning("file:a.img") == "file filename=a.img");
    CHECK(meaning("./a:b") == "file filename=./a:b");
    CHECK(meaning("null-co://") == "null-co filename=//");
    CHECK(meaning("foo:bar") == "Unknown protocol 'foo'");
}

TEST_CASE("names: recorded backing files count from the image's folder") {
    CHECK(*backing_path("/a/b.img", "c.img") == "/a/c.img");
    CHECK(*backing_path("b.img", "c.img") == "c.img");
    CHECK(*backing_path("/a/b.img", "/c.img") == "/c.img");
    CHECK(*backing_path("/a/b.img", "nbd://h/x") == "nbd://h/x");
    CHECK(*backing_path("http://h/d/b.img?x=/y", "c.img") == "http://h/d/c.img");
    CHECK(!backing_path("json:{}", "c.img"));
}

TEST_CASE("file: writes, holes, zeroes and sizes") {
    TempDir dir;
    TestContext context;
    REQUIRE(create_image({.name = dir / "a.raw", .format = "raw", .size = 1 << 20, .context = &context}));
    auto node = open_image({.name = dir / "a.raw", .format = "raw", .writable = true, .unmap = true, .context = &context});
    REQUIRE(node);
    CHECK((*node)->size() == 1 << 20);
    std::vector<u8> data(5000, 7), back(5000);
    REQUIRE((*node)->write(1000, data));
    REQUIRE((*node)->read(1000, back));
    CHECK(data == back);
    REQUIRE((*node)->write_zeroes(2000, 100, WriteFlags::may_unmap));
    REQUIRE((*node)->read(1999, Bytes(back).first(102)));
    CHECK(back[0] == 7);
    CHECK(is_zero(Bytes(back).subspan(1, 100)));
    CHECK(back[101] == 7);
    auto hole = (*node)->extent(512 << 10, 1000);
    REQUIRE(hole);
    CHECK(hole->zero);
    CHECK(!(*node)->write((1 << 20) - 1, Bytes(back).first(2)));
    CHECK(!(*node)->read(1 << 20, Bytes(back).first(1)));
}

TEST_CASE("raw: a window of the storage") {
    TempDir dir;
    TestContext context;
    REQUIRE(create_image({.name = dir / "a.raw", .format = "raw", .size = 8192, .context = &context}));
    {
        auto whole = open_image({.name = dir / "a.raw", .writable = true, .context = &context});
        REQUIRE(whole);
        std::vector<u8> data(512, 9);
        REQUIRE((*whole)->write(1024, data));
    }
    auto part = open_image({.name = "driver=raw,offset=1024,size=512,file.filename=" + (dir / "a.raw"), .image_opts = true, .context = &context});
    REQUIRE(part);
    CHECK((*part)->size() == 512);
    u8 byte[1];
    REQUIRE((*part)->read(511, byte));
    CHECK(byte[0] == 9);
    CHECK(!open_image({.name = "driver=raw,size=100,file.filename=" + (dir / "a.raw"), .image_opts = true, .context = &context}));
}

TEST_CASE("locks: a second writer is refused, readers share") {
    TempDir dir;
    TestContext context;
    REQUIRE(create_image({.name = dir / "a.raw", .format = "raw", .size = 4096, .context = &context}));
    OpenRequest request{.name = dir / "a.raw", .format = "raw", .writable = true, .context = &context};
    auto first = open_image(request);
    REQUIRE(first);
    auto second = open_image(request);
    REQUIRE(!second);
    CHECK(second.error().text.find("Failed to get \"write\" lock\nIs another process using the image") != std::string::npos);
    CHECK(second.error().text.find("held by process") != std::string::npos);
    request.writable = false;
    CHECK(!open_image(request));
    request.force_share = true;
    CHECK(open_image(request));
    first->reset();
    request.force_share = false;
    auto reader = open_image(request), reader2 = open_image(request);
    CHECK(reader);
    CHECK(reader2);
}

TEST_CASE("options: unknown ones are named") {
    TestContext context;
    auto node = open_image({.name = "json:{\"driver\":\"null-co\",\"size\":1024,\"foo\":1}", .context = &context});
    REQUIRE(!node);
    CHECK(node.error().text.find("does not support the option 'foo'") != std::string::npos);
    CHECK(open_image({.name = "json:{\"driver\":\"null-co\",\"size\":1024,\"read-zeroes\":true}", .context = &context}));
}

TEST_CASE("is_zero sees every byte") {
    std::vector<u8> bytes(1000);
    CHECK(is_zero(bytes));
    for (usize i = 0; i < bytes.size(); i++) {
        bytes[i] = 1;
        CHECK(!is_zero(bytes));
        bytes[i] = 0;
    }
}

namespace {
/// Storage that counts what reaches it, with an own way to write through or without one.
class Counting final : public Node {
public:
    explicit Counting(bool heeds) : heeds_(heeds) { read_only_ = false; }
    std::string_view driver() const override { return "counting"; }
    unsigned fua = 0, flushes = 0;

protected:
    u64 do_size() const override { return 8192; }
    Result<void> do_read(u64, Bytes) override { return {}; }
    Result<void> do_write(u64, ConstBytes, WriteFlags flags) override { return note(flags); }
    Result<void> do_write_zeroes(u64, u64, WriteFlags flags) override { return note(flags); }
    Result<void> do_flush() override { return flushes++, Result<void>(); }
    bool heeds_fua() const override { return heeds_; }

private:
    Result<void> note(WriteFlags flags) {
        fua += has(flags, WriteFlags::fua);
        return {};
    }
    bool heeds_;
};
} // namespace

TEST_CASE("node: FUA is the driver's where it heeds it, else a flush; raw passes it on") {
    struct OneNode : TestContext {
        NodePtr there;
        NodePtr node(std::string_view) override { return there; }
    };
    for (const bool heeds : {false, true}) {
        for (const bool raw : {false, true}) {
            const auto storage = std::make_shared<Counting>(heeds);
            OneNode context;
            context.there = storage;
            OpenArgs args{.writable = true, .context = &context};
            const auto open = [&] { return open_options(KeyValues::parse("driver=raw,file=storage").value(), args).value(); };
            NodePtr node = raw ? open() : storage;
            const std::vector<u8> bytes(512);
            CHECK(node->write(0, bytes));
            CHECK(storage->fua + storage->flushes == 0);
            CHECK(node->write(0, bytes, WriteFlags::fua));
            CHECK(node->write_zeroes(0, 512, WriteFlags::fua));
            CHECK(storage->fua == (heeds ? 2 : 0));
            CHECK(storage->flushes == (heeds ? 0 : 2));
            if (!raw) continue;
            args.cache.writethrough = true;
            CHECK(open()->write(0, bytes));
            CHECK(storage->fua == (heeds ? 3 : 0));
            CHECK(storage->flushes == (heeds ? 0 : 3));
        }
    }
}

TEST_CASE("copy: an image is laid out in order, however many write it") {
    TempDir dir;
    TestContext context;
    constexpr u64 size = 24 << 20;
    REQUIRE(create_image({.name = dir / "a.raw", .format = "raw", .size = size, .context = &context}));
    auto source = open_image({.name = dir / "a.raw", .format = "raw", .writable = true, .context = &context});
    REQUIRE(source);
    std::vector<u8> data(70000); // clusters shared by runs, with zeroes between
    for (u64 at = 5000, i = 0; at + data.size() < size; at += 90000 + i % 7 * 30000, i++) {
        for (usize k = 0; k < data.size(); k++) data[k] = u8(i + k % 251);
        REQUIRE((*source)->write(at, data));
    }
    auto copy = [&](const std::string& name, unsigned workers) {
        REQUIRE(create_image({.name = name, .format = "qcow2", .size = size, .context = &context}));
        auto target = open_image({.name = name, .format = "qcow2", .writable = true, .context = &context});
        REQUIRE(target);
        CopyOptions options;
        options.target_is_zero = true;
        options.workers = workers;
        REQUIRE(copy_contents({source->get()}, **target, options));
        auto checked = (*target)->check({});
        REQUIRE(checked);
        CHECK(checked->corruptions + checked->leaks == 0);
        std::vector<u8> want(1 << 20), got(1 << 20);
        for (u64 at = 0; at < size; at += want.size()) {
            REQUIRE((*source)->read(at, want));
            REQUIRE((*target)->read(at, got));
            CHECK(want == got);
        }
        REQUIRE((*target)->close());
    };
    copy(dir / "one.qcow2", 1);
    copy(dir / "many.qcow2", 8);
    auto bytes = [](const std::string& name) {
        std::ifstream in(name, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    CHECK(bytes(dir / "one.qcow2") == bytes(dir / "many.qcow2"));
}

TEST_CASE("qcow2: a place that was settled reads as zeroes until it is written") {
    TempDir dir;
    TestContext context;
    REQUIRE(create_image({.name = dir / "a.qcow2", .format = "qcow2", .size = 1 << 20, .context = &context}));
    auto node = open_image({.name = dir / "a.qcow2", .format = "qcow2", .writable = true, .context = &context});
    REQUIRE(node);
    CHECK(*(*node)->place(100000, 200000));
    std::vector<u8> back(400000, 1);
    REQUIRE((*node)->read(0, back));
    CHECK(is_zero(back));
    const std::vector<u8> data(200000, 7);
    REQUIRE((*node)->write(100000, data));
    REQUIRE((*node)->read(0, back));
    CHECK(is_zero(Bytes(back).first(100000)));
    CHECK(std::equal(data.begin(), data.end(), back.begin() + 100000));
    CHECK(!(*node)->place(1 << 20, 1));
    REQUIRE((*node)->close());
    node->reset(); // and with it the lock

    // Above a backing image what is around the bytes must come along.
    REQUIRE(create_image({.name = dir / "b.qcow2", .format = "qcow2", .backing = dir / "a.qcow2", .backing_format = "qcow2", .context = &context}));
    auto overlay = open_image({.name = dir / "b.qcow2", .format = "qcow2", .writable = true, .context = &context});
    REQUIRE(overlay);
    CHECK(!*(*overlay)->place(110000, 100));
    CHECK(*(*overlay)->place(131072, 65536));
    REQUIRE((*overlay)->write(131072, Bytes(back).first(65536)));
    auto checked = (*overlay)->check({});
    REQUIRE(checked);
    CHECK(checked->corruptions + checked->leaks == 0);
}
