// SPDX-License-Identifier: MIT
// Disks (sysfs), mounted file systems, counters (/proc/diskstats, Documentation/admin-guide/iostats.rst of the kernel).
#include "guest_agent/handlers.h"

#include "guest_agent/disk_address.h"
#include "guest_agent/mounts.h"
#include "guest_agent/nvme_smart.h"
#include "guest_agent/tables.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/statvfs.h>

namespace emu::guest_agent {

namespace {

/// sysfs writes '!' where a device's name has a '/'.
std::string device_name(std::string name) {
    std::replace(name.begin(), name.end(), '!', '/');
    return "/dev/" + name;
}

Json disk(const Host& host, const std::string& name) {
    const std::string folder = "/sys/block/" + name;
    Json dependencies = Json::array(), about;
    for (const std::string& below : host.list(folder + "/slaves")) dependencies.push(device_name(below));
    about.set("name", device_name(name)).set("partition", false).set("dependencies", std::move(dependencies));
    if (auto address = disk_address(host, host.resolve(folder))) {
        const bool nvme = *address->find("bus-type")->as_string() == "nvme";
        about.set("address", std::move(*address));
        if (nvme)
            if (auto smart = read_smart_log(host.path(device_name(name)))) about.set("smart", std::move(*smart));
    }
    if (std::string alias = host.read_word(folder + "/dm/name"); !alias.empty()) about.set("alias", std::move(alias));
    return about;
}

Json partition(const std::string& name, const std::string& of) {
    Json about;
    return about.set("name", device_name(name)).set("partition", true).set("dependencies", Json::array({Json(device_name(of))}));
}

/// Columns of /proc/diskstats behind major, minor and name. Older kernels have fewer.
constexpr std::string_view counters[] = {"read-ios",    "read-merges",  "read-sectors", "read-ticks",   "write-ios",       "write-merges",
                                         "write-sectors", "write-ticks", "ios-pgr",      "total-ticks",  "weight-ticks",    "discard-ios",
                                         "discard-merges", "discard-sectors", "discard-ticks", "flush-ios", "flush-ticks"};

Json file_system(const Host& host, const Mount& mount) {
    const std::string sysfs = host.resolve("/sys/dev/block/" + mount.device);
    Json about;
    about.set("name", sysfs.empty() ? mount.source : sysfs.substr(sysfs.rfind('/') + 1)).set("mountpoint", mount.point).set("type", mount.type);
    struct statvfs space{};
    if (statvfs(host.path(mount.point).c_str(), &space) == 0) {
        const u64 block = space.f_frsize, used = block * (space.f_blocks - space.f_bfree);
        about.set("used-bytes", used).set("total-bytes", used + block * space.f_bavail).set("total-bytes-privileged", block * space.f_blocks);
    }
    return about.set("disk", Json::array(disk_addresses(host, sysfs)));
}

} // namespace

Result<Json> get_disks(Agent& agent, const Arguments&) {
    const Host& host = agent.host();
    Json list = Json::array();
    for (const std::string& name : host.list("/sys/block")) {
        if (!host.read_number("/sys/block/" + name + "/size").value_or(0)) continue; // an empty drive, a loop device without a file
        list.push(disk(host, name));
        for (const std::string& part : host.list("/sys/block/" + name))
            if (host.exists("/sys/block/" + name + "/" + part + "/partition")) list.push(partition(part, name));
    }
    return list;
}

Result<Json> get_fsinfo(Agent& agent, const Arguments&) {
    auto all = EMU_TRY(mounts(agent.host(), true));
    Json list = Json::array();
    for (auto mount = all.rbegin(); mount != all.rend(); ++mount) list.push(file_system(agent.host(), *mount));
    return list;
}

Result<Json> get_diskstats(Agent& agent, const Arguments&) {
    Json list = Json::array();
    for (const Row& row : table_rows(EMU_TRY(agent.host().read("/proc/diskstats")))) {
        if (row.size() < 4) continue;
        Json numbers = Json::object(), about;
        for (usize i = 0; i < std::size(counters) && i + 3 < row.size(); i++) numbers.set(counters[i], number_or_zero(row[i + 3]));
        about.set("name", row[2]).set("major", number_or_zero(row[0])).set("minor", number_or_zero(row[1])).set("stats", std::move(numbers));
        list.push(std::move(about));
    }
    return list;
}

} // namespace emu::guest_agent
