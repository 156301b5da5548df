// SPDX-License-Identifier: MIT
// Every writable format and option: random requests against a model, reopened in between, checked at the end.
#include "memory_node.h"

#include <doctest/doctest.h>
#include <ostream>

using namespace emu;
using namespace emu::block;
using namespace emu::block::test;

namespace {

struct Case {
    const char *format, *create, *open;
    u64 size;
    bool has_check;
};
const Case cases[] = {
    {"vdi", "", "", 5 << 20, true},
    {"vdi", "static=on", "", 3 << 20, true},
    {"vdi", "preallocation=metadata", "", (3 << 20) + 512, true},
    {"vpc", "force_size=on", "", 5 << 20, false},
    {"vpc", "", "", 5 << 20, false},
    {"vpc", "subformat=fixed,force_size=on", "", 3 << 20, false},
    {"vhd", "", "", 5 << 20, false},
    {"qed", "", "", 3 << 20, true},
    {"qed", "cluster_size=4096,table_size=1", "", 5 << 20, true},
    {"qed", "cluster_size=4k,table_size=16", "", 3 << 20, true},
    {"qcow2", "", "", 5 << 20, true},
    {"qcow2", "cluster_size=512", "", (1 << 20) + 512, true},
    {"qcow2", "cluster_size=4096,compat=0.10", "", 3 << 20, true},
    {"qcow2", "cluster_size=2M", "", 5 << 20, true},
    {"qcow2", "cluster_size=16k,extended_l2=on", "", (3 << 20) + 512, true},
    {"qcow2", "cluster_size=4096,refcount_bits=1", "", 3 << 20, true},
    {"qcow2", "cluster_size=4096,refcount_bits=64,lazy_refcounts=on", "", 3 << 20, true},
    {"qcow2", "preallocation=metadata", "", 3 << 20, true},
    {"qcow2", "encrypt.format=aes,encrypt.key-secret=s0", "encrypt.key-secret=s0", 2 << 20, true},
    {"qcow2", "encrypt.format=luks,encrypt.key-secret=s0,encrypt.iter-time=10", "encrypt.key-secret=s0", 2 << 20, true},
    {"qcow", "", "", (3 << 20) + 512, false},
    {"qcow", "encrypt.format=aes,encrypt.key-secret=s0", "encrypt.key-secret=s0", 2 << 20, false},
    {"parallels", "", "", 5 << 20, true},
    {"parallels", "cluster_size=64k", "", (5 << 20) + 512, true},
    {"vhdx", "block_size=1M", "", 5 << 20, true},
    {"vhdx", "block_size=1M,block_state_zero=off", "", 5 << 20, true},
    {"vhdx", "block_size=1M,subformat=fixed,log_size=2M", "", 3 << 20, true},
    {"vmdk", "", "", (5 << 20) + 512, true},
    {"vmdk", "zeroed_grain=on,adapter_type=lsilogic,hwversion=9", "", 5 << 20, true},
    {"vmdk", "subformat=streamOptimized", "", (2 << 20) + 512, true},
    {"luks", "key-secret=s0,iter-time=1", "key-secret=s0", 2 << 20, false},
    {"luks", "key-secret=s0,iter-time=1,cipher-alg=serpent-256,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256,hash-alg=sha1", "key-secret=s0", 1 << 20, false},
    {"luks", "key-secret=s0,iter-time=1,cipher-alg=twofish-128,ivgen-alg=plain", "key-secret=s0", 1 << 20, false},
};

} // namespace

TEST_CASE("formats: what is written is read, also after reopening") {
    TestContext context;
    for (const Case& c : cases) {
        CAPTURE(c.format);
        CAPTURE(c.create);
        auto file = create(c.format, c.size, c.create, context);
        REQUIRE_MESSAGE(file, (file ? "" : file.error().text));
        const std::vector<u8> head((*file)->contents().begin(), (*file)->contents().begin() + long(std::min<usize>((*file)->contents().size(), 2048)));
        const Driver* driver = find_driver(c.format);
        if (std::string_view(c.create).find("fixed") == std::string_view::npos && driver->probe) CHECK(driver->probe(head, "x") == 100);
        auto node = open(c.format, *file, true, context, c.open);
        REQUIRE_MESSAGE(node, (node ? "" : node.error().text));
        CHECK((*node)->size() >= c.size);
        CHECK((*node)->size() < c.size + (1 << 20));
        Model model(std::vector<u8>(usize((*node)->size()), std::string_view(c.format) == "luks" ? 1 : 0), 7);
        if (std::string_view(c.format) == "luks") { // fresh space decrypts to noise
            CHECK((*node)->write(0, model.truth));
        } else {
            CHECK(is_zero(read_all(**node)));
        }
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 25; i++) {
                const auto done = model.step(**node, i % 2 ? 512 : 1);
                REQUIRE_MESSAGE(done, (done ? "" : done.error().text));
            }
            REQUIRE((*node)->close());
            node = open(c.format, std::make_shared<MemoryNode>((*file)->contents()), round < 2, context, c.open);
            REQUIRE_MESSAGE(node, (node ? "" : node.error().text));
            file = std::static_pointer_cast<MemoryNode>((*node)->children().front());
            CHECK(read_all(**node) == model.truth);
            const auto result = (*node)->check({});
            CHECK(result.has_value() == c.has_check);
            if (result) {
                CHECK_MESSAGE(result->corruptions == 0, (result->messages.empty() ? "" : result->messages.front()));
                CHECK(result->leaks == 0);
            }
            for (u64 at = 0; at < (*node)->size();) { // extents cover the image, and zero ones are zero
                const auto extent = (*node)->extent(at, (*node)->size() - at);
                REQUIRE(extent);
                if (extent->zero || (!extent->allocated && !extent->data))
                    CHECK(is_zero(ConstBytes(model.truth).subspan(at, extent->length)));
                if (extent->offset) {
                    std::vector<u8> raw(extent->length);
                    const u64 there = (*file)->size();
                    const u64 real = *extent->offset < there ? std::min<u64>(raw.size(), there - *extent->offset) : 0;
                    REQUIRE((*file)->read(*extent->offset, Bytes(raw).first(real)));
                    CHECK(std::equal(raw.begin(), raw.begin() + long(real), model.truth.begin() + long(at)));
                }
                at += extent->length;
            }
            CHECK((*node)->info());
        }
    }
}

