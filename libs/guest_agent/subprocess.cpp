// SPDX-License-Identifier: MIT
#include "guest_agent/subprocess.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

extern char** environ;

namespace emu::guest_agent {

namespace {

constexpr int helper_time_limit = 5 * 60 * 1000; ///< milliseconds
constexpr usize kept_output = 64 << 10;

/// posix_spawn's two descriptions, freed.
struct Actions {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    Actions() {
        posix_spawn_file_actions_init(&files);
        posix_spawnattr_init(&attributes);
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    ~Actions() {
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attributes);
    }
    Actions(const Actions&) = delete;
};

/// One standard stream: /dev/null, or a pipe whose other end is `ours`.
Result<void> connect(Actions& actions, int stream, Stream kind, Fd& ours, Fd& theirs) {
    if (kind == Stream::null) {
        posix_spawn_file_actions_addopen(&actions.files, stream, "/dev/null", O_RDWR, 0);
        return {};
    }
    if (kind == Stream::same_as_output) {
        posix_spawn_file_actions_adddup2(&actions.files, STDOUT_FILENO, stream);
        return {};
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return fail_errno(errno, "pipe");
    const bool input = stream == STDIN_FILENO;
    theirs = Fd(ends[input ? 0 : 1]);
    ours = Fd(ends[input ? 1 : 0]);
    // dup2 onto the same number would keep close-on-exec: our streams are open, so theirs is 3 or more.
    if (theirs.get() <= STDERR_FILENO) return fail(EBADF, "standard streams are closed");
    if (fcntl(ours.get(), F_SETFL, O_NONBLOCK) < 0) return fail_errno(errno, "fcntl");
    posix_spawn_file_actions_adddup2(&actions.files, theirs.get(), stream);
    return {};
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> list;
    for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
    list.push_back(nullptr);
    return list;
}

/// Feeds input to and takes output from a program until it has closed its output, then waits for it.
class Attended {
public:
    Attended(Spawned spawned, std::string_view input) : spawned_(std::move(spawned)), input_(input) {}

    Finished attend(int milliseconds) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
        while (!over_) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
            if (left <= 0) {
                finished_.timed_out = true;
                kill(-spawned_.pid, SIGKILL);
                break;
            }
            step(int(std::min<long>(left, 100)));
        }
        if (!over_) reap(0);
        drain(); // what it wrote last
        return std::move(finished_);
    }

private:
    void step(int milliseconds) {
        pollfd fds[] = {{spawned_.output.get(), POLLIN, 0}, {input_.empty() ? -1 : spawned_.input.get(), POLLOUT, 0}};
        if (input_.empty()) spawned_.input.reset();
        if (!spawned_.output) milliseconds = std::min(milliseconds, 10); // nothing to hear of its end by
        poll(fds, 2, milliseconds);
        if (fds[1].revents) {
            const ssize_t sent = write(spawned_.input.get(), input_.data(), input_.size());
            if (sent > 0) input_.remove_prefix(usize(sent));
            else if (sent < 0 && errno != EAGAIN && errno != EINTR) input_ = {};
        }
        if (fds[0].revents) drain();
        reap(WNOHANG);
    }
    void drain() {
        char bytes[4096];
        while (spawned_.output) {
            const ssize_t got = read(spawned_.output.get(), bytes, sizeof bytes);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && errno == EAGAIN) return;
            if (got <= 0) return spawned_.output.reset();
            finished_.output.append(bytes, std::min(usize(got), kept_output - std::min(kept_output, finished_.output.size())));
        }
    }
    void reap(int flags) {
        pid_t got;
        do got = waitpid(spawned_.pid, &finished_.status, flags);
        while (got < 0 && errno == EINTR);
        over_ = got != 0;
    }
    Spawned spawned_;
    std::string_view input_;
    Finished finished_;
    bool over_ = false;
};

} // namespace

Result<Spawned> spawn(const SpawnOptions& options) {
    Actions actions;
    Spawned spawned;
    Fd theirs[3];
    EMU_CHECK(connect(actions, STDIN_FILENO, options.input, spawned.input, theirs[0]));
    EMU_CHECK(connect(actions, STDOUT_FILENO, options.output, spawned.output, theirs[1]));
    EMU_CHECK(connect(actions, STDERR_FILENO, options.error, spawned.error, theirs[2]));
    std::vector<char*> command = pointers(options.command), environment = pointers(options.environment);
    const int error = posix_spawnp(&spawned.pid, command[0], &actions.files, &actions.attributes, command.data(),
                                   options.own_environment ? environment.data() : environ);
    if (error) return fail_errno(error, fmt::format("cannot run '{}'", options.command[0]));
    return spawned;
}

bool Finished::success() const { return !timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0; }

std::string Finished::outcome() const {
    if (timed_out) return "time-out";
    if (WIFSIGNALED(status)) return fmt::format("signal {}", WTERMSIG(status));
    return fmt::format("exit status {}", WEXITSTATUS(status));
}

Result<Finished> run_program(const std::vector<std::string>& command, std::string_view input) {
    return run_program_within(command, input, helper_time_limit);
}

Result<Finished> run_program_within(const std::vector<std::string>& command, std::string_view input, int milliseconds) {
    SpawnOptions options;
    options.command = command;
    options.input = input.empty() ? Stream::null : Stream::pipe;
    options.output = Stream::pipe;
    options.error = Stream::same_as_output;
    return Attended(EMU_TRY(spawn(options)), input).attend(milliseconds);
}

} // namespace emu::guest_agent
