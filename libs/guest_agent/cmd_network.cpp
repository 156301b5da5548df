// SPDX-License-Identifier: MIT
// Network interfaces (getifaddrs(3), /proc/net/dev) and routes (/proc/net/route, /proc/net/ipv6_route).
#include "guest_agent/handlers.h"

#include "guest_agent/tables.h"

#include <arpa/inet.h>
#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <map>
#include <memory>
#include <net/if_arp.h>
#include <netinet/in.h>

namespace emu::guest_agent {

namespace {

/// Columns of /proc/net/dev behind the colon, counted from 0.
struct Column {
    std::string_view name;
    usize index;
};
constexpr Column statistics[] = {{"rx-bytes", 0}, {"rx-packets", 1}, {"rx-errs", 2}, {"rx-dropped", 3},
                                 {"tx-bytes", 8}, {"tx-packets", 9}, {"tx-errs", 10}, {"tx-dropped", 11}};

std::map<std::string, Json> interface_statistics(const Host& host) {
    std::map<std::string, Json> by_name;
    for (const Row& row : table_rows(host.read("/proc/net/dev").value_or(""))) {
        // The name and the first number may touch: "eth0:123 4 5".
        const usize colon = row[0].find(':');
        if (colon == std::string::npos) continue;
        Row numbers(row.begin() + 1, row.end());
        if (colon + 1 < row[0].size()) numbers.insert(numbers.begin(), row[0].substr(colon + 1));
        if (numbers.size() < 12) continue;
        Json counters;
        for (const Column& column : statistics) counters.set(column.name, number_or_zero(numbers[column.index]));
        by_name.emplace(row[0].substr(0, colon), std::move(counters));
    }
    return by_name;
}

unsigned prefix_of(const u8* mask, usize bytes) {
    unsigned bits = 0;
    for (usize i = 0; i < bytes; i++) bits += unsigned(std::popcount(mask[i]));
    return bits;
}

void put_address(Json& interface, const char* type, int family, const void* address, const u8* mask, usize size) {
    char text[INET6_ADDRSTRLEN];
    if (!inet_ntop(family, address, text, sizeof text)) return;
    Json about, list = interface.find("ip-addresses") ? *interface.find("ip-addresses") : Json::array();
    about.set("ip-address-type", type).set("ip-address", text).set("prefix", s64(mask ? prefix_of(mask, size) : 0));
    list.push(std::move(about));
    interface.set("ip-addresses", std::move(list));
}

void put_hardware_address(Json& interface, const sockaddr_ll& link) {
    if (link.sll_halen != 6) return;
    const u8* a = link.sll_addr;
    interface.set("hardware-address", fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", a[0], a[1], a[2], a[3], a[4], a[5]));
}

void put_one(Json& interface, const ifaddrs& entry) {
    if (!entry.ifa_addr) return;
    if (entry.ifa_addr->sa_family == AF_PACKET) put_hardware_address(interface, *reinterpret_cast<const sockaddr_ll*>(entry.ifa_addr));
    if (entry.ifa_addr->sa_family == AF_INET) {
        const auto* mask = reinterpret_cast<const sockaddr_in*>(entry.ifa_netmask);
        put_address(interface, "ipv4", AF_INET, &reinterpret_cast<const sockaddr_in*>(entry.ifa_addr)->sin_addr,
                    mask ? reinterpret_cast<const u8*>(&mask->sin_addr) : nullptr, 4);
    }
    if (entry.ifa_addr->sa_family == AF_INET6) {
        const auto* mask = reinterpret_cast<const sockaddr_in6*>(entry.ifa_netmask);
        put_address(interface, "ipv6", AF_INET6, &reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr)->sin6_addr,
                    mask ? mask->sin6_addr.s6_addr : nullptr, 16);
    }
}

/// Eight hexadecimal digits of a number in the machine's byte order, as /proc/net/route has addresses.
std::string ipv4_of(std::string_view digits) {
    const u32 value = u32(hex_number(digits));
    char text[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &value, text, sizeof text);
    return text;
}
/// 32 hexadecimal digits in the order of the bytes.
std::string ipv6_of(std::string_view digits) {
    u8 bytes[16] = {};
    for (usize i = 0; i < 16 && 2 * i + 2 <= digits.size(); i++) bytes[i] = u8(hex_number(digits.substr(2 * i, 2)));
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(AF_INET6, bytes, text, sizeof text);
    return text;
}

/// Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
Json ipv4_route(const Row& row) {
    Json route;
    route.set("iface", row[0]).set("destination", ipv4_of(row[1])).set("gateway", ipv4_of(row[2])).set("mask", ipv4_of(row[7]));
    route.set("flags", s64(hex_number(row[3]))).set("refcnt", number_or_zero(row[4])).set("use", number_or_zero(row[5]));
    route.set("metric", number_or_zero(row[6])).set("mtu", number_or_zero(row[8])).set("window", number_or_zero(row[9]));
    return route.set("irtt", number_or_zero(row[10])).set("version", 4);
}
/// destination prefix source prefix next-hop metric refcnt use flags device
Json ipv6_route(const Row& row) {
    Json route;
    route.set("iface", row[9]).set("destination", ipv6_of(row[0])).set("desprefixlen", std::to_string(hex_number(row[1])));
    route.set("source", ipv6_of(row[2])).set("srcprefixlen", std::to_string(hex_number(row[3]))).set("nexthop", ipv6_of(row[4]));
    route.set("metric", s64(hex_number(row[5]))).set("refcnt", s64(hex_number(row[6]))).set("use", s64(hex_number(row[7])));
    return route.set("flags", s64(hex_number(row[8]))).set("version", 6);
}

} // namespace

Result<Json> get_interfaces(Agent& agent, const Arguments&) {
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) < 0) return fail_errno(errno, "getifaddrs");
    std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(first, freeifaddrs);
    std::vector<Json> interfaces;
    for (const ifaddrs* entry = first; entry; entry = entry->ifa_next) {
        usize at = 0;
        while (at < interfaces.size() && *interfaces[at].find("name")->as_string() != entry->ifa_name) at++;
        if (at == interfaces.size()) interfaces.emplace_back().set("name", entry->ifa_name);
        put_one(interfaces[at], *entry);
    }
    const auto counters = interface_statistics(agent.host());
    for (Json& interface : interfaces)
        if (auto at = counters.find(*interface.find("name")->as_string()); at != counters.end()) interface.set("statistics", at->second);
    return Json::array(std::move(interfaces));
}

Result<Json> get_routes(Agent& agent, const Arguments&) {
    Json list = Json::array();
    auto ipv4 = table_rows(EMU_TRY(agent.host().read("/proc/net/route")));
    for (usize i = 1; i < ipv4.size(); i++) // the first row is the heading
        if (ipv4[i].size() >= 11) list.push(ipv4_route(ipv4[i]));
    for (const Row& row : table_rows(agent.host().read("/proc/net/ipv6_route").value_or("")))
        if (row.size() >= 10) list.push(ipv6_route(row));
    return list;
}

} // namespace emu::guest_agent
