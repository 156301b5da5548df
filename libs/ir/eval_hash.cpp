// SPDX-License-Identifier: MIT
// Steps of SM3 (GB/T 32905) and SM4 (GB/T 32907), in the shapes of the Arm instructions (Arm ARM C7.2).
#include "ir/eval.h"

#include <array>
#include <bit>

namespace emu::ir {

namespace {

// --- SM3

using Words = std::array<u32, 4>;
Words words(const V128& v) { return std::bit_cast<Words>(v); }
V128 vector(const Words& w) { return std::bit_cast<V128>(w); }

u32 permute1(u32 x) { return x ^ std::rotl(x, 15) ^ std::rotl(x, 23); }
u32 permute0(u32 x) { return x ^ std::rotl(x, 9) ^ std::rotl(x, 17); }

V128 sm3partw1(const Words& d, const Words& n, const Words& m) {
    Words r;
    for (unsigned i = 0; i < 4; i++) {
        u32 late = i < 3 ? m[i + 1] : r[0];
        r[i] = permute1(d[i] ^ n[i] ^ std::rotl(late, 15));
    }
    return vector(r);
}
V128 sm3partw2(const Words& d, const Words& n, const Words& m) {
    Words t, r;
    for (unsigned i = 0; i < 4; i++) {
        t[i] = n[i] ^ std::rotl(m[i], 7);
        r[i] = d[i] ^ t[i];
    }
    r[3] ^= permute1(std::rotl(t[0], 15));
    return vector(r);
}

/// SM3TT1A, 1B, 2A, 2B: one round of the compression function's A..D (first) or E..H half.
V128 sm3_round(HashStep step, const Words& d, u32 n_top, u32 w) {
    const bool first = step == HashStep::sm3tt1a || step == HashStep::sm3tt1b;
    u32 mix;
    if (step == HashStep::sm3tt1b) mix = (d[3] & d[1]) | (d[3] & d[2]) | (d[1] & d[2]);
    else if (step == HashStep::sm3tt2b) mix = (d[3] & d[2]) | (~d[3] & d[1]);
    else mix = d[1] ^ d[2] ^ d[3];
    u32 t = mix + d[0] + (first ? n_top ^ std::rotl(d[3], 12) : n_top) + w;
    return vector({d[1], std::rotl(d[2], first ? 9 : 19), d[3], first ? t : permute0(t)});
}

// --- SM4: its S-box is an affine map, the inverse in GF(2^8) modulo x^8+x^7+x^6+x^5+x^4+x^2+1, and the affine map again

constexpr u8 multiply(u8 a, u8 b) {
    u8 r = 0;
    for (; b; b >>= 1, a = u8(a << 1 ^ (a & 0x80 ? 0xf5 : 0)))
        if (b & 1) r ^= a;
    return r;
}
constexpr u8 affine(u8 x) {
    u8 r = 0xd3;
    for (unsigned i = 0; i < 8; i++) r = u8(r ^ (std::popcount(u8(std::rotl(u8(0xa7), int(i)) & x)) & 1) << i);
    return r;
}
constexpr std::array<u8, 256> make_box() {
    std::array<u8, 256> power{}, inverse{}, box{};
    // Powers of a generator give all inverses: g^i * g^(255 - i) = 1.
    u8 g = 1, x = 1;
    for (unsigned order = 0; order != 255;) {
        g++;
        for (order = 1, x = g; x != 1; order++) x = multiply(x, g);
    }
    for (unsigned i = 0; i < 255; i++, x = multiply(x, g)) power[i] = x;
    for (unsigned i = 0; i < 255; i++) inverse[power[i]] = power[(255 - i) % 255];
    for (unsigned i = 0; i < 256; i++) box[i] = affine(inverse[affine(u8(i))]);
    return box;
}
constexpr std::array<u8, 256> sm4_box = make_box();
static_assert(sm4_box[0] == 0xd6 && sm4_box[1] == 0x90 && sm4_box[255] == 0x48);

u32 substitute(u32 x) {
    return u32(sm4_box[x & 255]) | u32(sm4_box[x >> 8 & 255]) << 8 | u32(sm4_box[x >> 16 & 255]) << 16 | u32(sm4_box[x >> 24]) << 24;
}
/// Four rounds on `state` with the keys (or constants) given.
V128 sm4_rounds(Words state, const Words& keys, bool key_schedule) {
    for (u32 key : keys) {
        u32 t = substitute(state[1] ^ state[2] ^ state[3] ^ key);
        if (key_schedule) t ^= std::rotl(t, 13) ^ std::rotl(t, 23);
        else t ^= std::rotl(t, 2) ^ std::rotl(t, 10) ^ std::rotl(t, 18) ^ std::rotl(t, 24);
        state = {state[1], state[2], state[3], state[0] ^ t};
    }
    return vector(state);
}

} // namespace

V128 eval_hash(HashStep step, unsigned index, const V128& a, const V128& b, const V128& c) {
    switch (step) {
    case HashStep::sm3partw1: return sm3partw1(words(a), words(b), words(c));
    case HashStep::sm3partw2: return sm3partw2(words(a), words(b), words(c));
    case HashStep::sm3ss1: return vector({0, 0, 0, std::rotl(std::rotl(words(a)[3], 12) + words(b)[3] + words(c)[3], 7)});
    case HashStep::sm3tt1a: case HashStep::sm3tt1b: case HashStep::sm3tt2a: case HashStep::sm3tt2b:
        return sm3_round(step, words(a), words(b)[3], words(c)[index & 3]);
    case HashStep::sm4e: return sm4_rounds(words(a), words(b), false);
    case HashStep::sm4ekey: return sm4_rounds(words(b), words(c), true);
    }
    return {};
}

} // namespace emu::ir
