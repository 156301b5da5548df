// SPDX-License-Identifier: MIT
#include "common/base64.h"

#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("base64: the vectors of RFC 4648 section 10, both ways") {
    const std::pair<std::string_view, std::string_view> vectors[] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (auto [bytes, text] : vectors) {
        CHECK(base64_encode(bytes) == text);
        CHECK(*base64_decode(text) == bytes);
    }
    std::string all;
    for (int i = 0; i < 256; i++) all += char(i);
    CHECK(*base64_decode(base64_encode(all)) == all);
}

TEST_CASE("base64: what is no Base64 is refused") {
    for (std::string_view text : {"A", "AA", "AAA", "AA=A", "====", "A===", "AA==AAAA", "AA A", "AA-_", "AB==", "AAB=", "Zm9v\n"}) CHECK(!base64_decode(text));
}
