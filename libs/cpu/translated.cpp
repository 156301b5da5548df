// SPDX-License-Identifier: MIT
#include "cpu/translated.h"

#include "common/heap.h"
#include "common/log.h"
#include "common/result.h"
#include "cpu/dump.h"
#include "cpu/recording_reader.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <sched.h>
#include <ucontext.h>
#include <utility>

namespace emu::cpu {

namespace {

constexpr unsigned page_bits = 12, most_contexts = 8;
/// Jobs for the worker: waking it takes longer than compiling some.
constexpr u32 worth_waking = 4;
/// So often a unit is interpreted for want of its translation.
constexpr unsigned most_runs = 24;

template <class F> void for_each_page(const jit::Unit& unit, F f) {
    for (auto [first, last] : unit.ranges)
        for (u64 page = first >> page_bits; page <= (last - 1) >> page_bits; page++) f(page);
}

} // namespace

Result<std::unique_ptr<Translated>> Translated::create(Engine::Impl& engine) {
    jit::Options options;
    options.memory_base = engine.options.memory_base;
    options.system = engine.options.system;
    options.code_buffer = engine.options.code_buffer;
    const bool counts = engine.options.tier2 != Tier2::off && !engine.options.one_insn_per_unit && !engine.options.system &&
                        !log::enabled(log::Item::nochain);
    if (counts) options.hot_threshold = engine.options.hot_threshold;
    if (const fp::Rules* rules = engine.isa->fp_env(0).rules) options.denormal_flag = rules->denormal_operand_flag;
    auto jit = EMU_TRY(jit::Jit::create(options, engine.isa->slots));
    jit->set_alone(engine.options.alone);
    std::unique_ptr<Translated> translated(new Translated(engine, std::move(jit)));
    if (engine.options.perf_map || engine.options.jit_dump)
        translated->perf_map_ = std::make_unique<PerfMap>(engine.options.perf_map, engine.options.jit_dump);
    translated->open_cache();
    // Kept translations are to have everything, and an instrument hears of all of it.
    const EngineOptions& o = engine.options;
    translated->interprets_first_ = o.interpret_first && !translated->cache_ && !o.instrument && !o.one_insn_per_unit;
    return translated;
}

void Translated::add(Runner& runner) {
    Lock lock(engine_.mutex);
    runners_.push_back(&runner);
}

void Translated::remove(Runner& runner) {
    Lock lock(engine_.mutex);
    std::erase(runners_, &runner);
}

// --- units -----------------------------------------------------------------------------------------------------------------

/// No translation is there for state.pc in a mode that is only there for speed (x86: the x87 registers are in the host's). A
/// program that uses x87 now and then would have all of its code translated twice: it had better leave that mode, which costs
/// little, unless it comes back into it each time. Right at the instruction that wants it there is no way around.
bool Translated::settle(Runner& runner) {
    constexpr u8 most = 4;
    ir::StateHeader& state = runner.state;
    if (!engine_.isa->settle || state.pc == runner.settled_at_) return false;
    u8& times = settled_[hash_of(state.pc, state.mode) % settled_.size()];
    if (times == most || !engine_.isa->settle(state)) return false;
    times++;
    runner.settled_at_ = state.pc;
    state.mode = engine_.isa->mode(state);
    return true;
}

/// The IR of what begins there, its code being watched.
FirstRuns::Function Translated::build(u64 pc, u32 mode) {
    for (;;) {
        RecordingReader reader(*engine_.memory);
        auto function = engine_.translate_stopping(pc, mode, Engine::Impl::superblock_insns, reader, this);
        watch(*function);
        const bool stale = runners_.size() > 1 && !reader.unchanged(); // another vCPU wrote it before it was watched
        FirstRuns::Function built = stale ? nullptr : first_runs_.copy(*function);
        engine_.spare_function = std::move(function);
        if (built) return built;
    }
}

void Translated::watch(const ir::Function& function) {
    for (auto [first, last] : function.ranges) engine_.memory->watch(first, last);
}

/// Is what begins at the vCPU's pc to be interpreted, as runner.first? Else `built` is its IR, if that is there.
bool Translated::interprets(Runner& runner, FirstRuns::Function& built) {
    const auto [pc, mode] = UnitKey{runner.state.pc, runner.state.mode};
    if (!interprets_first_) return false;
    if (!units_.maybe_has(pc, mode) && !first_runs_.seen(pc, mode) && !wants_dump() && !wants_entry()) {
        first_runs_.keep(built = build(pc, mode), is_only());
        runner.first = std::move(built);
        engine_.stats.first_runs++;
        return true;
    }
    if (Ahead::Job* job = ahead_.find(pc, mode)) {
        if (++job->runs <= most_runs) {
            runner.first = job->function;
            return true;
        }
        job->dropped = true;
        built = job->function;
        return false;
    }
    built = first_runs_.take(pc, mode);
    if (!engine_.options.compile_ahead || ahead_.full() || not_ahead_.count({pc, mode}) || wants_dump() || wants_entry() || !has_worker())
        return false;
    if (!built) built = build(pc, mode);
    ahead_.add(built);
    if (ahead_.waiting() >= worth_waking) news_for_worker_ = true;
    runner.first = std::move(built);
    return true;
}

/// Null: not even one instruction fits, let the interpreter do it.
jit::Unit* Translated::translate(Lock& lock, u64 pc, u32 mode, const FirstRuns::Function& built) {
    if (engine_.breakpoints.empty())
        if (jit::Unit* kept = wake(pc, mode)) return kept;
    const auto begin = std::chrono::steady_clock::now();
    unsigned insns = engine_.options.one_insn_per_unit ? 1 : Engine::Impl::superblock_insns;
    jit::Unit* unit = nullptr;
    if (built && jit_->compile(*built, unit) == jit::Jit::Outcome::ok) return add(*unit, begin);
    for (;;) {
        RecordingReader reader(*engine_.memory);
        auto function = engine_.translate_stopping(pc, mode, insns, reader, this);
        jit::Jit::Outcome outcome = jit_->compile(*function, unit);
        if (outcome == jit::Jit::Outcome::full) {
            flush(lock);
            continue;
        }
        if (outcome == jit::Jit::Outcome::ok) {
            if (wants_dump())
                dump_unit(*engine_.isa, *function, *engine_.memory, jit_->code(*unit), jit_->entry(*unit), [&] { return jit_->listing(*function); });
            watch(*function);
            engine_.spare_function = std::move(function);
            if (runners_.size() > 1 && !reader.unchanged()) continue; // another vCPU wrote it before it was watched
            break;
        }
        if (insns == 1) return nullptr;
        insns = std::min(insns, function->insns) / 2;
    }
    return add(*unit, begin);
}

/// What the worker made is put to use.
void Translated::collect_ahead() {
    ahead_.collect([&](Ahead::Job& job) {
        const FirstRuns::Function function = std::exchange(job.function, nullptr);
        if (!job.unit) {
            if (!job.dropped) not_ahead_.insert({function->pc, function->mode});
            return;
        }
        jit_->add(*job.unit, function->fp);
        if (job.dropped || units_.find(function->pc, function->mode)) return jit_->unlink(*job.unit);
        add(*job.unit, std::chrono::steady_clock::now());
        engine_.stats.ahead++;
        first_runs_.recycle(function, is_only());
    });
}

/// A unit was made since `begin`.
jit::Unit* Translated::add(jit::Unit& unit, std::chrono::steady_clock::time_point begin) {
    if (cache_) {
        unit.guest_hash = hash_guest(unit);
        new_units_++;
    }
    install(unit);
    link_known(unit);
    populate_heap();
    engine_.stats.units++;
    engine_.stats.guest_insns += unit.insns;
    engine_.stats.translate_ns += u64(std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count());
    return &unit;
}

/// Exits to what is there already need not leave first to be linked.
void Translated::link_known(jit::Unit& unit) {
    if (log::enabled(log::Item::nochain)) return;
    for (u32 i = 0; i < unit.links.size(); i++) {
        const jit::LinkSite& site = unit.links[i];
        if (site.key) continue;
        if (jit::Unit* target = units_.find_rare(site.pc, unit.mode)) jit_->link(unit.first_link + i, *target);
    }
}

void Translated::tell_profiler(const jit::Unit& unit) {
    perf_map_->add(jit_->entry(unit), jit_->code(unit), fmt::format("{}:{:#x}{}", engine_.isa->name, unit.pc, unit.is_region ? " (region)" : ""));
}

void Translated::install(jit::Unit& unit) {
    if (perf_map_) tell_profiler(unit);
    units_.insert(unit);
    for_each_page(unit, [&](u64 page) {
        auto& list = pages_[page];
        if (list.empty() || list.back() != &unit) list.push_back(&unit);
    });
}

void Translated::drop(jit::Unit& unit) {
    jit_->unlink(unit);
    forget_jumps(unit);
    units_.erase(unit.pc, unit.mode);
    for_each_page(unit, [&](u64 page) {
        auto at = pages_.find(page);
        if (at == pages_.end()) return;
        std::erase(at->second, &unit);
        if (at->second.empty()) pages_.erase(at);
    });
    // Jumps inside a region cannot be unlinked: who loops in there is asked to come out.
    if (!unit.is_region) return;
    for (Runner* runner : runners_)
        if (runner->running_) __atomic_store_n(&runner->state.poll, 1, __ATOMIC_SEQ_CST);
}

usize Translated::invalidate(u64 first, u64 last) {
    first_runs_.invalidate(first, last);
    ahead_.invalidate(first, last);
    std::vector<jit::Unit*> stale;
    auto collect = [&](const std::vector<jit::Unit*>& list) {
        for (jit::Unit* unit : list)
            if (touches(*unit, first, last) && std::find(stale.begin(), stale.end(), unit) == stale.end()) stale.push_back(unit);
    };
    const u64 first_page = first >> page_bits, pages = ((last - 1) >> page_bits) - first_page + 1;
    if (first >= last) return 0;
    if (pages > pages_.size()) {
        for (const auto& [page, list] : pages_)
            if (page - first_page < pages) collect(list);
    } else {
        for (u64 page = first_page; page - first_page < pages; page++)
            if (auto at = pages_.find(page); at != pages_.end()) collect(at->second);
    }
    for (jit::Unit* unit : stale) drop(*unit);
    engine_.stats.invalidations += stale.size();
    return stale.size();
}

/// Make room: wait until no vCPU is in translated code, then start over. The mutex is given up meanwhile.
void Translated::flush(Lock& lock) {
    if (flushing_) { // someone else is at it
        flushed_.wait(lock, [&] { return !flushing_; });
        return;
    }
    flushing_ = true;
    for (;;) {
        bool busy = false;
        for (Runner* runner : runners_) {
            if (!runner->running_) continue;
            busy = true;
            __atomic_store_n(&runner->state.poll, 1, __ATOMIC_SEQ_CST);
        }
        if (!busy) break;
        lock.unlock();
        sched_yield();
        lock.lock();
    }
    // A region that is being compiled would end up in what is thrown away.
    lock.unlock();
    std::unique_lock compiling(compile_mutex_, std::defer_lock);
    if (engine_.options.tier2 == Tier2::background || engine_.options.compile_ahead) compiling.lock();
    lock.lock();
    waiting_.clear();
    ahead_.clear();
    not_ahead_.clear();
    units_.clear();
    dormant_.clear();
    covered_.clear();
    pages_.clear();
    jit_->flush();
    if (shares_memory_) jit_->set_alone(false); // nobody compiles now
    for (Runner* runner : runners_) {
        for (auto& context : runner->contexts_) {
            jit_->prepare(context->jump_cache, context->stack);
            context->jit_stack = context->stack.top();
        }
        if (runner->active_) runner->state.jit_stack = runner->active_->jit_stack;
    }
    engine_.stats.flushes++;
    flushing_ = false;
    flushed_.notify_all();
}

void Translated::share_memory() {
    Lock lock(engine_.mutex);
    shares_memory_ = true;
    while (jit_->alone()) flush(lock);
}

// --- vCPUs -----------------------------------------------------------------------------------------------------------------

/// Switch to the jump cache and return stack of a mode.
bool Translated::activate(Runner& runner, u32 mode) {
    if (runner.active_ && runner.active_->mode == mode) return true;
    if (runner.active_) runner.active_->jit_stack = runner.state.jit_stack;
    auto at = std::find_if(runner.contexts_.begin(), runner.contexts_.end(), [&](const auto& c) { return c->mode == mode; });
    if (at == runner.contexts_.end()) {
        if (runner.contexts_.size() < most_contexts) {
            auto stack = jit::ReturnStack::create();
            if (!stack) return false;
            at = runner.contexts_.insert(at, std::make_unique<Runner::Context>(std::move(*stack)));
        } else { // use the oldest again
            std::rotate(runner.contexts_.begin(), runner.contexts_.begin() + 1, runner.contexts_.end());
            at = runner.contexts_.end() - 1;
        }
        Runner::Context& fresh = **at;
        fresh.mode = mode;
        jit_->prepare(fresh.jump_cache, fresh.stack);
        fresh.jit_stack = fresh.stack.top();
    }
    runner.active_ = at->get();
    runner.state.jump_cache = runner.active_->jump_cache.data();
    runner.state.shadow_top = runner.active_->stack.top();
    runner.state.jit_stack = runner.active_->jit_stack;
    return true;
}

void Translated::remember_jump(Runner& runner, const jit::Unit& unit) {
    runner.active_->jump_cache.remember({unit.pc, jit_->entry(unit)});
}

/// The owners may be looking things up in their caches right now: the code goes first, then the key.
void Translated::forget_jumps(const jit::Unit& unit) {
    const ir::JumpCacheEntry empty = jit_->empty_entry();
    for (Runner* runner : runners_)
        for (auto& context : runner->contexts_)
            for (ir::JumpCacheEntry& entry : context->jump_cache.pair(unit.pc).entry) {
                if (entry.pc != unit.pc || entry.code != jit_->entry(unit)) continue;
                __atomic_store_n(&entry.code, empty.code, __ATOMIC_SEQ_CST);
                __atomic_store_n(&entry.pc, empty.pc, __ATOMIC_SEQ_CST);
            }
}

Translated::Left Translated::run(Runner& runner) {
    ir::StateHeader& state = runner.state;
    Lock lock(engine_.mutex);
    u32 link = jit::no_link;
    bool indirect = false;
    for (;;) {
        const u64 flushes = engine_.stats.flushes;
        flushed_.wait(lock, [&] { return !flushing_; });
        if (jit_->is_wasteful()) flush(lock);
        collect_ahead();
        if (!activate(runner, state.mode)) return Left::untranslatable;
        jit::Unit* unit = units_.find(state.pc, state.mode);
        if (!unit) {
            if (settle(runner)) {
                link = jit::no_link;
                indirect = false;
                continue;
            }
            FirstRuns::Function built;
            if (interprets(runner, built)) {
                unlock(lock);
                return Left::first;
            }
            unit = translate(lock, state.pc, state.mode, built);
        }
        if (!unit) return Left::untranslatable;
        if (flushing_) continue;
        // After a flush the exit that was taken is gone.
        const bool chain = !log::enabled(log::Item::nochain);
        if (chain && link != jit::no_link && flushes == engine_.stats.flushes) jit_->link(link, *unit);
        if (chain && indirect) remember_jump(runner, *unit);
        runner.running_ = true;
        unlock(lock);
        if (wants_entry()) dump_entry(*engine_.isa, state, unit->insns, unit->ranges);
        const jit::Leave why = jit_->enter(state, *unit);
        if (why == jit::Leave::stop) { // a system call, mostly: that needs nothing here
            runner.running_.store(false, std::memory_order_release);
            return ir::ExitKind(state.exit_kind) == ir::ExitKind::trap ? Left::stop : Left::again;
        }
        lock.lock();
        Left left = Left::again;
        link = jit::no_link;
        indirect = false;
        switch (why) {
        case jit::Leave::link:
            link = u32(reinterpret_cast<u64>(state.link_site));
            state.pc = jit_->link_site(link).pc;
            break;
        case jit::Leave::hot:
            link = u32(reinterpret_cast<u64>(state.link_site));
            state.pc = jit_->link_site(link).pc;
            jit_->stop_counting(link);
            promote(lock, state.pc, state.mode);
            break;
        case jit::Leave::indirect:
            link = u32(reinterpret_cast<u64>(state.link_site));
            indirect = true;
            break;
        case jit::Leave::poll: state.pc = jit_->link_site(u32(reinterpret_cast<u64>(state.link_site))).pc; break;
        case jit::Leave::poll_pc: break;
        case jit::Leave::stop: break;
        case jit::Leave::fault:
            EMU_ASSERT(jit_->recover(state));
            left = Left::fault;
            break;
        case jit::Leave::raised: left = Left::raised; break;
        }
        runner.running_ = false;
        // Links and misses go on here; the rest is for the vCPU.
        if ((link == jit::no_link && !indirect) || __atomic_load_n(&state.poll, __ATOMIC_RELAXED)) {
            unlock(lock);
            return left;
        }
    }
}

bool Translated::handle_fault(Runner& runner, u64 address, void* ucontext) {
    const u64 pc = u64(static_cast<ucontext_t*>(ucontext)->uc_mcontext.gregs[REG_RIP]);
    if (!jit_->contains(pc)) return false;
    if (runner.active_ && jit::Jit::repair_stack(runner.state, runner.active_->stack, address, ucontext)) return true;
    jit_->redirect(runner.state, ucontext);
    return true;
}

void Translated::raise(Runner& runner) {
    {
        Lock lock(engine_.mutex);
        EMU_ASSERT(jit_->recover_call(runner.state));
    }
    jit_->leave_raised(runner.state);
}

Result<void> Translated::before_fork() {
    collect_ahead();
    return jit_->before_fork();
}

void Translated::after_fork(bool in_child) {
    jit_->after_fork(in_child);
    if (in_child) forget_other_threads();
}

void Translated::forget_other_threads() {
    for (Runner* runner : runners_) runner->running_ = false;
    flushing_ = false;
    worker_.reset();
    refused_worker_ = false;
    asleep_ = 0;
    owner_pid_ = getpid();
    waiting_.clear();
    ahead_.clear();
}

} // namespace emu::cpu
