// SPDX-License-Identifier: MIT
// CPU models, and CPUID (Intel SDM volume 2, table 3-8) from their features.
#include "isa/x86/models.h"

#include "isa/x86/x86.h"

#include <array>
#include <cstring>

namespace emu::isa::x86 {

namespace {

using namespace feature;

constexpr std::string_view intel = "GenuineIntel", amd = "AuthenticAMD";
constexpr u64 qemu32_set = pentium3 | sse2 | sse3, kvm32_set = pentium3 | sse2;
constexpr u64 kvm64_set = v1 | sse3 | cx16, qemu64_set = kvm64_set | lahf64;
constexpr u64 conroe = v1 | sse3 | ssse3 | lahf64, penryn = conroe | cx16 | sse41, nehalem = penryn | sse42 | popcnt;
constexpr u64 westmere = nehalem | aes | pclmul, sandy_bridge = westmere | avx | xsave | rdtscp;
constexpr u64 ivy_bridge = sandy_bridge | erms | f16c | fsgsbase | rdrand;
constexpr u64 haswell = ivy_bridge | avx2 | bmi1 | bmi2 | fma | movbe | lzcnt, broadwell = haswell | adx | rdseed | prefetchw;
constexpr u64 skylake = broadwell | clflushopt, epyc = skylake | sha;
constexpr u64 everything = epyc | rdpid;

constexpr ModelDetails generic64{amd, 15, 107, 1, 13, "Emu Virtual CPU"};
constexpr ModelDetails generic32{intel, 6, 6, 3, 4, "Emu Virtual CPU"};
constexpr ModelDetails d486{intel, 4, 8, 0, 1}, dpentium{intel, 5, 4, 3, 1}, dpentium2{intel, 6, 5, 2, 2}, dpentium3{intel, 6, 7, 3, 3};
constexpr ModelDetails dkvm{intel, 15, 6, 1, 13}, dcoreduo{intel, 6, 14, 8, 10}, dn270{intel, 6, 28, 2, 10}, dcore2{intel, 6, 15, 11, 10};
constexpr ModelDetails dconroe{intel, 6, 15, 3, 10}, dpenryn{intel, 6, 23, 3, 10}, dnehalem{intel, 6, 26, 3, 11}, dwestmere{intel, 6, 44, 1, 11};
constexpr ModelDetails dsandy{intel, 6, 42, 1, 13}, divy{intel, 6, 58, 9, 13}, dhaswell{intel, 6, 60, 4, 13}, dbroadwell{intel, 6, 61, 2, 13};
constexpr ModelDetails dskylake{intel, 6, 94, 3, 13}, depyc{amd, 23, 1, 2, 13};

constexpr CpuModel list_64[] = {
    {"qemu64", "generic 64-bit processor (SSE3)", qemu64_set, &generic64},
    {"max", "every feature Emu has (AVX2, FMA, BMI, AES, SHA ...)", everything, &generic64},
    {"base", "nothing but what 64-bit code needs", v1, &generic64},
    {"kvm64", "generic 64-bit processor", kvm64_set, &dkvm},
    {"core2duo", "Intel Core 2 Duo", conroe | cx16, &dcore2},
    {"Conroe", "Intel Core 2, 65 nm", conroe, &dconroe},
    {"Penryn", "Intel Core 2, 45 nm (SSE4.1)", penryn, &dpenryn},
    {"Nehalem", "Intel Core i7 (SSE4.2)", nehalem, &dnehalem},
    {"Westmere", "Nehalem with AES", westmere, &dwestmere},
    {"SandyBridge", "Westmere with AVX", sandy_bridge, &dsandy},
    {"IvyBridge", "SandyBridge with F16C, RDRAND", ivy_bridge, &divy},
    {"Haswell", "IvyBridge with AVX2, BMI, FMA", haswell, &dhaswell},
    {"Broadwell", "Haswell with ADX, RDSEED", broadwell, &dbroadwell},
    {"Skylake-Client", "Broadwell with CLFLUSHOPT", skylake, &dskylake},
    {"EPYC", "AMD EPYC (SHA)", epyc, &depyc},
};
constexpr CpuModel list_32[] = {
    {"qemu32", "generic 32-bit processor (SSE3)", qemu32_set, &generic32},
    {"max", "every feature Emu has (AVX2, FMA, BMI, AES, SHA ...)", everything & ~long_mode, &generic32},
    {"base", "a 486", i486, &d486},
    {"486", "Intel 486", i486, &d486},
    {"pentium", "Intel Pentium", pentium, &dpentium},
    {"pentium2", "Intel Pentium II", pentium | cmov | mmx | fxsr, &dpentium2},
    {"pentium3", "Intel Pentium III (SSE)", pentium3, &dpentium3},
    {"kvm32", "generic 32-bit processor", kvm32_set, &dkvm},
    {"coreduo", "Intel Core Duo", qemu32_set, &dcoreduo},
    {"n270", "Intel Atom N270", qemu32_set | ssse3 | movbe | lahf64, &dn270},
    {"Haswell", "Intel Core, 22 nm (AVX2, BMI, FMA)", haswell & ~long_mode, &dhaswell},
};

struct Bit {
    u64 feature;
    u8 bit;
};
constexpr Bit leaf1_edx[] = {{x87, 0}, {x87, 4}, {cx8, 8}, {cmov, 15}, {sse2, 19}, {mmx, 23}, {fxsr, 24}, {sse, 25}, {sse2, 26}};
constexpr Bit leaf1_ecx[] = {{sse3, 0}, {pclmul, 1}, {ssse3, 9}, {fma, 12}, {cx16, 13}, {sse41, 19}, {sse42, 20}, {movbe, 22}, {popcnt, 23},
                             {aes, 25}, {xsave, 26}, {xsave, 27}, {avx, 28}, {f16c, 29}, {rdrand, 30}};
constexpr Bit leaf7_ebx[] = {{fsgsbase, 0}, {bmi1, 3}, {avx2, 5}, {bmi2, 8}, {erms, 9}, {rdseed, 18}, {adx, 19}, {clflushopt, 23}, {sha, 29}};
constexpr Bit extended_edx[] = {{x87, 0}, {cx8, 8}, {long_mode, 11}, {cmov, 15}, {mmx, 23}, {fxsr, 24}, {rdtscp, 27}, {long_mode, 29}};
constexpr Bit extended_ecx[] = {{lahf64, 0}, {lzcnt, 5}, {sse4a, 6}, {prefetchw, 8}};

u32 gather(std::span<const Bit> bits, u64 features) {
    u32 value = 0;
    for (const Bit& b : bits)
        if (features & b.feature) value |= 1u << b.bit;
    return value;
}

u32 signature(const ModelDetails& d) {
    const u32 family = std::min<u32>(d.family, 15), beyond = d.family > 15 ? d.family - 15u : 0;
    return d.stepping | (d.model & 15u) << 4 | family << 8 | u32(d.model >> 4) << 16 | beyond << 20;
}

u32 four(std::string_view text, usize at) {
    char bytes[4] = {};
    for (usize i = 0; i < 4 && at + i < text.size(); i++) bytes[i] = text[at + i];
    u32 value;
    std::memcpy(&value, bytes, 4);
    return value;
}

CpuidLeaf brand(std::string_view text, u32 part) {
    const usize at = part * 16;
    return {four(text, at), four(text, at + 4), four(text, at + 8), four(text, at + 12)};
}

/// Leaf 13: the XSAVE area. Components x87, SSE and AVX.
CpuidLeaf xsave_leaf(u64 features, u32 subleaf) {
    if (!(features & xsave)) return {};
    if (subleaf == 0) return {features & avx ? 7u : 3u, features & avx ? 832u : 576u, features & avx ? 832u : 576u, 0};
    if (subleaf == 1) return {3, 0, 0, 0}; // XSAVEOPT, XSAVEC
    if (subleaf == 2 && features & avx) return {256, 576, 0, 0};
    return {};
}

} // namespace

const std::span<const CpuModel> models_64 = list_64;
const std::span<const CpuModel> models_32 = list_32;

CpuidLeaf cpuid_leaf(const CpuModel& model, u32 leaf, u32 subleaf) {
    const auto& d = *static_cast<const ModelDetails*>(model.details);
    const u64 f = model.features;
    constexpr u32 extended_first = 0x80000000, extended_last = 0x80000008, hypervisor = 0x40000000;
    switch (leaf) {
    case 0: return {d.level, four(d.vendor, 0), four(d.vendor, 8), four(d.vendor, 4)};
    case 1: return {signature(d), 1u << 16 | 8u << 8, gather(leaf1_ecx, f) | 1u << 31, gather(leaf1_edx, f)};
    case 2: return {1, 0, 0x4d, 0x2c307d};
    case 4: { // deterministic cache parameters: L1 data, L1 instruction, L2
        constexpr u32 kinds[] = {1, 2, 3}, levels[] = {1, 1, 2}, ways[] = {8, 8, 16}, sets[] = {64, 64, 4096};
        if (subleaf > 2) return {};
        return {kinds[subleaf] | levels[subleaf] << 5 | 1u << 8, (ways[subleaf] - 1) << 22 | 63, sets[subleaf] - 1, 1};
    }
    case 7: return subleaf ? CpuidLeaf{} : CpuidLeaf{0, d.level >= 7 ? gather(leaf7_ebx, f) : 0, f & rdpid ? 1u << 22 : 0, 0};
    case 13: return xsave_leaf(f, subleaf);
    case hypervisor: return {hypervisor, four("EmuEmuEmuEmu", 0), four("EmuEmuEmuEmu", 4), four("EmuEmuEmuEmu", 8)};
    case extended_first: return {extended_last, four(d.vendor, 0), four(d.vendor, 8), four(d.vendor, 4)};
    case extended_first + 1: return {signature(d), 0, gather(extended_ecx, f), gather(extended_edx, f) | (f & long_mode ? 1u << 20 : 0)};
    case extended_first + 2: case extended_first + 3: case extended_first + 4: return brand(d.brand, leaf - extended_first - 2);
    case extended_first + 5: return {0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140};
    case extended_first + 6: return {0, 0x42004200, 0x02008140, 0};
    case extended_first + 8: return {f & long_mode ? 0x3028u : 0x24u, 0, 0, 0};
    default: return {};
    }
}

u64 hwcap(const CpuModel& model) { return cpuid_leaf(model, 1, 0).edx; }
u64 hwcap2(const CpuModel& model) { return model.features & feature::fsgsbase ? 2 : 0; }

} // namespace emu::isa::x86
