// SPDX-License-Identifier: MIT
// Parts of the A32 and T32 instruction sets (Arm ARM DDI 0406C A1, DDI 0487 F1/F2) as bits of CpuModel::features.
#pragma once
#include "common/types.h"

namespace emu::isa::a32 {

namespace feature {
enum : u64 {
    thumb = 1ull << 0,      ///< v4T: Thumb, BX
    v5 = 1ull << 1,         ///< v5T: CLZ, BLX, BKPT; loads of PC interwork
    v5e = 1ull << 2,        ///< v5TE: DSP multiplies, QADD, LDRD
    v6 = 1ull << 3,         ///< SIMD in general registers, REV, LDREX, SETEND
    v6k = 1ull << 4,        ///< LDREXB/H/D, CLREX, hints, thread registers
    v6t2 = 1ull << 5,       ///< Thumb-2, bit fields, MOVW
    v7 = 1ull << 6,         ///< barriers, PLI
    div = 1ull << 7,        ///< SDIV, UDIV
    v8 = 1ull << 8,         ///< LDA, STL, HLT, SEVL; VSEL, VRINT, VMAXNM with vfp
    vfp2 = 1ull << 9,
    vfp3 = 1ull << 10,      ///< VMOV immediate, fixed point conversions
    d32 = 1ull << 11,       ///< D16 to D31
    half = 1ull << 12,      ///< conversions from and to half precision
    vfp4 = 1ull << 13,      ///< fused multiply-add
    neon = 1ull << 14,
    fp16 = 1ull << 15,      ///< half-precision arithmetic
    aes = 1ull << 16,
    pmull = 1ull << 17,
    sha1 = 1ull << 18,
    sha2 = 1ull << 19,
    crc32 = 1ull << 20,
    rdm = 1ull << 21,       ///< VQRDMLAH, VQRDMLSH
    dotprod = 1ull << 22,
    fcma = 1ull << 23,      ///< VCADD, VCMLA
    fhm = 1ull << 24,       ///< VFMAL, VFMSL
    jscvt = 1ull << 25,
    i8mm = 1ull << 26,
    bf16 = 1ull << 27,
    sb = 1ull << 28,
    vfp_v8 = 1ull << 29,    ///< VSEL, VRINT, VMAXNM, VCVTA ...
    idiva = 1ull << 30,     ///< SDIV, UDIV in A32 too
    mp = 1ull << 31,        ///< PLDW
    xscale = 1ull << 32,    ///< MIA, MAR, MRA
    iwmmxt = 1ull << 33,
    single_only = 1ull << 34, ///< not a feature of instructions: no double precision
};
} // namespace feature

} // namespace emu::isa::a32
