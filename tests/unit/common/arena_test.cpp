// SPDX-License-Identifier: MIT
#include "common/arena.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("an arena gives zeroed and aligned memory, in small and large pieces") {
    struct Wide {
        alignas(64) u64 x[9];
    };
    Arena arena;
    for (unsigned round = 0; round < 2; round++) {
        std::vector<u8*> bytes;
        std::vector<Wide*> wide;
        for (unsigned i = 0; i < 40'000; i++) {
            bytes.push_back(arena.make<u8>());
            wide.push_back(arena.make<Wide>());
            REQUIRE(*bytes.back() == 0);
            REQUIRE(u64(wide.back()) % 64 == 0);
            REQUIRE(std::all_of(std::begin(wide.back()->x), std::end(wide.back()->x), [](u64 x) { return x == 0; }));
            *bytes.back() = u8(i);
            std::fill(std::begin(wide.back()->x), std::end(wide.back()->x), i);
        }
        for (unsigned i = 0; i < bytes.size(); i++) {
            REQUIRE(*bytes[i] == u8(i));
            REQUIRE(wide[i]->x[8] == i);
        }
        const std::span<u32> large = arena.array<u32>(5 << 20);
        CHECK(large.size() == 5 << 20);
        CHECK(std::all_of(large.begin(), large.end(), [](u32 x) { return x == 0; }));
        std::fill(large.begin(), large.end(), 1);
        CHECK(*bytes.back() == u8(bytes.size() - 1));
        arena.clear();
    }
}

TEST_CASE("an arena copies lists, and nothing is nowhere") {
    Arena arena;
    const std::vector<u16> list{1, 2, 3};
    const std::span<u16> copy = arena.copy(list);
    CHECK(std::equal(copy.begin(), copy.end(), list.begin(), list.end()));
    CHECK(copy.data() != list.data());
    CHECK(arena.copy(std::vector<u64>{}).empty());
    CHECK(arena.array<u64>(0).empty());
    CHECK_THROWS_AS(arena.allocate(~usize(0), 1), std::bad_alloc);
    CHECK_THROWS_AS(arena.allocate(~usize(0) - 8192, 8), std::bad_alloc);
    CHECK_THROWS_AS(arena.array<u64>(~usize(0) / 8 + 2), std::bad_alloc);
    CHECK(*arena.make<u64>() == 0);
}

TEST_CASE("pages move, and go once") {
    Pages empty;
    CHECK(empty.bytes().empty());
    Pages two(5000);
    REQUIRE(two.bytes().size() == 8192);
    two.bytes()[8191] = 7;
    Pages moved(std::move(two));
    CHECK(two.bytes().empty());
    CHECK(moved.bytes()[8191] == 7);
    Pages huge((usize(4) << 20) - 100);
    CHECK(huge.bytes().size() == usize(4) << 20);
    CHECK(u64(huge.bytes().data()) % (usize(2) << 20) == 0);
    huge.bytes().back() = 9;
    std::swap(huge, moved);
    CHECK(moved.bytes().back() == 9);
    CHECK(huge.bytes().size() == 8192);
}
