// SPDX-License-Identifier: MIT
#include "linux_user/thread.h"

#include "linux_user/debugger.h"
#include "linux_user/guest_log.h"
#include "linux_user/process.h"
#include "linux_user/strace.h"

#include <cerrno>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace emu::linux_user {
namespace {

thread_local Thread* current_thread = nullptr;

constexpr usize host_signal_stack_size = 64 << 10;
constexpr unsigned longest_robust_list = 2048; // the kernel's bound

/// What the kernel does with one lock of a thread that died: mark it, and wake a waiter.
void release_robust_lock(AddressSpace& space, u64 address, u32 tid, bool pi) {
    if (address % 4 || !space.contains(address, 4)) return;
    u32 value;
    auto* word = reinterpret_cast<u32*>(space.host(address));
    if (host::safe_copy(&value, word, sizeof value)) return;
    while ((value & FUTEX_TID_MASK) == tid) {
        u32 dead = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        if (!__atomic_compare_exchange_n(word, &value, dead, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
        if (!pi && (value & FUTEX_WAITERS)) ::syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
        return;
    }
}

} // namespace

Thread* Thread::current() { return current_thread; }

Thread::Thread(Process& process, std::shared_ptr<SignalActions> actions, Kind kind)
    : process_(process), kind_(kind), vcpu_(process.engine()), actions_(std::move(actions)),
      host_signal_stack_(std::make_unique_for_overwrite<u8[]>(host_signal_stack_size)) {
    if (kind == Kind::own) process.add(*this);
}

Thread::~Thread() { process_.remove(*this); }

bool Thread::is_last() { return kind_ == Kind::borrowing || process_.thread_count() == 1; }

void Thread::enter() {
    current_thread = this;
    tid = int(::syscall(SYS_gettid));
    stack_t stack{};
    stack.ss_sp = host_signal_stack_.get();
    stack.ss_size = host_signal_stack_size;
    ::sigaltstack(&stack, nullptr);
}

Debugger* Thread::debugger() { return kind_ == Kind::own ? process_.debugger() : nullptr; }

cpu::Stop Thread::run_guest() {
    if (Debugger* debugger = this->debugger()) return debugger->run(*this);
    cpu::Stop stop = vcpu_.run();
    // Breakpoints of the debugger of the process that we borrow memory from.
    if (stop.kind == cpu::Stop::Kind::trap && stop.trap == cpu::trap_debug_break) return vcpu_.step();
    return stop;
}

void Thread::run() {
    while (!ending_) {
        process_.wait_if_halted(*this);
        cpu::Stop stop = run_guest();
        if (stop.kind == cpu::Stop::Kind::trap) {
            if (stop.trap == isa::Trap::syscall)
                handle_system_call();
            else
                handle_trap(stop);
        }
        if (pending_) deliver_signals(nullptr);
    }
}

void Thread::handle_system_call() {
    if (process_.abi().host_call && process_.abi().host_call(*this)) return;
    const Abi* const other = process_.abi().other_abi ? process_.abi().other_abi(state()) : nullptr;
    const Abi& abi = other ? *other : process_.abi();
    u64 arguments[6];
    u64 number = abi.arguments(state(), arguments);
    const u64 first_argument = arguments[0];
    const Syscall* row = process_.syscalls().find(number);
    if (row) gather_arguments(abi, *row, arguments);
    if (!row || !row->handler) {
        strace_refused(*this, number, row, arguments);
        if (!row) log_unknown("Unsupported syscall: {}", number);
        else if (log::enabled(log::Item::unimp)) log::print("Unsupported syscall: {} ({})", number, row->name);
        return abi.set_result(state(), row ? -row->refused : -ENOSYS);
    }
    Call call{*this, process_, abi, process_.space(), *row, {}};
    std::copy(std::begin(arguments), std::end(arguments), call.a);
    const bool trace = strace_enabled();
    if (trace) strace_enter(call);
    if (Debugger* debugger = this->debugger()) debugger->system_call(*this, number, true);
    s64 result = process_.owns_descriptor_of(*row, arguments) ? -EBADF : row->handler(call);
    if (trace) strace_leave(call, result);
    if (Debugger* debugger = this->debugger()) debugger->system_call(*this, number, false);
    if (result == registers_set) return;
    if (result == interrupted || (result == -EINTR && pending_ && row->restart != Restart::none)) {
        Interrupted at{row, number, first_argument};
        return deliver_signals(&at);
    }
    abi.set_result(state(), result);
}

void Thread::handle_trap(const cpu::Stop& stop) {
    SignalInfo info{};
    const u64 pc = state().pc & process_.abi().isa->pc_mask;
    auto fault = [&](int signal, int code, u64 address) {
        info.si_signo = signal;
        info.si_code = code;
        info.si_addr = reinterpret_cast<void*>(address);
    };
    switch (stop.trap) {
    case isa::Trap::fetch_fault:
        if (process_.abi().kernel_code && process_.abi().kernel_code(*this, stop.value)) return;
        fault(SIGSEGV, process_.space().find(stop.value) ? SEGV_ACCERR : SEGV_MAPERR, stop.value);
        break;
    case isa::Trap::load_fault:
    case isa::Trap::store_fault: {
        int signal = stop.host_signal ? stop.host_signal : SIGSEGV;
        // An address that no page table can hold faults without saying where; it is unmapped all the same.
        int code = stop.host_code == 0 || stop.host_code == SI_KERNEL ? SEGV_MAPERR : stop.host_code;
        // What is only reserved for the guest is not mapped to it.
        if (code == SEGV_ACCERR && !process_.space().find(stop.value)) code = SEGV_MAPERR;
        if (stop.host_code == SI_KERNEL && process_.abi().faults_without_address) fault(SIGSEGV, SI_KERNEL, 0);
        else fault(signal, code, stop.value);
        break;
    }
    case isa::Trap::misaligned: fault(SIGBUS, BUS_ADRALN, stop.value); break;
    case isa::Trap::breakpoint: fault(SIGTRAP, process_.abi().breakpoint_code, pc); break;
    case isa::Trap::divide_error: fault(SIGFPE, FPE_INTDIV, pc); break;
    case isa::Trap::fp_error: fault(SIGFPE, FPE_FLTINV, pc); break;
    default:
        fault(SIGILL, process_.abi().illegal_code, pc);
        if (process_.abi().own_trap && stop.trap >= isa::Trap::first_own) process_.abi().own_trap(state(), u32(stop.trap), stop.value, info);
        break;
    }
    log_fault(*this, stop, info);
    force(info);
}

void Thread::release_on_exit() {
    AddressSpace& space = process_.space();
    Call call{*this, process_, process_.abi(), space, syscall_row(Sys::exit), {}};
    const unsigned word = process_.abi().model.word;
    // The offset is a signed word: sums wrap at the guest's width.
    auto lock_of = [&](u64 link, u64 offset) { return word == 4 ? u32(link & ~u64(1)) + u32(offset) : (link & ~u64(1)) + offset; };
    if (robust_list) {
        // struct robust_list_head: list, futex_offset, list_op_pending; bit 0 of a link marks a PI lock.
        auto entry = call.load_word(robust_list), offset = call.load_word(robust_list + word);
        auto last = call.load_word(robust_list + 2 * word);
        for (unsigned i = 0; entry && offset && (*entry & ~u64(1)) != robust_list && i < longest_robust_list; i++) {
            auto next = call.load_word(*entry & ~u64(1));
            if (last != entry) release_robust_lock(space, lock_of(*entry, *offset), u32(tid), *entry & 1);
            entry = next;
        }
        if (offset && last && (*last & ~u64(1)))
            release_robust_lock(space, lock_of(*last, *offset), u32(tid), *last & 1);
    }
    if (clear_child_tid && call.store<u32>(clear_child_tid, 0))
        ::syscall(SYS_futex, space.host(clear_child_tid), FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

} // namespace emu::linux_user
