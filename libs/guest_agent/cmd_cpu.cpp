// SPDX-License-Identifier: MIT
// Processors: which are on line (sysfs), what they did (/proc/stat, proc(5)), how busy they were.
#include "guest_agent/handlers.h"

#include "guest_agent/tables.h"

#include <cstdlib>
#include <fmt/format.h>
#include <unistd.h>

namespace emu::guest_agent {

namespace {

constexpr std::string_view cpu_folder = "/sys/devices/system/cpu";

Result<void> switch_cpu(Agent& agent, const Arguments& wanted) {
    const s64 number = wanted.integer("logical-id");
    const bool online = wanted.boolean("online");
    const std::string folder = fmt::format("{}/cpu{}", cpu_folder, number), file = folder + "/online";
    if (number < 0 || !agent.host().exists(folder)) return fail(ENOENT, fmt::format("there is no processor #{}", number));
    if (!agent.host().exists(file)) {
        if (online) return {}; // one that cannot go off line is on line
        return fail(EOPNOTSUPP, fmt::format("logical processor #{} can't be offlined", number));
    }
    if (agent.host().read_word(file) == (online ? "1" : "0")) return {};
    return agent.host().write(file, online ? "1" : "0");
}

/// In the order of /proc/stat; those up to "idle" are always there.
constexpr std::string_view times[] = {"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guestnice"};

} // namespace

Result<Json> get_vcpus(Agent& agent, const Arguments&) {
    Json list = Json::array();
    for (const std::string& name : agent.host().list(cpu_folder)) {
        const s64 number = number_after(name, "cpu");
        if (number < 0) continue;
        const std::string file = fmt::format("{}/{}/online", cpu_folder, name);
        const bool can_offline = agent.host().exists(file);
        Json cpu;
        cpu.set("logical-id", number).set("online", !can_offline || agent.host().read_word(file) == "1").set("can-offline", can_offline);
        list.push(std::move(cpu));
    }
    return list;
}

Result<Json> set_vcpus(Agent& agent, const Arguments& arguments) {
    s64 done = 0;
    for (const Arguments& wanted : arguments.objects("vcpus")) {
        auto switched = switch_cpu(agent, wanted);
        if (!switched && !done) return fail(std::move(switched.error()));
        if (!switched) break;
        done++;
    }
    return Json(done);
}

Result<Json> get_cpustats(Agent& agent, const Arguments&) {
    const s64 ticks = sysconf(_SC_CLK_TCK);
    Json list = Json::array();
    for (const Row& row : table_rows(EMU_TRY(agent.host().read("/proc/stat")))) {
        const s64 number = number_after(row[0], "cpu");
        if (number < 0 || row.size() < 5) continue;
        Json cpu;
        cpu.set("type", "linux").set("cpu", number);
        for (usize i = 0; i < std::size(times) && i + 1 < row.size(); i++) cpu.set(times[i], number_or_zero(row[i + 1]) * 1000 / ticks);
        list.push(std::move(cpu));
    }
    return list;
}

Result<Json> get_load(Agent&, const Arguments&) {
    double loads[3];
    if (getloadavg(loads, 3) != 3) return fail(EIO, "the load averages are not known");
    Json answer;
    return answer.set("load1m", loads[0]).set("load5m", loads[1]).set("load15m", loads[2]);
}

} // namespace emu::guest_agent
