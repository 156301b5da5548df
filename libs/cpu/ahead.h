// SPDX-License-Identifier: MIT
// Units on their way to the thread that compiles beside the vCPUs. Code that runs for the second time is handed to it, and
// interpreted until it is done: compiling takes as long as interpreting some twenty times, and a start is one unit after the
// other. Where the thread does not keep up, the vCPU compiles what it needs itself.
//
// A ring of jobs in the order they were added. The vCPUs, which hold the engine's lock, add and collect; the thread finishes.
#pragma once
#include "cpu/first_runs.h"
#include "jit/unit.h"

#include <array>
#include <atomic>

namespace emu::cpu {

class Ahead {
public:
    struct Job {
        FirstRuns::Function function;
        unsigned runs = 0;                    ///< how often it was interpreted meanwhile
        std::atomic<bool> dropped = false;    ///< nobody waits for it any more
        jit::Unit* unit = nullptr;            ///< what became of it; null: nothing
    };

    // --- with the engine's lock
    /// Enough are waiting.
    bool full() const { return added_.load(std::memory_order_relaxed) - collected_ == jobs_.size(); }
    /// Not if it is full.
    void add(const FirstRuns::Function& function) {
        const u32 at = added_.load(std::memory_order_relaxed);
        Job& job = jobs_[at % jobs_.size()];
        job.function = function;
        job.runs = 1;
        job.dropped.store(false, std::memory_order_relaxed);
        job.unit = nullptr;
        places_[at % jobs_.size()] = hash_of(function->pc, function->mode);
        added_.store(at + 1, std::memory_order_seq_cst);
    }
    /// Null: there is none for this place.
    Job* find(u64 pc, u32 mode) {
        const usize place = hash_of(pc, mode);
        for (u32 at = collected_; at != added_.load(std::memory_order_relaxed); at++) {
            if (places_[at % jobs_.size()] != place) continue;
            Job& job = jobs_[at % jobs_.size()];
            if (job.function->pc == pc && job.function->mode == mode && !job.dropped.load(std::memory_order_relaxed)) return &job;
        }
        return nullptr;
    }
    /// Code in [first, last) changed.
    void invalidate(u64 first, u64 last) {
        for (u32 at = collected_; at != added_.load(std::memory_order_relaxed); at++) {
            Job& job = jobs_[at % jobs_.size()];
            if (touches(*job.function, first, last)) job.dropped.store(true, std::memory_order_relaxed);
        }
    }
    /// f(job) for those that are finished and not collected yet, in order. It takes the function.
    template <class F> void collect(F f) {
        for (const u32 end = finished_.load(std::memory_order_acquire); collected_ != end; collected_++) {
            Job& job = jobs_[collected_ % jobs_.size()];
            f(job);
        }
    }
    /// Forget all of them; the thread does not work now.
    void clear() {
        const u32 end = added_.load(std::memory_order_relaxed);
        for (; collected_ != end; collected_++) jobs_[collected_ % jobs_.size()].function = nullptr;
        finished_.store(end, std::memory_order_relaxed);
    }

    // --- from any thread
    u32 waiting() const { return added_.load(std::memory_order_seq_cst) - finished_.load(std::memory_order_relaxed); }

    // --- the thread
    /// compile(function) for the oldest one, if there is any.
    template <class F> void finish_one(F compile) {
        const u32 at = finished_.load(std::memory_order_relaxed);
        if (added_.load(std::memory_order_acquire) == at) return;
        Job& job = jobs_[at % jobs_.size()];
        if (!job.dropped.load(std::memory_order_relaxed)) job.unit = compile(*job.function);
        finished_.store(at + 1, std::memory_order_release);
    }

private:
    std::array<Job, 64> jobs_;
    std::array<usize, 64> places_{};                ///< of the jobs: hashes
    u32 collected_ = 0;                             ///< counts of jobs; each goes around
    std::atomic<u32> finished_ = 0, added_ = 0;
};

} // namespace emu::cpu
