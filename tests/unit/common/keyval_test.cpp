// SPDX-License-Identifier: MIT
#include "common/keyval.h"

#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("keyval: doubled commas, the implied key and switches") {
    auto kv = KeyValues::parse("a,,b.img,if=virtio,ro,x==,,", "file");
    REQUIRE(kv);
    CHECK(kv->items() == std::vector<KeyValue>{{"file", "a,b.img"}, {"if", "virtio"}, {"ro", "on"}, {"x", "=,"}});
    CHECK(kv->text() == "file=a,,b.img,if=virtio,ro=on,x==,,");
}
TEST_CASE("keyval: typed readers take keys out, the last occurrence counts") {
    auto kv = *KeyValues::parse("size=1G,size=2k,n=0x10,ro=off,nowait,left=1");
    CHECK(**kv.take_size("size") == 2048);
    CHECK(**kv.take_number("n") == 16);
    CHECK(**kv.take_bool("ro") == false);
    CHECK(**kv.take_bool("wait") == false);
    CHECK(!*kv.take_bool("missing"));
    auto rest = kv.finish("size, n, ro, wait");
    REQUIRE(!rest);
    CHECK(rest.error().line() == "unknown option 'left' (size, n, ro, wait)");
}
TEST_CASE("keyval: bad values name the key") {
    auto kv = *KeyValues::parse("ro=maybe,n=x1");
    CHECK(kv.take_bool("ro").error().text.find("ro: 'maybe'") == 0);
    CHECK(kv.take_number("n").error().text.find("n:") == 0);
}
TEST_CASE("keyval: dotted keys make a tree, numbered ones a list") {
    auto tree = KeyValues::parse("driver=q,file.name=a,list.1=y,list.0=x,o.0.k=v")->tree();
    REQUIRE(tree);
    CHECK(tree->dump() == R"({"driver":"q","file":{"name":"a"},"list":["x","y"],"o":[{"k":"v"}]})");
}
TEST_CASE("keyval: contradictory trees and malformed items are refused") {
    CHECK(!KeyValues::parse("a=1,a.b=2")->tree());
    CHECK(!KeyValues::parse("a.b=2,a=1")->tree());
    CHECK(!KeyValues::parse("l.0=x,l.2=y")->tree());
    CHECK(!KeyValues::parse("a..b=1")->tree());
    CHECK(!KeyValues::parse("=x"));
    CHECK(!KeyValues::parse("a=1,=x"));
    CHECK(!KeyValues::parse(std::string(200, 'k') + "=1"));
}
