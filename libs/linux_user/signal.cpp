// SPDX-License-Identifier: MIT
// Signals between the host's handler and the guest's: taking, holding, delivering. See thread.h for the plan.
#include "common/log.h"
#include "linux_user/core_dump.h"
#include "linux_user/debugger.h"
#include "linux_user/guest_log.h"
#include "linux_user/process.h"
#include "linux_user/strace.h"
#include "linux_user/thread.h"

#include <cerrno>
#include <cstring>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace emu::linux_user {
namespace {

/// What the host may never block, because translated code relies on it.
constexpr u64 fault_signals = signal_bit(SIGSEGV) | signal_bit(SIGBUS);
constexpr u64 all_blocked = ~fault_signals;

constexpr u64 set_of(std::initializer_list<int> signals) {
    u64 set = 0;
    for (int signal : signals) set |= signal_bit(signal);
    return set;
}
// Default actions, signal(7).
constexpr u64 default_ignores = set_of({SIGCHLD, SIGURG, SIGWINCH, SIGCONT});
constexpr u64 default_stops = set_of({SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU});
constexpr u64 default_dumps = set_of({SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS});

bool all_taken = false;

int held_slot(int signal) { return signal == SIGSEGV ? 0 : 1; }

/// Signals of the kernel for something this thread's instruction did.
bool is_fault(int signal, const siginfo_t& info) {
    switch (signal) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE: return info.si_code > 0;
    case SIGTRAP: return info.si_code > 0 && info.si_code != SI_KERNEL;
    default: return false;
    }
}

/// True where the fault is dealt with and the interrupted code may go on.
bool repair_fault(int signal, const siginfo_t& info, void* context) {
    if (signal != SIGSEGV && signal != SIGBUS) return false;
    Thread* thread = Thread::current();
    if (!thread) return host::repair_copy_fault(context);
    u64 address = u64(info.si_addr);
    if (signal == SIGSEGV && info.si_code == SEGV_ACCERR && host::fault_was_write(context) &&
        thread->process().space().handle_write_fault(address))
        return true;
    return host::repair_copy_fault(context) || thread->vcpu().handle_host_fault(signal, info.si_code, address, context);
}

void host_handler(int signal, siginfo_t* info, void* context) {
    int saved_errno = errno;
    if (is_fault(signal, *info)) {
        if (!repair_fault(signal, *info, context)) {
            log::message(fmt::format("internal error: {} at {:#x} for address {:#x}", signal_name(signal),
                                     host::program_counter(context), u64(info->si_addr)));
            host::set_signal_default(signal, false); // and die of it, with a core dump of Emu
        }
    } else if (Thread* thread = Thread::current()) {
        thread->take(*info, context);
    }
    errno = saved_errno;
}

} // namespace

void install_fault_handlers() {
    for (int signal = 1; signal <= signal_count; signal++)
        if ((default_dumps & signal_bit(signal)) && (!host::signal_is_ignored(signal) || (fault_signals & signal_bit(signal))))
            host::set_signal_handler(signal, host_handler, 0);
}

void take_all_signals() {
    all_taken = true;
    for (int signal = 1; signal <= signal_count; signal++)
        if (!((default_ignores | unblockable) & signal_bit(signal)) && !host::signal_is_ignored(signal))
            host::set_signal_handler(signal, host_handler, 0);
}

void follow_action(int signal, const SignalAction& action) {
    if ((fault_signals | unblockable) & signal_bit(signal)) return;
    if (action.handler == handler_ignore)
        host::set_signal_default(signal, true);
    else if (action.handler == handler_default && !((all_taken ? ~default_ignores : default_dumps) & signal_bit(signal)))
        host::set_signal_default(signal, false);
    else
        host::set_signal_handler(signal, host_handler, action.flags & (SA_NOCLDSTOP | SA_NOCLDWAIT));
}

