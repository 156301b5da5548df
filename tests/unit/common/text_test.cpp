// SPDX-License-Identifier: MIT
#include "common/text.h"

#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("text: splitting keeps empty parts") {
    CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
    CHECK(split("", ',') == std::vector<std::string_view>{""});
    CHECK(split("a,", ',') == std::vector<std::string_view>{"a", ""});
}
TEST_CASE("text: joining is the inverse of splitting") {
    CHECK(join({"a", "", "b"}, ", ") == "a, , b");
    CHECK(join({}, ",").empty());
}
TEST_CASE("text: edit distance counts swaps once") {
    CHECK(edit_distance("strace", "strace") == 0);
    CHECK(edit_distance("srtace", "strace") == 1);
    CHECK(edit_distance("strac", "strace") == 1);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
}
TEST_CASE("text: the nearest word is named only when it is near") {
    std::vector<std::string_view> words{"strace", "version", "help", "cpu"};
    CHECK(nearest("starce", words) == "strace");
    CHECK(nearest("vers", words) == "version");
    CHECK(nearest("cpus", words) == "cpu");
    CHECK(nearest("banana", words) == "");
    CHECK(did_you_mean("hlep", words, "-") == "did you mean '-help'?");
    CHECK(did_you_mean("banana", words) == "");
}
