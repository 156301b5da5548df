// SPDX-License-Identifier: MIT
// The thread that compiles beside the vCPUs: units that they will come to again (ahead.h), and regions (regions.cpp).
#include "cpu/translated.h"

#include "common/heap.h"

#include <csignal>
#include <emmintrin.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace emu::cpu {

namespace {

constexpr int worker_niceness = 10;
/// Waking it takes a vCPU longer than compiling a small unit, so it waits a moment for the next one before it sleeps.
constexpr unsigned pauses_before_sleep = 10000;

} // namespace

/// False: there is none, and none can be started. The lock is held.
bool Translated::has_worker() {
    if (stopping_) return false;
    if (worker_) return true;
    // Not in the child of a vfork: its threads end, whatever they hold, when it executes something, and this memory is its parent's.
    if (owner_pid_ != getpid() || refused_worker_) return false;
    // Signals are the vCPUs' business, but for those of reading guest memory that is not there.
    sigset_t all, old;
    sigfillset(&all);
    for (int fault : {SIGSEGV, SIGBUS}) sigdelset(&all, fault);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    auto main = [](void* self) -> void* {
        static_cast<Translated*>(self)->work();
        return nullptr;
    };
    pthread_t thread;
    // Refused where there may be no more threads, and to a process whose children are to be in another PID namespace.
    refused_worker_ = pthread_create(&thread, nullptr, main, this) != 0;
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
    if (!refused_worker_) worker_ = thread;
    return !refused_worker_;
}

void Translated::work() {
    worker_tid_ = pid_t(::syscall(SYS_gettid));
    start_thread_heap();
    setpriority(PRIO_PROCESS, id_t(worker_tid_), worker_niceness);
    for (unsigned pauses = 0; !stopping_;) {
        if (ahead_.waiting()) {
            std::lock_guard compiling(compile_mutex_);
            ahead_.finish_one([&](const ir::Function& function) {
                jit::Unit* unit = nullptr;
                return jit_->compile_ahead(function, unit) == jit::Jit::Outcome::ok ? unit : nullptr;
            });
            pauses = 0;
        } else if (regions_waiting_) {
            UnitKey key;
            {
                Lock lock(engine_.mutex);
                regions_waiting_ = waiting_.size() > 1;
                if (waiting_.empty()) continue;
                key = waiting_.front();
                waiting_.pop_front();
            }
            std::lock_guard compiling(compile_mutex_);
            compile_region(key, nullptr);
        } else if (pauses++ < pauses_before_sleep) {
            _mm_pause();
        } else {
            asleep_ = 1;
            if (is_asked()) asleep_ = 0;
            asleep_.wait(1);
            pauses = 0;
        }
    }
}

void Translated::unlock(Lock& lock) {
    const bool news = std::exchange(news_for_worker_, false);
    lock.unlock();
    if (news) wake_worker();
}

void Translated::wake_worker() {
    if (asleep_ && asleep_.exchange(0)) asleep_.notify_one();
}

void Translated::stop_worker() {
    if (!worker_ || owner_pid_ != getpid()) return;
    stopping_ = true;
    wake_worker();
    pthread_join(*worker_, nullptr);
    worker_.reset();
    stopping_ = false;
    // It is joined a little before the kernel has forgotten it.
    while (::syscall(SYS_tgkill, owner_pid_, worker_tid_.load(), 0) == 0) sched_yield();
}

} // namespace emu::cpu
