// SPDX-License-Identifier: MIT
#include "linux_user/paths.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace emu::linux_user;
namespace fs = std::filesystem;

namespace {
/// A prefix that holds /lib/ld.so, /tmp/x, and a link whose target is elsewhere.
struct Root {
    fs::path path = fs::temp_directory_path() / ("emu-paths-" + std::to_string(getpid()));
    Root() {
        for (const char* folder : {"lib", "tmp", "proc"}) fs::create_directories(path / folder);
        for (const char* file : {"lib/ld.so", "tmp/x"}) std::ofstream(path / file) << "x";
        fs::create_symlink("/nowhere/at/all", path / "lib/link");
    }
    ~Root() { fs::remove_all(path); }
};
} // namespace

TEST_CASE("paths: names that exist below the prefix are found there, others are the host's") {
    Root root;
    PathMap map(root.path.string());
    CHECK(map.resolve("/lib/ld.so") == root.path.string() + "/lib/ld.so");
    CHECK(map.resolve("/lib") == root.path.string() + "/lib");
    CHECK(map.resolve("/lib/link") == root.path.string() + "/lib/link");
    CHECK(map.resolve("/lib/other.so") == "/lib/other.so");
    CHECK(map.resolve("/lib/ld.so", true) == "/lib/ld.so");
    CHECK(PathMap().resolve("/lib/ld.so") == "/lib/ld.so");
}
TEST_CASE("paths: the machine's own trees are never below the prefix") {
    Root root;
    PathMap map(root.path.string());
    CHECK(map.resolve("/tmp/x") == "/tmp/x");
    CHECK(map.resolve("/proc") == "/proc");
}
TEST_CASE("paths: /proc/self/exe is the guest program") {
    PathMap map;
    CHECK(map.resolve("/proc/self/exe") == "/proc/self/exe");
    map.set_program("/usr/bin/guest");
    CHECK(map.resolve("/proc/self/exe") == "/usr/bin/guest");
    CHECK(map.resolve("/proc/" + std::to_string(getpid()) + "/exe") == "/usr/bin/guest");
    CHECK(map.resolve("/proc/1/exe") == "/proc/1/exe");
    CHECK(PathMap::own_proc_file("/proc/thread-self/maps") == "maps");
    CHECK(PathMap::own_proc_file("/proc/self/task/1/maps") == "task/1/maps");
    CHECK(PathMap::own_proc_file("/proc/self") == "");
    CHECK(PathMap::own_proc_file("/etc/self/exe") == "");
}
