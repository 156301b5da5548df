// SPDX-License-Identifier: MIT
// Arm ARM C3.5, C7.2: the cryptographic extension. AES, SHA-1 and SHA-256 steps are IR ops; SHA-512 and SHA-3 steps are made of
// ordinary ones.
#include "isa/a64/sem_simd_move.h"

namespace emu::isa::a64 {

void crypto_aes_round(Unit& u, const Fields& f) {
    Val keyed = u.ir.v2(Op::vxor, Lane::i64, u.v(f['d']), u.v(f['n']));
    u.set_v(f['d'], u.ir.v1(Op(f.arg()), Lane::i8, keyed));
}
void crypto_unary(Unit& u, const Fields& f) { u.set_v(f['d'], u.ir.v1(Op(f.arg()), Lane::i8, u.v(f['n']))); }
void crypto_binary(Unit& u, const Fields& f) { u.set_v(f['d'], u.ir.v2(Op(f.arg()), Lane::i32, u.v(f['d']), u.v(f['n']))); }
void crypto_ternary(Unit& u, const Fields& f) {
    u.set_v(f['d'], u.ir.v3(Op(f.arg()), Lane::i32, u.v(f['d']), u.v(f['n']), u.v(f['m'])));
}

// --- SHA-3 ------------------------------------------------------------------------------------------------------------------

namespace {
Val exclusive_or(Unit& u, Val a, Val b) { return u.ir.v2(Op::vxor, Lane::i64, a, b); }
/// 64-bit lanes rotated right.
Val rotate_lanes(Unit& u, Val v, unsigned count) {
    if (!count) return v;
    return u.ir.v2(Op::vor, Lane::i64, u.ir.v1(Op::vshru, Lane::i64, v, count), u.ir.v1(Op::vshl, Lane::i64, v, 64 - count));
}
} // namespace

void sha3_eor3(Unit& u, const Fields& f) { u.set_v(f['d'], exclusive_or(u, exclusive_or(u, u.v(f['n']), u.v(f['m'])), u.v(f['a']))); }
void sha3_bcax(Unit& u, const Fields& f) {
    u.set_v(f['d'], exclusive_or(u, u.v(f['n']), u.ir.v2(Op::vandn, Lane::i64, u.v(f['m']), u.v(f['a']))));
}
void sha3_rax1(Unit& u, const Fields& f) { u.set_v(f['d'], exclusive_or(u, u.v(f['n']), rotate_lanes(u, u.v(f['m']), 63))); }
void sha3_xar(Unit& u, const Fields& f) { u.set_v(f['d'], rotate_lanes(u, exclusive_or(u, u.v(f['n']), u.v(f['m'])), f['i'])); }

// --- SHA-512 (FIPS 180-4 section 4.1.3; two rounds at a time as the instructions do) -----------------------------------------

namespace {

struct Halves {
    Val lo, hi;
};
Halves halves(Unit& u, unsigned n) { return {u.ir.vget(Type::i64, Lane::i64, u.v(n), 0), u.ir.vget(Type::i64, Lane::i64, u.v(n), 1)}; }
void set_halves(Unit& u, unsigned d, Val lo, Val hi) { u.set_v(d, u.ir.vset(Lane::i64, u.ir.vzext(lo), hi, 1)); }

Val xor3(Unit& u, Val a, Val b, Val c) { return u.ir.xor_(u.ir.xor_(a, b), c); }
Val sum1(Unit& u, Val x) { return xor3(u, u.ir.rotr(x, 14), u.ir.rotr(x, 18), u.ir.rotr(x, 41)); }
Val sum0(Unit& u, Val x) { return xor3(u, u.ir.rotr(x, 28), u.ir.rotr(x, 34), u.ir.rotr(x, 39)); }
Val sigma0(Unit& u, Val x) { return xor3(u, u.ir.rotr(x, 1), u.ir.rotr(x, 8), u.ir.shr(x, 7)); }
Val sigma1(Unit& u, Val x) { return xor3(u, u.ir.rotr(x, 19), u.ir.rotr(x, 61), u.ir.shr(x, 6)); }
Val choose(Unit& u, Val x, Val y, Val z) { return u.ir.xor_(u.ir.and_(x, y), u.ir.andn(z, x)); }
Val majority(Unit& u, Val x, Val y, Val z) { return xor3(u, u.ir.and_(x, y), u.ir.and_(x, z), u.ir.and_(y, z)); }

} // namespace

void sha512_h(Unit& u, const Fields& f) {
    Halves w = halves(u, f['d']), x = halves(u, f['n']), y = halves(u, f['m']);
    auto& ir = u.ir;
    Val hi = ir.add(ir.add(choose(u, y.hi, x.lo, x.hi), sum1(u, y.hi)), w.hi);
    Val t = ir.add(hi, y.lo);
    Val lo = ir.add(ir.add(choose(u, t, y.hi, x.lo), sum1(u, t)), w.lo);
    set_halves(u, f['d'], lo, hi);
}

void sha512_h2(Unit& u, const Fields& f) {
    Halves w = halves(u, f['d']), x = halves(u, f['n']), y = halves(u, f['m']);
    auto& ir = u.ir;
    Val hi = ir.add(ir.add(majority(u, x.lo, y.hi, y.lo), sum0(u, y.lo)), w.hi);
    Val lo = ir.add(ir.add(majority(u, hi, y.lo, y.hi), sum0(u, hi)), w.lo);
    set_halves(u, f['d'], lo, hi);
}

void sha512_su0(Unit& u, const Fields& f) {
    Halves w = halves(u, f['d']), x = halves(u, f['n']);
    set_halves(u, f['d'], u.ir.add(w.lo, sigma0(u, w.hi)), u.ir.add(w.hi, sigma0(u, x.lo)));
}

void sha512_su1(Unit& u, const Fields& f) {
    Halves w = halves(u, f['d']), x = halves(u, f['n']), y = halves(u, f['m']);
    auto& ir = u.ir;
    set_halves(u, f['d'], ir.add(ir.add(w.lo, sigma1(u, x.lo)), y.lo), ir.add(ir.add(w.hi, sigma1(u, x.hi)), y.hi));
}

} // namespace emu::isa::a64
