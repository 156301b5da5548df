// SPDX-License-Identifier: MIT
// What stands between a user and a PCI device: each obstacle is named. A tree of files stands in for /sys and /dev.
#include "../support.h"

#include "block/protocols/vfio.h"

#include <doctest/doctest.h>
#include <fstream>

using namespace emu;
using namespace emu::block;

namespace {

constexpr std::string_view address = "0000:01:00.0";
constexpr u32 nvme_class = 0x010802;

struct Tree {
    TempDir dir;
    vfio::Paths paths{dir / "sys", dir / "dev"};
    std::string device = dir / "sys/bus/pci/devices/0000:01:00.0";
    Tree() {
        std::filesystem::create_directories(device);
        std::filesystem::create_directories(dir / "dev/vfio");
        write_class("0x010802");
    }
    void write_class(std::string_view text) { std::ofstream(device + "/class") << text << "\n"; }
    void link(std::string_view name, std::string_view to) {
        std::filesystem::remove(device + "/" + std::string(name));
        std::filesystem::create_symlink(to, device + "/" + std::string(name));
    }
    std::string refusal() {
        auto found = vfio::locate(paths, address, nvme_class, "an NVMe controller");
        if (!found) return found.error().line();
        auto opened = vfio::open(paths, *found, 1);
        return opened ? "opened" : opened.error().line();
    }
};
bool has(std::string_view whole, std::string_view part) {
    const bool found = whole.find(part) != std::string_view::npos;
    if (!found) MESSAGE(std::string(whole));
    return found;
}

} // namespace

TEST_CASE("vfio: addresses") {
    CHECK(vfio::parse_address("0000:01:00.0").value() == "0000:01:00.0");
    CHECK(vfio::parse_address("00AB:c1:1F.7").value() == "00ab:c1:1f.7");
    for (std::string_view bad : {"", "01:00.0", "0000:01:00", "0000:01:00.00", "0000:01:00.g", "0000:01:00,0", "../../../../../"})
        CHECK(has(vfio::parse_address(bad).error().line(), "no PCI address (0000:01:00.0)"));
}

TEST_CASE("vfio: what is in the way of a device") {
    Tree tree;
    CHECK(has(vfio::locate(tree.paths, "0000:01:00.1", nvme_class, "").error().line(), "there is no PCI device 0000:01:00.1"));
    SUBCASE("another class") {
        tree.write_class("0x020000");
        CHECK(has(tree.refusal(), "0000:01:00.0 is not an NVMe controller: its class is 020000, not 010802"));
        tree.write_class("nonsense");
        CHECK(has(tree.refusal(), "class: "));
    }
    SUBCASE("no IOMMU") {
        CHECK(has(tree.refusal(), "in no IOMMU group: the machine has no IOMMU, or the kernel does not use it (intel_iommu=on"));
    }
    tree.link("iommu_group", "../../../../kernel/iommu_groups/7");
    SUBCASE("the kernel's driver") {
        tree.link("driver", "../../../../bus/pci/drivers/nvme");
        const std::string said = tree.refusal();
        CHECK(has(said, "0000:01:00.0 is bound to the driver 'nvme' ("));
        CHECK(has(said, "echo vfio-pci > driver_override && echo 0000:01:00.0 > driver/unbind && echo 0000:01:00.0 > "
                        "/sys/bus/pci/drivers_probe"));
    }
    SUBCASE("no driver") {
        const std::string said = tree.refusal();
        CHECK(has(said, "is not bound to vfio-pci (cd "));
        CHECK(said.find("unbind") == std::string::npos);
    }
    tree.link("driver", "../../../../bus/pci/drivers/vfio-pci");
    SUBCASE("no VFIO") { CHECK(has(tree.refusal(), "VFIO is not available: ")); }
    std::ofstream(tree.dir / "dev/vfio/vfio") << "";
    SUBCASE("no group file") { CHECK(has(tree.refusal(), "no device of that IOMMU group is bound to vfio-pci")); }
    SUBCASE("no permission") {
        if (geteuid() == 0) {
            MESSAGE("root may open anything: not tried");
        } else {
            std::ofstream(tree.dir / "dev/vfio/7") << "";
            std::filesystem::permissions(tree.dir / "dev/vfio/7", std::filesystem::perms::none);
            CHECK(has(tree.refusal(), "no permission to open"));
        }
    }
    SUBCASE("not VFIO's files") {
        std::ofstream(tree.dir / "dev/vfio/7") << "";
        CHECK(has(tree.refusal(), "VFIO: the interface's version: "));
    }
}
