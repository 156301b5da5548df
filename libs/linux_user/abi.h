// SPDX-License-Identifier: MIT
// What the Linux interface of one architecture is to this library: a value of type Abi, defined in abi/<arch>/. Everything
// that differs between architectures is behind it; nothing else here names one.
#pragma once
#include "isa/debug.h"
#include "isa/isa.h"
#include "linux_user/layout.h"
#include "linux_user/signal_types.h"
#include "linux_user/syscall_id.h"

#include <optional>
#include <vector>

namespace emu::linux_user {

class AddressSpace;
class Thread;
struct Call;

/// A row of an ABI's system call table.
struct SyscallNumber {
    u16 number;
    Sys id;
};

/// Where the signal frame goes and what it says.
struct FrameRequest {
    int signal = 0; ///< the guest's number
    SignalInfo info;
    SignalAction action;
    u64 saved_mask = 0;
    AltStack alt_stack;
    u64 stack_pointer = 0;  ///< the top to build below: the current stack or the alternate one
    u64 return_address = 0; ///< of the trampoline's first byte, where the action brings none

    /// For something that the interrupted instruction did, and that has an address.
    bool is_fault() const {
        switch (signal) {
        case SIGSEGV:
        case SIGBUS:
        case SIGILL:
        case SIGFPE:
        case SIGTRAP: return info.si_code > 0 && info.si_code < SI_KERNEL;
        default: return false;
        }
    }
};

/// What a signal frame restores besides the registers.
struct FrameRestore {
    u64 mask = 0;
    AltStack alt_stack;
};

/// Registers of a thread that a core file has in a note of their own.
struct CoreNote {
    std::string_view owner; ///< "CORE" or "LINUX"
    u32 type;
    /// Nothing written: this thread has no such registers.
    void (*write)(const ir::StateHeader& state, std::vector<u8>& contents);
};

struct Abi {
    std::string_view name; ///< as in emu-<name>
    const isa::Isa* isa;
    u16 elf_machine;
    bool elf64;
    DataModel model;
    u64 page = 4096;
    std::string_view machine;  ///< uname -m
    std::string_view platform; ///< AT_PLATFORM
    std::string_view library_path; ///< the cross compilers' root, tried when -L is not given
    unsigned min_signal_stack; ///< AT_MINSIGSTKSZ
    std::span<const SyscallNumber> numbers;
    /// Called where a number of the architecture's own range has no row.
    std::span<const FlagPair> open_flags;
    const StatLayout* stat;
    const SemidLayout* semid;
    const StatLayout* stat64 = nullptr; ///< of the calls with 64 in their name that 32-bit ABIs have
    bool packed_epoll = false;
    bool aligned_pairs = false; ///< 64-bit arguments begin in a register with an even number (32-bit ABIs)
    ConstBytes trampoline; ///< code that calls rt_sigreturn; what else signal frames need is behind it

    u64 (*hwcap)(const isa::CpuModel& model);
    u64 (*hwcap2)(const isa::CpuModel& model);

    /// Another ABI of the same processor that the system call which the state stands behind was made by; null: this one. Or null.
    const Abi* (*other_abi)(const ir::StateHeader& state) = nullptr;
    /// The state stands behind a call to somebody else than Linux: done, or false where it does not. Or null.
    bool (*host_call)(Thread& thread) = nullptr;
    /// What the flags in a program's ELF header say about how it is to run; or null.
    void (*apply_flags)(ir::StateHeader& state, u32 flags) = nullptr;
    /// Programs in the bFLT format start with the address of their data somewhere; null: there are none.
    void (*start_flat)(ir::StateHeader& state, u64 data) = nullptr;

    // Registers. `state` is the ISA's own, behind its header.
    void (*start)(ir::StateHeader& state, u64 entry, u64 stack_pointer);
    u64 (*stack_pointer)(const ir::StateHeader& state);
    /// The system call that the state stands behind: its number, and arguments 0 to 5.
    u64 (*arguments)(const ir::StateHeader& state, u64 (&arguments)[6]);
    void (*set_result)(ir::StateHeader& state, s64 result);
    /// Stand before the system call instruction again, with the registers it was entered with.
    void (*restart)(ir::StateHeader& state, u64 number, u64 first_argument);
    /// What differs in the child of clone(): result 0, its stack and thread pointer if given.
    void (*fork_child)(ir::StateHeader& child, std::optional<u64> stack_pointer, std::optional<u64> thread_pointer);
    /// clone's arguments in the order flags, stack, parent_tid, child_tid, tls.
    void (*clone_arguments)(const u64 (&arguments)[6], u64 (&ordered)[5]);

    /// What a new address space gets before anything else is mapped, or null.
    Result<void> (*prepare)(AddressSpace& space) = nullptr;
    /// Calls of this architecture alone (rows with sys_own), or null.
    s64 (*own_call)(Call& call) = nullptr;
    /// The signal for a trap of the ISA's own (isa::Trap::first_own on), or null: SIGILL.
    void (*own_trap)(const ir::StateHeader& state, u32 trap, u64 value, SignalInfo& info) = nullptr;

    /// /proc/cpuinfo of a machine with so many of these CPUs; null: the host's is shown.
    std::string (*cpuinfo)(const isa::CpuModel& model, unsigned cpus) = nullptr;

    /// The registers for debuggers and core files; null: it cannot be debugged.
    const isa::DebugView* debug = nullptr;
    // Core files: names of the registers in struct elf_prstatus, in order ("-" is a zero), and what is in other notes.
    std::string_view core_registers = {};
    std::span<const CoreNote> core_notes = {};

    // Signals. False: the frame's memory is not there.
    bool (*push_frame)(ir::StateHeader& state, AddressSpace& space, const FrameRequest& request);
    bool (*pop_frame)(ir::StateHeader& state, AddressSpace& space, FrameRestore& restore);
    /// sigreturn(): the frame of a handler without SA_SIGINFO, where that differs.
    bool (*pop_old_frame)(ir::StateHeader& state, AddressSpace& space, FrameRestore& restore) = nullptr;

    // What the processor and the kernel do besides.
    /// Accesses that the processor refuses without saying where (x86: not canonical, misaligned) are told as SI_KERNEL.
    bool faults_without_address = false;
    int illegal_code = ILL_ILLOPC, breakpoint_code = TRAP_BRKPT; ///< si_code of undefined instructions and breakpoints
    /// Code of the kernel's outside the guest's memory, at `pc`: done, or false where there is none. Or null.
    bool (*kernel_code)(Thread& thread, u64 pc) = nullptr;
};

} // namespace emu::linux_user
