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
    auto refuse = [&](Error error) { seen.push_back(error.text); };
    framer.feed("  {\"a\":\"}\\\"", sink, refuse);
    framer.feed("\"}\n{\"b\"", sink, refuse);
    framer.feed(":[{}]}", sink, refuse);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] == "{\"a\":\"}\\\"\"}");
    CHECK(seen[1] == "{\"b\":[{}]}");
}
TEST_CASE("json: the framer refuses what is no object and resynchronises at a line end or 0xFF") {
    JsonFramer framer({.bytes = 16, .depth = 4});
    std::string seen;
    auto feed = [&](std::string_view bytes) {
        seen.clear();
        framer.feed(bytes, [&](std::string_view text) { seen += text, seen += '|'; }, [&](Error error) { seen += error.text, seen += '|'; });
        return seen;
    };
    CHECK(feed("rubb") == "");
    CHECK(feed("ish {}") == "invalid keyword 'rubbish'|");
    CHECK(feed("more\n{}") == "{}|");
    CHECK(feed("{\"aaaaaaaaaaaaaaaaaaaaaaaaa\"") == "JSON object larger than 16 bytes|");
    CHECK(feed("\xff{}") == "stray '\xef\xbf\xbd'|{}|");
    CHECK(feed("bad\xff{}") == "invalid keyword 'bad'|stray '\xef\xbf\xbd'|{}|");
    CHECK(feed("{\"a\xff{}") == "stray '\xef\xbf\xbd'|{}|");
    CHECK(feed("{\"a\n{}") == "line end in a string|{}|");
    CHECK(feed("} {}\n{}") == "stray '}'|{}|");
    CHECK(feed("[[[[[\n{}") == "JSON nested deeper than 4|{}|");
}
TEST_CASE("json: objects have a bounded number of members") {
    CHECK(parse_json("{\"a\":1,\"b\":2}", {.members = 2}));
    CHECK(parse_json("{\"a\":1,\"b\":2,\"c\":3}", {.members = 2}).error().text == "object with more than 2 members");
}
