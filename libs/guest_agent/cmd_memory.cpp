// SPDX-License-Identifier: MIT
// Memory blocks that can be taken off line (sysfs, Documentation/admin-guide/mm/memory-hotplug.rst of the kernel).
#include "guest_agent/handlers.h"

#include "guest_agent/tables.h"

#include <fmt/format.h>

namespace emu::guest_agent {

namespace {

constexpr std::string_view folder = "/sys/devices/system/memory";

std::string block_folder(s64 number) { return fmt::format("{}/memory{}", folder, number); }

bool online(const Host& host, s64 number) { return host.read_word(block_folder(number) + "/state") == "online"; }

/// Old kernels know which blocks can go; newer ones say 1 for all, or nothing.
bool can_offline(const Host& host, s64 number) { return host.read_word(block_folder(number) + "/removable") != "0"; }

Json switch_block(const Host& host, s64 number, bool wanted) {
    Json answer;
    answer.set("phys-index", number);
    if (number < 0 || !host.exists(block_folder(number))) return answer.set("response", "not-found").set("error-code", ENOENT);
    if (online(host, number) == wanted) return answer.set("response", "success");
    if (!wanted && !can_offline(host, number)) return answer.set("response", "operation-not-supported");
    auto done = host.write(block_folder(number) + "/state", wanted ? "online" : "offline");
    if (done) return answer.set("response", "success");
    return answer.set("response", "operation-failed").set("error-code", done.error().code);
}

Result<void> check_support(const Host& host) {
    if (host.exists(folder)) return {};
    return fail(EOPNOTSUPP, fmt::format("there are no memory blocks ({})", folder));
}

} // namespace

Result<Json> get_memory_blocks(Agent& agent, const Arguments&) {
    EMU_CHECK(check_support(agent.host()));
    Json list = Json::array();
    for (const std::string& name : agent.host().list(folder)) {
        const s64 number = number_after(name, "memory");
        if (number < 0) continue;
        Json block;
        block.set("phys-index", number).set("online", online(agent.host(), number)).set("can-offline", can_offline(agent.host(), number));
        list.push(std::move(block));
    }
    return list;
}

Result<Json> set_memory_blocks(Agent& agent, const Arguments& arguments) {
    EMU_CHECK(check_support(agent.host()));
    Json list = Json::array();
    for (const Arguments& wanted : arguments.objects("mem-blks"))
        list.push(switch_block(agent.host(), wanted.integer("phys-index"), wanted.boolean("online")));
    return list;
}

Result<Json> get_memory_block_info(Agent& agent, const Arguments&) {
    EMU_CHECK(check_support(agent.host()));
    Json answer;
    return answer.set("size", hex_number(EMU_TRY(agent.host().read(std::string(folder) + "/block_size_bytes"))));
}

} // namespace emu::guest_agent
