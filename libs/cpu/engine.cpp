// SPDX-License-Identifier: MIT
#include "cpu/engine.h"

#include "common/result.h"
#include "cpu/dump.h"
#include "cpu/instrument.h"
#include "cpu/recording_reader.h"
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

void Engine::stop_threads() {
    if (impl_->translated) impl_->translated->stop_worker();
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

namespace {

u64 tell_executed(ir::StateHeader& state, u64 pc, u64 count, u64, u64) {
    static_cast<Vcpu*>(state.vcpu)->engine().options().instrument->executed(pc, u32(count));
    return 0;
}
const ir::Helper executed_helper{.name = "executed", .function = reinterpret_cast<void*>(tell_executed), .args = 2};

/// Tells of the instructions since the last exit, before each exit.
class Counting final : public ir::Builder::Watcher {
public:
    void before_exit(ir::Builder& builder, ir::Exit&, bool, ir::Val) override {
        const ir::Function& function = builder.function();
        const u32 count = function.insns - told_;
        if (count == 0) return;
        u32 number = 0;
        u64 first = function.pc;
        for (const ir::Node& node : function.nodes)
            if (node.op == ir::Op::insn && number++ == told_) first = node.imm();
        told_ = function.insns;
        builder.call(executed_helper, {builder.imm64(first), builder.imm64(count)});
    }

private:
    u32 told_ = 0;
};

} // namespace

std::shared_ptr<ir::Function> Engine::Impl::empty_function(u64 pc, u32 mode) {
    auto function = spare_function ? std::move(spare_function) : std::make_shared<ir::Function>();
    function->clear();
    function->pc = pc;
    function->mode = mode;
    function->slots = isa->slots;
    function->fp = isa->fp_env(mode);
    return function;
}

std::shared_ptr<ir::Function> Engine::Impl::translate(u64 pc, u32 mode, unsigned max_insns, isa::CodeReader& reader, const isa::KnownUnits* known) {
    auto function = empty_function(pc, mode);
    Counting counting;
    Instrument* instrument = options.instrument;
    ir::Builder builder(*function, instrument && instrument->wants_executed() ? &counting : nullptr);
    isa::TranslateRequest request{.pc = pc, .mode = mode, .model = model, .max_insns = max_insns, .system = options.system, .code = &reader,
                                  .known = known, .leaders = {}};
    isa->translate(builder, request);
    EMU_ASSERT(!builder.open());
    if (instrument && max_insns > 1) instrument->translated(*function);
#ifdef EMU_CHECKED
    if (std::string wrong = ir::verify(*function); !wrong.empty()) assertion_failed(wrong.c_str(), "ir verifier", 0);
#endif
    return function;
}

namespace {
/// Units end before breakpoints as they do before other units.
class KnownOrStop final : public isa::KnownUnits {
public:
    KnownOrStop(const Engine::Impl& engine, const isa::KnownUnits* known) : engine_(engine), known_(known) {}
    bool has(u64 pc, u32 mode) const override { return engine_.stops_at(pc) || (known_ && known_->has(pc, mode)); }

private:
    const Engine::Impl& engine_;
    const isa::KnownUnits* known_;
};
} // namespace

std::shared_ptr<ir::Function> Engine::Impl::translate_stopping(u64 pc, u32 mode, unsigned max_insns, isa::CodeReader& reader,
                                                               const isa::KnownUnits* known) {
    if (breakpoints.empty()) return translate(pc, mode, max_insns, reader, known);
    if (!stops_at(pc)) {
        const KnownOrStop stopping(*this, known);
        return translate(pc, mode, max_insns, reader, &stopping);
    }
    auto function = empty_function(pc, mode);
    function->insns = 1;
    const u64 address = options.code_address ? options.code_address(pc) : pc;
    function->end = address + 1;
    function->ranges.emplace_back(address, address + 1);
    ir::Builder builder(*function);
    builder.insn(pc, 0);
    builder.trap(u32(trap_debug_break), pc);
    return function;
}

void Engine::set_breakpoint(u64 pc, bool present) {
    {
        std::lock_guard lock(impl_->mutex);
        if (present) impl_->breakpoints.insert(pc);
        else impl_->breakpoints.erase(pc);
    }
    invalidate(pc, pc + 1);
}

void Engine::clear_breakpoints() {
    std::set<u64> places;
    {
        std::lock_guard lock(impl_->mutex);
        places.swap(impl_->breakpoints);
    }
    for (u64 pc : places) invalidate(pc, pc + 1);
}

bool Engine::has_breakpoint(u64 pc) const {
    std::lock_guard lock(impl_->mutex);
    return impl_->stops_at(pc);
}

std::shared_ptr<ir::Function> Engine::Impl::translate_one(u64 pc, u32 mode) {
    std::lock_guard lock(mutex);
    return translate(pc, mode, 1, *memory);
}

std::shared_ptr<const ir::Function> Engine::Impl::find_or_translate(u64 pc, u32 mode) {
    std::lock_guard lock(mutex);
    auto at = functions.find({pc, mode});
    if (at != functions.end()) return at->second;
    std::shared_ptr<ir::Function> function;
    for (bool changed = true; changed;) { // by another vCPU, before it was watched
        RecordingReader reader(*memory);
        function = translate_stopping(pc, mode, options.one_insn_per_unit ? 1 : superblock_insns, reader);
        for (auto [first, last] : function->ranges) memory->watch(first, last);
        changed = !reader.unchanged();
    }
    if (wants_dump()) dump_unit(*isa, *function, *memory, {}, nullptr, [&] { return ir::print(*function); });
    stats.units++;
    stats.guest_insns += function->insns;
    functions.emplace(UnitKey{pc, mode}, function);
    return function;
}

void Engine::save_translations() {
    if (impl_->translated) impl_->translated->save_cache();
}

void Engine::share_memory() {
    if (impl_->translated) impl_->translated->share_memory();
}

bool Engine::invalidate(u64 first, u64 last) {
    const Range range{first, last};
    return invalidate({&range, 1}, {});
}

bool Engine::invalidate(std::span<const Range> ranges, const std::function<void()>& and_then) {
    std::lock_guard lock(impl_->mutex);
    usize dropped = 0;
    for (const auto& [first, last] : ranges) {
        if (impl_->translated) dropped += impl_->translated->invalidate(first, last);
        if (impl_->functions.empty()) continue;
        const auto touched = [first = first, last = last](const auto& entry) { return touches(*entry.second, first, last); };
        const usize functions = std::erase_if(impl_->functions, touched);
        impl_->stats.invalidations += functions;
        dropped += functions;
    }
    if (and_then) and_then();
    return dropped != 0;
}

} // namespace emu::cpu
