// SPDX-License-Identifier: MIT
#include "common/sizes.h"

#include <cerrno>
#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("sizes: suffixes are binary and take either case") {
    CHECK(parse_size("0") == 0u);
    CHECK(parse_size("512") == 512u);
    CHECK(parse_size("512b") == 512u);
    CHECK(parse_size("64k") == 65536u);
    CHECK(parse_size("64K") == 65536u);
    CHECK(parse_size("3m") == u64(3) << 20);
    CHECK(parse_size("2T") == u64(2) << 40);
    CHECK(parse_size("2P") == u64(2) << 50);
    CHECK(parse_size("7E") == u64(7) << 60);
}
TEST_CASE("sizes: a bare number takes the default suffix") { CHECK(parse_size("128", 'M') == u64(128) << 20); }
TEST_CASE("sizes: fractions count, and are cut to whole bytes") {
    CHECK(parse_size("1.5G") == u64(3) << 29);
    CHECK(parse_size("0.1k") == 102u);
    CHECK(parse_size("0.5E") == u64(1) << 59);
    CHECK_FALSE(parse_size("1.5"));
    CHECK_FALSE(parse_size("1.k"));
}
TEST_CASE("sizes: hexadecimal has no suffix") {
    CHECK(parse_size("0x1000") == 4096u);
    CHECK_FALSE(parse_size("0x10k"));
    CHECK_FALSE(parse_size("0x"));
}
TEST_CASE("sizes: what is not a size is refused with what would be") {
    for (const char* text : {"", "k", "-1", "1kk", "1x", " 1", "1 ", "1,5k", "abc"}) {
        CAPTURE(text);
        auto size = parse_size(text);
        REQUIRE_FALSE(size);
        CHECK(size.error().code == EINVAL);
        CHECK(size.error().hint.find("suffix") != std::string::npos);
    }
}
TEST_CASE("sizes: too large is said to be too large") {
    for (const char* text : {"16E", "99999999999999999999", "18446744073709551615k"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_size(text));
        CHECK(parse_size(text).error().code == ERANGE);
    }
    CHECK(parse_size("15.99E"));
    CHECK(parse_size("18446744073709551615") == ~u64(0));
}
TEST_CASE("sizes: numbers are decimal or hexadecimal") {
    CHECK(parse_number("10") == 10u);
    CHECK(parse_number("0x10") == 16u);
    CHECK_FALSE(parse_number("10k"));
    CHECK_FALSE(parse_number(""));
    CHECK_FALSE(parse_number("0x1ffffffffffffffff"));
}
TEST_CASE("sizes: formatting reads back to the same number") {
    CHECK(format_size(0) == "0");
    CHECK(format_size(1000) == "1000");
    CHECK(format_size(65536) == "64k");
    CHECK(format_size(u64(3) << 29) == "1536M");
    for (u64 n : {u64(1), u64(1023), u64(1) << 60, ~u64(0)}) CHECK(parse_size(format_size(n)) == n);
}
TEST_CASE("sizes: people get three digits and a unit") {
    CHECK(human_size(0) == "0 B");
    CHECK(human_size(u64(3) << 29) == "1.5 GiB");
    CHECK(human_size(196616) == "192 KiB");
    CHECK(human_size(1000) == "0.977 KiB");
}
