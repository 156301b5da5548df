// SPDX-License-Identifier: MIT
// Inside of the engine; vcpu.h is what others include.
#pragma once
#include "cpu/vcpu.h"

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

namespace emu::cpu {

using UnitKey = std::pair<u64, u32>; ///< pc, mode

class Translated;

struct Engine::Impl {
    /// Most instructions of a unit.
    static constexpr unsigned superblock_insns = 64;

    const isa::Isa* isa = nullptr;
    const isa::CpuModel* model = nullptr;
    EngineOptions options;
    CodeMemory* memory = nullptr;

    /// Guards everything below. Faults on watched pages take it inside the signal handler, so no guest memory is written with
    /// it held.
    std::mutex mutex;
    std::map<UnitKey, std::shared_ptr<const ir::Function>> functions;
    std::set<u64> breakpoints;                ///< addresses
    bool stops_at(u64 pc) const { return breakpoints.count(options.code_address ? options.code_address(pc) : pc) != 0; }
    Stats stats;
    std::unique_ptr<Translated> translated;   ///< null: everything is interpreted

    std::shared_ptr<ir::Function> empty_function(u64 pc, u32 mode);
    std::shared_ptr<ir::Function> spare_function;   ///< may be null; with memory for the next translation
    std::shared_ptr<const ir::Function> find_or_translate(u64 pc, u32 mode);
    /// Translate without keeping the result; the mutex is held.
    std::shared_ptr<ir::Function> translate(u64 pc, u32 mode, unsigned max_insns, isa::CodeReader& reader, const isa::KnownUnits* known = nullptr);
    /// The same for running it: breakpoints are in it.
    std::shared_ptr<ir::Function> translate_stopping(u64 pc, u32 mode, unsigned max_insns, isa::CodeReader& reader, const isa::KnownUnits* known = nullptr);
    /// One instruction, for the interpreter.
    std::shared_ptr<ir::Function> translate_one(u64 pc, u32 mode);
};

} // namespace emu::cpu
