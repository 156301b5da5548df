// SPDX-License-Identifier: MIT
// ivshmem-server: the command line of libs/ivshmem/server.
#include "common/cli.h"
#include "common/daemon.h"
#include "common/signals.h"
#include "ivshmem/server.h"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <optional>

using namespace emu;

int main(int argc, char** argv) {
    ivshmem::ServerOptions options;
    bool verbose = false, foreground = false;
    std::string pid_file = "/var/run/ivshmem-server.pid";
    u64 vectors = options.vectors;
    auto serve = [&]() -> Result<int> {
        if (verbose && !foreground) return fail(Error{EINVAL, "-v prints to a terminal that a daemon has not", "use it with -F"});
        if (vectors > ivshmem::max_vectors) return fail(Error{EINVAL, fmt::format("{} vectors", vectors), "-n takes 0 to 64, try -h"});
        options.vectors = unsigned(vectors);
        if (verbose) options.log = [](std::string_view text) { fmt::print("{}\n", text), std::fflush(stdout); };
        std::signal(SIGPIPE, SIG_IGN);
        std::optional<Daemon> daemon;
        if (!foreground) daemon = EMU_TRY(Daemon::start());
        auto loop = EMU_TRY(EventLoop::create());
        auto stop = EMU_TRY(StopOnSignals::create(*loop));
        auto server = EMU_TRY(ivshmem::Server::create(options, *loop));
        if (daemon) EMU_CHECK(daemon->ready(pid_file));
        EMU_CHECK(loop->run());
        if (daemon) unlink(pid_file.c_str());
        return 0;
    };
    cli::Tool tool{.name = "ivshmem-server", .summary = "share memory and doorbells between virtual machines"};
    tool.options = {
        {"v", "", "print who connects and disconnects (with -F)", "", cli::into(verbose)},
        {"F", "", "stay in the foreground", "", cli::into(foreground)},
        {"p", "file", "PID file of the daemon (default: /var/run/ivshmem-server.pid)", "", cli::into(pid_file)},
        {"S", "path", "UNIX socket to listen on (default: /tmp/ivshmem_socket)", "", cli::into(options.socket_path)},
        {"M", "name", "POSIX shared memory object (default: ivshmem); the last of -M and -m counts", "",
         [&](std::string_view name) -> Result<void> { options.shm_name = name, options.directory.clear(); return {}; }},
        {"m", "directory", "put the memory into an unlinked file there, such as on a hugetlbfs mount", "", cli::into(options.directory)},
        {"l", "size", "bytes to share, suffixes k M G; rounded up to a power of two (default: 4M)", "", cli::into_size(options.size)},
        {"n", "count", "interrupt vectors per client, 0 to 64 (default: 1)", "", cli::into_number(vectors)},
    };
    tool.action = serve;
    return cli::run(tool, argc, argv);
}
