// SPDX-License-Identifier: MIT
// AES steps after FIPS 197 and SHA-1/SHA-256 steps after FIPS 180-4, in the shapes of the Arm instructions (Arm ARM, shared
// pseudocode functions/crypto) and of x86's.
#include "ir/eval.h"

#include <array>
#include <bit>

namespace emu::ir {

namespace {

constexpr u8 times2(u8 x) { return u8(x << 1 ^ (x & 0x80 ? 0x1b : 0)); }
constexpr u8 times(u8 x, unsigned factor) {
    u8 r = 0;
    for (; factor; factor >>= 1, x = times2(x))
        if (factor & 1) r ^= x;
    return r;
}

/// FIPS 197 section 5.1.1: inverse in GF(2^8), then the affine map. Built by walking the powers of 3 and of its inverse.
struct Boxes {
    std::array<u8, 256> forward{}, inverse{};
};
constexpr Boxes make_boxes() {
    Boxes boxes;
    u8 p = 1, q = 1;
    do {
        p = u8(p ^ times2(p));
        q = u8(q ^ q << 1);
        q = u8(q ^ q << 2);
        q = u8(q ^ q << 4);
        if (q & 0x80) q ^= 0x09;
        u8 s = u8(q ^ std::rotl(q, 1) ^ std::rotl(q, 2) ^ std::rotl(q, 3) ^ std::rotl(q, 4) ^ 0x63);
        boxes.forward[p] = s;
        boxes.inverse[s] = p;
    } while (p != 1);
    boxes.forward[0] = 0x63;
    boxes.inverse[0x63] = 0;
    return boxes;
}
constexpr Boxes boxes = make_boxes();

/// ShiftRows: byte r + 4c of the result comes from column c + r (or c - r for the inverse).
V128 shift_and_substitute(const V128& a, bool inverse) {
    V128 r;
    for (unsigned column = 0; column < 4; column++)
        for (unsigned row = 0; row < 4; row++) {
            u8 x = a.lane<u8>(row + 4 * ((column + (inverse ? 4 - row : row)) & 3));
            r.set_lane(row + 4 * column, inverse ? boxes.inverse[x] : boxes.forward[x]);
        }
    return r;
}

V128 mix_columns(const V128& a, const std::array<u8, 4>& factors) {
    V128 r;
    for (unsigned column = 0; column < 4; column++)
        for (unsigned row = 0; row < 4; row++) {
            u8 x = 0;
            for (unsigned i = 0; i < 4; i++) x ^= times(a.lane<u8>(4 * column + i), factors[(i + 4 - row) & 3]);
            r.set_lane(4 * column + row, x);
        }
    return r;
}

u32 choose(u32 x, u32 y, u32 z) { return ((y ^ z) & x) ^ z; }
u32 majority(u32 x, u32 y, u32 z) { return (x & y) | ((x | y) & z); }
u32 parity(u32 x, u32 y, u32 z) { return x ^ y ^ z; }

/// One round; x = A to D, `w` includes the round's constant.
using Mix = u32 (*)(u32, u32, u32);
void sha1_round(u32 (&x)[4], u32& e, Mix mix, u32 w) {
    const u32 next = e + std::rotl(x[0], 5) + mix(x[1], x[2], x[3]) + w;
    e = x[3], x[3] = x[2], x[2] = std::rotl(x[1], 30), x[1] = x[0], x[0] = next;
}
V128 sha1_rounds(const V128& state, u32 e, const V128& w, u32 constant, Mix mix) {
    u32 x[4];
    for (unsigned i = 0; i < 4; i++) x[i] = state.lane<u32>(i);
    for (unsigned i = 0; i < 4; i++) sha1_round(x, e, mix, w.lane<u32>(i) + constant);
    V128 r;
    for (unsigned i = 0; i < 4; i++) r.set_lane(i, x[i]);
    return r;
}

/// One round; x = A to D, y = E to H, `w` includes the round's constant.
void sha256_round(u32 (&x)[4], u32 (&y)[4], u32 w) {
    const u32 sigma1 = std::rotr(y[0], 6) ^ std::rotr(y[0], 11) ^ std::rotr(y[0], 25);
    const u32 sigma0 = std::rotr(x[0], 2) ^ std::rotr(x[0], 13) ^ std::rotr(x[0], 22);
    const u32 t = y[3] + sigma1 + choose(y[0], y[1], y[2]) + w;
    const u32 new_e = t + x[3], new_a = t + sigma0 + majority(x[0], x[1], x[2]);
    y[3] = y[2], y[2] = y[1], y[1] = y[0], y[0] = new_e;
    x[3] = x[2], x[2] = x[1], x[1] = x[0], x[0] = new_a;
}
V128 sha256_rounds(const V128& first, const V128& second, const V128& w, bool part1) {
    u32 x[4], y[4];
    for (unsigned i = 0; i < 4; i++) x[i] = first.lane<u32>(i), y[i] = second.lane<u32>(i);
    for (unsigned i = 0; i < 4; i++) sha256_round(x, y, w.lane<u32>(i));
    V128 r;
    for (unsigned i = 0; i < 4; i++) r.set_lane(i, part1 ? x[i] : y[i]);
    return r;
}

u32 sigma0_256(u32 x) { return std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3; }
u32 sigma1_256(u32 x) { return std::rotr(x, 17) ^ std::rotr(x, 19) ^ x >> 10; }

V128 sha256_schedule0(const V128& a, const V128& b) {
    V128 r;
    for (unsigned i = 0; i < 4; i++) r.set_lane(i, a.lane<u32>(i) + sigma0_256(i < 3 ? a.lane<u32>(i + 1) : b.lane<u32>(0)));
    return r;
}

/// SHA256SU1: Vd = a, Vn = b, Vm = c.
V128 sha256_schedule1(const V128& a, const V128& b, const V128& c) {
    u32 out[4];
    for (unsigned i = 0; i < 4; i++) {
        u32 t0 = i < 3 ? b.lane<u32>(i + 1) : c.lane<u32>(0);
        u32 source = i < 2 ? c.lane<u32>(i + 2) : out[i - 2];
        out[i] = sigma1_256(source) + a.lane<u32>(i) + t0;
    }
    V128 r;
    for (unsigned i = 0; i < 4; i++) r.set_lane(i, out[i]);
    return r;
}

/// SHA1SU1: Vd = a, Vn = b.
V128 sha1_schedule1(const V128& a, const V128& b) {
    u32 t[4];
    for (unsigned i = 0; i < 4; i++) t[i] = a.lane<u32>(i) ^ (i < 3 ? b.lane<u32>(i + 1) : 0);
    V128 r;
    for (unsigned i = 0; i < 3; i++) r.set_lane(i, std::rotl(t[i], 1));
    r.set_lane(3, std::rotl(t[3], 1) ^ std::rotl(t[0], 2));
    return r;
}

// --- the forms of x86 (SDM volume 2), which has the words of a state from the top lane down

V128 reversed(const V128& v) { return {std::rotl(v.hi, 32), std::rotl(v.lo, 32)}; }

/// SHA1RNDS4. E is in the first word already.
V128 sha1rnds4(const V128& state, const V128& words, unsigned function) {
    static constexpr struct {
        Mix mix;
        u32 constant;
    } functions[] = {{choose, 0x5a827999}, {parity, 0x6ed9eba1}, {majority, 0x8f1bbcdc}, {parity, 0xca62c1d6}};
    return reversed(sha1_rounds(reversed(state), 0, reversed(words), functions[function].constant, functions[function].mix));
}
V128 sha256rnds2(const V128& cdgh, const V128& abef, const V128& words) {
    auto lane = [](const V128& v, unsigned i) { return v.lane<u32>(i); };
    u32 x[4] = {lane(abef, 3), lane(abef, 2), lane(cdgh, 3), lane(cdgh, 2)}, y[4] = {lane(abef, 1), lane(abef, 0), lane(cdgh, 1), lane(cdgh, 0)};
    for (unsigned i = 0; i < 2; i++) sha256_round(x, y, lane(words, i));
    return {y[1] | u64(y[0]) << 32, x[1] | u64(x[0]) << 32};
}

V128 sha_step(ShaStep step, unsigned function, const V128& a, const V128& b, const V128& c) {
    switch (step) {
    case ShaStep::sha1rnds4: return sha1rnds4(a, b, function);
    case ShaStep::sha1nexte: return {b.lo, b.hi + (u64(std::rotl(a.lane<u32>(3), 30)) << 32)};
    case ShaStep::sha1msg1: return {b.hi ^ a.lo, a.lo ^ a.hi};
    case ShaStep::sha1msg2: return reversed(sha1_schedule1(reversed(a), reversed(b)));
    case ShaStep::sha256rnds2: return sha256rnds2(a, b, c);
    case ShaStep::sha256msg2: return sha256_schedule1(a, {}, {0, b.hi});
    }
    return {};
}

} // namespace

bool eval_crypto(Op op, u16 aux, const V128* args, V128& r) {
    const V128 &a = args[0], &b = args[1], &c = args[2];
    switch (op) {
    case Op::vaesenc: r = shift_and_substitute(a, false); return true;
    case Op::vaesdec: r = shift_and_substitute(a, true); return true;
    case Op::vaesmc: r = mix_columns(a, {2, 3, 1, 1}); return true;
    case Op::vaesimc: r = mix_columns(a, {14, 11, 13, 9}); return true;
    case Op::vsha1c: r = sha1_rounds(a, b.lane<u32>(0), c, 0, choose); return true;
    case Op::vsha1p: r = sha1_rounds(a, b.lane<u32>(0), c, 0, parity); return true;
    case Op::vsha1m: r = sha1_rounds(a, b.lane<u32>(0), c, 0, majority); return true;
    case Op::vsha1h: r = {std::rotl(a.lane<u32>(0), 30), 0}; return true;
    case Op::vsha1su0: r = {a.hi ^ a.lo ^ c.lo, b.lo ^ a.hi ^ c.hi}; return true;
    case Op::vsha1su1: r = sha1_schedule1(a, b); return true;
    case Op::vsha256h: r = sha256_rounds(a, b, c, true); return true;
    case Op::vsha256h2: r = sha256_rounds(b, a, c, false); return true;
    case Op::vsha256su0: r = sha256_schedule0(a, b); return true;
    case Op::vsha256su1: r = sha256_schedule1(a, b, c); return true;
    case Op::vshani: r = sha_step(ShaStep(aux_imm(aux) & 15), aux_imm(aux) >> 4 & 3, a, b, c); return true;
    case Op::vhash: r = eval_hash(HashStep(aux_imm(aux) & 15), aux_imm(aux) >> 4, a, b, c); return true;
    default: return false;
    }
}

} // namespace emu::ir
