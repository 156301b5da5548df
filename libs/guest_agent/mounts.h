// SPDX-License-Identifier: MIT
// Mounted file systems that live on block devices, from /proc/self/mountinfo (proc(5)).
#pragma once
#include "guest_agent/host.h"

namespace emu::guest_agent {

struct Mount {
    std::string device;      ///< "MAJOR:MINOR" of the block device
    std::string point, type, source;
    std::string root;        ///< the directory of the file system that is mounted: "/" unless it is a bind mount
};

/// Local ones, in the order they were mounted. `every`: bind mounts too; else each file system once, by its first mount.
Result<std::vector<Mount>> mounts(const Host& host, bool every);
std::vector<Mount> parse_mountinfo(const Host& host, std::string_view text);
/// Octal escapes (\040) undone.
std::string unescape_octal(std::string_view text);

} // namespace emu::guest_agent
