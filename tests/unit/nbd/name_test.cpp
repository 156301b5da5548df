// SPDX-License-Identifier: MIT
#include "nbd/name.h"

#include "nbd/client.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::nbd;

TEST_CASE("nbd names: what they stand for") {
    struct Row {
        const char* name;
        const char* options;
    };
    const Row rows[] = {
        {"nbd://host", "server.type=inet,server.host=host"},
        {"nbd://host:1234/", "server.type=inet,server.host=host,server.port=1234"},
        {"nbd://[::1]:1234/a/b", "server.type=inet,server.host=::1,server.port=1234,export=a/b"},
        {"nbds://host/x%20y", "tls=on,server.type=inet,server.host=host,export=x y"},
        {"nbd+unix:///?socket=/tmp/s", "server.type=unix,server.path=/tmp/s"},
        {"nbd+unix:///name?socket=%2ftmp%2fs", "server.type=unix,server.path=/tmp/s,export=name"},
        {"nbds+unix:///?socket=s", "tls=on,server.type=unix,server.path=s"},
        {"nbd+vsock://2:99/e", "server.type=vsock,server.host=2,server.port=99,export=e"},
        {"nbd:host:10809", "server.type=inet,server.host=host,server.port=10809"},
        {"nbd:[::1]:5:exportname=x:y", "server.type=inet,server.host=::1,server.port=5,export=x:y"},
        {"nbd:unix:/tmp/s", "server.type=unix,server.path=/tmp/s"},
        {"nbd:unix:/tmp/s:exportname=a", "server.type=unix,server.path=/tmp/s,export=a"},
    };
    for (const Row& row : rows) {
        auto options = parse_name(row.name);
        REQUIRE_MESSAGE(options, row.name);
        CHECK(options->text() == row.options);
    }
}

TEST_CASE("nbd names: what is none") {
    for (const char* name :
         {"", "nbd", "nbd:", "nbd:host", "nbd:unix:", "nbd://", "nbd:///x", "nbd://host:0/", "nbd://host:x/",
          "nbd://[::1/", "nbd+unix:///x", "nbd+unix://host/x?socket=s", "nbd://host/?socket=s", "nbd://h/%4",
          "nbd://h/%zz", "nbd://h/%00", "nbd+unix:///?sock=s", "nbdx://host", "http://host"})
        CHECK_FALSE_MESSAGE(parse_name(name), name);
}

TEST_CASE("nbd names: a target's URI reads back") {
    Target target{.kind = Target::Kind::unix, .path = "/tmp/a b", .export_name = "x?y/z"};
    CHECK(target.uri() == "nbd+unix:///x%3Fy/z?socket=/tmp/a%20b");
    auto options = parse_name(target.uri());
    REQUIRE(options);
    CHECK(options->get("export") == "x?y/z");
    CHECK(options->get("server.path") == "/tmp/a b");
    CHECK(Target{.host = "::1", .port = "10809"}.uri() == "nbd://[::1]/");
}
