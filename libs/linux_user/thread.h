// SPDX-License-Identifier: MIT
// One guest thread on one host thread: its vCPU, its signal state, and the loop between translated code and system calls.
//
// Signals. The host's handler only takes a signal down in `taken_` and asks the vCPU to stop; it then keeps all further
// signals of the thread blocked, in the kernel, where they queue as they should. The loop delivers the taken one at a safe
// point (deliver_signals) and gives the thread its mask back. Faults of the guest's own come from the vCPU with exact state
// and are delivered there and then.
#pragma once
#include "cpu/vcpu.h"
#include "linux_user/debug_state.h"
#include "linux_user/signal_types.h"
#include "linux_user/syscall.h"

#include <array>
#include <memory>
#include <mutex>
#include <optional>

namespace emu::linux_user {

class Debugger;
class Process;

/// Actions of all signals, shared by the threads of a process (and by nobody else: CLONE_SIGHAND without CLONE_VM is not).
struct SignalActions {
    std::mutex mutex;
    std::array<SignalAction, signal_count + 1> actions;
};

class Thread {
public:
    /// The child of a vfork is a process to the kernel, but shares all of ours; it is not one of our threads.
    enum class Kind : u8 { own, borrowing };
    Thread(Process& process, std::shared_ptr<SignalActions> actions, Kind kind = Kind::own);
    ~Thread();
    Thread(const Thread&) = delete;

    static Thread* current();
    /// Of the host thread that is calling: made current, with a signal stack of its own.
    void enter();

    /// Run guest code until this thread is to end.
    void run();
    /// Make run() return after the system call that is being handled.
    void end() { ending_ = true; }
    bool ending() const { return ending_; }
    /// What the kernel does when a thread ends: the robust list, and the word that joiners wait for.
    void release_on_exit();

    Process& process() { return process_; }
    cpu::Vcpu& vcpu() { return vcpu_; }
    ir::StateHeader& state() { return vcpu_.state(); }
    std::shared_ptr<SignalActions> actions() { return actions_; }
    /// Null: nobody debugs this thread.
    Debugger* debugger();
    DebugState debug;

    // --- signals (signal.cpp) ---
    const volatile int* pending_flag() const { return &pending_; }
    bool pending() const { return pending_ != 0; }
    /// In the host's signal handler.
    void take(const SignalInfo& info, void* ucontext);
    /// A fault of the guest's own instruction.
    void force(const SignalInfo& info);
    /// Deliver what was taken and what is held. `restart`: the system call that was interrupted, if one was.
    struct Interrupted {
        const Syscall* row;
        u64 number, first_argument;
    };
    void deliver_signals(const Interrupted* call);

    /// Nothing is taken from here on until the mask is set. True where a signal waits to be delivered first.
    bool block_signals();
    u64 signal_mask() const { return mask_; }
    void set_signal_mask(u64 mask);
    /// The same, but false and no change where a signal that was taken before must be delivered first.
    bool try_signal_mask(u64 mask);
    /// In the child of a fork, which has no signals pending.
    void forget_signals() {
        pending_ = 0;
        has_taken_ = false;
        held_bits_ = 0;
    }
    u64 held_signals() const { return held_bits_; }
    /// Take a held signal of `set` away, as sigtimedwait does.
    bool fetch_held(u64 set, SignalInfo& info);

    bool borrows() const { return kind_ == Kind::borrowing; }
    /// Does exit() of this thread end a process?
    bool is_last();

    AltStack alt_stack;
    u64 clear_child_tid = 0;
    u64 robust_list = 0, robust_list_size = 0;
    int tid = 0;

private:
    cpu::Stop run_guest();
    void handle_system_call();
    void handle_trap(const cpu::Stop& stop);
    bool deliver(const SignalInfo& info, const Interrupted*& call);
    [[noreturn]] void die_of(const SignalInfo& info);
    void restore_host_mask();
    void restart_call(const Interrupted& call);

    Process& process_;
    Kind kind_;
    cpu::Vcpu vcpu_;
    std::shared_ptr<SignalActions> actions_;
    bool ending_ = false;

    u64 mask_ = 0;
    volatile int pending_ = 0;       ///< taken_ or a deliverable held signal waits; read by safe_syscall
    volatile bool has_taken_ = false;
    SignalInfo taken_{};
    /// SIGSEGV and SIGBUS are never blocked on the host; sent while the guest blocks them, they wait here.
    u64 held_bits_ = 0;
    SignalInfo held_[2]{};
    std::unique_ptr<u8[]> host_signal_stack_;
};

/// Install the host's handlers for faults; once, before guest code runs.
void install_fault_handlers();
/// From here on also the signals whose default action the host would carry out by itself are taken: somebody wants to know.
void take_all_signals();
/// Make the host's disposition of a signal follow the guest's action.
void follow_action(int signal, const SignalAction& action);
/// "SIGSEGV", "SIGRT_3"
std::string signal_name(int signal);

} // namespace emu::linux_user
