// SPDX-License-Identifier: MIT
// The clock and its zone.
#include "guest_agent/handlers.h"

#include <time.h>

namespace emu::guest_agent {

Result<Json> get_time(Agent&, const Arguments&) {
    timespec now{};
    if (clock_gettime(CLOCK_REALTIME, &now) < 0) return fail_errno(errno, "clock_gettime");
    return Json(s64(now.tv_sec) * 1'000'000'000 + now.tv_nsec);
}

/// The hardware clock follows a time that is given, and gives the time where none is.
Result<Json> set_time(Agent& agent, const Arguments& arguments) {
    const bool given = arguments.has("time");
    if (given) {
        const s64 time = arguments.integer("time");
        if (time < 0) return fail(EINVAL, "a time before the epoch cannot be set");
        EMU_CHECK(agent.host().set_clock(time));
    }
    EMU_CHECK(agent.host().run_well({"hwclock", given ? "-w" : "-s"}));
    return Json::object();
}

Result<Json> get_timezone(Agent&, const Arguments&) {
    const time_t now = time(nullptr);
    tm local{};
    if (!localtime_r(&now, &local)) return fail(EOVERFLOW, "the local time is out of range");
    Json answer;
    if (local.tm_zone && *local.tm_zone) answer.set("zone", local.tm_zone);
    answer.set("offset", s64(local.tm_gmtoff));
    return answer;
}

} // namespace emu::guest_agent
