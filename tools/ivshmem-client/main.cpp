// SPDX-License-Identifier: MIT
// ivshmem-client: an interactive peer for testing an ivshmem server.
#include "common/cli.h"
#include "common/signals.h"
#include "ivshmem/shell.h"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>

using namespace emu;

namespace {
void print(std::string_view text) { fmt::print("{}", text), std::fflush(stdout); }
} // namespace

int main(int argc, char** argv) {
    ivshmem::ClientOptions options;
    bool verbose = false;
    auto session = [&]() -> Result<int> {
        std::signal(SIGPIPE, SIG_IGN);
        auto loop = EMU_TRY(EventLoop::create());
        auto stop = EMU_TRY(StopOnSignals::create(*loop));
        options.on_ring = [](unsigned vector, u64 rings) { print(fmt::format("vector {} rang {} times\n", vector, rings)); };
        bool gone = false;
        options.on_server_gone = [&] { print("the server is gone\n"), gone = true; };
        if (verbose) options.on_peer = [](u16 peer, bool joined) { print(fmt::format("peer {} {}\n", peer, joined ? "joined" : "left")); };
        auto client = EMU_TRY(ivshmem::Client::connect(options, *loop));
        std::string pending;
        auto take_commands = [&](u32) {
            char bytes[512];
            ssize_t got = read(0, bytes, sizeof bytes);
            if (got <= 0) return loop->stop();
            pending.append(bytes, usize(got));
            for (usize end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
                ivshmem::Reply reply = ivshmem::execute(*client, std::string_view(pending).substr(0, end));
                print(reply.text);
                if (reply.quit) return loop->stop();
            }
        };
        // Commands make sense once the server has told who we are.
        Result<void> watched;
        std::function<void()> begin = [&] {
            if (client->memory().empty() && !gone) return void(loop->after(std::chrono::milliseconds(10), begin));
            watched = loop->watch(0, EventLoop::readable, take_commands);
            if (!watched) loop->stop();
        };
        begin();
        EMU_CHECK(loop->run());
        EMU_CHECK(std::move(watched));
        return 0;
    };
    cli::Tool tool{.name = "ivshmem-client", .summary = "interactive peer of an ivshmem server"};
    tool.options = {
        {"v", "", "print who joins and leaves", "", cli::into(verbose)},
        {"S", "path", "the server's UNIX socket (default: /tmp/ivshmem_socket)", "", cli::into(options.socket_path)},
    };
    tool.action = session;
    return cli::run(tool, argc, argv);
}
