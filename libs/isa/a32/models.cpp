// SPDX-License-Identifier: MIT
// CPU models, and Linux' HWCAP words (arch/arm/include/uapi/asm/hwcap.h).
#include "isa/a32/models.h"

#include "isa/a32/a32.h"
#include "isa/a32/features.h"

namespace emu::isa::a32 {

namespace {

using namespace feature;

constexpr u64 v5te = thumb | v5 | v5e;
constexpr u64 v6_ = v5te | v6;
constexpr u64 v7_ = v6_ | v6k | v6t2 | v7;
constexpr u64 vfp3_full = vfp2 | vfp3 | d32;
constexpr u64 v7ve = v7_ | mp | div | idiva | vfp3_full | half | vfp4 | neon;
constexpr u64 v8_ = v7ve | v8 | vfp_v8 | crc32;
constexpr u64 crypto = aes | pmull | sha1 | sha2;
constexpr u64 everything = v8_ | crypto | rdm | dotprod | fcma | fhm | jscvt | fp16 | i8mm | bf16 | sb;

constexpr CpuModel model_rows[] = {
    {"max", "everything that is implemented", everything},
    {"any", "the same as max", everything},
    {"arm920t", "Armv4T", thumb},
    {"arm926", "Armv5TEJ, VFPv2", v5te | vfp2},
    {"arm946", "Armv5TE", v5te},
    {"arm1026", "Armv5TEJ, VFPv2", v5te | vfp2},
    {"arm1136-r2", "Armv6, VFPv2", v6_ | vfp2},
    {"arm1136", "Armv6K, VFPv2", v6_ | v6k | vfp2},
    {"arm1176", "Armv6K, VFPv2", v6_ | v6k | vfp2},
    {"arm11mpcore", "Armv6K, VFPv2", v6_ | v6k | vfp2},
    {"cortex-a7", "Armv7-A with virtualization, NEON, VFPv4", v7ve},
    {"cortex-a8", "Armv7-A, NEON, VFPv3", v7_ | vfp3_full | neon},
    {"cortex-a9", "Armv7-A, NEON, VFPv3", v7_ | mp | vfp3_full | half | neon},
    {"cortex-a15", "Armv7-A with virtualization, NEON, VFPv4", v7ve},
    {"cortex-r5", "Armv7-R", v7_ | mp | div | idiva},
    {"cortex-r5f", "Armv7-R, VFPv3-D16", v7_ | mp | div | idiva | vfp2 | vfp3},
    {"cortex-a53", "Armv8.0-A in AArch32 state, crypto", v8_ | crypto},
    {"cortex-a57", "Armv8.0-A in AArch32 state, crypto", v8_ | crypto},
    {"cortex-a72", "Armv8.0-A in AArch32 state, crypto", v8_ | crypto},
    {"pxa250", "XScale: Armv5TE", v5te | xscale},
    {"pxa255", "XScale: Armv5TE", v5te | xscale},
    {"pxa260", "XScale: Armv5TE", v5te | xscale},
    {"pxa261", "XScale: Armv5TE", v5te | xscale},
    {"pxa262", "XScale: Armv5TE", v5te | xscale},
    {"pxa270", "XScale with Wireless MMX: Armv5TE", v5te | iwmmxt},
    {"pxa270-a0", "the same", v5te | iwmmxt},
    {"pxa270-a1", "the same", v5te | iwmmxt},
    {"pxa270-b0", "the same", v5te | iwmmxt},
    {"pxa270-b1", "the same", v5te | iwmmxt},
    {"pxa270-c0", "the same", v5te | iwmmxt},
    {"pxa270-c5", "the same", v5te | iwmmxt},
    {"sa1100", "StrongARM: Armv4", 0},
    {"sa1110", "StrongARM: Armv4", 0},
    {"ti925t", "Armv4T", thumb},
};

struct CapRow {
    u64 needs;
    u8 bit;
};
constexpr CapRow caps[] = {
    {0, 0} /* swp */, {0, 1} /* half */, {thumb, 2},      {0, 4} /* fastmult */, {vfp2, 6},   {v5e, 7} /* edsp */, {iwmmxt, 9},
    {neon, 12},       {vfp3, 13},        {v6k, 15} /* tls */, {vfp4, 16},        {idiva, 17}, {div, 18},           {d32, 19},
    {v7 | idiva, 20} /* lpae */,         {fp16, 22},      {fp16 | neon, 23},     {dotprod, 24}, {fhm, 25},         {bf16, 26}, {i8mm, 27},
};
constexpr CapRow caps2[] = {{aes, 0}, {pmull, 1}, {sha1, 2}, {sha2, 3}, {crc32, 4}, {sb, 5}};

template <unsigned n> u64 found(const CapRow (&rows)[n], u64 features) {
    u64 bits = 0;
    for (const CapRow& row : rows)
        if ((row.needs & ~features) == 0) bits |= u64(1) << row.bit;
    return bits;
}

} // namespace

const std::span<const CpuModel> models = model_rows;

u64 hwcap(const CpuModel& model) {
    u64 bits = found(caps, model.features);
    if (model.features & vfp3 && !(model.features & d32)) bits |= 1u << 14; // VFPv3-D16
    return bits;
}
u64 hwcap2(const CpuModel& model) { return found(caps2, model.features); }

} // namespace emu::isa::a32
