// SPDX-License-Identifier: MIT
// The side of gdb: what it asks of the process, on the stub's thread.
#include "linux_user/debugger.h"
#include "linux_user/process.h"
#include "linux_user/siginfo.h"
#include "linux_user/thread.h"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <sys/syscall.h>

namespace emu::linux_user {

Thread* Debugger::find(u64 thread) {
    Thread* found = nullptr;
    process_.for_each_thread([&](Thread& each) {
        if (u64(each.tid) == thread) found = &each;
    });
    return found;
}

std::vector<u64> Debugger::threads() {
    std::vector<u64> list;
    process_.for_each_thread([&](Thread& each) {
        if (each.tid) list.push_back(u64(each.tid));
    });
    return list;
}

std::string Debugger::thread_name(u64 thread) {
    std::string name;
    if (auto fd = Fd::open(fmt::format("/proc/self/task/{}/comm", thread), O_RDONLY)) {
        char text[32];
        const ssize_t n = ::read(fd->get(), text, sizeof text);
        if (n > 1) name.assign(text, usize(n - 1));
    }
    return name;
}

ir::StateHeader* Debugger::state(u64 thread) {
    Thread* found = find(thread);
    return found ? &found->state() : nullptr;
}

usize Debugger::read(u64 address, Bytes to) {
    AddressSpace& space = process_.space();
    usize done = 0;
    // Page by page: what lies behind the last that can be read is not there.
    while (done < to.size()) {
        const u64 at = address + done;
        const usize size = usize(std::min<u64>(to.size() - done, space.page() - at % space.page()));
        if (!space.contains(at, size) || host::safe_copy(to.data() + done, space.host(at), size)) break;
        done += size;
    }
    return done;
}

bool Debugger::write(u64 address, ConstBytes from) {
    AddressSpace& space = process_.space();
    if (!space.contains(address, from.size())) return false;
    space.prepare_write(address, from.size());
    return host::safe_copy(space.host(address), from.data(), from.size()) == 0;
}

bool Debugger::set_breakpoint(u64 address, bool present) {
    if (!process_.space().contains(address, 1)) return false;
    process_.engine().set_breakpoint(address, present);
    return true;
}

bool Debugger::set_watch(gdb::WatchKind kind, u64 address, u64 size, bool present) {
    if (size == 0 || !process_.space().contains(address, size)) return false;
    Lock lock(mutex_);
    const Point point{kind, address, size};
    if (present) points_.insert(point);
    else points_.erase(point);
    // Nobody runs, so nobody reads the old list.
    watches_.clear();
    for (const Point& each : points_)
        watches_.push_back({each.address, each.address + each.size, each.kind != gdb::WatchKind::write, each.kind != gdb::WatchKind::read});
    watch_generation_++;
    return true;
}

void Debugger::resume(std::span<const gdb::Resume> actions) {
    Lock lock(mutex_);
    process_.for_each_thread([&](Thread& each) {
        DebugState& debug = each.debug;
        debug.may_run = debug.step = false;
        debug.range_start = debug.range_end = 0;
        // The first entry that fits counts; those that name nobody come last in effect.
        auto at = std::find_if(actions.begin(), actions.end(), [&](const gdb::Resume& a) { return a.thread == u64(each.tid); });
        if (at == actions.end()) at = std::find_if(actions.begin(), actions.end(), [](const gdb::Resume& a) { return a.thread == 0; });
        if (at == actions.end()) return;
        debug.may_run = true;
        debug.step = at->step;
        debug.range_start = at->range_start;
        debug.range_end = at->range_end;
        debug.inject = at->signal;
        if (debug.in_call && at->signal) { // it comes out of the call as for any signal
            debug.quiet = std::exchange(debug.inject, 0);
            ::syscall(SYS_tgkill, ::getpid(), each.tid, debug.quiet);
        }
    });
    stopped_ = false;
    changed_.notify_all();
}

void Debugger::interrupt() {
    Lock lock(mutex_);
    if (stopped_ || !attached_) return;
    stopped_ = true;
    wait_for_others(lock, nullptr);
    u64 thread = 0;
    process_.for_each_thread([&](Thread& each) {
        if (!thread) thread = u64(each.tid);
    });
    tell({.thread = thread, .signal = SIGINT});
}

void Debugger::detach() {
    Lock lock(mutex_);
    if (!std::exchange(stopped_, true)) wait_for_others(lock, nullptr);
    attached_ = false;
    points_.clear();
    watches_.clear();
    // Translations that stop are dropped; who meets one meanwhile goes on (took_trap).
    process_.engine().clear_breakpoints();
    process_.for_each_thread([&](Thread& each) {
        each.debug.step = each.debug.stepped = false;
        each.debug.may_run = true;
        each.vcpu().set_watches({});
    });
    stopped_ = false;
    changed_.notify_all();
}

void Debugger::kill() { ::kill(::getpid(), SIGKILL); }

std::optional<std::string> Debugger::object(std::string_view name, u64 thread) {
    if (name == "auxv") {
        const auto& bytes = process_.program().auxv;
        return std::string(bytes.begin(), bytes.end());
    }
    if (name == "exec-file") return process_.program().path;
    if (name == "siginfo") {
        const Thread* found = find(thread);
        if (!found || found->debug.info.si_signo == 0) return std::nullopt;
        std::array<u8, siginfo_size> bytes{};
        put_siginfo(bytes, found->debug.info, process_.abi().model);
        return std::string(bytes.begin(), bytes.end());
    }
    return std::nullopt;
}
std::vector<std::string_view> Debugger::objects() const { return {"auxv", "exec-file", "siginfo"}; }

void Debugger::pass_signals(u64 mask) {
    Lock lock(mutex_);
    passed_ = mask;
}

void Debugger::catch_syscalls(std::optional<std::vector<u64>> numbers) {
    Lock lock(mutex_);
    caught_calls_ = std::move(numbers);
}

std::optional<gdb::StopEvent> Debugger::take_event() {
    Lock lock(mutex_);
    u64 count;
    (void)!::read(event_fd_.get(), &count, sizeof count);
    if (!std::exchange(event_waits_, false)) return std::nullopt;
    return event_;
}

void Debugger::event_sent(const gdb::StopEvent& event) {
    if (event.kind != gdb::StopEvent::Kind::exited && event.kind != gdb::StopEvent::Kind::killed) return;
    Lock lock(mutex_);
    farewell_sent_ = true;
    changed_.notify_all();
}

} // namespace emu::linux_user
