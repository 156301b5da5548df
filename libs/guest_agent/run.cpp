// SPDX-License-Identifier: MIT
#include "guest_agent/run.h"

#include "common/daemon.h"
#include "common/signals.h"
#include "guest_agent/pid_file.h"
#include "guest_agent/service.h"

#include <csignal>
#include <cstdio>
#include <linux/close_range.h>
#include <sys/signalfd.h>

namespace emu::guest_agent {

namespace {

Result<int> print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) return fail_errno(errno, "stdout");
    return 0;
}

std::string command_names() {
    std::string text;
    for (const Command& command : commands()) text += std::string(command.name) + "\n";
    return text;
}

/// SIGHUP ends the agent; SIGCHLD tells of a program that has ended.
Result<Fd> more_signals(EventLoop& loop, Agent& agent) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, nullptr) < 0) return fail_errno(errno, "sigprocmask");
    Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return fail_errno(errno, "signalfd");
    EMU_CHECK(loop.watch(fd.get(), EventLoop::readable, [&loop, &agent, raw = fd.get()](u32) {
        signalfd_siginfo about;
        while (read(raw, &about, sizeof about) == ssize_t(sizeof about))
            if (about.ssi_signo == SIGHUP) loop.stop();
        agent.children().reap();
    }));
    return fd;
}

/// What our parent left open is not for the programs we run.
void keep_descriptors_to_ourselves() {
    if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0) return;
    for (int fd = STDERR_FILENO + 1; fd < 1024; fd++) // kernels before 5.11
        if (const int flags = fcntl(fd, F_GETFD); flags >= 0) fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

/// The standard streams are open, if only to /dev/null: pipes must not take their numbers.
void open_standard_streams() {
    int fd;
    do fd = ::open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

Result<int> serve(const Config& config) {
    std::signal(SIGPIPE, SIG_IGN);
    open_standard_streams();
    keep_descriptors_to_ourselves();
    Fd passed = EMU_TRY(activation_socket());
    std::optional<Daemon> daemon;
    if (config.daemon) daemon = EMU_TRY(Daemon::start());
    std::optional<PidFile> pid_file;
    if (config.daemon && !config.pidfile.empty()) pid_file.emplace(EMU_TRY(PidFile::create(config.pidfile)));
    auto loop = EMU_TRY(EventLoop::create());
    auto stop = EMU_TRY(StopOnSignals::create(*loop));
    Log log = EMU_TRY(Log::open(config.logfile, config.verbose));
    auto agent = EMU_TRY(Agent::create(config, Host{}, *loop, std::move(log)));
    const Fd signals = EMU_TRY(more_signals(*loop, *agent));
    Result<void> outcome;
    auto service = EMU_TRY(Service::start(*agent, *loop, std::move(passed), [&](Error error) {
        outcome = fail(std::move(error));
        loop->stop();
    }));
    if (daemon) EMU_CHECK(daemon->ready(""));
    EMU_CHECK(loop->run());
    EMU_CHECK(std::move(outcome));
    return 0;
}

} // namespace

Result<int> run(const Invocation& invocation) {
    if (invocation.list) return print(command_names());
    Config config;
    EMU_CHECK(load_config(config, invocation.config_file));
    for (const auto& change : invocation.changes) change(config);
    if (!config.block_rpcs.empty() && !config.allow_rpcs.empty()) return fail(EINVAL, "block-rpcs and allow-rpcs exclude each other");
    EMU_CHECK(config.exec_seconds());
    if (invocation.dump) return print(dump_config(config));
    return serve(config);
}

} // namespace emu::guest_agent
