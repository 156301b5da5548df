// SPDX-License-Identifier: MIT
#include "guest_agent/config.h"
#include "guest_agent/channel.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::guest_agent;

TEST_CASE("config: the default, printed") {
    CHECK(dump_config(Config{}) == "[general]\ndaemon=false\nmethod=virtio-serial\npath=/dev/virtio-ports/org.qemu.guest_agent.0\npidfile=/var/run/qemu-ga.pid\n"
                                   "statedir=/var/run\nverbose=false\nretry-path=false\nblock-rpcs=\n");
}

TEST_CASE("config: keys, escapes, groups and comments; what is printed reads back") {
    Config config;
    REQUIRE(read_config(config, "# comment\n\n[other]\nverbose=maybe\n[general]\n daemon = true \nmethod=unix-listen\nstatedir=/x\\sy\\\\\n"
                                "blacklist=guest-exec, guest-ping\nunknown=1\nretry-path=1\nfsfreeze-hook=\\sh\n"));
    CHECK(config.daemon);
    CHECK(config.retry_path);
    CHECK(config.statedir == "/x y\\");
    CHECK(config.fsfreeze_hook == " h");
    CHECK(config.block_rpcs == std::vector<std::string>{"guest-exec", "guest-ping"});
    Config again;
    REQUIRE(read_config(again, dump_config(config)));
    CHECK(dump_config(again) == dump_config(config));
}

TEST_CASE("config: bad files are refused with the line") {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"[general]\nverbose=maybe\n", "line 2: verbose: 'maybe' is no boolean"},
        {"garbage", "line 1: no group begins the file"},
        {"[general]\ngarbage\n", "line 2: 'garbage' is no key=value line, group or comment"},
        {"[general\n", "line 1: bad group name"},
        {"[general]\npath=\\q\n", "line 2: path: bad escape sequence"},
    };
    for (auto [text, error] : cases) {
        Config config;
        auto read = read_config(config, text);
        REQUIRE(!read);
        CHECK(read.error().text == error);
    }
}

TEST_CASE("config: which file") {
    Config config;
    CHECK(load_config(config, "/nonexistent/file").error().code == ENOENT);
    setenv("QGA_CONF", "/nonexistent/qga", 1);
    CHECK(load_config(config, "").error().text.starts_with("/nonexistent/qga"));
    setenv("EMU_QGA_CONF", "/nonexistent/emu", 1);
    CHECK(load_config(config, "").error().text.starts_with("/nonexistent/emu"));
    unsetenv("QGA_CONF"), unsetenv("EMU_QGA_CONF");
}

TEST_CASE("channel: methods and vsock addresses") {
    CHECK(find_method("isa-serial"));
    CHECK(!find_method("foo"));
    const auto address = parse_vsock("4294967295:1234");
    REQUIRE(address);
    CHECK(address->cid == 4294967295u);
    CHECK(address->port == 1234);
    for (std::string_view bad : {"", "3", "3:", ":3", "3:x", "4294967296:1", "3:4294967296", "-1:2"}) CHECK(!parse_vsock(bad));
}
