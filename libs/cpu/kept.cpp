// SPDX-License-Identifier: MIT
// Translations of earlier runs: all units of the program's file are there from the start, and each is put to use where the
// guest comes to it, if the guest's code there is still what it was made of.
#include "cpu/code_cache.h"
#include "cpu/translated.h"

#include "common/log.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/stat.h>

namespace emu::cpu {

namespace {

/// Writing the file again is only worth it for so many units, or a share of those that it has.
constexpr usize least_new_units = 32, share_of_units = 32;

/// This build of the emulator.
std::string own_identity() {
    struct stat status;
    if (::stat("/proc/self/exe", &status)) return {};
    return fmt::format("{} {} {}.{}", EMU_VERSION, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

std::string key_of(const Engine::Impl& engine, const jit::Options& options) {
    const EngineOptions& o = engine.options;
    std::string features;
    for (usize i = 0; i < sizeof options.features; i++) features += reinterpret_cast<const char*>(&options.features)[i] ? '1' : '0';
    return fmt::format("{}\n{} {}\n{:x} {} {} {}\n{}\n{}", own_identity(), engine.isa->name, engine.model->name, o.memory_base,
                       o.code_buffer, int(o.tier2 != Tier2::off), options.hot_threshold, features, o.code_cache_key);
}

} // namespace

void Translated::open_cache() {
    const EngineOptions& o = engine_.options;
    if (o.code_cache.empty() || o.system || o.one_insn_per_unit) return;
    cache_ = std::make_unique<CodeCache>(o.code_cache, key_of(engine_, jit_->backend().options));
    auto bytes = cache_->load();
    if (!bytes) return log::warning(fmt::format("{}; not used", bytes.error().text));
    if (bytes->empty()) return;
    if (!jit_->restore(*bytes, [&](u32 mode) { return engine_.isa->fp_env(mode); }))
        return log::warning(cache_->path() + ": damaged; not used");
    for (jit::Unit* unit : jit_->units())
        if (unit->valid) dormant_[{unit->pc, unit->mode}] = unit;
}

u64 Translated::hash_guest(const jit::Unit& unit) const {
    u64 hash = 1;
    std::vector<u8> bytes;
    for (auto [first, last] : unit.ranges) {
        bytes.resize(usize(last - first));
        if (!engine_.memory->read(first, bytes)) return 0;
        hash = hash_bytes(bytes, hash);
    }
    return hash;
}

/// A unit of an earlier run, if there is one that is still right.
jit::Unit* Translated::wake(u64 pc, u32 mode) {
    auto at = dormant_.find({pc, mode});
    if (at == dormant_.end()) return nullptr;
    jit::Unit* unit = at->second;
    dormant_.erase(at);
    // Writes are noticed first, so that nothing changes behind the comparison.
    for (auto [first, last] : unit->ranges) engine_.memory->watch(first, last);
    const u64 hash = hash_guest(*unit);
    if (!hash || hash != unit->guest_hash) {
        unit->valid = false;
        return nullptr;
    }
    install(*unit);
    engine_.stats.kept_units++;
    return unit;
}

void Translated::save_cache() {
    std::vector<u8> payload;
    {
        Lock lock(engine_.mutex);
        if (!cache_ || flushing_ || new_units_ < std::max(least_new_units, jit_->units().size() / share_of_units)) return;
        jit_->save(payload);
        new_units_ = 0;
    }
    if (auto stored = cache_->store(payload); !stored) log::warning(stored.error().text);
}

} // namespace emu::cpu
