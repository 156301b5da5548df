// SPDX-License-Identifier: MIT
#include "linux_user/fork.h"

#include "linux_user/debugger.h"
#include "linux_user/guest_log.h"
#include "linux_user/process.h"
#include "linux_user/thread.h"

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace emu::linux_user {
namespace {

constexpr u64 thread_flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
constexpr usize host_stack_size = 1 << 20, borrowed_stack_size = 512 << 10;

/// The architectural registers: what the ISA declares, and the program counter.
void copy_registers(const isa::Isa& isa, const ir::StateHeader& from, ir::StateHeader& to) {
    for (const auto& slot : isa.slots)
        std::memcpy(reinterpret_cast<u8*>(&to) + slot.offset, reinterpret_cast<const u8*>(&from) + slot.offset,
                    ir::byte_size(slot.type));
    to.pc = from.pc;
    to.fp_flags = from.fp_flags;
    to.mxcsr = from.mxcsr;
    if (isa.inherit) isa.inherit(from, to);
    to.mode = isa.mode(to);
}

/// What the new thread and its maker tell each other.
struct Birth {
    Thread* thread;
    CloneRequest request;
    u64 mask;
    std::mutex mutex;
    std::condition_variable changed;
    int tid = 0;
};

void end_thread(Thread* thread) {
    Process& process = thread->process();
    host::set_thread_mask(~u64(0)); // nothing can be taken any more
    thread->release_on_exit();
    usize left = process.remove(*thread);
    delete thread;
    if (left == 0) ::syscall(SYS_exit_group, 0);
}

void* thread_main(void* argument) {
    auto* birth = static_cast<Birth*>(argument);
    Thread* thread = birth->thread;
    thread->enter();
    Call call{*thread, thread->process(), thread->process().abi(), thread->process().space(), syscall_row(Sys::clone), {}};
    const CloneRequest& request = birth->request;
    if (request.flags & CLONE_PARENT_SETTID) call.store<u32>(request.parent_tid, u32(thread->tid));
    if (request.flags & CLONE_CHILD_SETTID) call.store<u32>(request.child_tid, u32(thread->tid));
    if (request.flags & CLONE_CHILD_CLEARTID) thread->clear_child_tid = request.child_tid;
    u64 mask = birth->mask;
    {
        std::lock_guard lock(birth->mutex);
        birth->tid = thread->tid;
        birth->changed.notify_one(); // with the lock: the maker's Birth ends when it sees the tid
    }
    log_reset(*thread);
    thread->set_signal_mask(mask);
    thread->run();
    end_thread(thread);
    return nullptr;
}

s64 new_thread(Call& call, const CloneRequest& request) {
    call.process.engine().share_memory();
    auto child = std::make_unique<Thread>(call.process, call.thread.actions());
    copy_registers(*call.abi.isa, call.thread.state(), child->state());
    call.abi.fork_child(child->state(), request.stack ? std::optional(request.stack) : std::nullopt,
                        request.flags & CLONE_SETTLS ? std::optional(request.tls) : std::nullopt);
    Birth birth{child.get(), request, call.thread.signal_mask(), {}, {}};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, host_stack_size);
    pthread_t host;
    int error = pthread_create(&host, &attributes, thread_main, &birth);
    pthread_attr_destroy(&attributes);
    if (error) return -error;
    (void)child.release(); // the thread ends itself
    std::unique_lock lock(birth.mutex);
    birth.changed.wait(lock, [&] { return birth.tid != 0; });
    return birth.tid;
}

/// The child of a vfork borrows the parent's memory, and the parent stands still until it has executed something or is
/// gone. On the host it is the same: a process that shares memory, on a stack of its own, while this thread sleeps in the
/// kernel. It also borrows this thread's thread-local storage, where only the current thread must be told apart.
struct Borrowed {
    Thread* thread;
    u64 mask;
};

int borrowing_main(void* argument) {
    auto* borrowed = static_cast<Borrowed*>(argument);
    borrowed->thread->enter();
    borrowed->thread->set_signal_mask(borrowed->mask);
    borrowed->thread->run();
    ::syscall(SYS_exit_group, 0); // not reached: exit() of such a thread ends the process
    return 0;
}

s64 borrow_memory(Call& call, const CloneRequest& request) {
    auto actions = call.thread.actions();
    if (!(request.flags & CLONE_SIGHAND)) {
        actions = std::make_shared<SignalActions>();
        std::lock_guard lock(call.thread.actions()->mutex);
        actions->actions = call.thread.actions()->actions;
    }
    auto child = std::make_unique<Thread>(call.process, std::move(actions), Thread::Kind::borrowing);
    copy_registers(*call.abi.isa, call.thread.state(), child->state());
    call.abi.fork_child(child->state(), request.stack ? std::optional(request.stack) : std::nullopt,
                        request.flags & CLONE_SETTLS ? std::optional(request.tls) : std::nullopt);
    child->alt_stack = call.thread.alt_stack;
    child->clear_child_tid = request.flags & CLONE_CHILD_CLEARTID ? request.child_tid : 0;
    auto stack = std::make_unique_for_overwrite<u8[]>(borrowed_stack_size);
    Borrowed borrowed{child.get(), call.thread.signal_mask()};
    void* top = reinterpret_cast<void*>((u64(stack.get()) + borrowed_stack_size) & ~u64(15));
    int host_flags = int(request.flags & ~u64(CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PIDFD));
    Debugger* debugger = call.thread.debugger();
    if (debugger) debugger->enter_call(call.thread); // this thread sleeps meanwhile
    int pid = ::clone(borrowing_main, top, host_flags | request.exit_signal, &borrowed);
    s64 error = errno;
    if (debugger) debugger->leave_call(call.thread);
    call.thread.enter(); // the child has left itself as the current one
    if (pid < 0) return -error;
    if (request.flags & CLONE_PARENT_SETTID) call.store<u32>(request.parent_tid, u32(pid));
    if (request.pidfd) call.store<u32>(request.pidfd, u32(::syscall(SYS_pidfd_open, pid, 0)));
    return pid;
}

void become_child(Call& call, const CloneRequest& request) {
    Thread& thread = call.thread;
    call.process.keep_only(thread);
    call.process.forget_debugger();
    thread.enter();
    thread.forget_signals();
    thread.robust_list = 0;
    thread.clear_child_tid = request.flags & CLONE_CHILD_CLEARTID ? request.child_tid : 0;
    if (request.flags & CLONE_CHILD_SETTID) call.store<u32>(request.child_tid, u32(thread.tid));
    call.abi.fork_child(thread.state(), request.stack ? std::optional(request.stack) : std::nullopt,
                        request.flags & CLONE_SETTLS ? std::optional(request.tls) : std::nullopt);
}

s64 new_process(Call& call, const CloneRequest& request) {
    // What the kernel does as it is; the rest is done here.
    u64 host_flags = request.flags & ~u64(CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |
                                          CLONE_CHILD_CLEARTID);
    int pidfd = -1;
    if (!call.process.before_fork()) return -ENOMEM;
    call.thread.actions()->mutex.lock();
    // fork() also makes the C library's locks consistent in the child; flags that it does not have need the bare call.
    s64 child = host_flags == 0 && request.exit_signal == SIGCHLD
                    ? s64(::fork())
                    : ::syscall(SYS_clone, host_flags | u64(request.exit_signal), 0, &pidfd, 0, 0);
    s64 error = errno;
    call.thread.actions()->mutex.unlock();
    call.process.after_fork(child == 0);
    if (child < 0) return -error;
    if (child == 0) {
        become_child(call, request);
        return registers_set;
    }
    if (request.flags & CLONE_PARENT_SETTID) call.store<u32>(request.parent_tid, u32(child));
    if (request.pidfd) call.store<u32>(request.pidfd, u32(pidfd));
    return child;
}

} // namespace

s64 clone_guest(Call& call, const CloneRequest& request) {
    bool thread = (request.flags & CLONE_THREAD) != 0;
    if (thread && (request.flags & thread_flags) != thread_flags) return -EINVAL;
    // Memory can be shared with another process only while this one stands still.
    bool borrow = (request.flags & (CLONE_VM | CLONE_VFORK)) == (CLONE_VM | CLONE_VFORK);
    if (!thread && (request.flags & CLONE_VM) && !(request.flags & CLONE_VFORK)) return -EINVAL;
    if ((request.flags & CLONE_SIGHAND) && !(request.flags & CLONE_VM)) return -EINVAL;
    Thread& self = call.thread;
    const u64 mask = self.signal_mask();
    if (self.block_signals()) {
        self.set_signal_mask(mask);
        return interrupted;
    }
    s64 result = thread   ? new_thread(call, request)
                 : borrow ? borrow_memory(call, request)
                          : new_process(call, request);
    self.set_signal_mask(mask);
    return result;
}

} // namespace emu::linux_user
