// SPDX-License-Identifier: MIT
// The emulated process: what its threads share.
#pragma once
#include "linux_user/abi.h"
#include "linux_user/address_space.h"
#include "linux_user/elf.h"
#include "linux_user/options.h"
#include "linux_user/paths.h"
#include "linux_user/semihosting.h"
#include "linux_user/syscall.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace emu::plugin {
class Plugins;
}

namespace emu::linux_user {

class Debugger;
class Thread;

/// What was loaded, for /proc/self and for programs that the guest executes.
struct ProgramInfo {
    std::string path;               ///< absolute
    std::vector<std::string> argv;
    std::vector<u8> auxv;           ///< as the guest sees it
    u64 stack_start = 0;            ///< initial stack pointer
};

class Process {
public:
    Process(const Abi& abi, const isa::CpuModel& model, UserOptions options);
    ~Process();

    /// Load the program and make the first thread. The error's code is an errno.
    Result<void> load(int fd, std::vector<std::string> argv, std::vector<std::string> environment);
    /// Run until the process exits; does not return.
    [[noreturn]] void run();
    /// Before the process ends: what was translated may be of use to the next one.
    void save_translations();
    /// It ends now, with this status or by this signal.
    void ends(Thread& thread, int status, int signal);
    /// Null: there is none, or not any more.
    Debugger* debugger() { return debugger_.get(); }
    void forget_debugger();
    /// One thread is about to die for all: the others stand still from now on, those in translated code at its next poll.
    void halt_others(Thread& but);
    /// Does not return while another thread dies for all.
    void wait_if_halted(Thread& thread) { if (dying_.load(std::memory_order_relaxed)) halted(thread); }

    const Abi& abi() const { return abi_; }
    const UserOptions& options() const { return options_; }
    const SyscallTable& syscalls() const { return table_; }
    AddressSpace& space() { return *space_; }
    cpu::Engine& engine() { return *engine_; }
    const isa::CpuModel& model() const { return model_; }
    PathMap& paths() { return paths_; }
    ProgramInfo& program() { return program_; }
    SemihostingState& semihosting() { return semihosting_; }
    /// Guest address of the code that signal handlers return to.
    u64 trampoline() const { return trampoline_; }

    void add(Thread& thread);
    /// The number of threads that are left.
    usize remove(Thread& thread);
    usize thread_count();
    void for_each_thread(const std::function<void(Thread&)>& f);
    /// In the child of a fork: only this thread is there.
    void keep_only(Thread& thread);
    /// All that threads share stands still between these two. On failure nothing is held, and there can be no fork.
    Result<void> before_fork();
    void after_fork(bool in_child);

    /// Descriptors that are Emu's own: the guest cannot close or replace them.
    bool owns_descriptor(int fd) const;
    /// Is one among the arguments of this call?
    bool owns_descriptor_of(const Syscall& row, const u64 (&arguments)[6]) const {
        for (unsigned i = 0; i < most_arguments; i++)
            if (row.descriptors >> i & 1 && owns_descriptor(int(u32(arguments[i])))) return true;
        return false;
    }
    std::vector<int> own_descriptors() const; ///< ascending

    /// RLIMIT_AS and the like limit the guest, not Emu: remembered here, not set.
    std::mutex limits_mutex;
    struct {
        bool set = false;
        u64 current = 0, maximum = 0;
    } limits[16];

private:
    Result<void> prepare_space();
    Result<u64> map_trampoline();

    const Abi& abi_;
    const isa::CpuModel& model_;
    UserOptions options_;
    SyscallTable table_;
    PathMap paths_;
    ProgramInfo program_;
    SemihostingState semihosting_;
    std::unique_ptr<AddressSpace> space_;
    std::unique_ptr<cpu::Engine> engine_;
    std::unique_ptr<Thread> first_;
    std::unique_ptr<Debugger> debugger_;
    std::unique_ptr<plugin::Plugins> plugins_;
    u64 trampoline_ = 0;
    void halted(Thread& thread);
    std::atomic<Thread*> dying_ = nullptr;
    std::atomic<unsigned> halted_ = 0;
    std::mutex threads_mutex_;
    std::vector<Thread*> threads_;
};

} // namespace emu::linux_user
