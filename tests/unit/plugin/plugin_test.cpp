// SPDX-License-Identifier: MIT
#include "plugin/plugin.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::plugin;

namespace {
std::uint64_t counted, accessed, ended;

int install(emu_plugin* self, const emu_plugin_host* host, int argc, const char* const* argv) {
    if (argc == 1 && std::string_view(argv[0]) == "refuse=yes") return 1;
    host->on_execute(self, [](void*, std::uint64_t, std::uint32_t n) { counted += n; }, nullptr);
    if (argc == 1 && std::string_view(argv[0]) == "memory=yes")
        host->on_memory(self, [](void*, std::uint64_t, std::uint32_t size, int) { accessed += size; }, nullptr);
    host->on_exit(self, [](void*) { ended++; }, nullptr);
    return 0;
}
} // namespace

TEST_CASE("a plugin's file and arguments") {
    const Spec spec = parse_spec("file=./a,,b.so,top=3,name=x,,y");
    CHECK(spec.file == "./a,b.so");
    CHECK(spec.arguments == std::vector<std::string>{"top=3", "name=x,y"});
    CHECK(parse_spec("c.so").arguments.empty());
}

TEST_CASE("plugins hear what they asked for, all of them, and of the end once") {
    Plugins plugins;
    counted = accessed = ended = 0;
    CHECK(!plugins.add(install, {"x", {"refuse=yes"}}, "aarch64"));
    REQUIRE(plugins.add(install, {"x", {}}, "aarch64"));
    CHECK(plugins.wants_executed());
    CHECK(!plugins.wants_accesses());
    REQUIRE(plugins.add(install, {"x", {"memory=yes"}}, "aarch64"));
    CHECK(plugins.wants_accesses());
    plugins.executed(0x1000, 5);
    plugins.accesses(0x2000, 8, true);
    plugins.ends();
    plugins.ends();
    CHECK(counted == 10);
    CHECK(accessed == 8);
    CHECK(ended == 2);
}

TEST_CASE("what is no plugin is refused") {
    CHECK(!Plugins::load({"/nonexistent.so"}, "aarch64"));
}
