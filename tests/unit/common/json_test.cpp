// SPDX-License-Identifier: MIT
#include "common/json.h"

#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("json: objects keep their order and print on one line") {
    auto json = parse_json(R"({"b": [1, -2, 2.5, true, null], "a": "x\u00e9"})");
    REQUIRE(json);
    CHECK(json->dump() == "{\"b\":[1,-2,2.5,true,null],\"a\":\"x\u00e9\"}");
    CHECK(*json->find("b")->as_array()->at(1).to_s64() == -2);
    CHECK(!json->find("c"));
}
TEST_CASE("json: numbers beyond 63 bits stay exact, negative ones are not unsigned") {
    auto json = parse_json("[18446744073709551615, -1]");
    REQUIRE(json);
    CHECK(*json->as_array()->at(0).to_u64() == ~u64(0));
    CHECK(!json->as_array()->at(0).to_s64());
    CHECK(!json->as_array()->at(1).to_u64());
}
TEST_CASE("json: refuses rubbish, invalid UTF-8, duplicate keys, depth and size beyond the limits") {
    for (const char* bad : {"", "{", "[1,]", "{\"a\":1} x", "\"\xff\"", "{\"a\":1,\"a\":2}", "nul"}) CHECK(!parse_json(bad));
    CHECK(!parse_json(std::string(200, '[') + std::string(200, ']')));
    CHECK(parse_json("[[[]]]", {.depth = 3}));
    CHECK(!parse_json("[[[]]]", {.depth = 2}));
    CHECK(!parse_json("[1,2,3]", {.bytes = 6}));
}
TEST_CASE("json: the framer cuts a stream at top-level objects, whatever its pieces") {
    JsonFramer framer;
    std::vector<std::string> seen;
    auto sink = [&](std::string_view text) { seen.emplace_back(text); };
    CHECK(framer.feed("  {\"a\":\"}\\\"", sink));
    CHECK(framer.feed("\"}\n{\"b\"", sink));
    CHECK(framer.feed(":[{}]}", sink));
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] == "{\"a\":\"}\\\"\"}");
    CHECK(seen[1] == "{\"b\":[{}]}");
}
TEST_CASE("json: the framer refuses what is no object and resynchronises at a line end or 0xFF") {
    JsonFramer framer({.bytes = 16, .depth = 4});
    int seen = 0;
    auto sink = [&](std::string_view) { seen++; };
    CHECK(!framer.feed("rubbish", sink));
    CHECK(framer.feed("more\n{}", sink));
    CHECK(seen == 1);
    CHECK(!framer.feed("{\"aaaaaaaaaaaaaaaaaaaaaaaaa\"", sink));
    CHECK(framer.feed("\xff{}", sink));
    CHECK(seen == 2);
}
