// SPDX-License-Identifier: MIT
#include "common/fd.h"

#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("fd: closes itself once") {
    int raw;
    {
        auto fd = Fd::open("/dev/null", O_RDONLY);
        REQUIRE(fd);
        raw = fd->get();
        CHECK((fcntl(raw, F_GETFD) & FD_CLOEXEC) != 0);
        Fd moved = std::move(*fd);
        CHECK_FALSE(bool(*fd));
        CHECK(moved.get() == raw);
    }
    CHECK(fcntl(raw, F_GETFD) == -1);
}
TEST_CASE("fd: release gives it away") {
    Fd fd(dup(0));
    int raw = fd.release();
    CHECK_FALSE(bool(fd));
    CHECK(close(raw) == 0);
}
TEST_CASE("fd: a missing file is reported by name") {
    auto fd = Fd::open("/no/such/file", O_RDONLY);
    REQUIRE_FALSE(fd);
    CHECK(fd.error().code == ENOENT);
    CHECK(fd.error().text == "/no/such/file: No such file or directory");
}
