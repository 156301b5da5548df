// SPDX-License-Identifier: MIT
// The side of the guest's threads: where they stop, and how they go on.
#include "linux_user/debugger.h"

#include "linux_user/process.h"
#include "linux_user/thread.h"

#include <algorithm>
#include <sys/eventfd.h>
#include <sys/syscall.h>

namespace emu::linux_user {
namespace {

constexpr int first_own_descriptor = 900;

/// Out of the way of the guest's descriptors.
Fd moved_up(Fd fd) {
    const int high = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, first_own_descriptor);
    return high >= 0 ? Fd(high) : std::move(fd);
}

} // namespace

Debugger::Debugger(Process& process, Fd connection, Fd event)
    : process_(process), registers_(*process.abi().debug, process.abi().model.order), event_fd_(std::move(event)),
      server_(std::move(connection), *this) {}

Result<std::unique_ptr<Debugger>> Debugger::create(Process& process, const std::string& where) {
    if (!process.abi().debug) return fail(ENOTSUP, "this guest cannot be debugged");
    Fd listener = EMU_TRY(in("-g", gdb::listen_at(where)));
    Fd connection = EMU_TRY(in("-g", gdb::accept_at(std::move(listener))));
    Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return fail_errno(errno, "eventfd");
    return std::unique_ptr<Debugger>(new Debugger(process, moved_up(std::move(connection)), moved_up(std::move(event))));
}

void Debugger::start() {
    const u64 mask = host::thread_mask();
    host::set_thread_mask(~(signal_bit(SIGSEGV) | signal_bit(SIGBUS))); // the new thread takes none of the guest's signals
    std::thread([this] { server_.run(); }).detach();
    host::set_thread_mask(mask);
}

std::vector<int> Debugger::descriptors() const { return {server_.descriptor(), event_fd_.get()}; }

void Debugger::close_in_child() {
    attached_ = false;
    ::close(server_.descriptor());
    ::close(event_fd_.get());
    process_.engine().clear_breakpoints();
    Thread::current()->vcpu().set_watches({});
}

// --- stopping ---------------------------------------------------------------------------------------------------------------

/// Wait here while the target stands still, or while only others have been told to go on.
void Debugger::hold(Lock& lock, Thread& thread) {
    DebugState& debug = thread.debug;
    debug.holds = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !attached_ || (!stopped_ && debug.may_run); });
    debug.holds = false;
}

void Debugger::wait_for_others(Lock& lock, const Thread* but) {
    process_.for_each_thread([&](Thread& other) {
        if (&other != but) other.vcpu().request_poll();
    });
    changed_.wait(lock, [&] {
        bool still = true;
        process_.for_each_thread([&](Thread& other) { still &= &other == but || other.debug.holds || other.debug.in_call; });
        return still;
    });
}

void Debugger::tell(const gdb::StopEvent& event) {
    event_ = event;
    event_waits_ = true;
    const u64 one = 1;
    (void)!::write(event_fd_.get(), &one, sizeof one);
}

/// False where another thread was first: this one has waited for it to be dealt with, and may find things changed.
bool Debugger::stop_all(Lock& lock, Thread& thread, gdb::StopEvent event) {
    if (!attached_) return true;
    if (stopped_ || !thread.debug.may_run) {
        hold(lock, thread);
        return false;
    }
    stopped_ = true;
    thread.debug.holds = true;
    wait_for_others(lock, &thread);
    event.thread = u64(thread.tid);
    tell(event);
    hold(lock, thread);
    return true;
}

// --- running ----------------------------------------------------------------------------------------------------------------

void Debugger::apply_watches(Thread& thread) {
    if (thread.debug.watches == watch_generation_) return;
    thread.debug.watches = watch_generation_;
    thread.vcpu().set_watches(watches_);
}

/// True where the stop is nothing for the guest.
bool Debugger::took_trap(Thread& thread, cpu::Stop& stop) {
    if (stop.kind != cpu::Stop::Kind::trap) return false;
    Lock lock(mutex_);
    if (stop.trap == cpu::trap_debug_break) {
        if (attached_) stop_all(lock, thread, {.kind = gdb::StopEvent::Kind::breakpoint});
        return true;
    }
    if (stop.trap != cpu::trap_debug_watch) return false;
    gdb::StopEvent event{.kind = gdb::StopEvent::Kind::watch, .value = stop.value};
    for (const Point& point : points_)
        if (stop.value >= point.address && stop.value < point.address + point.size) event.watch = point.kind;
    if (!registers_.view().watch_before) { // the access is made before it is told
        thread.vcpu().set_watches({});
        lock.unlock();
        stop = thread.vcpu().step();
        lock.lock();
        thread.debug.watches = ~u64(0);
        if (stop.kind == cpu::Stop::Kind::trap) return false;
    }
    while (!stop_all(lock, thread, event) && !registers_.view().watch_before) {}
    return true;
}

