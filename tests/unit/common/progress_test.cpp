// SPDX-License-Identifier: MIT
#include "common/progress.h"

#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("progress: the line scripts read, and rate and time left on a terminal") {
    CHECK(Progress::line(25, 200, 10, false) == "    (12.50/100%)");
    CHECK(Progress::line(0, 0, 1, false) == "    (100.00/100%)");
    CHECK(Progress::line(50 << 20, 200 << 20, 10, true) == "    (25.00/100%)  5 MiB/s  0:30 left");
}
TEST_CASE("progress: finish prints the end once") {
    char* text = nullptr;
    usize size = 0;
    std::FILE* out = open_memstream(&text, &size);
    {
        Progress progress(10, out, false);
        progress.add(10);
        progress.finish();
        progress.finish();
    }
    std::fclose(out);
    CHECK(std::string(text) == "    (100.00/100%)\r\n");
    std::free(text);
}
