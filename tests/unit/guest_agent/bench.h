// SPDX-License-Identifier: MIT
// An agent in a directory of its own: a state folder, and a tree of system files that the test writes. Programs and the clock
// are only noted down, unless a test says otherwise.
#pragma once
#include "guest_agent/agent.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

namespace emu::guest_agent {

struct Bench {
    std::filesystem::path folder;
    std::unique_ptr<EventLoop> loop = std::move(*EventLoop::create());
    Config config;
    Host host;
    std::vector<std::string> ran;      ///< command lines, with what they were fed behind '<'
    std::vector<std::string> failing;  ///< programs that end with status 1
    std::vector<s64> clock;
    std::unique_ptr<Agent> agent;

    explicit Bench(bool real_system = false) {
        std::string name = (std::filesystem::temp_directory_path() / "emu-agent-XXXXXX").string();
        folder = mkdtemp(name.data());
        config.statedir = folder.string();
        if (real_system) return;
        host.root = (folder / "root").string();
        std::filesystem::create_directories(host.root);
        host.run = [this](const std::vector<std::string>& command, std::string_view input) -> Result<Finished> {
            std::string line;
            for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
            ran.push_back(line + (input.empty() ? "" : "<" + std::string(input)));
            Finished finished;
            if (std::find(failing.begin(), failing.end(), command[0]) != failing.end()) finished.status = 1 << 8;
            return finished;
        };
        host.set_clock = [this](s64 time) -> Result<void> {
            clock.push_back(time);
            return {};
        };
    }
    ~Bench() {
        agent.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }
    Bench(const Bench&) = delete;

    /// A system file below the root.
    void file(const std::string& name, std::string_view text = "") {
        const auto path = std::filesystem::path(host.root + name);
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    std::string text(const std::string& name) const {
        std::ifstream in(host.root + name);
        return std::string(std::istreambuf_iterator<char>(in), {});
    }
    void link(const std::string& name, const std::string& target) {
        const auto path = std::filesystem::path(host.root + name);
        std::filesystem::create_directories(path.parent_path());
        std::filesystem::create_symlink(host.root + target, path);
    }
    Agent& start() {
        auto made = Agent::create(config, host, *loop);
        REQUIRE_MESSAGE(made, made.error().line());
        agent = std::move(*made);
        return *agent;
    }
    /// The reply to a command as it is on the wire, without its line end.
    std::string ask(const std::string& command, const std::string& arguments = "") {
        if (!agent) start();
        std::string reply = agent->answer(fmt::format("{{\"execute\":\"{}\"{}}}", command, arguments.empty() ? "" : ",\"arguments\":" + arguments));
        if (!reply.empty()) reply.pop_back();
        return reply;
    }
    /// What it returned; the test fails where it is an error.
    Json get(const std::string& command, const std::string& arguments = "") {
        const std::string reply = ask(command, arguments);
        auto json = parse_json(reply);
        REQUIRE_MESSAGE(json, reply);
        const Json* value = json->find("return");
        REQUIRE_MESSAGE(value, reply);
        return *value;
    }
    /// The text of the error.
    std::string refused(const std::string& command, const std::string& arguments = "") {
        const std::string reply = ask(command, arguments);
        auto json = parse_json(reply);
        const Json* error = json ? json->find("error") : nullptr;
        REQUIRE_MESSAGE(error, reply);
        return *error->find("desc")->as_string();
    }
};

inline s64 number(const Json& object, std::string_view member) {
    const Json* value = object.find(member);
    REQUIRE_MESSAGE(value, member);
    return *value->to_s64();
}
inline std::string text_of(const Json& object, std::string_view member) {
    const Json* value = object.find(member);
    REQUIRE_MESSAGE(value, member);
    return *value->as_string();
}

} // namespace emu::guest_agent