/// True where the step is over without anything for the guest to do.
bool Debugger::step_once(Thread& thread, cpu::Stop& stop) {
    DebugState& debug = thread.debug;
    const u64 before = thread.state().pc;
    stop = thread.vcpu().step();
    if (stop.kind == cpu::Stop::Kind::trap && stop.trap == isa::Trap::syscall) debug.stepped = true;
    if (stop.kind == cpu::Stop::Kind::trap) return took_trap(thread, stop);
    const u64 pc = thread.state().pc;
    const bool goes_on = pc >= debug.range_start && pc < debug.range_end && pc != before && !process_.engine().has_breakpoint(pc);
    debug.stepped = !goes_on;
    return true;
}

cpu::Stop Debugger::run(Thread& thread) {
    for (;;) {
        if (!attached_) return thread.vcpu().run();
        DebugState& debug = thread.debug;
        bool step;
        {
            Lock lock(mutex_);
            if (debug.stepped) {
                while (attached_ && !stop_all(lock, thread, {})) {}
                debug.stepped = false;
            }
            if (stopped_ || !debug.may_run) hold(lock, thread);
            apply_watches(thread);
            step = debug.step;
            if (int signal = std::exchange(debug.inject, 0)) {
                debug.quiet = signal;
                ::syscall(SYS_tgkill, ::getpid(), thread.tid, signal);
            }
        }
        if (thread.pending()) return {};
        cpu::Stop stop;
        if (step) {
            if (step_once(thread, stop)) {
                if (thread.pending()) return {};
                continue;
            }
        } else {
            stop = thread.vcpu().run();
            if (took_trap(thread, stop)) continue;
        }
        return stop;
    }
}

int Debugger::signal_comes(Thread& thread, const SignalInfo& info) {
    Lock lock(mutex_);
    if (!attached_) return info.si_signo;
    DebugState& debug = thread.debug;
    const bool quiet = std::exchange(debug.quiet, 0) == info.si_signo;
    if (quiet || passed_ & signal_bit(info.si_signo)) return info.si_signo;
    debug.info = info;
    debug.inject = 0;
    debug.stepped = false;
    while (attached_ && !stop_all(lock, thread, {.signal = info.si_signo})) {}
    return attached_ ? std::exchange(debug.inject, 0) : info.si_signo;
}

void Debugger::entered_handler(Thread& thread) {
    Lock lock(mutex_);
    if (attached_ && thread.debug.step) thread.debug.stepped = true;
}

void Debugger::enter_call(Thread& thread) {
    Lock lock(mutex_);
    thread.debug.in_call = true;
    changed_.notify_all();
}

void Debugger::leave_call(Thread& thread) {
    Lock lock(mutex_);
    if (attached_ && (stopped_ || !thread.debug.may_run)) hold(lock, thread);
    thread.debug.in_call = false;
}

void Debugger::system_call(Thread& thread, u64 number, bool entry) {
    Lock lock(mutex_);
    if (!attached_ || !caught_calls_) return;
    const auto& wanted = *caught_calls_;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), number) == wanted.end()) return;
    using Kind = gdb::StopEvent::Kind;
    while (attached_ && !stop_all(lock, thread, {.kind = entry ? Kind::syscall_entry : Kind::syscall_return, .value = number})) {}
}

void Debugger::ends(Thread& thread, int status, int signal) {
    Lock lock(mutex_);
    while (attached_ && stopped_) hold(lock, thread);
    if (!attached_) return;
    using Kind = gdb::StopEvent::Kind;
    tell({.kind = signal ? Kind::killed : Kind::exited, .signal = signal, .value = u64(status)});
    // A while is enough: gdb may be gone.
    changed_.wait_for(lock, std::chrono::seconds(2), [&] { return farewell_sent_ || !attached_; });
}

} // namespace emu::linux_user
