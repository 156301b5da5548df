// SPDX-License-Identifier: MIT
// Encodings of the SSE instructions on xmm registers, each with its VEX form (Intel SDM volume 2): mandatory prefix, opcode map
// (1 = 0F, 2 = 0F 38, 3 = 0F 3A), opcode, and VEX.W.
#pragma once
#include "common/types.h"

namespace emu::jit {

struct VecOp {
    u8 prefix;   ///< 0 none, 1 = 66, 2 = F3, 3 = F2 (the VEX numbering)
    u8 map;      ///< 0: no such instruction
    u8 opcode;
    u8 w = 0;
    constexpr explicit operator bool() const { return map != 0; }
};

namespace op {
inline constexpr VecOp none{0, 0, 0};
// integers, 66 0F
inline constexpr VecOp punpcklbw{1, 1, 0x60}, punpcklwd{1, 1, 0x61}, punpckldq{1, 1, 0x62}, punpcklqdq{1, 1, 0x6c}, punpckhbw{1, 1, 0x68},
    punpckhwd{1, 1, 0x69}, punpckhdq{1, 1, 0x6a}, punpckhqdq{1, 1, 0x6d};
inline constexpr VecOp packsswb{1, 1, 0x63}, packuswb{1, 1, 0x67}, packssdw{1, 1, 0x6b}, packusdw{1, 2, 0x2b};
inline constexpr VecOp pcmpeqb{1, 1, 0x74}, pcmpeqw{1, 1, 0x75}, pcmpeqd{1, 1, 0x76}, pcmpeqq{1, 2, 0x29};
inline constexpr VecOp pcmpgtb{1, 1, 0x64}, pcmpgtw{1, 1, 0x65}, pcmpgtd{1, 1, 0x66}, pcmpgtq{1, 2, 0x37};
inline constexpr VecOp paddb{1, 1, 0xfc}, paddw{1, 1, 0xfd}, paddd{1, 1, 0xfe}, paddq{1, 1, 0xd4};
inline constexpr VecOp psubb{1, 1, 0xf8}, psubw{1, 1, 0xf9}, psubd{1, 1, 0xfa}, psubq{1, 1, 0xfb};
inline constexpr VecOp paddsb{1, 1, 0xec}, paddsw{1, 1, 0xed}, paddusb{1, 1, 0xdc}, paddusw{1, 1, 0xdd};
inline constexpr VecOp psubsb{1, 1, 0xe8}, psubsw{1, 1, 0xe9}, psubusb{1, 1, 0xd8}, psubusw{1, 1, 0xd9};
inline constexpr VecOp pand{1, 1, 0xdb}, pandn{1, 1, 0xdf}, por{1, 1, 0xeb}, pxor{1, 1, 0xef};
inline constexpr VecOp pmullw{1, 1, 0xd5}, pmulhw{1, 1, 0xe5}, pmulhuw{1, 1, 0xe4}, pmuludq{1, 1, 0xf4}, pmaddwd{1, 1, 0xf5};
inline constexpr VecOp pavgb{1, 1, 0xe0}, pavgw{1, 1, 0xe3};
inline constexpr VecOp pminub{1, 1, 0xda}, pmaxub{1, 1, 0xde}, pminsw{1, 1, 0xea}, pmaxsw{1, 1, 0xee};
// SSSE3, SSE4
inline constexpr VecOp pshufb{1, 2, 0x00}, phaddd{1, 2, 0x02}, pmaddubsw{1, 2, 0x04}, pmulhrsw{1, 2, 0x0b}, pabsb{1, 2, 0x1c}, pabsw{1, 2, 0x1d}, pabsd{1, 2, 0x1e};
inline constexpr VecOp pmovsxbw{1, 2, 0x20}, pmovsxwd{1, 2, 0x23}, pmovsxdq{1, 2, 0x25}, pmovzxbw{1, 2, 0x30}, pmovzxwd{1, 2, 0x33}, pmovzxdq{1, 2, 0x35};
inline constexpr VecOp pmuldq{1, 2, 0x28}, pmulld{1, 2, 0x40};
inline constexpr VecOp pminsb{1, 2, 0x38}, pminsd{1, 2, 0x39}, pminuw{1, 2, 0x3a}, pminud{1, 2, 0x3b}, pmaxsb{1, 2, 0x3c}, pmaxsd{1, 2, 0x3d},
    pmaxuw{1, 2, 0x3e}, pmaxud{1, 2, 0x3f};
// with an immediate
inline constexpr VecOp pshufd{1, 1, 0x70}, palignr{1, 3, 0x0f}, pblendw{1, 3, 0x0e}, blendps{1, 3, 0x0c}, insertps{1, 3, 0x21}, shufps{0, 1, 0xc6},
    pclmulqdq{1, 3, 0x44}, pinsrb{1, 3, 0x20}, pinsrw{1, 1, 0xc4}, pinsrd{1, 3, 0x22}, pinsrq{1, 3, 0x22, 1};
// AES
inline constexpr VecOp aesimc{1, 2, 0xdb}, aesenc{1, 2, 0xdc}, aesenclast{1, 2, 0xdd}, aesdec{1, 2, 0xde}, aesdeclast{1, 2, 0xdf};
// AVX2 shifts by vector (VEX only)
inline constexpr VecOp psllvd{1, 2, 0x47}, psllvq{1, 2, 0x47, 1}, psrlvd{1, 2, 0x45}, psrlvq{1, 2, 0x45, 1}, psravd{1, 2, 0x46};
// floating point
inline constexpr VecOp addps{0, 1, 0x58}, addpd{1, 1, 0x58}, subps{0, 1, 0x5c}, subpd{1, 1, 0x5c}, mulps{0, 1, 0x59}, mulpd{1, 1, 0x59}, divps{0, 1, 0x5e},
    divpd{1, 1, 0x5e}, minps{0, 1, 0x5d}, minpd{1, 1, 0x5d}, maxps{0, 1, 0x5f}, maxpd{1, 1, 0x5f}, sqrtps{0, 1, 0x51}, sqrtpd{1, 1, 0x51};
inline constexpr VecOp andps{0, 1, 0x54}, andnps{0, 1, 0x55}, orps{0, 1, 0x56}, xorps{0, 1, 0x57};
inline constexpr VecOp cmpps{0, 1, 0xc2}, cmppd{1, 1, 0xc2}, roundps{1, 3, 0x08}, roundpd{1, 3, 0x09};
inline constexpr VecOp cvtdq2ps{0, 1, 0x5b}, cvtps2dq{1, 1, 0x5b}, cvttps2dq{2, 1, 0x5b}, cvtps2pd{0, 1, 0x5a}, cvtpd2ps{1, 1, 0x5a};
inline constexpr VecOp vfmadd231ps{1, 2, 0xb8}, vfmadd231pd{1, 2, 0xb8, 1}; ///< VEX only
} // namespace op

/// Shifts by an immediate: opcode 71 (words), 72 (doublewords), 73 (quadwords, or the whole register), /2 /4 /6 /3 /7.
enum class ShiftKind : u8 { right_logical = 2, right_bytes = 3, right_arithmetic = 4, left = 6, left_bytes = 7 };

} // namespace emu::jit
