// SPDX-License-Identifier: MIT
// One virtual CPU: guest state, the loop that finds or makes translations and runs them, and the way back out of them.
//
//     Engine engine(isa, model, options, memory_map);          // shared by all vCPUs of a guest: translations, code buffer
//     Vcpu cpu(engine);
//     for (;;) {
//         Stop stop = cpu.run();                               // until a trap, a poll request or a fault
//         ...                                                  // state().pc is the instruction to continue with
//     }
#pragma once
#include "common/result.h"
#include "ir/memory.h"
#include "isa/isa.h"

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace emu::cpu {

class Instrument;

enum class Execution : u8 { jit, interpreter };
/// Are hot loops compiled again, as regions?
enum class Tier2 : u8 {
    off,
    background,    ///< by a thread of their own
    synchronous,   ///< at once, by the vCPU that finds them (for tests)
};

struct EngineOptions {
    Execution execution = Execution::jit;
    bool one_insn_per_unit = false;
    bool system = false;
    u64 memory_base = 0;              ///< host address of guest address 0 (flat memory only)
    class PhysicalBus* bus = nullptr; ///< system mode: what the MMU's physical side leads to
    usize code_buffer = usize(256) << 20;
    Tier2 tier2 = Tier2::background;
    u32 hot_threshold = 4096;         ///< times a back edge is taken until its target is hot
    std::string code_cache;           ///< directory for translations that later runs use again; "": none are kept
    std::string code_cache_key;       ///< what they are kept for: the program, in a version
    u64 (*code_address)(u64 pc) = nullptr; ///< where the pc of a breakpoint is in memory; null: at pc
    bool interpret_first = false;     ///< what runs for the first time is interpreted; compiled the second time
    bool compile_ahead = false;       ///< then by a thread, if that is done with it soon enough
    bool alone = false;               ///< nobody but the first vCPU sees the guest's memory, until Engine::share_memory
    Instrument* instrument = nullptr; ///< hears of what is executed; no regions and no kept translations then
    bool perf_map = false, jit_dump = false;   ///< tell the host's profiler what translated code is (perf_map.h)
};

/// What the engine needs to know of the guest's memory map, provided by user mode or by a machine.
class CodeMemory : public isa::CodeReader {
public:
    /// Code in [first, last) is being translated: writes to it must be noticed from now on (user mode: take away the
    /// host's write permission; system mode: mark the pages' TLB entries). Called with the engine's lock held.
    virtual void watch(u64 first, u64 last) = 0;
};

/// Traps of the debugger's doing, which no guest sees: below Trap::first_own, above what ISAs share.
/// A breakpoint is here, nothing was executed; or an access (to the value) is being watched for, and not made yet.
inline constexpr isa::Trap trap_debug_break{62}, trap_debug_watch{63};
static_assert(trap_debug_watch < isa::Trap::first_own);

/// Why run() returned. pc of the state is exact: for traps that complete (syscall) it is the next instruction, for faults and
/// undefined instructions it is the culprit.
struct Stop {
    enum class Kind : u8 { trap, poll } kind = Kind::poll;
    isa::Trap trap = isa::Trap::none;
    u64 value = 0;                    ///< fault address, syscall immediate, ...
    int host_code = 0;                ///< for memory faults: si_code of the host signal (SEGV_MAPERR, SEGV_ACCERR, BUS_ADRALN ...)
    int host_signal = 0;              ///< SIGSEGV or SIGBUS
};

/// Guest addresses [first, last) that a debugger wants to see accesses to.
struct Watch {
    u64 first = 0, last = 0;
    bool reads = false, writes = true;
};

class Vcpu;
class SoftMmu;

/// Translations of one guest address space, shared by its vCPUs.
class Engine {
public:
    static Result<std::unique_ptr<Engine>> create(const isa::Isa& isa, const isa::CpuModel& model, EngineOptions options,
                                                  CodeMemory& memory);
    ~Engine();
    const isa::Isa& isa() const;
    const isa::CpuModel& model() const;
    const EngineOptions& options() const;

    /// Guest code in [first, last) changed or went away: no translation of it is entered any more. Thread-safe; may be called
    /// by any vCPU's thread and (async-signal-safely, from a fault on a watched page) from the host signal handler.
    /// True if there was any.
    bool invalidate(u64 first, u64 last);
    using Range = std::pair<u64, u64>; ///< first, last
    /// Several at once; then `and_then` is called before anything is translated anew, with the engine's lock held.
    bool invalidate(std::span<const Range> ranges, const std::function<void()>& and_then);
    /// A place of the guest's code where vCPUs stop before they execute it (trap_debug_break), or no more. step() does not
    /// stop there.
    void set_breakpoint(u64 pc, bool present);
    bool has_breakpoint(u64 pc) const;
    void clear_breakpoints();
    /// Keep what was translated for later runs (EngineOptions::code_cache); when the program ends.
    void save_translations();
    /// Others are about to see the guest's memory (EngineOptions::alone). Not to be called from translated code.
    void share_memory();

    /// Before and after the process forks, by the thread that forks: in between no vCPU translates, and the child gets code of
    /// its own. On failure (no memory) there can be no fork.
    Result<void> before_fork();
    void after_fork(bool in_child);
    /// No thread of the engine's own is there any more, until some is of use again. For the thread of the only vCPU.
    void stop_threads();

    struct Stats {
        u64 units = 0, guest_insns = 0, code_bytes = 0, invalidations = 0, flushes = 0, translate_ns = 0, kept_units = 0;
        u64 first_runs = 0;           ///< units that were interpreted
        u64 ahead = 0;                ///< units that a thread compiled meanwhile
        u64 regions = 0, region_insns = 0, region_ns = 0;
    };
    Stats stats() const;

    struct Impl;                      ///< engine.h

private:
    friend class Vcpu;
    explicit Engine(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

class Vcpu {
public:
    explicit Vcpu(Engine& engine);
    ~Vcpu();
    Vcpu(const Vcpu&) = delete;

    /// The ISA's state struct (a StateHeader first).
    ir::StateHeader& state();
    template <class T> T& state_as() { return static_cast<T&>(state()); }
    Engine& engine();

    /// Run until something stops it. In system mode the guest takes its exceptions itself (Isa::take_exception); only what it
    /// cannot take, such as `halt`, stops the vCPU. The FP flags harvested from the host are in state().fp_flags on return.
    Stop run();
    /// Execute exactly one instruction in the interpreter (no translation kept).
    Stop step();

    /// Stop before accesses to these (trap_debug_watch with the address), until they are changed; everything is interpreted
    /// meanwhile. The list is the caller's and must stay as it is; empty: none. Not while the vCPU runs.
    void set_watches(std::span<const Watch> watches);
    /// Accesses go through the state's `memory`, each by itself: somebody watches them.
    bool watched() const;
    /// Ask the vCPU to return Stop::poll soon. Async-signal-safe, callable from any thread.
    void request_poll();
    /// System mode: level of the interrupt line; taken by the guest as soon as it lets itself be interrupted. Any thread.
    void set_interrupt(bool level);
    /// System mode: this vCPU's memory; null in user mode.
    SoftMmu* mmu();

    /// Leave the running helper (or memory slow path) with a guest exception: exact state is restored for the instruction
    /// that called it, and run() returns the trap. Only from code called by translated code or the interpreter.
    [[noreturn]] void raise(isa::Trap trap, u64 value, int host_code = 0, int host_signal = 0);

    /// For the host's SIGSEGV/SIGBUS handler: if the fault at host `pc` (ucontext) happened in translated code, a helper or the
    /// interpreter of this vCPU, arrange that run() returns the guest fault and return true; false: not ours, a bug in Emu.
    /// `address` is si_addr; the guest address is derived by the caller's memory_base.
    bool handle_host_fault(int signal, int code, u64 address, void* ucontext);
    /// The vCPU running on this thread, or null.
    static Vcpu* current();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace emu::cpu
