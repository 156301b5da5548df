// SPDX-License-Identifier: MIT
#include "common/checked.h"

#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("checked: sums, differences and products that fit are returned") {
    CHECK(checked_add<u64>(1, 2) == 3u);
    CHECK(checked_sub<u32>(5, 2) == 3u);
    CHECK(checked_mul<u64>(1u << 20, 1u << 20) == u64(1) << 40);
}
TEST_CASE("checked: overflow gives nothing") {
    CHECK_FALSE(checked_add<u64>(~u64(0), 1));
    CHECK_FALSE(checked_sub<u32>(1, 2));
    CHECK_FALSE(checked_mul<u64>(u64(1) << 32, u64(1) << 32));
    CHECK_FALSE(checked_add<s32>(0x7fffffff, 1));
}
TEST_CASE("checked: aligning up near the top gives nothing") {
    CHECK(checked_align_up<u64>(0x1001, 0x1000) == 0x2000u);
    CHECK(checked_align_up<u64>(0x1000, 0x1000) == 0x1000u);
    CHECK_FALSE(checked_align_up<u64>(~u64(0) - 5, 0x1000));
}
TEST_CASE("checked: a range test does not wrap around") {
    CHECK(in_range(0, 10, 10));
    CHECK(in_range(10, 0, 10));
    CHECK_FALSE(in_range(11, 0, 10));
    CHECK_FALSE(in_range(5, ~u64(0), 10));
    CHECK_FALSE(in_range(~u64(0), 2, 10));
}
TEST_CASE("checked: casts refuse values that do not fit") {
    CHECK(checked_cast<u8>(255) == 255);
    CHECK_FALSE(checked_cast<u8>(256));
    CHECK_FALSE(checked_cast<u32>(-1));
    CHECK(checked_cast<s32>(u64(5)) == 5);
}
