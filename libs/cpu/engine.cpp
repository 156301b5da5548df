// SPDX-License-Identifier: MIT
#include "cpu/engine.h"

#include "common/result.h"
#include "cpu/dump.h"
#include "cpu/translated.h"

#include <algorithm>
#include <vector>

namespace emu::cpu {

Result<void> Engine::before_fork() {
    Translated* translated = impl_->translated.get();
    if (translated) translated->compile_mutex().lock();
    impl_->mutex.lock();
    Result<void> copied = translated ? translated->before_fork() : Result<void>();
    if (!copied) {
        impl_->mutex.unlock();
        if (translated) translated->compile_mutex().unlock();
    }
    return copied;
}

void Engine::after_fork(bool in_child) {
    Translated* translated = impl_->translated.get();
    if (translated) translated->after_fork(in_child);
    impl_->mutex.unlock();
    if (translated) translated->compile_mutex().unlock();
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::create(const isa::Isa& isa, const isa::CpuModel& model, EngineOptions options, CodeMemory& memory) {
    auto impl = std::make_unique<Impl>();
    impl->isa = &isa;
    impl->model = &model;
    impl->options = options;
    impl->memory = &memory;
    if (options.execution == Execution::jit) impl->translated = EMU_TRY(Translated::create(*impl));
    return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

const isa::Isa& Engine::isa() const { return *impl_->isa; }
const isa::CpuModel& Engine::model() const { return *impl_->model; }
const EngineOptions& Engine::options() const { return impl_->options; }

Engine::Stats Engine::stats() const {
    std::lock_guard lock(impl_->mutex);
    Stats stats = impl_->stats;
    if (impl_->translated) stats.code_bytes = impl_->translated->code_bytes();
    return stats;
}

std::shared_ptr<ir::Function> Engine::Impl::translate(u64 pc, u32 mode, unsigned max_insns, isa::CodeReader& reader, const isa::KnownUnits* known) {
    auto function = std::make_shared<ir::Function>();
    function->pc = pc;
    function->mode = mode;
    function->slots = isa->slots;
    function->fp = isa->fp_env(mode);
    ir::Builder builder(*function);
    isa::TranslateRequest request{.pc = pc, .mode = mode, .model = model, .max_insns = max_insns, .system = options.system, .code = &reader,
                                  .known = known, .leaders = {}};
    isa->translate(builder, request);
    EMU_ASSERT(!builder.open());
#ifdef EMU_CHECKED
    if (std::string wrong = ir::verify(*function); !wrong.empty()) assertion_failed(wrong.c_str(), "ir verifier", 0);
#endif
    return function;
}

std::shared_ptr<ir::Function> Engine::Impl::translate_one(u64 pc, u32 mode) {
    std::lock_guard lock(mutex);
    return translate(pc, mode, 1, *memory);
}

std::shared_ptr<const ir::Function> Engine::Impl::find_or_translate(u64 pc, u32 mode) {
    std::lock_guard lock(mutex);
    auto at = functions.find({pc, mode});
    if (at != functions.end()) return at->second;
    auto function = translate(pc, mode, options.one_insn_per_unit ? 1 : superblock_insns, *memory);
    if (wants_dump()) dump_unit(*isa, *function, *memory, {}, nullptr);
    for (auto [first, last] : function->ranges) memory->watch(first, last);
    stats.units++;
    stats.guest_insns += function->insns;
    functions.emplace(UnitKey{pc, mode}, function);
    return function;
}

void Engine::save_translations() {
    if (impl_->translated) impl_->translated->save_cache();
}

bool Engine::invalidate(u64 first, u64 last) {
    if (impl_->translated) return impl_->translated->invalidate(first, last);
    std::lock_guard lock(impl_->mutex);
    auto touched = [&](const ir::Function& f) {
        return std::any_of(f.ranges.begin(), f.ranges.end(), [&](auto range) { return range.first < last && first < range.second; });
    };
    usize dropped = std::erase_if(impl_->functions, [&](const auto& entry) { return touched(*entry.second); });
    impl_->stats.invalidations += dropped;
    return dropped != 0;
}

} // namespace emu::cpu
