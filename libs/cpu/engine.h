// SPDX-License-Identifier: MIT
// Inside of the engine; vcpu.h is what others include.
#pragma once
#include "cpu/vcpu.h"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace emu::cpu {

using UnitKey = std::pair<u64, u32>; ///< pc, mode

struct Engine::Impl {
    const isa::Isa* isa = nullptr;
    const isa::CpuModel* model = nullptr;
    EngineOptions options;
    CodeMemory* memory = nullptr;

    /// Guards everything below. Faults on watched pages take it inside the signal handler, so no guest memory is written with
    /// it held.
    std::mutex mutex;
    std::map<UnitKey, std::shared_ptr<const ir::Function>> functions;
    Stats stats;

    std::shared_ptr<const ir::Function> find_or_translate(u64 pc, u32 mode);
    /// Translate without keeping the result.
    std::shared_ptr<ir::Function> translate(u64 pc, u32 mode, unsigned max_insns);
};

} // namespace emu::cpu
