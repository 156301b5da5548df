// SPDX-License-Identifier: MIT
// guest-sync, guest-ping, guest-info.
#include "guest_agent/handlers.h"

namespace emu::guest_agent {

Result<Json> sync(Agent&, const Arguments& arguments) { return Json(arguments.integer("id")); }
Result<Json> ping(Agent&, const Arguments&) { return Json::object(); }

Result<Json> info(Agent& agent, const Arguments&) {
    Json list = Json::array(), answer;
    for (const Command& command : commands()) {
        Json about;
        about.set("enabled", agent.enabled(command)).set("name", command.name).set("success-response", !(command.flags & Command::no_reply));
        list.push(std::move(about));
    }
    answer.set("version", EMU_VERSION).set("supported_commands", std::move(list));
    return answer;
}

} // namespace emu::guest_agent