std::string signal_name(int signal) {
    static constexpr const char* names[] = {
        "0",      "HUP",    "INT",  "QUIT", "ILL",  "TRAP", "ABRT", "BUS",  "FPE",    "KILL", "USR1",
        "SEGV",   "USR2",   "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN",
        "TTOU",   "URG",    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR",   "SYS"};
    if (signal > 0 && signal < int(std::size(names))) return std::string("SIG") + names[signal];
    return signal >= 32 && signal <= signal_count ? fmt::format("SIGRT_{}", signal - 32) : std::to_string(signal);
}

void Thread::take(const SignalInfo& info, void* context) {
    u64 bit = signal_bit(info.si_signo);
    if (fault_signals & bit) {
        if (!(held_bits_ & bit)) held_[held_slot(info.si_signo)] = info; // standard signals do not queue
        held_bits_ |= bit;
        if (mask_ & bit) return;
    } else {
        taken_ = info;
        has_taken_ = true;
        host::set_interrupted_mask(context, all_blocked);
    }
    pending_ = 1;
    vcpu_.request_poll();
    host::abandon_system_call(context);
}

bool Thread::fetch_held(u64 set, SignalInfo& info) {
    for (int signal : {SIGSEGV, SIGBUS})
        if (held_bits_ & set & signal_bit(signal)) {
            info = held_[held_slot(signal)];
            held_bits_ &= ~signal_bit(signal);
            return true;
        }
    return false;
}

void Thread::restore_host_mask() {
    if (!has_taken_) host::set_thread_mask(mask_ & ~fault_signals);
}

bool Thread::block_signals() {
    host::set_thread_mask(all_blocked);
    return pending_ != 0;
}

void Thread::set_signal_mask(u64 mask) {
    mask_ = mask & ~unblockable;
    if (held_bits_ & ~mask_) pending_ = 1;
    restore_host_mask();
}

bool Thread::try_signal_mask(u64 mask) {
    u64 host_mask = mask & ~unblockable & ~fault_signals;
    if (host::safe_syscall(SYS_rt_sigprocmask, {SIG_SETMASK, host_pointer(&host_mask), 0, 8}, &pending_) == interrupted)
        return false;
    mask_ = mask & ~unblockable;
    if (held_bits_ & ~mask_) pending_ = 1;
    return true;
}

void Thread::restart_call(const Interrupted& call) { process_.abi().restart(state(), call.number, call.first_argument); }

void Thread::deliver_signals(const Interrupted* call) {
    while (pending_) {
        pending_ = 0;
        SignalInfo info;
        while (fetch_held(~mask_, info)) deliver(info, call);
        if (has_taken_) {
            info = taken_;
            has_taken_ = false;
            deliver(info, call);
        }
        restore_host_mask(); // further ones arrive here, and are taken
    }
    if (call) restart_call(*call); // no handler ran: as if nothing had happened
}

void Thread::force(const SignalInfo& info) {
    {
        std::lock_guard lock(actions_->mutex);
        SignalAction& action = actions_->actions[usize(info.si_signo)];
        u64 bit = signal_bit(info.si_signo);
        if ((mask_ & bit) || action.handler == handler_ignore) {
            action.handler = handler_default;
            mask_ &= ~bit;
        }
    }
    const Interrupted* none = nullptr;
    deliver(info, none);
    restore_host_mask();
}

/// True where a handler of the guest is going to run.
bool Thread::deliver(const SignalInfo& given, const Interrupted*& call) {
    SignalInfo info = given;
    if (Debugger* debugger = this->debugger()) {
        const u64 pc = state().pc;
        const int wanted = debugger->signal_comes(*this, info);
        if (state().pc != pc) call = nullptr; // gdb has put the thread elsewhere
        if (wanted == 0) return false;
        if (wanted != info.si_signo) info = {};
        info.si_signo = wanted;
    }
    int signal = info.si_signo;
    u64 bit = signal_bit(signal);
    SignalAction action;
    {
        std::lock_guard lock(actions_->mutex);
        SignalAction& current = actions_->actions[usize(signal)];
        action = current;
        if (action.handler > handler_ignore && (action.flags & SA_RESETHAND)) {
            current.handler = handler_default;
            follow_action(signal, current);
        }
    }
    strace_signal(*this, info);
    log_signal(*this, info, action);
    if (action.handler == handler_ignore || (action.handler == handler_default && (default_ignores & bit))) return false;
    if (action.handler == handler_default) {
        if (!(default_stops & bit)) die_of(info);
        ::kill(::getpid(), SIGSTOP);
        return false;
    }
    const Abi& abi = process_.abi();
    if (call) {
        Restart restart = call->row->restart;
        bool again = restart == Restart::always || restart == Restart::none ||
                     (restart == Restart::restart && (action.flags & SA_RESTART));
        if (again)
            restart_call(*call);
        else
            abi.set_result(state(), -EINTR);
        call = nullptr;
    }
    FrameRequest request{signal, info, action, mask_, alt_stack, abi.stack_pointer(state()), process_.trampoline()};
    if ((action.flags & SA_ONSTACK) && !(alt_stack.flags & SS_DISABLE) && !alt_stack.on(request.stack_pointer))
        request.stack_pointer = alt_stack.base + alt_stack.size;
    if (!abi.push_frame(state(), process_.space(), request)) {
        log_bad_frame(*this, signal, request.stack_pointer);
        SignalInfo overflow{};
        overflow.si_signo = SIGSEGV;
        overflow.si_code = SI_KERNEL;
        if (signal == SIGSEGV) die_of(overflow);
        force(overflow);
        return true;
    }
    if (alt_stack.flags & autodisarm) alt_stack = {};
    mask_ |= action.mask | (action.flags & SA_NODEFER ? 0 : bit);
    mask_ &= ~unblockable;
    if (Debugger* debugger = this->debugger()) debugger->entered_handler(*this);
    return true;
}

void Thread::die_of(const SignalInfo& info) {
    const int signal = info.si_signo;
    process_.ends(*this, 0, signal);
    if (default_dumps & signal_bit(signal)) {
        const bool dumped = dump_core(*this, info);
        log::message(fmt::format("uncaught target signal {} ({}){}", signal, ::strsignal(signal), dumped ? " - core dumped" : ""));
        const rlimit none{};
        ::setrlimit(RLIMIT_CORE, &none); // the host's dump would be Emu's own
    }
    host::set_signal_default(signal, false);
    ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), signal);
    host::set_thread_mask(~signal_bit(signal));
    ::_exit(128 + signal); // a signal whose default action does not end the process cannot come here
}

} // namespace emu::linux_user
