// SPDX-License-Identifier: MIT
// Running programs.
#include "guest_agent/handlers.h"

#include "common/base64.h"

#include <fmt/format.h>
#include <sys/wait.h>

namespace emu::guest_agent {

namespace {

struct CaptureName {
    std::string_view name;
    Capture capture;
};
constexpr CaptureName captures[] = {{"none", Capture::none},
                                    {"stdout", Capture::output},
                                    {"stderr", Capture::error},
                                    {"separated", Capture::separated},
                                    {"merged", Capture::merged}};

Result<Capture> capture_of(const Json* json) {
    if (!json) return Capture::none;
    if (const auto flag = json->to_bool()) return *flag ? Capture::separated : Capture::none;
    if (!json->as_string()) return fail(EINVAL, "Invalid parameter type for 'capture-output', expected: boolean");
    for (const CaptureName& each : captures)
        if (each.name == *json->as_string()) return each.capture;
    return fail(EINVAL, fmt::format("Parameter 'capture-output' does not accept value '{}'", *json->as_string()));
}

/// The members are there when there was output, or when some of it was dropped.
void put_stream(Json& answer, const std::string& name, const Captured& captured) {
    if (captured.bytes.empty()) return;
    answer.set(name + "-data", base64_encode(captured.bytes)).set(name + "-truncated", captured.truncated);
}

} // namespace

Result<Json> exec(Agent& agent, const Arguments& arguments) {
    const Capture capture = EMU_TRY(capture_of(arguments.find("capture-output")));
    SpawnOptions options;
    options.command = arguments.strings("arg");
    options.command.insert(options.command.begin(), arguments.string("path"));
    options.environment = arguments.strings("env");
    options.own_environment = arguments.has("env");
    Json answer;
    answer.set("pid", EMU_TRY(agent.children().start(std::move(options), arguments.bytes("input-data"), capture)));
    return answer;
}

Result<Json> exec_status(Agent& agent, const Arguments& arguments) {
    const ChildStatus child = EMU_TRY(agent.children().status(arguments.integer("pid")));
    Json answer;
    answer.set("exited", child.exited);
    if (!child.exited) return answer;
    if (WIFEXITED(child.status)) answer.set("exitcode", WEXITSTATUS(child.status));
    if (WIFSIGNALED(child.status)) answer.set("signal", WTERMSIG(child.status));
    put_stream(answer, "out", child.output);
    put_stream(answer, "err", child.error);
    return answer;
}

} // namespace emu::guest_agent
