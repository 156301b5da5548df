// SPDX-License-Identifier: MIT
#include "common/thread_pool.h"

#include <atomic>
#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("thread pool: every index once, jobs finish before wait returns and before destruction") {
    std::atomic<unsigned> sum{0}, jobs{0};
    {
        ThreadPool pool(3);
        pool.for_each_index(1000, [&](usize i) { sum += unsigned(i); });
        CHECK(sum == 499500);
        for (int i = 0; i < 50; i++) pool.submit([&] { jobs++; });
        pool.wait();
        CHECK(jobs == 50);
        for (int i = 0; i < 50; i++) pool.submit([&] { jobs++; });
    }
    CHECK(jobs == 100);
}
