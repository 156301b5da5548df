// SPDX-License-Identifier: MIT
// Where a disk is attached: PCI function, kind of bus, and place on it, read off the device's path in sysfs.
#pragma once
#include "common/json.h"
#include "guest_agent/host.h"

#include <optional>

namespace emu::guest_agent {

/// `sysfs_path`: the resolved folder of a disk or partition below /sys/devices. Nothing for virtual devices.
std::optional<Json> disk_address(const Host& host, const std::string& sysfs_path);
/// The addresses of all disks behind a block device: of those it is stacked on, where it is a virtual one.
std::vector<Json> disk_addresses(const Host& host, const std::string& sysfs_path);

} // namespace emu::guest_agent
