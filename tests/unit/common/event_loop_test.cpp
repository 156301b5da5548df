// SPDX-License-Identifier: MIT
#include "common/event_loop.h"

#include <array>
#include <doctest/doctest.h>
#include <thread>

using namespace emu;
using namespace std::chrono_literals;

TEST_CASE("event loop: descriptors, timers and posts from other threads are served in one thread") {
    auto loop = std::move(*EventLoop::create());
    std::array<int, 2> ends;
    REQUIRE(pipe(ends.data()) == 0);
    Fd in(ends[0]), out(ends[1]);
    std::string events;
    REQUIRE(loop->watch(in.get(), EventLoop::readable, [&](u32) {
        char c;
        CHECK(read(in.get(), &c, 1) == 1);
        events += c;
        loop->unwatch(in.get());
        loop->stop();
    }));
    loop->after(1ms, [&] { events += 't'; });
    std::thread other([&] { loop->post([&] {
        events += 'p';
        loop->after(5ms, [&] { CHECK(write(out.get(), "r", 1) == 1); });
    }); });
    REQUIRE(loop->run());
    other.join();
    CHECK(events.size() == 3);
    CHECK(events.back() == 'r');
}
TEST_CASE("event loop: a cancelled timer does not fire, poll reports idleness") {
    auto loop = std::move(*EventLoop::create());
    bool fired = false;
    loop->cancel(loop->after(0ms, [&] { fired = true; }));
    CHECK(*loop->poll(0ms) == false);
    CHECK(!fired);
}
