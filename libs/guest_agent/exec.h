// SPDX-License-Identifier: MIT
// Programs started by guest-exec: their input, captured output and end, kept until the host has asked for it. The event loop
// moves the bytes; nobody waits for a program.
#pragma once
#include "common/event_loop.h"
#include "guest_agent/subprocess.h"

#include <map>

namespace emu::guest_agent {

inline constexpr usize most_children = 64;
inline constexpr usize largest_capture = usize(16) << 20; ///< per stream; what follows is dropped and the stream marked cut

enum class Capture : u8 { none, output, error, separated, merged };

struct Captured {
    std::string bytes;
    bool truncated = false;
};
struct ChildStatus {
    bool exited = false;
    int status = 0;   ///< as waitpid(2) gives it
    Captured output, error;
};

class Children {
public:
    explicit Children(EventLoop& loop) : loop_(loop) {}
    /// Ends nobody: programs outlive the agent.
    ~Children();
    Children(const Children&) = delete;

    /// Programs that run longer are killed with their process group, and no longer listened to; zero: no limit.
    void set_time_limit(std::chrono::seconds limit) { limit_ = limit; }
    Result<s64> start(SpawnOptions options, std::string input, Capture capture);
    /// An exited program is forgotten once this has told of it.
    Result<ChildStatus> status(s64 pid);
    /// Take note of those that have ended (SIGCHLD).
    void reap();
    usize size() const { return children_.size(); }

private:
    struct Child {
        Spawned process;
        std::string input;
        usize written = 0;
        ChildStatus status;
        bool reaped = false;
        u64 timer = 0;
    };
    Result<void> watch(Child& child);
    void feed(Child& child);
    void drain(Fd& pipe, Captured& captured);
    void close(Fd& pipe);
    void expire(pid_t pid);

    EventLoop& loop_;
    std::chrono::seconds limit_{0};
    std::map<pid_t, std::unique_ptr<Child>> children_;
};

} // namespace emu::guest_agent
