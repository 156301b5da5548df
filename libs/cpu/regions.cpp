// SPDX-License-Identifier: MIT
// The second tier: counters in translated code say where loops are hot (Leave::hot); a region is compiled around such a place,
// by a thread of low priority or at once, and takes the place of the unit there. Running loops pick it up because the exits
// that led to the unit are unlinked and find the region when they are taken next.
#include "cpu/dump.h"
#include "cpu/recording_reader.h"
#include "cpu/translated.h"

#include "common/result.h"

#include <algorithm>
#include <chrono>

namespace emu::cpu {

namespace {

constexpr usize most_waiting = 64;
/// Size of a region, and of one around a place that another region has already: a loop that was entered before that region was
/// there, and that does not come by its entry. It is the innermost loop that matters then.
struct Budget {
    unsigned insns, blocks;
};
constexpr Budget usual{600, 60}, again{100, 10};

} // namespace

/// The unit at (pc, mode) is hot. The lock is held.
void Translated::promote(Lock& lock, u64 pc, u32 mode) {
    jit::Unit* unit = units_.find(pc, mode);
    if (!unit || unit->is_region || unit->tried) return;
    unit->tried = true;
    if (engine_.options.tier2 == Tier2::synchronous) {
        compile_region({pc, mode}, &lock);
        return;
    }
    if (waiting_.size() >= most_waiting || !has_worker()) return;
    waiting_.push_back({pc, mode});
    regions_waiting_ = news_for_worker_ = true;
}

/// With the engine's lock held if `held`, else with compile_mutex_.
void Translated::compile_region(UnitKey key, Lock* held) {
    const auto begin = std::chrono::steady_clock::now();
    u64 flushes;
    auto locked = [&](auto&& f) {
        if (held) return f();
        Lock lock(engine_.mutex);
        return f();
    };
    locked([&] { flushes = engine_.stats.flushes; });
    RecordingReader reader(*engine_.memory);
    ir::RegionRequest request;
    request.pc = key.first;
    request.mode = key.second;
    request.slots = engine_.isa->slots;
    request.fp = engine_.isa->fp_env(key.second);
    const Budget budget = locked([&] { return covered_.count(key) != 0; }) ? again : usual;
    request.max_insns = budget.insns;
    request.max_blocks = budget.blocks;
    request.translate = [&](ir::Builder& builder, u64 pc, std::span<const u64> leaders, unsigned most_insns) {
        const unsigned most = std::min(Engine::Impl::superblock_insns, most_insns);
        isa::TranslateRequest unit{.pc = pc, .mode = key.second, .model = engine_.model, .max_insns = most,
                                   .system = engine_.options.system, .code = &reader, .leaders = leaders};
        engine_.isa->translate(builder, unit);
    };
    // Without the lock: it is asked so often that vCPUs which translate at the same time would be stopped all the time.
    request.wanted = [&](u64 pc) { return units_.maybe_has(pc, key.second); };
    const auto region = ir::build_region(request);
    if (!region) return;
#ifdef EMU_CHECKED
    if (std::string wrong = ir::verify(*region); !wrong.empty()) assertion_failed(wrong.c_str(), "ir verifier", 0);
#endif
    jit::Unit* unit = nullptr;
    if (jit_->compile(*region, unit) != jit::Jit::Outcome::ok) return;
    locked([&] {
        engine_.stats.region_ns += u64(std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count());
        if (flushing_ || flushes != engine_.stats.flushes) return;
        for (auto [first, last] : region->ranges) engine_.memory->watch(first, last);
        if (!reader.unchanged()) return;
        jit_->add(*unit, request.fp);
        if (wants_dump())
            dump_region(*engine_.isa, *region, *engine_.memory, jit_->code(*unit), jit_->entry(*unit), [&] { return jit_->listing(*region); });
        if (jit::Unit* old = units_.find(key.first, key.second)) drop(*old);
        install(*unit);
        for (const auto& block : region->blocks)
            if (!block->call) covered_.insert({block->function.pc, key.second}); // inlined code may be hot for others too
        engine_.stats.regions++;
        engine_.stats.region_insns += region->insns;
    });
}

} // namespace emu::cpu
