// SPDX-License-Identifier: MIT
// What the agent is told: a key file (groups in brackets, key=value lines), then the command line over it.
#pragma once
#include "common/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace emu::guest_agent {

inline constexpr std::string_view default_config_file = "/etc/qemu/qemu-ga.conf";
inline constexpr std::string_view default_hook = "/etc/qemu/fsfreeze-hook";
inline constexpr std::string_view default_virtio_path = "/dev/virtio-ports/org.qemu.guest_agent.0";
inline constexpr std::string_view default_serial_path = "/dev/ttyS0";

struct Config {
    bool daemon = false;
    std::string method = "virtio-serial";
    std::string path;                                ///< "": that of the method
    std::string logfile;                             ///< "": stderr
    std::string pidfile = "/var/run/qemu-ga.pid";
    std::string fsfreeze_hook;                       ///< "": none
    std::string statedir = "/var/run";
    bool verbose = false;
    bool retry_path = false;
    std::vector<std::string> block_rpcs, allow_rpcs; ///< at most one of them is not empty
    std::string exec_timeout;                        ///< seconds a program of guest-exec may run; "": any time

    /// `path`, or what the method has by default.
    std::string effective_path() const;
    Result<u64> exec_seconds() const;
};

/// Take the [general] group of a key file's text into `config`. Keys and groups that are not known are left alone.
Result<void> read_config(Config& config, std::string_view text);
/// The file that counts: `named` (-c), $EMU_QGA_CONF, $QGA_CONF, or the default, which alone may be missing.
Result<void> load_config(Config& config, const std::string& named);
/// The key file that read_config would read to the same configuration.
std::string dump_config(const Config& config);
/// Names separated by commas, added to a list.
void add_names(std::vector<std::string>& names, std::string_view text);

} // namespace emu::guest_agent
