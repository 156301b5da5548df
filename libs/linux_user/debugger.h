// SPDX-License-Identifier: MIT
// The process as gdb's stub sees it (-g). All threads stop together and go on together.
//
// A thread that is in a system call counts as standing still: it does not come out of it into the guest's code before the
// target goes on. All others are asked to leave translated code and wait in run(). Breakpoints are the engine's (nothing is
// written into the guest's code), watchpoints are found by interpreting.
#pragma once
#include "gdb/server.h"
#include "gdb/target.h"
#include "linux_user/debug_state.h"
#include "linux_user/syscall.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

namespace emu::linux_user {

class Process;
class Thread;

class Debugger final : public gdb::Target {
public:
    /// Waits until gdb is there.
    static Result<std::unique_ptr<Debugger>> create(Process& process, const std::string& where);
    /// Serve gdb from now on, on a thread of its own. The guest begins as stopped.
    void start();

    // For the process's threads.
    /// As Vcpu::run(), with stops.
    cpu::Stop run(Thread& thread);
    /// gdb hears of a signal that is about to be delivered and decides: which one it is to be, 0 none.
    int signal_comes(Thread& thread, const SignalInfo& info);
    /// A handler's frame has been made: who steps is at the handler's first instruction now.
    void entered_handler(Thread& thread);
    void enter_call(Thread& thread);
    void leave_call(Thread& thread);
    void system_call(Thread& thread, u64 number, bool entry);
    /// A thread is gone from the process.
    void thread_gone() { changed_.notify_all(); }
    /// The process is about to end.
    void ends(Thread& thread, int status, int signal);
    /// After a fork, in the child: gdb stays with the parent.
    void close_in_child();
    std::vector<int> descriptors() const;

    // gdb::Target
    const isa::RegisterFile& registers() const override { return registers_; }
    std::vector<u64> threads() override;
    std::string thread_name(u64 thread) override;
    ir::StateHeader* state(u64 thread) override;
    usize read(u64 address, Bytes to) override;
    bool write(u64 address, ConstBytes from) override;
    bool set_breakpoint(u64 address, bool present) override;
    bool set_watch(gdb::WatchKind kind, u64 address, u64 size, bool present) override;
    void resume(std::span<const gdb::Resume> actions) override;
    void interrupt() override;
    void detach() override;
    void kill() override;
    std::optional<std::string> object(std::string_view name, u64 thread) override;
    std::vector<std::string_view> objects() const override;
    void pass_signals(u64 mask) override;
    void catch_syscalls(std::optional<std::vector<u64>> numbers) override;
    bool has_syscalls() const override { return true; }
    int event_descriptor() const override { return event_fd_.get(); }
    std::optional<gdb::StopEvent> take_event() override;
    void event_sent(const gdb::StopEvent& event) override;

private:
    using Lock = std::unique_lock<std::mutex>;
    Debugger(Process& process, Fd connection, Fd event);
    void hold(Lock& lock, Thread& thread);
    bool stop_all(Lock& lock, Thread& thread, gdb::StopEvent event);
    void wait_for_others(Lock& lock, const Thread* but);
    void tell(const gdb::StopEvent& event);
    bool step_once(Thread& thread, cpu::Stop& stop);
    bool took_trap(Thread& thread, cpu::Stop& stop);
    Thread* find(u64 thread);
    void apply_watches(Thread& thread);

    Process& process_;
    isa::RegisterFile registers_;
    Fd event_fd_;
    gdb::Server server_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<bool> attached_ = true;
    bool stopped_ = true;
    bool event_waits_ = false, farewell_sent_ = false;
    gdb::StopEvent event_;
    u64 passed_ = 0;
    std::optional<std::vector<u64>> caught_calls_;
    struct Point {
        gdb::WatchKind kind;
        u64 address, size;
        auto operator<=>(const Point&) const = default;
    };
    std::set<Point> points_;
    std::vector<cpu::Watch> watches_;
    u64 watch_generation_ = 0;
};

} // namespace emu::linux_user
