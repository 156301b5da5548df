// SPDX-License-Identifier: MIT
// Freezing needs a file system of its own and the right to: a loop mount, else the test says why not. The agent sees nothing
// but that one, so that "all file systems" is safe to ask for.
#include "bench.h"

#include <cstdlib>
#include <sstream>

using namespace emu;
using namespace emu::guest_agent;

namespace {

int shell(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }

struct LoopMount {
    std::filesystem::path folder;
    bool mounted = false;
    explicit LoopMount(Bench& bench) : folder(bench.host.root + "/mnt") {
        const std::string image = (bench.folder / "image").string();
        std::filesystem::create_directories(folder);
        mounted = geteuid() == 0 && shell(fmt::format("truncate -s 16M {0} && mke2fs -q -t ext4 {0} && mount -o loop {0} {1}", image, folder.string())) == 0;
        if (!mounted) return;
        Host real;
        std::istringstream mounts(*real.read("/proc/self/mountinfo"));
        for (std::string row; std::getline(mounts, row);)
            if (usize found = row.find(folder.string()); found != row.npos) bench.file("/proc/self/mountinfo", row.replace(found, folder.string().size(), "/mnt") + "\n");
    }
    ~LoopMount() {
        if (mounted) shell(fmt::format("fsfreeze -u {0}; umount {0} || umount -l {0}", folder.string()));
    }
};

} // namespace

TEST_CASE("freeze: without file systems to freeze, and with a hook that says no") {
    Bench bench;
    bench.file("/proc/self/mountinfo", "21 20 0:5 / /proc rw - proc proc rw\n");
    bench.config.fsfreeze_hook = "/hook";
    CHECK(bench.ask("guest-fsfreeze-freeze") == "{\"return\": 0}");
    CHECK(bench.ask("guest-fsfreeze-status") == "{\"return\": \"thawed\"}");
    CHECK(bench.ran == std::vector<std::string>{"/hook freeze", "/hook thaw"});
    bench.failing = {"/hook"};
    bench.refused("guest-fsfreeze-freeze");
    CHECK(bench.ask("guest-fsfreeze-status") == "{\"return\": \"thawed\"}");
    CHECK(bench.ask("guest-fsfreeze-thaw") == "{\"return\": 0}");
    CHECK(bench.ask("guest-fsfreeze-freeze-list", R"({"mountpoints":["/nowhere"]})").find("error") != std::string::npos);
}

TEST_CASE("freeze: an agent that starts on frozen file systems touches none") {
    Bench bench;
    { std::ofstream((bench.folder / "qga.state.isfrozen").string()); }
    CHECK(bench.ask("guest-fsfreeze-status") == "{\"return\": \"frozen\"}");
    CHECK(bench.ask("guest-ping") == "{\"return\": {}}");
    CHECK(bench.refused("guest-file-open", R"({"path":"/dev/null"})") == "Command guest-file-open has been disabled: the agent is in frozen state");
    CHECK(bench.ask("guest-fsfreeze-thaw") == "{\"return\": 0}");
    CHECK(bench.ask("guest-file-open", R"({"path":"/dev/null"})").starts_with("{\"return\""));
}

TEST_CASE("freeze: a loop-mounted file system is frozen, thawed and trimmed") {
    Bench bench;
    LoopMount mount(bench);
    if (!mount.mounted) {
        MESSAGE("skipped: loop mounts are not possible here");
        return;
    }
    bench.config.fsfreeze_hook = "/hook";
    const std::string file = (mount.folder / "file").string();
    CHECK(shell("timeout 5 touch " + file) == 0);
    CHECK(bench.ask("guest-fsfreeze-freeze") == "{\"return\": 1}");
    CHECK(bench.ask("guest-fsfreeze-status") == "{\"return\": \"frozen\"}");
    CHECK(std::filesystem::exists(bench.folder / "qga.state.isfrozen"));
    CHECK(shell(fmt::format("timeout -s KILL 1 sh -c 'echo x >{}'", file)) != 0);
    bench.refused("guest-fsfreeze-freeze");
    bench.refused("guest-fstrim");
    CHECK(bench.ask("guest-fsfreeze-thaw") == "{\"return\": 1}");
    CHECK(bench.ask("guest-fsfreeze-status") == "{\"return\": \"thawed\"}");
    CHECK(bench.ran == std::vector<std::string>{"/hook freeze", "/hook thaw"});
    CHECK(shell(fmt::format("timeout -s KILL 5 sh -c 'echo x >{}'", file)) == 0);
    CHECK(bench.ask("guest-fsfreeze-freeze-list", R"({"mountpoints":["/mnt","/nowhere"]})") == "{\"return\": 1}");
    CHECK(bench.ask("guest-fsfreeze-thaw") == "{\"return\": 1}");
    CHECK(bench.ask("guest-fsfreeze-freeze-list", R"({"mountpoints":["/nowhere"]})") == "{\"return\": 0}");
    const Json trimmed = bench.get("guest-fstrim", R"({"minimum":4096})");
    REQUIRE(trimmed.find("paths")->as_array()->size() == 1);
    const Json& path = (*trimmed.find("paths")->as_array())[0];
    CHECK(text_of(path, "path") == "/mnt");
    CHECK(number(path, "trimmed") > 0);
}
