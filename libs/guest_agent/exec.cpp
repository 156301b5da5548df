// SPDX-License-Identifier: MIT
#include "guest_agent/exec.h"

#include "common/checked.h"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <sys/wait.h>

namespace emu::guest_agent {

Children::~Children() {
    for (auto& [pid, child] : children_) {
        close(child->process.input);
        close(child->process.output);
        close(child->process.error);
        loop_.cancel(child->timer);
    }
}

void Children::close(Fd& pipe) {
    if (pipe) loop_.unwatch(pipe.get());
    pipe.reset();
}

Result<s64> Children::start(SpawnOptions options, std::string input, Capture capture) {
    reap();
    if (children_.size() >= most_children) return fail(EAGAIN, fmt::format("{} programs of guest-exec are running or not asked for, the limit", children_.size()));
    auto child = std::make_unique<Child>();
    const bool outputs = capture == Capture::output || capture == Capture::separated || capture == Capture::merged;
    options.input = input.empty() ? Stream::null : Stream::pipe;
    options.output = outputs ? Stream::pipe : Stream::null;
    options.error = capture == Capture::merged                                     ? Stream::same_as_output
                    : capture == Capture::error || capture == Capture::separated ? Stream::pipe
                                                                                   : Stream::null;
    child->input = std::move(input);
    child->process = EMU_TRY(spawn(options));
    const pid_t pid = child->process.pid;
    Child& kept = *(children_[pid] = std::move(child));
    EMU_CHECK(watch(kept));
    if (limit_.count()) kept.timer = loop_.after(limit_, [this, pid] { expire(pid); });
    return s64(pid);
}

Result<void> Children::watch(Child& child) {
    Spawned& process = child.process;
    if (process.input) EMU_CHECK(loop_.watch(process.input.get(), EventLoop::writable, [this, &child](u32) { feed(child); }));
    if (process.output) EMU_CHECK(loop_.watch(process.output.get(), EventLoop::readable, [this, &child](u32) { drain(child.process.output, child.status.output); }));
    if (process.error) EMU_CHECK(loop_.watch(process.error.get(), EventLoop::readable, [this, &child](u32) { drain(child.process.error, child.status.error); }));
    return {};
}

void Children::feed(Child& child) {
    const ssize_t sent = write(child.process.input.get(), child.input.data() + child.written, child.input.size() - child.written);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent > 0) child.written += usize(sent);
    if (sent > 0 && child.written < child.input.size()) return;
    close(child.process.input); // all written, or a program that does not want to read
    child.input = {};
}

/// A bounded number of pieces: a program that never stops writing leaves the loop time for the host.
void Children::drain(Fd& pipe, Captured& captured) {
    char bytes[16384];
    for (int pieces = 0; pieces < 64; pieces++) {
        const ssize_t got = read(pipe.get(), bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            close(pipe);
            return reap(); // it may be over only now
        }
        const usize room = largest_capture - captured.bytes.size(), kept = std::min(room, usize(got));
        captured.bytes.append(bytes, kept);
        captured.truncated |= kept < usize(got);
    }
}

void Children::reap() {
    for (auto& [pid, child] : children_) {
        if (!child->reaped) {
            const pid_t got = waitpid(pid, &child->status.status, WNOHANG);
            child->reaped = got == pid || (got < 0 && errno == ECHILD);
            if (child->reaped) close(child->process.input);
        }
        child->status.exited = child->reaped && !child->process.output && !child->process.error;
        if (child->status.exited) loop_.cancel(child->timer);
    }
}

/// The program is killed; of one that is over but left its output to others, those are not listened to any longer.
void Children::expire(pid_t pid) {
    auto at = children_.find(pid);
    if (at == children_.end()) return;
    if (!at->second->reaped) kill(-pid, SIGKILL);
    close(at->second->process.output);
    close(at->second->process.error);
}

Result<ChildStatus> Children::status(s64 pid) {
    const auto narrow = checked_cast<pid_t>(pid);
    auto at = narrow ? children_.find(*narrow) : children_.end();
    if (at == children_.end()) return fail(EINVAL, "Invalid parameter 'pid'");
    reap();
    if (!at->second->status.exited) return ChildStatus{};
    ChildStatus status = std::move(at->second->status);
    children_.erase(at);
    return status;
}

} // namespace emu::guest_agent
