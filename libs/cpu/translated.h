// SPDX-License-Identifier: MIT
// Translated code of an engine: finding and making units, linking, invalidation, and the vCPUs that run in it.
#pragma once
#include "cpu/ahead.h"
#include "cpu/code_cache.h"
#include "cpu/engine.h"
#include "cpu/first_runs.h"
#include "cpu/perf_map.h"
#include "cpu/unit_map.h"
#include "jit/jit.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <optional>
#include <pthread.h>
#include <set>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace emu::cpu {

/// What one vCPU needs besides its state to run translated code.
class Runner {
public:
    explicit Runner(ir::StateHeader& s) : state(s) {}
    ir::StateHeader& state;
    /// Left::first: this is what is to be interpreted.
    std::shared_ptr<const ir::Function> first;

private:
    friend class Translated;
    /// Jump cache and return stack hold code of one mode.
    struct Context {
        u32 mode = 0;
        ir::JumpCache jump_cache;
        jit::ReturnStack stack;
        void* jit_stack = nullptr;
        explicit Context(jit::ReturnStack s) : stack(std::move(s)) {}
    };
    std::vector<std::unique_ptr<Context>> contexts_;
    Context* active_ = nullptr;
    u64 settled_at_ = ~u64(0);   ///< pc where it changed its mode last
    /// In translated code, or about to be, or not done with what it left: units may not go away.
    std::atomic<bool> running_ = false;
};

/// The engine's mutex guards everything; it is taken once each time translated code was left.
class Translated final : private isa::KnownUnits {
public:
    static Result<std::unique_ptr<Translated>> create(Engine::Impl& engine);
    ~Translated() { stop_worker(); }

    void add(Runner& runner);
    void remove(Runner& runner);

    enum class Left : u8 {
        stop,        ///< by a trap: the state's exit fields say which
        again,       ///< look at polls and at the mode, then go on
        fault,       ///< a memory access faulted; the state is exact before its instruction
        raised,      ///< a helper raised
        untranslatable,   ///< the instruction at pc is to be interpreted
        first,       ///< what begins at pc runs for the first time, and is to be interpreted
    };
    /// Run from state.pc in state.mode.
    Left run(Runner& runner);

    /// Units that are dropped; the lock is held.
    usize invalidate(u64 first, u64 last);
    /// For the host's signal handler: the fault was in translated code and run() will return Left::fault, or it is repaired.
    bool handle_fault(Runner& runner, u64 address, void* ucontext);
    /// Abandon the helper that is running on this vCPU.
    [[noreturn]] void raise(Runner& runner);
    usize code_bytes() const { return jit_->used(); }
    /// Held while a region is being compiled, taken before the engine's; across fork() too.
    std::mutex& compile_mutex() { return compile_mutex_; }
    void save_cache();
    void share_memory();
    /// The locks are held from the one to the other.
    Result<void> before_fork();
    void after_fork(bool in_child);
    void stop_worker();

private:
    /// After fork: the other vCPUs are gone with their threads.
    void forget_other_threads();
    explicit Translated(Engine::Impl& engine, std::unique_ptr<jit::Jit> jit) : engine_(engine), jit_(std::move(jit)) {}
    using Lock = std::unique_lock<std::mutex>;
    bool has(u64 pc, u32 mode) const override { return units_.has(pc, mode); }
    jit::Unit* translate(Lock& lock, u64 pc, u32 mode, const FirstRuns::Function& built);
    jit::Unit* add(jit::Unit& unit, std::chrono::steady_clock::time_point begin);
    bool settle(Runner& runner);
    FirstRuns::Function build(u64 pc, u32 mode);
    /// There is one vCPU, the one that asks: nobody else interprets anything.
    bool is_only() const { return runners_.size() == 1; }
    bool interprets(Runner& runner, FirstRuns::Function& built);
    void collect_ahead();
    void watch(const ir::Function& function);
    void install(jit::Unit& unit);
    void link_known(jit::Unit& unit);
    void drop(jit::Unit& unit);
    void flush(Lock& lock);
    bool activate(Runner& runner, u32 mode);
    void remember_jump(Runner& runner, const jit::Unit& unit);
    void forget_jumps(const jit::Unit& unit);
    void open_cache();
    u64 hash_guest(const jit::Unit& unit) const;
    jit::Unit* wake(u64 pc, u32 mode);
    void tell_profiler(const jit::Unit& unit);
    void promote(Lock& lock, u64 pc, u32 mode);
    void compile_region(UnitKey key, Lock* held);
    // --- worker.cpp
    bool has_worker();
    void unlock(Lock& lock);
    void work();
    bool is_asked() const { return stopping_ || regions_waiting_ || ahead_.waiting(); }
    void wake_worker();

    struct KeyHash {
        usize operator()(const UnitKey& key) const { return hash_of(key.first, key.second); }
    };
    Engine::Impl& engine_;
    std::unique_ptr<jit::Jit> jit_;
    UnitMap units_;
    bool interprets_first_ = false;
    FirstRuns first_runs_;
    Ahead ahead_;
    std::set<UnitKey> not_ahead_;              ///< the worker had no room for these, or they are too complex
    /// How often a vCPU changed its mode rather than have this place translated for another one (by hash).
    std::array<u8, 4096> settled_{};
    std::unordered_map<u64, std::vector<jit::Unit*>> pages_;
    std::unique_ptr<CodeCache> cache_;                                 ///< null: nothing is kept
    std::unordered_map<UnitKey, jit::Unit*, KeyHash> dormant_;         ///< of earlier runs, not put to use yet
    usize new_units_ = 0;                                              ///< since the file was written
    std::unique_ptr<PerfMap> perf_map_;
    std::vector<Runner*> runners_;
    bool flushing_ = false;
    bool shares_memory_ = false;               ///< see EngineOptions::alone
    std::mutex compile_mutex_;
    std::set<UnitKey> covered_;                ///< blocks of regions
    std::deque<UnitKey> waiting_;              ///< hot places
    std::atomic<bool> regions_waiting_ = false;
    bool news_for_worker_ = false;             ///< it is woken when the lock has been given up: it wants that first of all
    std::atomic<u32> asleep_ = 0;              ///< 1: the worker waits for it to be 0
    std::atomic<bool> stopping_ = false;
    std::optional<pthread_t> worker_;
    std::atomic<pid_t> worker_tid_ = 0;
    bool refused_worker_ = false;              ///< the kernel gave none
    pid_t owner_pid_ = ::getpid();             ///< whose memory this is: the child of a vfork only borrows it
    std::condition_variable flushed_;
};

} // namespace emu::cpu
