// SPDX-License-Identifier: MIT
// Commands that ask or change the system: those that read are held against the real files or calls, those that change act on
// files below a root of the test's own.
#include "bench.h"

#include "guest_agent/nvme_smart.h"
#include "guest_agent/os_release.h"

#include <ifaddrs.h>
#include <limits>
#include <set>
#include <sys/stat.h>
#include <sys/utsname.h>

using namespace emu;
using namespace emu::guest_agent;

TEST_CASE("time: told and set") {
    Bench bench;
    timespec before{}, after{};
    clock_gettime(CLOCK_REALTIME, &before);
    const s64 told = *bench.get("guest-get-time").to_s64();
    clock_gettime(CLOCK_REALTIME, &after);
    CHECK(told >= before.tv_sec * 1'000'000'000 + before.tv_nsec);
    CHECK(told <= after.tv_sec * 1'000'000'000 + after.tv_nsec);
    CHECK(bench.ask("guest-set-time", R"({"time":1700000000000000001})") == "{\"return\": {}}");
    CHECK(bench.ask("guest-set-time") == "{\"return\": {}}");
    CHECK(bench.clock == std::vector<s64>{1700000000000000001});
    CHECK(bench.ran == std::vector<std::string>{"hwclock -w", "hwclock -s"});
    bench.refused("guest-set-time", R"({"time":-5})");
    bench.failing = {"hwclock"};
    CHECK(bench.refused("guest-set-time") == "hwclock failed: exit status 1");
    const time_t now = time(nullptr);
    tm local{};
    localtime_r(&now, &local);
    CHECK(number(bench.get("guest-get-timezone"), "offset") == local.tm_gmtoff);
}

TEST_CASE("time: the real clock takes its own time") {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const auto set = Host::set_system_clock(s64(now.tv_sec) * 1'000'000'000 + now.tv_nsec);
    CHECK((set || set.error().code == EPERM));
    CHECK(!Host::set_system_clock(std::numeric_limits<s64>::min()));
}

TEST_CASE("power: shutdown and suspend run the right programs and say nothing") {
    Bench bench;
    CHECK(bench.ask("guest-shutdown") == "");
    CHECK(bench.ask("guest-shutdown", R"({"mode":"reboot"})") == "");
    CHECK(bench.ask("guest-shutdown", R"({"mode":"halt"})") == "");
    CHECK(bench.ran == std::vector<std::string>{"/sbin/shutdown -h -P +0 asked for by the host", "/sbin/shutdown -h -r +0 asked for by the host",
                                                "/sbin/shutdown -h -H +0 asked for by the host"});
    bench.refused("guest-shutdown", R"({"mode":"sideways"})");
    bench.ran.clear();
    CHECK(bench.ask("guest-suspend-ram") == "");
    bench.failing = {"systemctl"};
    CHECK(bench.ask("guest-suspend-disk") == "");
    bench.failing = {"systemctl", "pm-suspend", "pm-suspend-hybrid"};
    bench.file("/sys/power/state", "");
    CHECK(bench.ask("guest-suspend-ram") == "");
    CHECK(bench.text("/sys/power/state") == "mem");
    bench.refused("guest-suspend-hybrid");
    CHECK(bench.ran == std::vector<std::string>{"systemctl suspend", "systemctl hibernate", "pm-hibernate", "systemctl suspend", "pm-suspend",
                                                "systemctl hybrid-sleep", "pm-suspend-hybrid"});
}

TEST_CASE("network: interfaces are those of the system") {
    Bench bench(true);
    std::set<std::string> expected;
    ifaddrs* first = nullptr;
    REQUIRE(getifaddrs(&first) == 0);
    for (ifaddrs* entry = first; entry; entry = entry->ifa_next) expected.insert(entry->ifa_name);
    freeifaddrs(first);
    std::set<std::string> told;
    const Json list = bench.get("guest-network-get-interfaces");
    for (const Json& each : *list.as_array()) told.insert(text_of(each, "name"));
    CHECK(told == expected);
}

TEST_CASE("network: counters and routes from the kernel's tables") {
    Bench bench;
    bench.file("/proc/net/dev", "Inter-|   Receive\n face |bytes\n    lo:1 2 3 4 0 0 0 0 9 10 11 12 0 0 0 0\n");
    bench.file("/proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
                                  "eth0\t0002000A\t0102000A\t0003\t0\t0\t100\t00FFFFFF\t1400\t0\t0\n");
    bench.file("/proc/net/ipv6_route", "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000100 00000001 "
                                       "00000000 00000003     eth0\n");
    const Json interfaces = bench.get("guest-network-get-interfaces");
    for (const Json& each : *interfaces.as_array())
        if (text_of(each, "name") == "lo") {
            CHECK(number(*each.find("statistics"), "rx-bytes") == 1);
            CHECK(number(*each.find("statistics"), "tx-dropped") == 12);
        }
    CHECK(to_line(bench.get("guest-network-get-route")) ==
          "[{\"iface\": \"eth0\", \"destination\": \"10.0.2.0\", \"gateway\": \"10.0.2.1\", \"mask\": \"255.255.255.0\", \"flags\": 3, \"refcnt\": 0, \"use\": 0, "
          "\"metric\": 100, \"mtu\": 1400, \"window\": 0, \"irtt\": 0, \"version\": 4}, "
          "{\"iface\": \"eth0\", \"destination\": \"fd00::\", \"desprefixlen\": \"64\", \"source\": \"::\", \"srcprefixlen\": \"0\", \"nexthop\": \"fe80::1\", "
          "\"metric\": 256, \"refcnt\": 1, \"use\": 0, \"flags\": 3, \"version\": 6}]\n");
}

TEST_CASE("processors: listed, switched until the first that cannot be") {
    Bench bench;
    bench.file("/sys/devices/system/cpu/cpu0/topology");
    bench.file("/sys/devices/system/cpu/cpu1/online", "0\n");
    bench.file("/sys/devices/system/cpu/cpu2/online", "1\n");
    bench.file("/sys/devices/system/cpu/cpufreq/x");
    CHECK(to_line(bench.get("guest-get-vcpus")) == "[{\"logical-id\": 0, \"online\": true, \"can-offline\": false}, {\"logical-id\": 1, \"online\": false, "
                                                   "\"can-offline\": true}, {\"logical-id\": 2, \"online\": true, \"can-offline\": true}]\n");
    CHECK(bench.ask("guest-set-vcpus", R"({"vcpus":[{"logical-id":1,"online":true},{"logical-id":0,"online":true},{"logical-id":9,"online":true},{"logical-id":2,"online":false}]})") ==
          "{\"return\": 2}");
    CHECK(bench.text("/sys/devices/system/cpu/cpu1/online") == "1\n"); // one write: '1' over the first byte
    CHECK(bench.text("/sys/devices/system/cpu/cpu2/online") == "1\n");
    CHECK(bench.refused("guest-set-vcpus", R"({"vcpus":[{"logical-id":0,"online":false}]})") == "logical processor #0 can't be offlined");
    CHECK(bench.ask("guest-set-vcpus", R"({"vcpus":[]})") == "{\"return\": 0}");
    Bench real(true);
    CHECK(real.get("guest-get-vcpus").as_array()->size() == usize(sysconf(_SC_NPROCESSORS_CONF)));
}

TEST_CASE("processors: time and load of the real system") {
    Bench bench(true);
    const Json list = bench.get("guest-get-cpustats");
    CHECK(list.as_array()->size() == usize(sysconf(_SC_NPROCESSORS_ONLN)));
    CHECK(number((*list.as_array())[0], "user") + number((*list.as_array())[0], "idle") > 0);
    double loads[3];
    REQUIRE(getloadavg(loads, 3) == 3);
    CHECK(bench.get("guest-get-load").find("load15m")->get_if<double>());
    Bench made;
    made.file("/proc/stat", "cpu  1 2\ncpu0 100 200 300 400 500\nintr 5\n");
    const s64 tick = 1000 / sysconf(_SC_CLK_TCK);
    CHECK(to_line(made.get("guest-get-cpustats")) ==
          fmt::format("[{{\"type\": \"linux\", \"cpu\": 0, \"user\": {}, \"nice\": {}, \"system\": {}, \"idle\": {}, \"iowait\": {}}}]\n", 100 * tick, 200 * tick,
                      300 * tick, 400 * tick, 500 * tick));
}

TEST_CASE("memory blocks: listed, switched, each with its outcome") {
    Bench bench;
    bench.file("/sys/devices/system/memory/block_size_bytes", "8000000\n");
    bench.file("/sys/devices/system/memory/memory0/state", "online\n");
    bench.file("/sys/devices/system/memory/memory0/removable", "0\n");
    bench.file("/sys/devices/system/memory/memory7/state", "offline\n");
    CHECK(to_line(bench.get("guest-get-memory-blocks")) ==
          "[{\"phys-index\": 0, \"online\": true, \"can-offline\": false}, {\"phys-index\": 7, \"online\": false, \"can-offline\": true}]\n");
    CHECK(number(bench.get("guest-get-memory-block-info"), "size") == 0x8000000);
    CHECK(to_line(bench.get("guest-set-memory-blocks", R"({"mem-blks":[{"phys-index":7,"online":true},{"phys-index":0,"online":false},{"phys-index":0,"online":true},{"phys-index":5,"online":true}]})")) ==
          "[{\"phys-index\": 7, \"response\": \"success\"}, {\"phys-index\": 0, \"response\": \"operation-not-supported\"}, {\"phys-index\": 0, "
          "\"response\": \"success\"}, {\"phys-index\": 5, \"response\": \"not-found\", \"error-code\": 2}]\n");
    CHECK(bench.text("/sys/devices/system/memory/memory7/state").starts_with("online"));
    std::filesystem::remove_all(bench.host.root + "/sys");
    bench.refused("guest-get-memory-blocks");
}

TEST_CASE("disks: where they are attached") {
    Bench bench;
    auto disk = [&](const std::string& name, const std::string& place, const std::string& size = "2048\n") {
        bench.file(place + "/size", size);
        bench.link("/sys/block/" + name, place);
    };
    disk("vda", "/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda");
    bench.file("/sys/block/vda/vda1/partition", "1\n");
    bench.file("/sys/block/vda/serial", "abc\n");
    disk("sda", "/sys/devices/pci0000:00/0000:00:1f.2/ata4/host3/target3:0:0/3:0:0:0/block/sda");
    bench.file("/sys/devices/pci0000:00/0000:00:1f.2/ata3/x");
    bench.file("/sys/bus/pci/drivers/ahci/x");
    bench.link("/sys/devices/pci0000:00/0000:00:1f.2/driver", "/sys/bus/pci/drivers/ahci");
    disk("sdb", "/sys/devices/pci0000:00/0000:00:03.0/virtio2/host4/target4:1:2/4:1:2:3/block/sdb");
    disk("dm-0", "/sys/devices/virtual/block/dm-0");
    bench.file("/sys/block/dm-0/dm/name", "root\n");
    bench.link("/sys/block/dm-0/slaves/sdb", "/sys/block/sdb");
    disk("loop0", "/sys/devices/virtual/block/loop0", "0\n");
    const Json list = bench.get("guest-get-disks");
    REQUIRE(list.as_array()->size() == 5);
    const auto& all = *list.as_array();
    CHECK(to_line(all[0]) == "{\"name\": \"/dev/dm-0\", \"partition\": false, \"dependencies\": [\"/dev/sdb\"], \"alias\": \"root\"}\n");
    CHECK(to_line(*all[1].find("address")) == "{\"pci-controller\": {\"domain\": 0, \"bus\": 0, \"slot\": 31, \"function\": 2}, \"bus-type\": \"sata\", \"bus\": 0, "
                                              "\"target\": 0, \"unit\": 1, \"dev\": \"/dev/sda\"}\n");
    CHECK(to_line(*all[2].find("address")) == "{\"pci-controller\": {\"domain\": 0, \"bus\": 0, \"slot\": 3, \"function\": 0}, \"bus-type\": \"scsi\", \"bus\": 1, "
                                              "\"target\": 2, \"unit\": 3, \"dev\": \"/dev/sdb\"}\n");
    CHECK(text_of(*all[3].find("address"), "serial") == "abc");
    CHECK(to_line(all[4]) == "{\"name\": \"/dev/vda1\", \"partition\": true, \"dependencies\": [\"/dev/vda\"]}\n");
}

TEST_CASE("disks: the health log of NVMe") {
    std::vector<u8> log(smart_log_size);
    log[0] = 1, log[1] = 0x34, log[2] = 0x01, log[3] = 100, log[5] = 7, log[32] = 9, log[40] = 2, log[176] = 5;
    const Json smart = parse_smart_log(log);
    CHECK(smart.as_object()->size() == 26); // the type and 25 numbers
    CHECK(number(smart, "temperature") == 0x134);
    CHECK(number(smart, "data-units-read-lo") == 9);
    CHECK(number(smart, "data-units-read-hi") == 2);
    CHECK(number(smart, "number-of-error-log-entries-lo") == 5);
    CHECK(!read_smart_log("/dev/null"));
}

TEST_CASE("file systems: what is mounted on disks, with its space") {
    Bench bench;
    bench.file("/proc/self/mountinfo", "20 1 254:0 / / rw - ext4 /dev/vda rw\n21 20 0:5 / /proc rw - proc proc rw\n"
                                       "22 20 254:0 /home /mnt/with\\040space rw shared:3 - ext4 /dev/vda rw\nshort line\n");
    bench.file("/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda/size", "8\n");
    bench.link("/sys/dev/block/254:0", "/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda");
    const Json list = bench.get("guest-get-fsinfo");
    REQUIRE(list.as_array()->size() == 2);
    const Json &bound = (*list.as_array())[0], &root = (*list.as_array())[1];
    CHECK(text_of(bound, "mountpoint") == "/mnt/with space");
    CHECK(!bound.find("used-bytes"));
    CHECK(text_of(root, "name") == "vda");
    CHECK(number(root, "total-bytes-privileged") >= number(root, "total-bytes"));
    CHECK(text_of((*root.find("disk")->as_array())[0], "bus-type") == "virtio");
}

TEST_CASE("disk counters: every column the kernel has") {
    Bench bench;
    bench.file("/proc/diskstats", " 254 0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n   7 0 loop0 1 2 3 4 5 6 7 8 9 10 11\n");
    const Json list = bench.get("guest-get-diskstats");
    const Json& vda = *(*list.as_array())[0].find("stats");
    CHECK(vda.as_object()->size() == 17);
    CHECK(number(vda, "read-ios") == 1);
    CHECK(number(vda, "write-sectors") == 7);
    CHECK(number(vda, "weight-ticks") == 11);
    CHECK(number(vda, "flush-ticks") == 17);
    CHECK((*list.as_array())[1].find("stats")->as_object()->size() == 11);
    Bench real(true);
    CHECK(real.get("guest-get-diskstats").as_array());
    CHECK(real.get("guest-get-disks").as_array());
    CHECK(real.get("guest-get-fsinfo").as_array());
}

TEST_CASE("system: host name and distribution") {
    Bench bench(true);
    utsname kernel{};
    REQUIRE(uname(&kernel) == 0);
    CHECK(text_of(bench.get("guest-get-host-name"), "host-name") == kernel.nodename);
    CHECK(text_of(bench.get("guest-get-osinfo"), "kernel-release") == kernel.release);
    Bench made;
    made.file("/usr/lib/os-release", "# x\nID=test\nPRETTY_NAME=\"A \\\"B\\\" $\"\nVERSION_ID='1\\2'\nBAD\n");
    const Json about = made.get("guest-get-osinfo");
    CHECK(text_of(about, "id") == "test");
    CHECK(text_of(about, "pretty-name") == "A \"B\" $");
    CHECK(text_of(about, "version-id") == "1\\2");
    CHECK(!about.find("variant"));
}

TEST_CASE("users: passwords go through chpasswd") {
    Bench bench;
    CHECK(bench.ask("guest-set-user-password", R"({"username":"joe","password":"c2VjcmV0","crypted":false})") == "{\"return\": {}}");
    CHECK(bench.ask("guest-set-user-password", R"({"username":"joe","password":"JDY=","crypted":true})") == "{\"return\": {}}");
    CHECK(bench.ran == std::vector<std::string>{"chpasswd<joe:secret\n", "chpasswd -e<joe:$6\n"});
    bench.refused("guest-set-user-password", R"({"username":"a:b","password":"eA==","crypted":false})");
    bench.refused("guest-set-user-password", R"({"username":"ab","password":"eAp5","crypted":false})");
    bench.refused("guest-set-user-password", R"({"username":"ab","password":"!!","crypted":false})");
    CHECK(Bench(true).get("guest-get-users").as_array());
}

TEST_CASE("users: ssh keys are added once, removed, and the user's own") {
    Bench bench;
    bench.file("/etc/passwd", fmt::format("joe:x:{}:{}::/home/joe:/bin/sh\n", getuid(), getgid()));
    std::filesystem::create_directories(bench.host.root + "/home/joe");
    bench.refused("guest-ssh-get-authorized-keys", R"({"username":"joe"})");
    CHECK(bench.ask("guest-ssh-add-authorized-keys", R"({"username":"joe","keys":["k1","k2","k1"]})") == "{\"return\": {}}");
    CHECK(bench.text("/home/joe/.ssh/authorized_keys") == "k1\nk2\n");
    struct stat status{};
    REQUIRE(stat((bench.host.root + "/home/joe/.ssh/authorized_keys").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    REQUIRE(stat((bench.host.root + "/home/joe/.ssh").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
    bench.file("/home/joe/.ssh/authorized_keys", "# mine\n\nk1\nk2");
    CHECK(to_line(bench.get("guest-ssh-get-authorized-keys", R"({"username":"joe"})")) == "{\"keys\": [\"k1\", \"k2\"]}\n");
    CHECK(bench.ask("guest-ssh-remove-authorized-keys", R"({"username":"joe","keys":["k1","none"]})") == "{\"return\": {}}");
    CHECK(bench.text("/home/joe/.ssh/authorized_keys") == "# mine\n\nk2\n");
    CHECK(bench.ask("guest-ssh-add-authorized-keys", R"({"username":"joe","keys":["k3"],"reset":true})") == "{\"return\": {}}");
    CHECK(bench.text("/home/joe/.ssh/authorized_keys") == "k3\n");
    bench.refused("guest-ssh-add-authorized-keys", R"({"username":"joe","keys":["# no key"]})");
    bench.refused("guest-ssh-add-authorized-keys", R"({"username":"joe","keys":["a\nb"]})");
    bench.refused("guest-ssh-get-authorized-keys", R"({"username":"nobody-here"})");
    // A link where the file or folder should be is not followed.
    bench.file("/secret", "s\n");
    std::filesystem::remove(bench.host.root + "/home/joe/.ssh/authorized_keys");
    bench.link("/home/joe/.ssh/authorized_keys", "/secret");
    bench.refused("guest-ssh-get-authorized-keys", R"({"username":"joe"})");
    CHECK(bench.ask("guest-ssh-add-authorized-keys", R"({"username":"joe","keys":["k4"],"reset":true})") == "{\"return\": {}}");
    CHECK(bench.text("/secret") == "s\n");
    CHECK(bench.text("/home/joe/.ssh/authorized_keys") == "k4\n");
}
