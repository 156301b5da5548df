// SPDX-License-Identifier: MIT
// What is left when the machine stops: every write to the storage is recorded; the image is rebuilt as it would be after each of
// them (all that came before a flush is there; of what came since, any part may be missing), opened, checked, and what was
// acknowledged and flushed must be there.
#include "memory_node.h"

#include <doctest/doctest.h>
#include <map>
#include <ostream>

using namespace emu;
using namespace emu::block;
using namespace emu::block::test;

namespace {

struct Case {
    const char *format, *create;
    u64 size;
    bool backing = false; ///< noise shows through what is not allocated
};
const Case cases[] = {
    {"qed", "cluster_size=4096,table_size=1", 5 << 20},
    {"qed", "", 3 << 20},
    {"qed", "backing_file=b,backing_fmt=raw", 3 << 20, true},
    {"qcow", "", 3 << 20},
    {"qcow", "backing_file=b", 2 << 20, true},
    {"qcow2", "", 3 << 20},
    {"qcow2", "cluster_size=4096", 5 << 20},
    {"qcow2", "cluster_size=512,refcount_bits=1", 1 << 20},
    {"qcow2", "cluster_size=16k,extended_l2=on", 3 << 20},
    {"qcow2", "cluster_size=4096,compat=0.10", 3 << 20},
    {"qcow2", "cluster_size=4096,lazy_refcounts=on", 3 << 20},
    {"qcow2", "cluster_size=4096,backing_file=b,backing_fmt=raw", 3 << 20, true},
    {"vdi", "", 5 << 20},
    {"vpc", "force_size=on", 5 << 20},
    {"parallels", "cluster_size=64k", 3 << 20},
    {"vhdx", "block_size=1M", 5 << 20},
    {"vmdk", "", 5 << 20},
    {"vmdk", "zeroed_grain=on", 5 << 20},
};

constexpr u64 grain = 4096;

/// What a sector may hold after a crash: its value at the last flush, or any that it was given since.
struct Expectation {
    std::vector<u8> flushed;                        ///< the disk at the last flush
    std::map<u64, std::vector<std::vector<u8>>> may; ///< by grain: values given since
    usize changes_at_flush = 0;
};

NodePtr noise(u64 size) {
    std::vector<u8> bytes(size);
    std::mt19937 random(3);
    for (u8& b : bytes) b = u8(random() | 1);
    return std::make_shared<MemoryNode>(std::move(bytes), false);
}

struct Recording {
    std::vector<u8> start;
    std::vector<Change> changes;
    std::vector<Expectation> epochs; ///< one for each flush of the guest
};

Recording record(const Case& c, Context& context, unsigned seed) {
    Recording out;
    auto file = create(c.format, c.size, c.create, context).value();
    out.start = file->contents();
    auto node = open(c.format, file, true, context).value();
    if (c.backing) node->set_backing(noise(c.size));
    file->record = true;
    std::mt19937 random(seed);
    std::vector<u8> disk = read_all(*node);
    out.epochs.push_back({disk, {}, 0});
    const u64 grains = c.size / grain;
    for (int flushes = 0; flushes < 6; flushes++) {
        for (int i = 0; i < 5; i++) {
            const u64 first = random() % grains, count = 1 + random() % std::min<u64>(24, grains - first);
            const bool zero = random() % 5 == 0;
            std::vector<u8> bytes(count * grain);
            if (!zero) std::generate(bytes.begin(), bytes.end(), [&] { return u8(random()); });
            for (u64 g = 0; g < count; g++) {
                const auto part = bytes.begin() + long(g * grain);
                out.epochs.back().may[first + g].emplace_back(part, part + long(grain));
            }
            REQUIRE((zero ? node->write_zeroes(first * grain, bytes.size(), WriteFlags::may_unmap) : node->write(first * grain, bytes)));
            std::copy(bytes.begin(), bytes.end(), disk.begin() + long(first * grain));
        }
        REQUIRE(node->flush());
        out.epochs.push_back({disk, {}, file->changes.size()});
    }
    REQUIRE(node->close());
    out.changes = file->changes;
    return out;
}

/// The guest's bytes after the crash against what it was promised.
bool kept(const std::vector<u8>& got, const Expectation& e, u64 size) {
    for (u64 g = 0; g < size / grain; g++) {
        const auto now = got.begin() + long(g * grain);
        if (std::equal(now, now + long(grain), e.flushed.begin() + long(g * grain))) continue;
        const auto found = e.may.find(g);
        if (found == e.may.end()) return false;
        // A write that was under way may be there in part, by sectors of 512 bytes.
        for (u64 s = 0; s < grain; s += 512) {
            const auto part = now + long(s);
            const bool old = std::equal(part, part + 512, e.flushed.begin() + long(g * grain + s));
            const bool given = std::any_of(found->second.begin(), found->second.end(), [&](const std::vector<u8>& v) { return std::equal(part, part + 512, v.begin() + long(s)); });
            if (!old && !given) return false;
        }
    }
    return true;
}

/// One place where the machine stopped, at `stop` changes: what the storage holds then must be an image with what was promised.
void resume(const Case& c, Context& context, std::vector<u8> image, const Expectation& promised, const NodePtr& backing) {
    auto file = std::make_shared<MemoryNode>(std::move(image));
    auto node = open(c.format, file, true, context, "", true);
    REQUIRE_MESSAGE(node, (node ? "" : node.error().text));
    // The "in use" mark that some formats set is all that may be found wrong, and repaired.
    const auto repaired = (*node)->check({.fix_leaks = true, .fix_errors = true});
    if (repaired) {
        const bool marked = repaired->corruptions == 1 && repaired->messages.front().find("not closed correctly") != std::string::npos;
        const bool counted_anew = std::string_view(c.create).find("lazy_refcounts") != std::string_view::npos;
        REQUIRE_MESSAGE((repaired->corruptions == 0 || marked || counted_anew), (repaired->messages.empty() ? "" : repaired->messages.front()));
        REQUIRE((counted_anew || repaired->corruptions == repaired->corruptions_fixed));
    }
    REQUIRE((*node)->close());
    node = open(c.format, file, true, context);
    REQUIRE_MESSAGE(node, (node ? "" : node.error().text));
    if (c.backing) (*node)->set_backing(backing);
    const auto checked = (*node)->check({});
    if (checked) REQUIRE_MESSAGE(checked->corruptions == 0, (checked->messages.empty() ? "" : checked->messages.front()));
    REQUIRE(kept(read_all(**node), promised, c.size));
    // And it can be gone on with.
    const std::vector<u8> more(10'000, 0x77);
    REQUIRE((*node)->write(c.size / 2, more));
    REQUIRE((*node)->close());
    const auto again = (*node)->check({});
    if (again) REQUIRE(again->corruptions == 0);
}

/// Stop the machine at up to `most` places, evenly spread.
void crash(const Case& c, usize most) {
    TestContext context;
    CAPTURE(c.format);
    CAPTURE(c.create);
    const Recording r = record(c, context, 11);
    std::mt19937 random(5);
    const NodePtr backing = noise(c.size);
    usize flushed = 0; // changes that were on stable storage at the crash
    std::vector<u8> stable = r.start;
    const usize step = r.changes.size() / most + 1;
    for (usize stop = 0; stop <= r.changes.size(); stop++) {
        if (stop && r.changes[stop - 1].kind == Change::Kind::flush) {
            for (usize i = flushed; i < stop; i++) apply_change(stable, r.changes[i]);
            flushed = stop;
        }
        if (stop % step) continue;
        CAPTURE(stop);
        std::vector<u8> image = stable;
        const bool all = random() % 2;
        for (usize i = flushed; i < stop; i++) {
            if (all || random() % 2 || r.changes[i].kind == Change::Kind::truncate) apply_change(image, r.changes[i]);
        }
        const Expectation* promised = &r.epochs.front();
        for (const Expectation& e : r.epochs) {
            if (e.changes_at_flush <= stop) promised = &e;
        }
        resume(c, context, std::move(image), *promised, backing);
    }
}

} // namespace

TEST_CASE("formats: a crash at any write loses nothing that was flushed") {
    for (const Case& c : cases) crash(c, 100);
}

// Takes a minute: the test block.crash_everywhere.
TEST_CASE("formats: a crash at every single write loses nothing that was flushed" * doctest::skip()) {
    for (const Case& c : cases) crash(c, ~usize(0));
}
