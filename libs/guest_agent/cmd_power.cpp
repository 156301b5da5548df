// SPDX-License-Identifier: MIT
// Shutting down and suspending.
#include "guest_agent/handlers.h"

#include <fmt/format.h>

namespace emu::guest_agent {

namespace {

struct ShutdownMode {
    std::string_view name, flag;
};
constexpr ShutdownMode shutdown_modes[] = {{"powerdown", "-P"}, {"halt", "-H"}, {"reboot", "-r"}};

/// One way to sleep: systemd's word, pm-utils' program, the kernel's word in /sys/power/state.
struct Sleep {
    std::string_view systemd, pm_utils, kernel;
};
constexpr Sleep to_disk{"hibernate", "pm-hibernate", "disk"}, to_ram{"suspend", "pm-suspend", "mem"}, to_both{"hybrid-sleep", "pm-suspend-hybrid", ""};

Result<Json> sleep_by(Agent& agent, const Sleep& how) {
    const Host& host = agent.host();
    auto done = host.run_well({"systemctl", std::string(how.systemd)});
    if (done) return Json::object();
    std::string reasons = done.error().line();
    done = host.run_well({std::string(how.pm_utils)});
    if (done) return Json::object();
    reasons += "; " + done.error().line();
    if (how.kernel.empty()) return fail(EOPNOTSUPP, reasons);
    done = host.write("/sys/power/state", how.kernel);
    if (done) return Json::object();
    return fail(EOPNOTSUPP, reasons + "; " + done.error().line());
}

} // namespace

Result<Json> shut_down(Agent& agent, const Arguments& arguments) {
    const std::string mode = arguments.string("mode", "powerdown");
    for (const ShutdownMode& each : shutdown_modes) {
        if (each.name != mode) continue;
        EMU_CHECK(agent.host().run_well({"/sbin/shutdown", "-h", std::string(each.flag), "+0", "asked for by the host"}));
        return Json::object();
    }
    return fail(Error{EINVAL, fmt::format("mode '{}' is invalid", mode), "powerdown, halt or reboot"});
}

Result<Json> suspend_disk(Agent& agent, const Arguments&) { return sleep_by(agent, to_disk); }
Result<Json> suspend_ram(Agent& agent, const Arguments&) { return sleep_by(agent, to_ram); }
Result<Json> suspend_hybrid(Agent& agent, const Arguments&) { return sleep_by(agent, to_both); }

} // namespace emu::guest_agent