TEST_CASE("formats: holes show the backing image until they are written") {
    TestContext context;
    for (const auto& [format, options] : {std::pair{"qed", "cluster_size=4096,table_size=1,backing_file=b,backing_fmt=raw"},
                                          std::pair{"qcow", "backing_file=b"}}) {
        CAPTURE(format);
        auto file = create(format, 1 << 20, options, context).value();
        auto node = open(format, file, true, context).value();
        CHECK(node->backing_file() == "b");
        // The backing image is shorter than the overlay, and ends in the middle of a cluster.
        std::vector<u8> below((1 << 19) + 1536);
        for (usize i = 0; i < below.size(); i++) below[i] = u8(i * 5 + (i >> 9));
        node->set_backing(std::make_shared<MemoryNode>(below, false));
        Model model(below, 3);
        model.truth.resize(1 << 20);
        CHECK(read_all(*node) == model.truth);
        model.most = 30'000;
        for (int i = 0; i < 60; i++) REQUIRE(model.step(*node, 1));
        CHECK(read_all(*node) == model.truth);
        REQUIRE(node->close());
        node = open(format, std::make_shared<MemoryNode>(file->contents()), true, context).value();
        node->set_backing(std::make_shared<MemoryNode>(below, false));
        CHECK(read_all(*node) == model.truth);
        REQUIRE(node->make_empty());
        below.resize(1 << 20);
        CHECK(read_all(*node) == below);
    }
}

TEST_CASE("formats: growing keeps the contents and shows zeroes behind them") {
    TestContext context;
    struct Row {
        const char *format, *create, *open;
    };
    for (const Row& row : {Row{"qed", "cluster_size=4096,table_size=1", ""}, Row{"parallels", "cluster_size=64k", ""},
                           Row{"luks", "key-secret=s0,iter-time=1", "key-secret=s0"}}) {
        CAPTURE(row.format);
        auto file = create(row.format, (1 << 20) - 512, row.create, context).value();
        auto node = open(row.format, file, true, context, row.open).value();
        std::vector<u8> data((1 << 20) - 512, 0x5a);
        REQUIRE(node->write(0, data));
        const auto done = node->truncate(3 << 20);
        REQUIRE_MESSAGE(done, (done ? "" : done.error().text));
        REQUIRE(node->close());
        node = open(row.format, std::make_shared<MemoryNode>(file->contents()), false, context, row.open).value();
        CHECK(node->size() == 3 << 20);
        std::vector<u8> got = read_all(*node);
        CHECK(std::equal(data.begin(), data.end(), got.begin()));
        if (std::string_view(row.format) != "luks") CHECK(is_zero(ConstBytes(got).subspan(data.size())));
    }
}

TEST_CASE("formats: compressed writes are smaller and read back") {
    TestContext context;
    for (const auto& [format, options] : {std::pair{"qcow", ""}, std::pair{"vmdk", "subformat=streamOptimized"}}) {
        CAPTURE(format);
        auto file = create(format, 1 << 20, options, context).value();
        auto node = open(format, file, true, context).value();
        const u64 unit = node->limits().cluster_size;
        CHECK(node->limits().can_write_compressed);
        std::vector<u8> data(1 << 20);
        for (usize i = 0; i < data.size(); i++) data[i] = u8(i >> 8);
        for (u64 at = 0; at < data.size(); at += unit)
            REQUIRE(node->write(at, ConstBytes(data).subspan(at, unit), WriteFlags::compressed));
        REQUIRE(node->close());
        CHECK(file->size() < 300'000);
        node = open(format, std::make_shared<MemoryNode>(file->contents()), true, context).value();
        CHECK(read_all(*node) == data);
        CHECK(node->extent(0, 1 << 20)->compressed);
        // Written over in the plain way.
        REQUIRE(node->write(1000, std::vector<u8>(5000, 0xee)));
        std::fill_n(data.begin() + 1000, 5000, u8(0xee));
        CHECK(read_all(*node) == data);
    }
}
