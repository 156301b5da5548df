// SPDX-License-Identifier: MIT
// Optional parts of the A64 instruction set (Arm ARM A2) as bits of CpuModel::features. models.cpp says how each shows in the ID
// registers and in Linux' HWCAP words; decode rows name what they need.
#pragma once
#include "common/types.h"

namespace emu::isa::a64 {

namespace feature {
enum : u64 {
    crc32 = 1ull << 0,
    aes = 1ull << 1,
    pmull = 1ull << 2,
    sha1 = 1ull << 3,
    sha256 = 1ull << 4,
    lse = 1ull << 5,        ///< CAS, LD<op>, SWP
    rdm = 1ull << 6,        ///< SQRDMLAH, SQRDMLSH
    fp16 = 1ull << 7,       ///< half-precision arithmetic, scalar and vector
    dotprod = 1ull << 8,
    jscvt = 1ull << 9,
    fcma = 1ull << 10,      ///< FCADD, FCMLA
    lrcpc = 1ull << 11,
    lrcpc2 = 1ull << 12,    ///< LDAPUR, STLUR
    flagm = 1ull << 13,
    flagm2 = 1ull << 14,
    dpb = 1ull << 15,       ///< DC CVAP
    dpb2 = 1ull << 16,      ///< DC CVADP
    pauth = 1ull << 17,
    bti = 1ull << 18,
    sb = 1ull << 19,
    ssbs = 1ull << 20,
    dit = 1ull << 21,
    rng = 1ull << 22,
    dgh = 1ull << 23,
    lse2 = 1ull << 24,      ///< unaligned single-copy atomicity within 16 bytes
    frintts = 1ull << 25,   ///< FRINT32Z and the like
    fhm = 1ull << 26,       ///< FMLAL, FMLSL
    sha512 = 1ull << 27,
    sha3 = 1ull << 28,
    sm3 = 1ull << 29,
    sm4 = 1ull << 30,
    i8mm = 1ull << 31,
    bf16 = 1ull << 32,
    lor = 1ull << 33,       ///< LDLAR, STLLR
    pan = 1ull << 34,
    uao = 1ull << 35,
};
} // namespace feature

} // namespace emu::isa::a64
