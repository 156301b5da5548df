// SPDX-License-Identifier: MIT
#include "bench.h"

#include <sys/stat.h>

using namespace emu;
using namespace emu::guest_agent;

namespace {
usize open_descriptors() {
    return usize(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()));
}
std::string on(s64 handle, const std::string& more = "") { return fmt::format("{{\"handle\":{}{}}}", handle, more); }
} // namespace

TEST_CASE("files: written, sought, read, flushed and closed") {
    Bench bench;
    const std::string path = (bench.folder / "file").string();
    const s64 handle = *bench.get("guest-file-open", fmt::format(R"({{"path":"{}","mode":"w+b"}})", path)).to_s64();
    CHECK(handle == first_handle);
    CHECK(to_line(bench.get("guest-file-write", on(handle, R"(,"buf-b64":"aGVsbG8=")"))) == "{\"count\": 5, \"eof\": false}\n");
    CHECK(to_line(bench.get("guest-file-write", on(handle, R"(,"buf-b64":"aGVsbG8=","count":2)"))) == "{\"count\": 2, \"eof\": false}\n");
    bench.refused("guest-file-write", on(handle, R"(,"buf-b64":"aGVsbG8=","count":6)"));
    CHECK(to_line(bench.get("guest-file-seek", on(handle, R"(,"offset":-6,"whence":"end")"))) == "{\"position\": 1, \"eof\": false}\n");
    CHECK(to_line(bench.get("guest-file-read", on(handle, R"(,"count":3)"))) == "{\"count\": 3, \"buf-b64\": \"ZWxs\", \"eof\": false}\n");
    CHECK(to_line(bench.get("guest-file-read", on(handle))) == "{\"count\": 3, \"buf-b64\": \"b2hl\", \"eof\": true}\n");
    CHECK(to_line(bench.get("guest-file-seek", on(handle, R"(,"offset":0,"whence":0)"))) == "{\"position\": 0, \"eof\": false}\n");
    bench.refused("guest-file-seek", on(handle, R"(,"offset":-1,"whence":1)"));
    bench.refused("guest-file-seek", on(handle, R"(,"offset":0,"whence":3)"));
    bench.refused("guest-file-seek", on(handle, R"(,"offset":0,"whence":"middle")"));
    bench.refused("guest-file-read", on(handle, R"(,"count":99999999999)"));
    bench.refused("guest-file-read", on(handle, R"(,"count":-1)"));
    CHECK(bench.ask("guest-file-flush", on(handle)) == "{\"return\": {}}");
    CHECK(bench.ask("guest-file-close", on(handle)) == "{\"return\": {}}");
    CHECK(bench.refused("guest-file-close", on(handle)) == "handle '1000' has not been found");
    for (const char* command : {"guest-file-read", "guest-file-flush"}) bench.refused(command, on(handle));
}

TEST_CASE("files: modes of fopen(3)") {
    Bench bench;
    const std::string path = (bench.folder / "file").string();
    auto open = [&](const std::string& mode) { return bench.ask("guest-file-open", fmt::format(R"({{"path":"{}","mode":"{}"}})", path, mode)).starts_with("{\"return\""); };
    CHECK(!open("r"));
    CHECK(!open("r+"));
    for (const char* mode : {"w", "wb", "w+", "wb+", "w+b", "a", "ab", "a+", "ab+", "r", "rb", "r+", "rb+", "r+b"}) CHECK(open(mode));
    for (const char* mode : {"", "z", "br", "rw", "r++", "rbb", "w "}) CHECK(!open(mode));
}

TEST_CASE("files: handles are bounded, go on counting after a restart, and close with the agent") {
    Bench bench;
    const usize before = open_descriptors();
    bench.start();
    for (usize i = 0; i < most_files; i++) bench.get("guest-file-open", R"({"path":"/dev/null"})");
    bench.refused("guest-file-open", R"({"path":"/dev/null"})");
    bench.start();
    CHECK(open_descriptors() == before);
    CHECK(*bench.get("guest-file-open", R"({"path":"/dev/null"})").to_s64() == first_handle + s64(most_files));
}

TEST_CASE("files: a FIFO without a partner stops nobody") {
    Bench bench;
    const std::string path = (bench.folder / "fifo").string();
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    const s64 handle = *bench.get("guest-file-open", fmt::format(R"({{"path":"{}","mode":"r+"}})", path)).to_s64();
    CHECK(number(bench.get("guest-file-read", on(handle)), "count") == 0);
    bench.refused("guest-file-open", fmt::format(R"({{"path":"{}","mode":"w"}})", "/nonexistent/x"));
}
