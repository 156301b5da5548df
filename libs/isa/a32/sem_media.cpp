// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A8: multiplies, saturating and parallel arithmetic, bit fields, extension.
#include "isa/a32/sem_dp.h"

#include "common/bits.h"

namespace emu::isa::a32 {

namespace {

bool sets_flags(const Unit& u, const Fields& f) {
    if (f.has('S')) return f['S'];
    return f.arg() & alu::set_flags || (f.arg() & alu::flags_outside_it && !u.in_it());
}

Val wide(Unit& u, Val v, bool is_signed) { return is_signed ? u.ir.sext(v, Type::i64) : u.ir.zext(v, Type::i64); }
/// Does a sum of signed 32-bit numbers fit? As i1: no.
Val overflows(Unit& u, Val sum64) { return u.ir.ne(u.ir.sext(u.ir.trunc(sum64), Type::i64), sum64); }
Val half_of(Unit& u, Val v, bool top) { return top ? u.ir.sar(v, 16u) : u.ir.sbfx(v, 0, 16); }

/// RdHi:RdLo as i64, and back.
Val pair_of(Unit& u, unsigned lo, unsigned hi) {
    auto& ir = u.ir;
    return ir.or_(u.r64(lo), ir.shl(u.r64(hi), 32));
}
void set_pair(Unit& u, unsigned lo, unsigned hi, Val value) {
    Val low = u.ir.trunc(value), high = u.ir.trunc(u.ir.shr(value, 32));
    u.set_r(lo, low);
    u.set_r(hi, high);
}

/// `value` (i64) clamped to a signed or unsigned range of `bits`.
Val clamp(Unit& u, Val value, bool is_unsigned, unsigned bits) {
    auto& ir = u.ir;
    const s64 high = is_unsigned ? s64(ones(bits)) : s64(ones(bits - 1)), low = is_unsigned ? 0 : -high - 1;
    Val top = ir.imm64(u64(high)), bottom = ir.imm64(u64(low));
    value = ir.select(ir.slt(top, value), top, value);
    return ir.select(ir.slt(value, bottom), bottom, value);
}

} // namespace

void multiply(Unit& u, const Fields& f) {
    Val r = u.ir.mul(u.r(f['n']), u.r(f.has('m') ? f['m'] : f['d']));
    if (sets_flags(u, f)) u.set_nz(r);
    u.set_r(f['d'], r);
}

void multiply_accumulate(Unit& u, const Fields& f) {
    Val r = u.ir.add(u.ir.mul(u.r(f['n']), u.r(f['m'])), u.r(f['a']));
    if (sets_flags(u, f)) u.set_nz(r);
    u.set_r(f['d'], r);
}

void multiply_subtract(Unit& u, const Fields& f) { u.set_r(f['d'], u.ir.sub(u.r(f['a']), u.ir.mul(u.r(f['n']), u.r(f['m'])))); }

void multiply_long(Unit& u, const Fields& f) {
    const bool is_signed = f.arg() & long_multiply::is_signed;
    auto& ir = u.ir;
    Val r = ir.mul(wide(u, u.r(f['n']), is_signed), wide(u, u.r(f['m']), is_signed));
    if (f.arg() & long_multiply::accumulate) r = ir.add(r, pair_of(u, f['l'], f['d']));
    if (sets_flags(u, f)) { // Z is of all 64 bits, N the top one
        Val token = ir.or_(ir.and_(ir.flags_logic(r), ir.imm32(ir::flag_n | ir::flag_z)), ir.and_(u.nzcv(), ir.imm32(ir::flag_c | ir::flag_v)));
        u.set_nzcv(token);
    }
    set_pair(u, f['l'], f['d'], r);
}

/// UMAAL: both halves of the accumulator added.
void multiply_accumulate_accumulate(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val r = ir.mul(u.r64(f['n']), u.r64(f['m']));
    r = ir.add(ir.add(r, u.r64(f['l'])), u.r64(f['d']));
    set_pair(u, f['l'], f['d'], r);
}

void multiply_half(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val r = ir.mul(half_of(u, u.r(f['n']), f['x']), half_of(u, u.r(f['m']), f['y']));
    if (f.arg() & dual::accumulate) {
        Val sum = ir.add(ir.sext(r, Type::i64), ir.sext(u.r(f['a']), Type::i64));
        u.set_q_if(overflows(u, sum));
        r = ir.trunc(sum);
    }
    u.set_r(f['d'], r);
}

void multiply_half_long(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val product = ir.mul(half_of(u, u.r(f['n']), f['x']), half_of(u, u.r(f['m']), f['y']));
    set_pair(u, f['l'], f['d'], ir.add(pair_of(u, f['l'], f['d']), ir.sext(product, Type::i64)));
}

void multiply_word_half(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val product = ir.mul(ir.sext(u.r(f['n']), Type::i64), ir.sext(half_of(u, u.r(f['m']), f['y']), Type::i64));
    Val r = ir.trunc(ir.sar(product, 16u));
    if (f.arg() & dual::accumulate) {
        Val sum = ir.add(ir.sext(r, Type::i64), ir.sext(u.r(f['a']), Type::i64));
        u.set_q_if(overflows(u, sum));
        r = ir.trunc(sum);
    }
    u.set_r(f['d'], r);
}

namespace {
/// The sum or difference of both products, exact.
Val dual_products(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val n = u.r(f['n']), m = u.r(f['m']);
    if (f['x']) m = ir.rotr(m, 16u);
    Val low = ir.sext(ir.mul(half_of(u, n, false), half_of(u, m, false)), Type::i64);
    Val high = ir.sext(ir.mul(half_of(u, n, true), half_of(u, m, true)), Type::i64);
    return f.arg() & dual::subtract ? ir.sub(low, high) : ir.add(low, high);
}
} // namespace

void multiply_dual(Unit& u, const Fields& f) {
    Val sum = dual_products(u, f);
    if (f.arg() & dual::accumulate) sum = u.ir.add(sum, u.ir.sext(u.r(f['a']), Type::i64));
    // A difference of two products always fits.
    if (f.arg() != dual::subtract) u.set_q_if(overflows(u, sum));
    u.set_r(f['d'], u.ir.trunc(sum));
}

void multiply_dual_long(Unit& u, const Fields& f) { set_pair(u, f['l'], f['d'], u.ir.add(pair_of(u, f['l'], f['d']), dual_products(u, f))); }

/// SMMUL, SMMLA, SMMLS: the most significant word.
void multiply_high(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val r = ir.mul(ir.sext(u.r(f['n']), Type::i64), ir.sext(u.r(f['m']), Type::i64));
    if (f.arg() & (dual::accumulate | dual::subtract)) {
        Val a = ir.shl(u.r64(f['a']), 32);
        r = f.arg() & dual::subtract ? ir.sub(a, r) : ir.add(a, r);
    }
    if (f['R']) r = ir.add(r, ir.imm64(0x80000000));
    u.set_r(f['d'], ir.trunc(ir.shr(r, 32)));
}

void divide(Unit& u, const Fields& f) { u.set_r(f['d'], u.ir.op2(Op(f.arg()), u.r(f['n']), u.r(f['m']))); }

// --- saturation ------------------------------------------------------------------------------------------------------------

void saturating_add(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val n = ir.sext(u.r(f['n']), Type::i64), m = ir.sext(u.r(f['m']), Type::i64);
    if (f.arg() & 2) {
        Val doubled = ir.add(n, n), clamped = clamp(u, doubled, false, 32);
        u.set_q_if(ir.ne(doubled, clamped));
        n = clamped;
    }
    Val exact = f.arg() & 1 ? ir.sub(m, n) : ir.add(m, n), r = clamp(u, exact, false, 32);
    u.set_q_if(ir.ne(exact, r));
    u.set_r(f['d'], ir.trunc(r));
}

void saturate(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    const bool is_unsigned = f.arg() & 1;
    Val n = f['h'] ? (f['i'] ? ir.sar(u.r(f['n']), f['i']) : ir.sar(u.r(f['n']), 31u)) : ir.shl(u.r(f['n']), f['i']);
    Val exact = ir.sext(n, Type::i64), r = clamp(u, exact, is_unsigned, is_unsigned ? f['t'] : f['t'] + 1);
    u.set_q_if(ir.ne(exact, r));
    u.set_r(f['d'], ir.trunc(r));
}

void saturate_halves(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    const bool is_unsigned = f.arg() & 1;
    Val n = u.r(f['n']), parts[2];
    for (unsigned i = 0; i < 2; i++) {
        Val exact = ir.sext(half_of(u, n, i), Type::i64), r = clamp(u, exact, is_unsigned, is_unsigned ? f['t'] : f['t'] + 1);
        u.set_q_if(ir.ne(exact, r));
        parts[i] = ir.trunc(r);
    }
    u.set_r(f['d'], ir.bfi(ir.ubfx(parts[0], 0, 16), parts[1], 16, 16));
}

// --- bits ------------------------------------------------------------------------------------------------------------------

void count_zeros(Unit& u, const Fields& f) { u.set_r(f['d'], u.ir.op1(Op(f.arg()), u.r(f['m']))); }
void reverse(Unit& u, const Fields& f) { u.set_r(f['d'], u.ir.op1(Op(f.arg()), u.r(f['m']))); }
void reverse_signed_half(Unit& u, const Fields& f) { u.set_r(f['d'], u.ir.sbfx(u.ir.op1(Op::bswap16, u.r(f['m'])), 0, 16)); }

void bitfield_extract(Unit& u, const Fields& f) {
    const unsigned lsb = f['i'], width = f['w'] + 1;
    if (lsb + width > 32) return u.unallocated();
    u.set_r(f['d'], f.arg() ? u.ir.sbfx(u.r(f['n']), lsb, width) : u.ir.ubfx(u.r(f['n']), lsb, width));
}

/// BFI, and BFC where n is 15.
void bitfield_insert(Unit& u, const Fields& f) {
    const unsigned lsb = f['i'], msb = f['w'];
    if (msb < lsb) return u.unallocated();
    Val n = f['n'] == 15 ? u.ir.imm32(0) : u.r(f['n']);
    u.set_r(f['d'], u.ir.bfi(u.r(f['d']), n, lsb, msb - lsb + 1));
}

void pack_halves(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val n = u.r(f['n']), m = shift_immediate(u, u.r(f['m']), f.arg() ? 2 : 0, f['i']).value;
    u.set_r(f['d'], f.arg() ? ir.bfi(n, m, 0, 16) : ir.bfi(m, n, 0, 16));
}

void extend(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    const u32 what = f.arg() & extend_arg::size;
    const bool is_unsigned = f.arg() & extend_arg::is_unsigned;
    Val m = u.r(f['m']);
    if (f.has('r')) m = ir.rotr(m, f['r'] * 8);
    auto part = [&](unsigned lsb, unsigned width) { return is_unsigned ? ir.ubfx(m, lsb, width) : ir.sbfx(m, lsb, width); };
    const bool adds = f.has('n') && f['n'] != 15;
    if (what == extend_arg::pair) {
        Val low = part(0, 8), high = part(16, 8), n = adds ? u.r(f['n']) : ir.imm32(0);
        return u.set_r(f['d'], ir.bfi(ir.ubfx(ir.add(n, low), 0, 16), ir.add(ir.shr(n, 16u), high), 16, 16));
    }
    Val value = part(0, what == extend_arg::byte ? 8 : 16);
    u.set_r(f['d'], adds ? ir.add(u.r(f['n']), value) : value);
}

// --- parallel arithmetic: the words as the low lanes of vectors ---------------------------------------------------------------

namespace {

Val to_vector(Unit& u, Val word) { return u.ir.vzext(word); }
Val from_vector(Unit& u, Val v) { return u.ir.vget(Type::i32, Lane::i32, v, 0); }

struct ParallelOps {
    Op add, sub;
};
ParallelOps ops_of(u32 arg) {
    if (arg & par::saturating) return {Op::vqadds, Op::vqsubs};
    if (arg & par::usat) return {Op::vqaddu, Op::vqsubu};
    if (arg & par::halving) return {Op::vhadds, Op::vhsubs};
    if (arg & par::uhalving) return {Op::vhaddu, Op::vhsubu};
    return {Op::vadd, Op::vsub};
}

/// Lanes of GE after n + m or n - m: signed, the exact result is not negative, as the saturated one tells; unsigned, a carry out of
/// the sum, or none borrowed by the difference.
Val ge_of(Unit& u, Lane lane, Val n, Val m, bool minus, bool is_unsigned) {
    auto& ir = u.ir;
    if (!is_unsigned) return ir.v2(Op::vges, lane, ir.v2(minus ? Op::vqsubs : Op::vqadds, lane, n, m), ir.vzero());
    return minus ? ir.v2(Op::vgeu, lane, n, m) : ir.v2(Op::vgtu, lane, n, ir.v2(Op::vadd, lane, n, m));
}

} // namespace

void parallel(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    const u32 arg = f.arg(), op = arg & par::operation;
    const Lane lane = op >= par::add8 ? Lane::i8 : Lane::i16;
    const auto [plus, minus] = ops_of(arg);
    const bool flags = arg & (par::sign | par::uns), is_unsigned = arg & par::uns;
    Val n = to_vector(u, u.r(f['n'])), m = u.r(f['m']);
    const bool crossed = op == par::asx || op == par::sax;
    Val v = to_vector(u, crossed ? ir.rotr(m, 16u) : m);
    auto both = [&](auto value) { // low lane, high lane of the crossed forms
        Val low = value(op == par::asx), high = value(op == par::sax);
        return ir.bfi(from_vector(u, high), from_vector(u, low), 0, 16);
    };
    Val r, ge;
    if (crossed) {
        r = both([&, plus = plus, minus = minus](bool sub) { return ir.v2(sub ? minus : plus, lane, n, v); });
        if (flags) ge = both([&](bool sub) { return ge_of(u, lane, n, v, sub, is_unsigned); });
    } else {
        const bool sub = op == par::sub16 || op == par::sub8;
        r = from_vector(u, ir.v2(sub ? minus : plus, lane, n, v));
        if (flags) ge = from_vector(u, ge_of(u, lane, n, v, sub, is_unsigned));
    }
    if (flags) u.set(slot_ge, ge);
    u.set_r(f['d'], r);
}

void select_bytes(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val ge = ir.get(slot_ge);
    u.set_r(f['d'], ir.or_(ir.and_(u.r(f['n']), ge), ir.andn(u.r(f['m']), ge)));
}

/// USAD8, USADA8.
void sum_differences(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val differences = ir.v2(Op::vabdu, Lane::i8, to_vector(u, u.r(f['n'])), to_vector(u, u.r(f['m'])));
    Val pairs = from_vector(u, ir.v1(Op::vpaddlu, Lane::i8, differences));
    Val sum = ir.add(ir.ubfx(pairs, 0, 16), ir.shr(pairs, 16u));
    u.set_r(f['d'], f['a'] == 15 ? sum : ir.add(sum, u.r(f['a'])));
}

void crc(Unit& u, const Fields& f) { u.set_r(f['d'], u.ir.emit(Op::crc32, Type::i32, u16(f.arg()), u.r(f['n']), u.r64(f['m']))); }

} // namespace emu::isa::a32
