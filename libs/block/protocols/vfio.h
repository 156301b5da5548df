// SPDX-License-Identifier: MIT
// PCI devices driven from user space through the kernel's VFIO (Documentation/driver-api/vfio.rst, <linux/vfio.h>): the device's
// IOMMU group is taken, so that the device reaches only memory that it is given.
#pragma once
#include "block/protocols/nvme_device.h"

#include <memory>
#include <string>
#include <string_view>

namespace emu::block::vfio {

/// Where the kernel's files are; tests have their own.
struct Paths {
    std::string sys = "/sys", dev = "/dev";
};

/// "0000:01:00.0", as the files of /sys are named: lower case.
Result<std::string> parse_address(std::string_view text);

/// What /sys says of a device that may be taken.
struct Location {
    std::string address, group;
};
/// The device is there, of the wanted class (base class, subclass, interface), in an IOMMU group, and bound to VFIO; or which of
/// these it is not, and what to do about it.
Result<Location> locate(const Paths& paths, std::string_view address, u32 pci_class, std::string_view what);

/// Take the device. `vectors`: interrupts that would be welcome.
Result<std::unique_ptr<nvme::Device>> open(const Paths& paths, const Location& location, unsigned vectors);

} // namespace emu::block::vfio
