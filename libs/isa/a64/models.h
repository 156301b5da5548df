// SPDX-License-Identifier: MIT
// CPU models: features plus identification registers.
#pragma once
#include "isa/isa.h"

#include <span>

namespace emu::isa::a64 {

/// The ID register space op0 = 3, op1 = 0, CRn = 0, CRm = 4..7: index CRm * 8 + op2 - 32.
inline constexpr unsigned id_registers = 32;
constexpr unsigned id_index(unsigned crm, unsigned op2) { return crm * 8 + op2 - 32; }
enum IdRegister : unsigned {
    id_aa64pfr0 = id_index(4, 0),
    id_aa64pfr1 = id_index(4, 1),
    id_aa64dfr0 = id_index(5, 0),
    id_aa64isar0 = id_index(6, 0),
    id_aa64isar1 = id_index(6, 1),
    id_aa64isar2 = id_index(6, 2),
    id_aa64mmfr0 = id_index(7, 0),
    id_aa64mmfr1 = id_index(7, 1),
    id_aa64mmfr2 = id_index(7, 2),
};

/// CpuModel::details of this ISA.
struct ModelDetails {
    u64 midr = 0;
    u64 ctr = 0;
    u64 mmfr0 = 0;             ///< physical address size and granules, as the core has them
    u64 mmfr1 = 0;
};

extern const std::span<const CpuModel> models;

const ModelDetails& details(const CpuModel& model);
/// An ID register as EL1 sees it, or as Linux shows it to EL0 (only the fields the kernel lets out).
u64 id_register(const CpuModel& model, unsigned index, bool el0);
/// DCZID_EL0: DC ZVA clears 64 bytes on every model.
inline constexpr u64 dczid = 4, dc_zva_bytes = 64;
/// Ticks a second of the generic timer.
inline constexpr u64 counter_frequency = 62'500'000;

} // namespace emu::isa::a64
