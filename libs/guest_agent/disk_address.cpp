// SPDX-License-Identifier: MIT
// Paths look like /sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda: buses, controllers and ports from the root to the
// disk. The rows below say which part of a path gives away which bus.
#include "guest_agent/disk_address.h"

#include "guest_agent/tables.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu::guest_agent {

namespace {

using Parts = std::vector<std::string>;

struct Place {
    s64 bus = 0, target = 0, unit = 0;
};

struct Pci {
    s64 domain = -1, bus = -1, slot = -1, function = -1;
};

std::string basename_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// "0000:00:1f.2"
std::optional<Pci> parse_pci(std::string_view part) {
    if (part.size() < 12 || part[part.size() - 2] != '.') return std::nullopt;
    const auto fields = split(part, ':');
    if (fields.size() != 3 || fields[2].size() != 4 || fields[1].size() != 2) return std::nullopt;
    return Pci{s64(hex_number(fields[0])), s64(hex_number(fields[1])), s64(hex_number(fields[2].substr(0, 2))), s64(hex_number(fields[2].substr(3)))};
}

/// "2:0:1:3": host, channel, target, unit of a SCSI device.
std::optional<Place> parse_scsi(std::string_view part) {
    const auto fields = split(part, ':');
    if (fields.size() != 4) return std::nullopt;
    for (std::string_view field : fields)
        if (field.empty() || field.find_first_not_of("0123456789") != field.npos) return std::nullopt;
    return Place{number_or_zero(fields[1]), number_or_zero(fields[2]), number_or_zero(fields[3])};
}

struct Bus {
    std::string_view prefix; ///< of a part of the path, in front of a number
    std::string_view name;
};
/// The first row that any part fits decides: the more special ones are above.
constexpr Bus buses[] = {{"nvme", "nvme"}, {"usb", "usb"},   {"mmc", "mmc"},     {"session", "iscsi"},    {"rport-", "fibre"}, {"end_device-", "sas"},
                         {"ata", "sata"},  {"vbd-", "xen"},  {"fw", "ieee1394"}, {"floppy.", "fdc"},      {"host", "scsi"},    {"virtio", "virtio"}};

bool fits(std::string_view part, std::string_view prefix) {
    return part.size() > prefix.size() && part.starts_with(prefix) && part[prefix.size()] >= '0' && part[prefix.size()] <= '9';
}

const Bus* bus_of(const Parts& parts) {
    for (const Bus& bus : buses)
        for (const std::string& part : parts)
            if (fits(part, bus.prefix)) return &bus;
    return nullptr;
}

/// Which port of its controller "ata3" is: ports are numbered over all controllers.
s64 port_number(const Host& host, const std::string& controller, const std::string& port) {
    std::vector<s64> numbers;
    for (const std::string& name : host.list(controller))
        if (s64 number = number_after(name, "ata"); number >= 0) numbers.push_back(number);
    std::sort(numbers.begin(), numbers.end());
    return std::find(numbers.begin(), numbers.end(), number_after(port, "ata")) - numbers.begin();
}

/// ATA: an AHCI controller has a port per disk; an older one two channels with two disks each.
std::string_view ata_place(const Host& host, const std::string& sysfs_path, const Parts& parts, Place& place) {
    const auto port = std::find_if(parts.begin(), parts.end(), [](const std::string& part) { return fits(part, "ata"); });
    const std::string controller = sysfs_path.substr(0, sysfs_path.find("/" + *port + "/"));
    const s64 number = port_number(host, controller, *port);
    if (basename_of(host.resolve(controller + "/driver")) == "ahci") {
        place = {0, 0, number};
        return "sata";
    }
    place = {number, 0, place.target};
    return "ide";
}

/// s390: /sys/devices/css0/0.0.0005/0.0.1234/...: subchannel, then device number.
void put_ccw(Json& address, const Parts& parts) {
    const auto css = std::find_if(parts.begin(), parts.end(), [](const std::string& part) { return fits(part, "css"); });
    if (parts.end() - css < 3) return;
    const auto subchannel = split(css[1], '.'), device = split(css[2], '.');
    if (subchannel.size() != 3 || device.size() != 3) return;
    Json ccw;
    ccw.set("cssid", s64(hex_number(subchannel[0]))).set("ssid", s64(hex_number(subchannel[1])));
    ccw.set("subchno", s64(hex_number(subchannel[2]))).set("devno", s64(hex_number(device[2])));
    address.set("ccw-address", std::move(ccw));
}

/// What udev has found out, else what sysfs says.
std::string serial_of(const Host& host, const std::string& sysfs_path) {
    const std::string key = "E:ID_SERIAL=", database = host.read("/run/udev/data/b" + host.read_word(sysfs_path + "/dev")).value_or("");
    for (std::string_view line : split(database, '\n'))
        if (line.starts_with(key)) return std::string(line.substr(key.size()));
    for (const char* file : {"/serial", "/device/serial"})
        if (std::string serial = host.read_word(sysfs_path + file); !serial.empty()) return serial;
    return {};
}

} // namespace

std::optional<Json> disk_address(const Host& host, const std::string& sysfs_path) {
    if (sysfs_path.empty() || sysfs_path.find("/devices/virtual/") != sysfs_path.npos) return std::nullopt;
    Parts parts;
    for (std::string_view part : split(sysfs_path, '/')) parts.emplace_back(part);
    Pci pci;
    Place place;
    for (const std::string& part : parts) {
        if (auto found = parse_pci(part)) pci = *found;
        if (auto found = parse_scsi(part)) place = *found;
    }
    const Bus* bus = bus_of(parts);
    std::string_view type = bus ? bus->name : "unknown";
    if (type == "sata") type = ata_place(host, sysfs_path, parts, place);
    Json controller, address;
    controller.set("domain", pci.domain).set("bus", pci.bus).set("slot", pci.slot).set("function", pci.function);
    address.set("pci-controller", std::move(controller)).set("bus-type", type);
    address.set("bus", place.bus).set("target", place.target).set("unit", place.unit);
    if (std::string serial = serial_of(host, sysfs_path); !serial.empty()) address.set("serial", std::move(serial));
    address.set("dev", "/dev/" + basename_of(sysfs_path));
    put_ccw(address, parts);
    return address;
}

std::vector<Json> disk_addresses(const Host& host, const std::string& sysfs_path) {
    std::vector<Json> list;
    if (auto address = disk_address(host, sysfs_path)) return {std::move(*address)};
    for (const std::string& name : host.list(sysfs_path + "/slaves")) {
        const std::string below = host.resolve(sysfs_path + "/slaves/" + name);
        if (below.empty() || below == sysfs_path) continue;
        for (Json& address : disk_addresses(host, below)) list.push_back(std::move(address));
    }
    return list;
}

} // namespace emu::guest_agent
