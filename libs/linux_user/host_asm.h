// SPDX-License-Identifier: MIT
// The two places where a host fault or signal may strike at an exact instruction and be repaired by moving the program
// counter: copying from and to guest memory, and entering a system call. Written in assembly for the host (x86-64 here),
// so that the signal handler can recognise them by address.
#pragma once
#include "common/types.h"

#include <csignal>

namespace emu::linux_user::host {

/// memcpy that stops at the first byte it may not touch. Returns how many bytes were not copied.
usize safe_copy(void* to, const void* from, usize size);

/// The host's system call `number`, unless `*pending` is set: then -interrupted, and no call was made. There is no gap
/// between the test and the call in which a signal could get lost, because the handler moves a program counter that
/// stands between them to the refusal. Negative results are -errno.
s64 safe_syscall(u64 number, const u64 (&arguments)[6], const volatile int* pending);
inline constexpr s64 interrupted = 512; // ERESTARTSYS, an errno that user space never sees

/// For signal handlers, on the interrupted program counter. Both change it and return true where it stands in the
/// recognised range.
bool repair_copy_fault(void* ucontext);
bool abandon_system_call(void* ucontext);
/// rt_sigaction as the kernel has it, for all 64 signals (the C library keeps two for itself): a function, SIG_DFL or
/// SIG_IGN, with the given SA_ flags and every signal blocked while it runs.
using SignalHandler = void (*)(int signal, siginfo_t* info, void* ucontext);
void set_signal_handler(int signal, SignalHandler handler, unsigned long flags);
void set_signal_default(int signal, bool ignore);
bool signal_is_ignored(int signal);
/// Also the kernel's own calls: the C library would not block what it keeps for itself.
void set_thread_mask(u64 mask);
u64 thread_mask();
/// The mask that comes back when the handler returns.
void set_interrupted_mask(void* ucontext, u64 mask);

/// Where the interrupted code stood, and whether the page fault it took was a write.
u64 program_counter(const void* ucontext);
bool fault_was_write(const void* ucontext);

} // namespace emu::linux_user::host
