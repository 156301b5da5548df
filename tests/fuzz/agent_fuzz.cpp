// SPDX-License-Identifier: MIT
// Any bytes as the guest agent's input: every reply is a line of JSON, and nothing outside a directory of its own is touched.
#include "guest_agent/session.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>

using namespace emu;
using namespace emu::guest_agent;

namespace {

struct Bench {
    std::string folder = fmt::format("/tmp/emu-agent-fuzz-{}", getpid());
    std::unique_ptr<EventLoop> loop = std::move(*EventLoop::create());
    std::unique_ptr<Agent> agent;
    Bench() {
        std::filesystem::create_directories(folder);
        Config config;
        config.statedir = folder;
        // These reach outside whatever the host's root is.
        config.block_rpcs = {"guest-exec", "guest-file-open"};
        Host host;
        host.root = folder;
        host.run = [](const std::vector<std::string>&, std::string_view) -> Result<Finished> { return Finished{}; };
        host.set_clock = [](s64) -> Result<void> { return {}; };
        agent = std::move(*Agent::create(std::move(config), std::move(host), *loop));
    }
    ~Bench() { std::filesystem::remove_all(folder); }
};

void check_replies(std::string_view out) {
    while (!out.empty()) {
        if (u8(out[0]) == 0xff) out.remove_prefix(1);
        const usize end = out.find('\n');
        if (end == out.npos || !parse_json(out.substr(0, end))) std::abort();
        out.remove_prefix(end + 1);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Bench bench;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (bool wait_for_sync : {false, true}) {
        Session session(*bench.agent, wait_for_sync);
        std::string out;
        for (usize at = 0; at < text.size();) at += session.take(text.substr(at), out), check_replies(out), out.clear();
    }
    std::optional<Json> id;
    if (auto request = parse_request(text, id))
        if (const Command* command = find_command(request->command))
            if (check_arguments(command->parameters, request->arguments))
                for (const Parameter& parameter : command->parameters) (void)Arguments(request->arguments).has(parameter.name);
    return 0;
}
