// SPDX-License-Identifier: MIT
#include "common/log.h"

#include "common/fd.h"

#include <array>
#include <doctest/doctest.h>
#include <thread>
#include <vector>

using namespace emu;

namespace {
/// The log sent to a file for the time of a test.
struct Capture {
    std::string path;
    Capture() {
        std::array<char, 32> name{"/tmp/emu-log-XXXXXX"};
        Fd fd(mkstemp(name.data()));
        path = name.data();
        REQUIRE(log::set_file(path));
    }
    ~Capture() {
        CHECK(log::set_file(""));
        CHECK(log::enable("none"));
        ::unlink(path.c_str());
    }
    std::string text() const {
        auto fd = Fd::open(path, O_RDONLY);
        std::string all(1 << 20, 0);
        all.resize(usize(::read(fd->get(), all.data(), all.size())));
        return all;
    }
};
} // namespace

TEST_CASE("log: items are off until they are asked for") {
    CHECK_FALSE(log::enabled(log::Item::in_asm));
    CHECK(log::enable("in_asm,int"));
    CHECK(log::enabled(log::Item::in_asm));
    CHECK(log::enabled(log::Item::interrupt));
    CHECK_FALSE(log::enabled(log::Item::out_asm));
    CHECK(log::enable("none"));
    CHECK_FALSE(log::enabled(log::Item::in_asm));
}
TEST_CASE("log: all means what only prints") {
    CHECK(log::enable("all"));
    CHECK(log::enabled(log::Item::strace));
    CHECK_FALSE(log::enabled(log::Item::nochain));
    CHECK(log::enable("none"));
}
TEST_CASE("log: an unknown item is refused with its nearest relative, and nothing changes") {
    auto result = log::enable("unimp,in_asmm");
    REQUIRE_FALSE(result);
    CHECK(result.error().line() == "unknown log item 'in_asmm' (did you mean 'in_asm'?)");
    CHECK_FALSE(log::enabled(log::Item::unimp));
    CHECK(log::enable("").error().line() == "unknown log item '' (see -d help)");
}
TEST_CASE("log: an item that cannot mean anything is refused with the reason, and not listed") {
    auto result = log::enable("exec,mmu");
    REQUIRE_FALSE(result);
    CHECK(result.error().line().starts_with("no log item 'mmu': "));
    CHECK_FALSE(log::enabled(log::Item::exec));
    CHECK(log::help().find("mmu") == std::string::npos);
}
TEST_CASE("log: one of several items is enough") {
    CHECK(log::enable("cpu"));
    CHECK(log::enabled(log::Item::exec, log::Item::cpu));
    CHECK_FALSE(log::enabled(log::Item::exec, log::Item::fpu));
    CHECK(log::enable("none"));
    CHECK_FALSE(log::enabled(log::Item::exec, log::Item::cpu));
}
TEST_CASE("log: help lists every item") {
    std::string help = log::help();
    CHECK(help.starts_with("Log items (comma separated):\n"));
    for (const char* name : {"in_asm", "out_asm", "int ", "guest_errors", "strace", "all"})
        CHECK(help.find(name) != std::string::npos);
}
TEST_CASE("log: lines of threads do not tear") {
    Capture capture;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([t] {
            for (int i = 0; i < 200; i++) log::print("thread {} {}", t, std::string(100, char('a' + t)));
        });
    for (auto& thread : threads) thread.join();
    std::string text = capture.text();
    CHECK(text.size() == 4 * 200 * (9 + 100 + 1));
    for (usize at = 0; at < text.size(); at += 110) {
        CHECK(text.compare(at, 7, "thread ") == 0);
        CHECK(text.substr(at + 9, 100) == std::string(100, char('a' + text[at + 7] - '0')));
    }
}
TEST_CASE("log: a newline is added only where it is missing") {
    Capture capture;
    log::write("one\n");
    log::write("two");
    CHECK(capture.text() == "one\ntwo\n");
}
TEST_CASE("log: the file that cannot be opened is named") {
    auto result = log::set_file("/no/such/dir/log");
    REQUIRE_FALSE(result);
    CHECK(result.error().text == "/no/such/dir/log: No such file or directory");
}
