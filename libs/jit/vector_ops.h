// SPDX-License-Identifier: MIT
// Encodings of the SSE instructions on xmm registers, each with its VEX form (Intel SDM volume 2): mandatory prefix, opcode map
// (1 = 0F, 2 = 0F 38, 3 = 0F 3A), opcode, VEX.W, and what AVX-512 makes of it.
#pragma once
#include "common/types.h"

namespace emu::jit {

/// The EVEX form with vector registers as operands: EVEX.W, or none (another instruction, or one with a mask register).
enum class Evex : u8 { absent, w0, w1 };

struct VecOp {
    u8 prefix;   ///< 0 none, 1 = 66, 2 = F3, 3 = F2 (the VEX numbering)
    u8 map;      ///< 0: no such instruction
    u8 opcode;
    u8 w = 0;
    Evex evex = Evex::absent;
    constexpr explicit operator bool() const { return map != 0; }
};

namespace op {
using enum Evex;
inline constexpr VecOp none{0, 0, 0};
// integers, 66 0F
inline constexpr VecOp punpcklbw{1, 1, 0x60, 0, w0}, punpcklwd{1, 1, 0x61, 0, w0}, punpckldq{1, 1, 0x62, 0, w0}, punpcklqdq{1, 1, 0x6c, 0, w1}, punpckhbw{1, 1, 0x68, 0, w0},
    punpckhwd{1, 1, 0x69, 0, w0}, punpckhdq{1, 1, 0x6a, 0, w0}, punpckhqdq{1, 1, 0x6d, 0, w1};
inline constexpr VecOp packsswb{1, 1, 0x63, 0, w0}, packuswb{1, 1, 0x67, 0, w0}, packssdw{1, 1, 0x6b, 0, w0}, packusdw{1, 2, 0x2b, 0, w0};
inline constexpr VecOp pcmpeqb{1, 1, 0x74}, pcmpeqw{1, 1, 0x75}, pcmpeqd{1, 1, 0x76}, pcmpeqq{1, 2, 0x29};
inline constexpr VecOp pcmpgtb{1, 1, 0x64}, pcmpgtw{1, 1, 0x65}, pcmpgtd{1, 1, 0x66}, pcmpgtq{1, 2, 0x37};
inline constexpr VecOp paddb{1, 1, 0xfc, 0, w0}, paddw{1, 1, 0xfd, 0, w0}, paddd{1, 1, 0xfe, 0, w0}, paddq{1, 1, 0xd4, 0, w1};
inline constexpr VecOp psubb{1, 1, 0xf8, 0, w0}, psubw{1, 1, 0xf9, 0, w0}, psubd{1, 1, 0xfa, 0, w0}, psubq{1, 1, 0xfb, 0, w1};
inline constexpr VecOp paddsb{1, 1, 0xec, 0, w0}, paddsw{1, 1, 0xed, 0, w0}, paddusb{1, 1, 0xdc, 0, w0}, paddusw{1, 1, 0xdd, 0, w0};
inline constexpr VecOp psubsb{1, 1, 0xe8, 0, w0}, psubsw{1, 1, 0xe9, 0, w0}, psubusb{1, 1, 0xd8, 0, w0}, psubusw{1, 1, 0xd9, 0, w0};
inline constexpr VecOp pand{1, 1, 0xdb, 0, w0}, pandn{1, 1, 0xdf, 0, w0}, por{1, 1, 0xeb, 0, w0}, pxor{1, 1, 0xef, 0, w0};
inline constexpr VecOp pmullw{1, 1, 0xd5, 0, w0}, pmulhw{1, 1, 0xe5, 0, w0}, pmulhuw{1, 1, 0xe4, 0, w0}, pmuludq{1, 1, 0xf4, 0, w1}, pmaddwd{1, 1, 0xf5, 0, w0};
inline constexpr VecOp pavgb{1, 1, 0xe0, 0, w0}, pavgw{1, 1, 0xe3, 0, w0};
inline constexpr VecOp pminub{1, 1, 0xda, 0, w0}, pmaxub{1, 1, 0xde, 0, w0}, pminsw{1, 1, 0xea, 0, w0}, pmaxsw{1, 1, 0xee, 0, w0};
// SSSE3, SSE4
inline constexpr VecOp pshufb{1, 2, 0x00, 0, w0}, phaddd{1, 2, 0x02}, pmaddubsw{1, 2, 0x04, 0, w0}, pmulhrsw{1, 2, 0x0b, 0, w0}, pabsb{1, 2, 0x1c, 0, w0}, pabsw{1, 2, 0x1d, 0, w0}, pabsd{1, 2, 0x1e, 0, w0};
inline constexpr VecOp pmovsxbw{1, 2, 0x20}, pmovsxwd{1, 2, 0x23}, pmovsxdq{1, 2, 0x25}, pmovzxbw{1, 2, 0x30}, pmovzxwd{1, 2, 0x33}, pmovzxdq{1, 2, 0x35};
inline constexpr VecOp pmuldq{1, 2, 0x28, 0, w1}, pmulld{1, 2, 0x40, 0, w0};
inline constexpr VecOp pminsb{1, 2, 0x38, 0, w0}, pminsd{1, 2, 0x39, 0, w0}, pminuw{1, 2, 0x3a, 0, w0}, pminud{1, 2, 0x3b, 0, w0}, pmaxsb{1, 2, 0x3c, 0, w0}, pmaxsd{1, 2, 0x3d, 0, w0},
    pmaxuw{1, 2, 0x3e, 0, w0}, pmaxud{1, 2, 0x3f, 0, w0};
// with an immediate
inline constexpr VecOp pshufd{1, 1, 0x70, 0, w0}, palignr{1, 3, 0x0f, 0, w0}, pblendw{1, 3, 0x0e}, blendps{1, 3, 0x0c}, insertps{1, 3, 0x21, 0, w0}, shufps{0, 1, 0xc6, 0, w0},
    pclmulqdq{1, 3, 0x44}, pinsrb{1, 3, 0x20}, pinsrw{1, 1, 0xc4}, pinsrd{1, 3, 0x22}, pinsrq{1, 3, 0x22, 1};
// AES
inline constexpr VecOp aesimc{1, 2, 0xdb}, aesenc{1, 2, 0xdc}, aesenclast{1, 2, 0xdd}, aesdec{1, 2, 0xde}, aesdeclast{1, 2, 0xdf};
// AVX2 shifts by vector (VEX only)
inline constexpr VecOp psllvd{1, 2, 0x47}, psllvq{1, 2, 0x47, 1}, psrlvd{1, 2, 0x45}, psrlvq{1, 2, 0x45, 1}, psravd{1, 2, 0x46};
// floating point
inline constexpr VecOp addps{0, 1, 0x58, 0, w0}, addpd{1, 1, 0x58, 0, w1}, subps{0, 1, 0x5c, 0, w0}, subpd{1, 1, 0x5c, 0, w1}, mulps{0, 1, 0x59, 0, w0}, mulpd{1, 1, 0x59, 0, w1}, divps{0, 1, 0x5e, 0, w0},
    divpd{1, 1, 0x5e, 0, w1}, minps{0, 1, 0x5d, 0, w0}, minpd{1, 1, 0x5d, 0, w1}, maxps{0, 1, 0x5f, 0, w0}, maxpd{1, 1, 0x5f, 0, w1}, sqrtps{0, 1, 0x51, 0, w0}, sqrtpd{1, 1, 0x51, 0, w1};
inline constexpr VecOp andps{0, 1, 0x54, 0, w0}, andnps{0, 1, 0x55, 0, w0}, orps{0, 1, 0x56, 0, w0}, xorps{0, 1, 0x57, 0, w0};
inline constexpr VecOp cmpps{0, 1, 0xc2}, cmppd{1, 1, 0xc2}, roundps{1, 3, 0x08}, roundpd{1, 3, 0x09};
inline constexpr VecOp cvtdq2ps{0, 1, 0x5b, 0, w0}, cvtps2dq{1, 1, 0x5b, 0, w0}, cvttps2dq{2, 1, 0x5b, 0, w0}, cvtps2pd{0, 1, 0x5a}, cvtpd2ps{1, 1, 0x5a, 0, w1};
inline constexpr VecOp vfmadd231ps{1, 2, 0xb8, 0, w0}, vfmadd231pd{1, 2, 0xb8, 1, w1}, vfmadd231ss{1, 2, 0xb9, 0, w0}, vfmadd231sd{1, 2, 0xb9, 1, w1}; ///< VEX only
/// Of a VFMADD231: the forms that have the factors elsewhere.
constexpr VecOp fma132(VecOp o) { return o.opcode = u8(o.opcode - 0x20), o; }
constexpr VecOp fma213(VecOp o) { return o.opcode = u8(o.opcode - 0x10), o; }
} // namespace op

/// Shifts by an immediate: opcode 71 (words), 72 (doublewords), 73 (quadwords, or the whole register), /2 /4 /6 /3 /7.
enum class ShiftKind : u8 { right_logical = 2, right_bytes = 3, right_arithmetic = 4, left = 6, left_bytes = 7 };

} // namespace emu::jit
