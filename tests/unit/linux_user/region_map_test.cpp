// SPDX-License-Identifier: MIT
#include "linux_user/region_map.h"

#include <doctest/doctest.h>
#include <random>
#include <sys/mman.h>

using namespace emu;
using namespace emu::linux_user;

namespace {
constexpr RegionProps rw{PROT_READ | PROT_WRITE}, ro{PROT_READ};
}

TEST_CASE("regions: neighbours of equal properties merge") {
    RegionMap map;
    map.insert(0x1000, 0x2000, rw);
    map.insert(0x3000, 0x4000, rw);
    CHECK(map.size() == 2);
    map.insert(0x2000, 0x3000, rw);
    CHECK(map.size() == 1);
    CHECK(map.find(0x2fff)->end == 0x4000);
    map.insert(0x4000, 0x5000, ro);
    CHECK(map.size() == 2);
}
TEST_CASE("regions: mapping in the middle splits") {
    RegionMap map;
    map.insert(0x1000, 0x9000, rw);
    map.insert(0x3000, 0x4000, ro);
    CHECK(map.size() == 3);
    CHECK(map.find(0x3000)->props == ro);
    CHECK(map.find(0x4000)->start == 0x4000);
    map.erase(0x2000, 0x8000);
    CHECK_FALSE(map.find(0x2000));
    CHECK(map.find(0x8000)->props == rw);
    CHECK(map.find(0x1fff)->end == 0x2000);
}
TEST_CASE("regions: parts and holes of a range are its cover") {
    RegionMap map;
    map.insert(0x2000, 0x3000, rw);
    map.insert(0x5000, 0x7000, ro);
    auto parts = map.within(0x2800, 0x6000);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].start == 0x2800);
    CHECK(parts[1].end == 0x6000);
    auto holes = map.holes(0x1000, 0x8000);
    REQUIRE(holes.size() == 3);
    CHECK(holes[1].start == 0x3000);
    CHECK(holes[1].end == 0x5000);
    CHECK(map.free(0x3000, 0x5000));
    CHECK_FALSE(map.free(0x3000, 0x5001));
}
TEST_CASE("regions: covering asks for protections everywhere") {
    RegionMap map;
    map.insert(0x1000, 0x2000, rw);
    map.insert(0x2000, 0x3000, ro);
    CHECK(map.covers(0x1000, 0x3000, PROT_READ));
    CHECK_FALSE(map.covers(0x1000, 0x3000, PROT_WRITE));
    CHECK_FALSE(map.covers(0x1000, 0x3001, PROT_READ));
    CHECK_FALSE(map.covers(0xfff, 0x2000));
}
TEST_CASE("regions: gaps are found from above and from below") {
    RegionMap map;
    CHECK(map.gap_below(0x10000, 0x1000, 0x1000, 0x1000) == 0xf000u);
    map.insert(0xe000, 0x12000, rw);
    CHECK(map.gap_below(0x10000, 0x1000, 0x1000, 0x1000) == 0xd000u);
    map.insert(0x8000, 0xd000, rw);
    CHECK(map.gap_below(0x10000, 0x1000, 0x1000, 0x1000) == 0xd000u);
    CHECK(map.gap_below(0x10000, 0x1000, 0x2000, 0x1000) == 0x6000u);
    CHECK(map.gap_below(0x10000, 0x1000, 0x2000, 0x4000) == 0x4000u);
    CHECK_FALSE(map.gap_below(0x10000, 0x1000, 0x8000, 0x1000));
    CHECK(map.gap_above(0x1000, 0x10000, 0x7000, 0x1000) == 0x1000u);
    CHECK(map.gap_above(0x2000, 0x20000, 0x7000, 0x1000) == 0x12000u);
    CHECK_FALSE(map.gap_above(0x2000, 0x12000, 0x7000, 0x1000));
}
TEST_CASE("regions: random changes agree with an array of pages") {
    RegionMap map;
    constexpr usize pages = 64;
    u8 model[pages] = {};
    std::mt19937 random(1);
    for (int round = 0; round < 5000; round++) {
        u64 a = random() % pages, b = a + 1 + random() % (pages - a);
        u8 prot = u8(random() % 4);
        if (prot)
            map.insert(a << 12, b << 12, {prot});
        else
            map.erase(a << 12, b << 12);
        std::fill(model + a, model + b, prot);
        for (u64 page = 0; page < pages; page++) {
            auto found = map.find(page << 12);
            REQUIRE((found ? found->props.prot : 0) == model[page]);
        }
        u64 size = 1 + random() % 8;
        s64 expected = -1;
        for (s64 at = s64(pages - size); at >= 0 && expected < 0; at--)
            if (std::all_of(model + at, model + at + size, [](u8 p) { return p == 0; })) expected = at << 12;
        CHECK(map.gap_below(pages << 12, 0, size << 12, 0x1000).value_or(u64(-1)) == u64(expected));
    }
}
