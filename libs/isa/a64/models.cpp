// SPDX-License-Identifier: MIT
// CPU models, and what each feature looks like in the ID registers (Arm ARM D13.2) and in Linux' HWCAP words
// (Documentation/arm64/elf_hwcaps.rst, cpu-feature-registers.rst).
#include "isa/a64/models.h"

#include "common/bits.h"
#include "isa/a64/a64.h"
#include "isa/a64/features.h"

namespace emu::isa::a64 {

namespace {

using namespace feature;

/// If `needs` are all there, a field of an ID register has at least `value` and HWCAP bit `hwcap` (0..63 AT_HWCAP, from 64
/// AT_HWCAP2, negative: none) is set. `hidden`: the kernel does not show the field to EL0.
struct FeatureRow {
    u64 needs;
    unsigned reg;
    u8 shift;
    u8 value;
    s8 hwcap;
    bool hidden = false;
};

constexpr s8 none = -1;
constexpr s8 cap2(int bit) { return s8(64 + bit); }

// clang-format off
constexpr FeatureRow feature_rows[] = {
    {0,       id_aa64pfr0,  0, 1, none},                 // EL0 and EL1 are AArch64 only
    {0,       id_aa64pfr0,  4, 1, none},
    {0,       id_aa64pfr0, 16, 0, 0},                    // FP
    {0,       id_aa64pfr0, 20, 0, 1},                    // AdvSIMD
    {0,       id_aa64pfr0, 48, 0, 11},                   // (no field) ID registers readable at EL0
    {0,       id_aa64dfr0,  0, 6, none},
    {fp16,    id_aa64pfr0, 16, 1, 9},
    {fp16,    id_aa64pfr0, 20, 1, 10},
    {dit,     id_aa64pfr0, 48, 1, 24},
    {bti,     id_aa64pfr1,  0, 1, cap2(17)},
    {ssbs,    id_aa64pfr1,  4, 2, 28},
    {aes,     id_aa64isar0,  4, 1, 3},
    {aes | pmull, id_aa64isar0, 4, 2, 4},
    {sha1,    id_aa64isar0,  8, 1, 5},
    {sha256,  id_aa64isar0, 12, 1, 6},
    {sha256 | sha512, id_aa64isar0, 12, 2, 21},
    {crc32,   id_aa64isar0, 16, 1, 7},
    {lse,     id_aa64isar0, 20, 2, 8},
    {rdm,     id_aa64isar0, 28, 1, 12},
    {sha3,    id_aa64isar0, 32, 1, 17},
    {sm3,     id_aa64isar0, 36, 1, 18},
    {sm4,     id_aa64isar0, 40, 1, 19},
    {dotprod, id_aa64isar0, 44, 1, 20},
    {fhm,     id_aa64isar0, 48, 1, 23},
    {flagm,   id_aa64isar0, 52, 1, 27},
    {flagm | flagm2, id_aa64isar0, 52, 2, cap2(7)},
    {rng,     id_aa64isar0, 60, 1, cap2(16)},
    {dpb,     id_aa64isar1,  0, 1, 16},
    {dpb | dpb2, id_aa64isar1, 0, 2, cap2(0)},
    {pauth,   id_aa64isar1,  8, 1, 30},                  // API: implementation defined algorithm
    {pauth,   id_aa64isar1, 28, 1, 31},                  // GPI
    {jscvt,   id_aa64isar1, 12, 1, 13},
    {fcma,    id_aa64isar1, 16, 1, 14},
    {lrcpc,   id_aa64isar1, 20, 1, 15},
    {lrcpc | lrcpc2, id_aa64isar1, 20, 2, 26},
    {frintts, id_aa64isar1, 32, 1, cap2(8)},
    {sb,      id_aa64isar1, 36, 1, 29},
    {bf16,    id_aa64isar1, 44, 1, cap2(14)},
    {dgh,     id_aa64isar1, 48, 1, cap2(15)},
    {i8mm,    id_aa64isar1, 52, 1, cap2(13)},
    {lse2,    id_aa64mmfr2, 32, 1, 25},
    {uao,     id_aa64mmfr2,  4, 1, none, true},
};

constexpr u64 v8_0 = crc32;
constexpr u64 crypto = aes | pmull | sha1 | sha256;
constexpr u64 v8_2 = crc32 | lse | rdm | lor | pan | uao | dpb;
constexpr u64 n1_class = v8_2 | crypto | fp16 | dotprod | lrcpc | ssbs;
constexpr u64 everything = n1_class | jscvt | fcma | lrcpc2 | flagm | flagm2 | dpb2 | pauth | bti | sb | dit | rng | dgh | lse2 | frintts | fhm | sha512 | sha3 | sm3 | sm4 |
                           i8mm | bf16;

// 4 KiB granule only, 16-bit ASIDs; physical addresses of 40, 44 or 48 bits. EL0 is shown "no granule".
constexpr u64 mmfr0(u64 physical_range) { return physical_range | 0x20 | 0xful << 24; }
constexpr u64 mmfr0_el0 = 0xffull << 24;

constexpr ModelDetails cortex_a53{.midr = 0x410fd034, .ctr = 0x84448004, .mmfr0 = mmfr0(2)};
constexpr ModelDetails cortex_a57{.midr = 0x411fd070, .ctr = 0x8444c004, .mmfr0 = mmfr0(4)};
constexpr ModelDetails cortex_a72{.midr = 0x410fd083, .ctr = 0x8444c004, .mmfr0 = mmfr0(4)};
constexpr ModelDetails cortex_a76{.midr = 0x414fd0b1, .ctr = 0x8444c004, .mmfr0 = mmfr0(2)};
constexpr ModelDetails neoverse_n1{.midr = 0x414fd0c1, .ctr = 0x8444c004, .mmfr0 = mmfr0(5)};
constexpr ModelDetails max_details{.midr = 0x000f0510, .ctr = 0x8444c004, .mmfr0 = mmfr0(5)};

constexpr CpuModel model_rows[] = {
    {"max",         "everything that is implemented", everything, &max_details},
    {"cortex-a53",  "Armv8.0-A, crypto",              v8_0 | crypto, &cortex_a53},
    {"cortex-a57",  "Armv8.0-A, crypto",              v8_0 | crypto, &cortex_a57},
    {"cortex-a72",  "Armv8.0-A, crypto",              v8_0 | crypto, &cortex_a72},
    {"cortex-a76",  "Armv8.2-A, crypto, fp16, dot product", n1_class, &cortex_a76},
    {"neoverse-n1", "Armv8.2-A, crypto, fp16, dot product", n1_class, &neoverse_n1},
};
// clang-format on

/// Bits of hwcap (first = 0) or hwcap2 (first = 64).
u64 caps(const CpuModel& model, int first) {
    u64 found = 0;
    for (const FeatureRow& row : feature_rows)
        if ((row.needs & ~model.features) == 0 && row.hwcap >= first && row.hwcap < first + 64) found |= u64(1) << (row.hwcap - first);
    return found;
}

} // namespace

const std::span<const CpuModel> models = model_rows;

const ModelDetails& details(const CpuModel& model) { return *static_cast<const ModelDetails*>(model.details); }

u64 id_register(const CpuModel& model, unsigned index, bool el0) {
    u64 value = 0;
    if (index == id_aa64mmfr0) return el0 ? mmfr0_el0 : details(model).mmfr0;
    if (!el0 && index == id_aa64mmfr1) return details(model).mmfr1;
    for (const FeatureRow& row : feature_rows) {
        if (row.reg != index || (row.needs & ~model.features) != 0 || (el0 && row.hidden)) continue;
        if (u64 field = value >> row.shift & 15; row.value > field) value ^= (field ^ row.value) << row.shift;
    }
    return value;
}

u64 hwcap(const CpuModel& model) { return caps(model, 0); }
u64 hwcap2(const CpuModel& model) { return caps(model, 64); }

} // namespace emu::isa::a64
