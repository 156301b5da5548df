// SPDX-License-Identifier: MIT
#include "common/bytes.h"

#include <array>
#include <doctest/doctest.h>

using namespace emu;

namespace {
constexpr std::array<u8, 9> sample{1, 2, 3, 4, 5, 6, 7, 8, 9};
}

TEST_CASE("bytes: loads in both byte orders") {
    CHECK(le16(sample) == 0x0201);
    CHECK(be16(sample, 1) == 0x0203);
    CHECK(le32(sample, 1) == 0x05040302);
    CHECK(be32(sample) == 0x01020304);
    CHECK(le64(sample, 1) == 0x0908070605040302);
    CHECK(be64(sample) == 0x0102030405060708);
}
TEST_CASE("bytes: stores are the inverse of loads") {
    std::array<u8, 16> buffer{};
    put_le16(buffer, 1, 0x1234);
    CHECK(buffer[1] == 0x34);
    put_be32(buffer, 3, 0x11223344);
    CHECK(be32(buffer, 3) == 0x11223344);
    put_le64(buffer, 8, 0x1122334455667788);
    CHECK(le64(buffer, 8) == 0x1122334455667788);
    CHECK(buffer[15] == 0x11);
    put_be64(buffer, 8, 1);
    CHECK(buffer[15] == 1);
    put_be16(buffer, 0, 0xabcd);
    put_le32(buffer, 4, 7);
    CHECK(buffer[0] == 0xab);
    CHECK(le32(buffer, 4) == 7);
}
TEST_CASE("bytes: a view reads in its own byte order") {
    ByteView view(sample, Endian::big);
    CHECK(view.u8_at(0) == 1);
    CHECK(view.u16_at(0) == 0x0102);
    CHECK(view.with_order(Endian::little).u32_at(0) == 0x04030201);
    CHECK(view.u64_at(1) == 0x0203040506070809);
}
TEST_CASE("bytes: sub-views outside the bytes are refused") {
    ByteView view(sample);
    REQUIRE(view.sub(2, 3));
    CHECK(view.sub(2, 3)->u8_at(0) == 3);
    CHECK(view.sub(9, 0));
    CHECK_FALSE(view.sub(9, 1));
    CHECK_FALSE(view.sub(2, ~u64(0)));
    CHECK_FALSE(view.from(10));
    CHECK(view.from(8)->size() == 1);
}
TEST_CASE("bytes: strings end within the view or do not count") {
    std::array<u8, 6> text{'a', 'b', 0, 'c', 'd', 'e'};
    ByteView view(text);
    CHECK(view.string_at(0) == "ab");
    CHECK(view.string_at(2) == "");
    CHECK_FALSE(view.string_at(3));
    CHECK_FALSE(view.string_at(6));
    CHECK(view.starts_with("ab"));
    CHECK_FALSE(view.starts_with("abcdefgh"));
}
