// SPDX-License-Identifier: MIT
// CPU models and what CPUID says of them.
#pragma once
#include "isa/isa.h"
#include "isa/x86/features.h"

#include <span>

namespace emu::isa::x86 {

/// CpuModel::details of this ISA.
struct ModelDetails {
    std::string_view vendor;   ///< 12 characters
    u16 family = 6, model = 6, stepping = 3;
    u32 level = 13;
    std::string_view brand = {};
};

struct CpuidLeaf {
    u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
};
CpuidLeaf cpuid_leaf(const CpuModel& model, u32 leaf, u32 subleaf);

extern const std::span<const CpuModel> models_64;
extern const std::span<const CpuModel> models_32;

} // namespace emu::isa::x86
