// SPDX-License-Identifier: MIT
#include "cpu/engine.h"

#include "common/result.h"

#include <algorithm>

namespace emu::cpu {

namespace {
constexpr unsigned superblock_insns = 64;
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::create(const isa::Isa& isa, const isa::CpuModel& model, EngineOptions options, CodeMemory& memory) {
    auto impl = std::make_unique<Impl>();
    impl->isa = &isa;
    impl->model = &model;
    impl->options = options;
    impl->memory = &memory;
    return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

const isa::Isa& Engine::isa() const { return *impl_->isa; }
const isa::CpuModel& Engine::model() const { return *impl_->model; }
const EngineOptions& Engine::options() const { return impl_->options; }

Engine::Stats Engine::stats() const {
    std::lock_guard lock(impl_->mutex);
    return impl_->stats;
}

std::shared_ptr<ir::Function> Engine::Impl::translate(u64 pc, u32 mode, unsigned max_insns) {
    auto function = std::make_shared<ir::Function>();
    function->pc = pc;
    function->mode = mode;
    function->slots = isa->slots;
    function->fp = isa->fp_env(mode);
    ir::Builder builder(*function);
    isa::TranslateRequest request{.pc = pc, .mode = mode, .model = model, .max_insns = max_insns, .system = options.system, .code = memory};
    isa->translate(builder, request);
    EMU_ASSERT(!builder.open());
#ifdef EMU_CHECKED
    if (std::string wrong = ir::verify(*function); !wrong.empty()) assertion_failed(wrong.c_str(), "ir verifier", 0);
#endif
    return function;
}

std::shared_ptr<const ir::Function> Engine::Impl::find_or_translate(u64 pc, u32 mode) {
    std::lock_guard lock(mutex);
    auto at = functions.find({pc, mode});
    if (at != functions.end()) return at->second;
    auto function = translate(pc, mode, options.one_insn_per_unit ? 1 : superblock_insns);
    for (auto [first, last] : function->ranges) memory->watch(first, last);
    stats.units++;
    stats.guest_insns += function->insns;
    functions.emplace(UnitKey{pc, mode}, function);
    return function;
}

bool Engine::invalidate(u64 first, u64 last) {
    std::lock_guard lock(impl_->mutex);
    auto touched = [&](const ir::Function& f) {
        return std::any_of(f.ranges.begin(), f.ranges.end(), [&](auto range) { return range.first < last && first < range.second; });
    };
    usize dropped = std::erase_if(impl_->functions, [&](const auto& entry) { return touched(*entry.second); });
    impl_->stats.invalidations += dropped;
    return dropped != 0;
}

} // namespace emu::cpu
