// SPDX-License-Identifier: MIT
// What a debugger looks at, as the stub sees it: threads with registers, memory, places to stop. User mode makes one of its
// process; a machine makes one of its processors.
#pragma once
#include "isa/debug.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace emu::gdb {

/// What a thread is to do when the target goes on.
struct Resume {
    u64 thread = 0;                  ///< 0: every thread that no other entry names
    bool step = false;
    int signal = 0;                  ///< to be delivered first; Linux's number, 0: none
    u64 range_start = 0, range_end = 0; ///< go on stepping while pc is in here
};

enum class WatchKind : u8 { write, read, access };

/// Why the target stands still, or that it is gone.
struct StopEvent {
    enum class Kind : u8 { signal, breakpoint, watch, syscall_entry, syscall_return, exited, killed };
    Kind kind = Kind::signal;
    u64 thread = 0;
    int signal = 5;                  ///< Linux's number: SIGTRAP for steps; of `killed`, what it died of
    u64 value = 0;                   ///< watch: the address; syscalls: the number; exited: the status
    WatchKind watch = WatchKind::write;
};

/// Everything but resume() and interrupt() is only called while the target stands still.
class Target {
public:
    virtual ~Target() = default;
    virtual const isa::RegisterFile& registers() const = 0;
    /// Numbers above 0, the same for a thread's whole life.
    virtual std::vector<u64> threads() = 0;
    virtual std::string thread_name(u64 thread) = 0;
    /// Null: there is no such thread (any more).
    virtual ir::StateHeader* state(u64 thread) = 0;
    /// How many bytes could be read.
    virtual usize read(u64 address, Bytes to) = 0;
    virtual bool write(u64 address, ConstBytes from) = 0;
    virtual bool set_breakpoint(u64 address, bool present) = 0;
    virtual bool set_watch(WatchKind kind, u64 address, u64 size, bool present) = 0;
    /// Threads that no entry is about stay where they are.
    virtual void resume(std::span<const Resume> actions) = 0;
    /// Ask the running target to stop; a StopEvent follows.
    virtual void interrupt() = 0;
    /// The debugger takes its hands off; the target goes on by itself.
    virtual void detach() = 0;
    virtual void kill() = 0;
    /// Contents of a qXfer object ("auxv", "exec-file", "siginfo"); nothing: the target has no such thing.
    virtual std::optional<std::string> object(std::string_view name, u64 thread) = 0;
    /// Write one; false: cannot be.
    virtual bool write_object(std::string_view, u64, u64, ConstBytes) { return false; }
    virtual std::vector<std::string_view> objects() const = 0;
    /// Signals (bits of Linux's numbers, less one) to deliver without a stop.
    virtual void pass_signals(u64 mask) = 0;
    /// System calls to stop at: none, all (an empty list), or these.
    virtual void catch_syscalls(std::optional<std::vector<u64>> numbers) = 0;
    virtual bool has_syscalls() const { return false; }
    /// Readable when take_event() has something.
    virtual int event_descriptor() const = 0;
    virtual std::optional<StopEvent> take_event() = 0;
    /// The farewell was sent, or nobody is there to hear it.
    virtual void event_sent(const StopEvent& event) = 0;
};

} // namespace emu::gdb
