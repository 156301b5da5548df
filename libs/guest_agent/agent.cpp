// SPDX-License-Identifier: MIT
#include "guest_agent/agent.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu::guest_agent {

namespace {
bool contains(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}
} // namespace

Agent::Agent(Config config, Host host, EventLoop& loop, Log log)
    : config_(std::move(config)), host_(std::move(host)), log_(std::move(log)), state_(config_.statedir), files_(state_), children_(loop) {}

Result<std::unique_ptr<Agent>> Agent::create(Config config, Host host, EventLoop& loop, Log log) {
    if (!config.block_rpcs.empty() && !config.allow_rpcs.empty()) return fail(EINVAL, "block-rpcs and allow-rpcs exclude each other");
    const u64 seconds = EMU_TRY(config.exec_seconds());
    std::unique_ptr<Agent> agent(new Agent(std::move(config), std::move(host), loop, std::move(log)));
    agent->children_.set_time_limit(std::chrono::seconds(seconds));
    EMU_CHECK(agent->state_.load());
    agent->log_.pause(agent->state_.frozen());
    return agent;
}

bool Agent::enabled(const Command& command) const {
    if (command.flags & Command::absent) return false;
    if (state_.frozen() && !(command.flags & Command::while_frozen)) return false;
    if (!config_.allow_rpcs.empty()) return contains(config_.allow_rpcs, command.name);
    return !contains(config_.block_rpcs, command.name);
}

Result<void> Agent::set_frozen(bool frozen) {
    EMU_CHECK(state_.set_frozen(frozen));
    log_.pause(frozen);
    return {};
}

Result<const Command*> Agent::usable(std::string_view name) const {
    const Command* command = find_command(name);
    if (!command) return fail(ENOSYS, fmt::format("The command {} has not been found", name));
    if (enabled(*command)) return command;
    const bool only_now = state_.frozen() && !(command->flags & Command::while_frozen);
    return fail(ENOSYS, fmt::format("Command {} has been disabled{}", name, only_now ? ": the agent is in frozen state" : ""));
}

Result<Json> Agent::execute(const Command& command, const Request& request) {
    EMU_CHECK(check_arguments(command.parameters, request.arguments));
    return command.run(*this, Arguments(request.arguments));
}

std::string Agent::answer(std::string_view text) {
    std::optional<Json> id;
    auto request = parse_request(text, id);
    if (!request) return error_line(request.error(), id);
    auto command = usable(request->command);
    if (!command) return error_line(command.error(), id);
    log_.debug(fmt::format("{} called", request->command));
    auto value = execute(**command, *request);
    if (!value) {
        log_.info(fmt::format("{}: {}", request->command, value.error().line()));
        return error_line(value.error(), id);
    }
    if ((*command)->flags & Command::no_reply) return {};
    return ((*command)->flags & Command::delimited ? "\xff" : "") + success_line(std::move(*value), id);
}

std::string Agent::refuse(Error error) {
    error.text = "JSON parse error, " + error.text;
    return error_line(error, std::nullopt);
}

} // namespace emu::guest_agent
