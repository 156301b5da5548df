// SPDX-License-Identifier: MIT
// emu-ga: the command line of libs/guest_agent.
#include "common/cli.h"
#include "guest_agent/run.h"

#include <cstdio>
#include <fmt/format.h>

using namespace emu;
using guest_agent::Config;

int main(int argc, char** argv) {
    guest_agent::Invocation invocation;
    bool version = false;
    /// Options change the configuration after the file has been read.
    auto set = [&](std::string Config::*member, std::string_view otherwise = {}) -> cli::Target {
        return [&, member, otherwise](std::string_view value) -> Result<void> {
            invocation.changes.push_back([member, text = std::string(value.empty() ? otherwise : value)](Config& config) { config.*member = text; });
            return {};
        };
    };
    auto turn_on = [&](bool Config::*member) -> cli::Target {
        return [&, member](std::string_view) -> Result<void> { invocation.changes.push_back([member](Config& config) { config.*member = true; }); return {}; };
    };
    auto add = [&](std::vector<std::string> Config::*member) -> cli::Target {
        return [&, member](std::string_view value) -> Result<void> {
            invocation.list |= value == "help" || value == "?";
            invocation.changes.push_back([member, text = std::string(value)](Config& config) { guest_agent::add_names(config.*member, text); });
            return {};
        };
    };
    cli::Tool tool{.name = "emu-ga", .summary = "agent inside a virtual machine, at the service of its host"};
    tool.grouped_letters = true;
    tool.options = {
        {"m,method", "method", "channel: virtio-serial (default), isa-serial, unix-listen or vsock-listen", "", set(&Config::method)},
        {"p,path", "path", "device, socket, or CID:PORT for vsock-listen", "", set(&Config::path)},
        {"l,logfile", "file", "log there instead of to stderr", "", set(&Config::logfile)},
        {"f,pidfile", "file", "PID file of the daemon (default: /var/run/qemu-ga.pid)", "", set(&Config::pidfile)},
        {"F,fsfreeze-hook", "program", "run it with 'freeze' before file systems are frozen and with 'thaw' afterwards (default: /etc/qemu/fsfreeze-hook)", "",
         set(&Config::fsfreeze_hook, guest_agent::default_hook), true},
        {"t,statedir", "directory", "where to keep state (default: /var/run)", "", set(&Config::statedir)},
        {"v,verbose", "", "log what is done, too", "", turn_on(&Config::verbose)},
        {"V", "", "the same as -version", "", cli::into(version)},
        {"d,daemonize", "", "go to the background", "", turn_on(&Config::daemon)},
        {"b,block-rpcs,blacklist", "names", "commands to disable, separated by commas; 'help' lists all", "", add(&Config::block_rpcs)},
        {"a,allow-rpcs", "names", "disable all commands but these", "", add(&Config::allow_rpcs)},
        {"c,config", "file", "configuration file (default: $EMU_QGA_CONF, $QGA_CONF or /etc/qemu/qemu-ga.conf)", "", cli::into(invocation.config_file)},
        {"D,dump-conf", "", "print the resulting configuration and exit", "", cli::into(invocation.dump)},
        {"r,retry-path", "", "keep trying to open the path, also after it went away", "", turn_on(&Config::retry_path)},
        {"exec-timeout", "seconds", "kill programs of guest-exec that run longer (default: never)", "", set(&Config::exec_timeout)},
    };
    tool.action = [&]() -> Result<int> {
        if (!version) return guest_agent::run(invocation);
        fmt::print("emu-ga version {}\n", EMU_VERSION);
        return 0;
    };
    return cli::run(tool, argc, argv);
}
