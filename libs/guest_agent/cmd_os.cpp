// SPDX-License-Identifier: MIT
// Who the guest is: host name, kernel, distribution (os-release(5)).
#include "guest_agent/handlers.h"

#include "guest_agent/os_release.h"

#include <climits>
#include <sys/utsname.h>
#include <unistd.h>

namespace emu::guest_agent {

namespace {

struct Name {
    std::string_view member, key;
};
constexpr Name names[] = {{"id", "ID"},           {"name", "NAME"},       {"pretty-name", "PRETTY_NAME"}, {"version", "VERSION"},
                          {"version-id", "VERSION_ID"}, {"variant", "VARIANT"}, {"variant-id", "VARIANT_ID"}};

} // namespace

Result<Json> get_host_name(Agent&, const Arguments&) {
    char name[HOST_NAME_MAX + 1] = "";
    if (gethostname(name, sizeof name - 1) < 0) return fail_errno(errno, "gethostname");
    Json answer;
    return answer.set("host-name", name);
}

Result<Json> get_osinfo(Agent& agent, const Arguments&) {
    utsname kernel{};
    if (uname(&kernel) < 0) return fail_errno(errno, "uname");
    Json answer;
    answer.set("kernel-release", kernel.release).set("kernel-version", kernel.version).set("machine", kernel.machine);
    auto text = agent.host().read("/etc/os-release");
    if (!text) text = agent.host().read("/usr/lib/os-release");
    const auto values = parse_os_release(text.value_or(""));
    for (const Name& name : names)
        if (auto at = values.find(std::string(name.key)); at != values.end()) answer.set(name.member, at->second);
    return answer;
}

} // namespace emu::guest_agent
