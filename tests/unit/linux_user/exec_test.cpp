// SPDX-License-Identifier: MIT
#include "linux_user/exec.h"

#include "linux_user/user_main.h"

#include <algorithm>
#include <cerrno>
#include <doctest/doctest.h>

using namespace emu;
using namespace emu::linux_user;
using Strings = std::vector<std::string>;

TEST_CASE("exec: the first line of a script names its interpreter") {
    CHECK_FALSE(parse_script("#! \n"));
    CHECK_FALSE(parse_script("# !/bin/sh\n"));
    CHECK_FALSE(parse_script("\177ELF"));
    auto plain = parse_script("#!/bin/sh\necho");
    REQUIRE(plain);
    CHECK(plain->path == "/bin/sh");
    CHECK_FALSE(plain->argument);
    auto spaced = parse_script("#!  /usr/bin/env   python3 -u \t\nx");
    REQUIRE(spaced);
    CHECK(spaced->path == "/usr/bin/env");
    CHECK(spaced->argument == "python3 -u"); // one argument, as Linux passes it
    CHECK(parse_script("#!/bin/cat")->path == "/bin/cat");
}
TEST_CASE("exec: options travel to the next program, LD_ variables as options") {
    auto split = split_environment({"A=1", "LD_LIBRARY_PATH=/x", "LD=2", "LD_PRELOAD=a,b"});
    CHECK(split.host == Strings{"A=1", "LD=2"});
    CHECK(split.guest_only == Strings{"LD_LIBRARY_PATH=/x", "LD_PRELOAD=a,b"});
    UserOptions options;
    CHECK(emulator_command(options, "aarch64", "/bin/ls", {"ls", "-l"}, {}) ==
          Strings{"emu-aarch64", "-0", "ls", "--", "/bin/ls", "-l"});
    options.prefix = "/root";
    options.strace = true;
    options.guest_base = 0x10000;
    options.log_items = "exec";
    options.log_file = "log";
    options.log_filter = "1..2";
    CHECK(emulator_command(options, "aarch64", "p", {""}, split.guest_only) ==
          Strings{"emu-aarch64", "-L", "/root", "-B", "0x10000", "-d", "exec", "-log-append", "log", "-dfilter", "1..2", "-strace", "-E", "LD_LIBRARY_PATH=/x", "-E", "LD_PRELOAD=a,,b",
                  "-0", "", "--", "p"});
}
TEST_CASE("exec: -E and -U change the environment, the last assignment wins") {
    CHECK(guest_environment({"A=1", "B=2", "C"}, {"B=3", "D=4", "B=5"}, {"A"}) == Strings{"C", "D=4", "B=5"});
    CHECK(guest_environment({"AB=1"}, {}, {"A"}) == Strings{"AB=1"});
}
TEST_CASE("exec: exit statuses are a shell's") {
    CHECK(status_of({ENOENT, "", ""}) == 127);
    CHECK(status_of({EACCES, "", ""}) == 126);
    CHECK(status_of({ENOEXEC, "", ""}) == 1);
}
