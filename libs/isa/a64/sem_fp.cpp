// SPDX-License-Identifier: MIT
// Arm ARM C7.2: scalar floating point. NaN choice, flushing and flags are the IR ops' business (fp::rules::arm and FPCR).
#include "isa/a64/sem_fp.h"

namespace emu::isa::a64 {

bool fp_type(Unit& u, u32 field, Type& type) {
    switch (field) {
    case 0: type = Type::f32; return true;
    case 1: type = Type::f64; return true;
    case 3: type = Type::f16; return u.has(feature::fp16);
    default: return false;
    }
}

u64 fp_expand_imm(u32 imm8, Type type) {
    const unsigned exponent_bits = type == Type::f16 ? 5 : type == Type::f32 ? 8 : 11;
    const unsigned fraction_bits = bit_width(type) - 1 - exponent_bits;
    const u64 b = bit(imm8, 6);
    const u64 exponent = (b ^ 1) << (exponent_bits - 1) | (b ? ones(exponent_bits - 3) << 2 : 0) | bits(imm8, 4, 2);
    return u64(bit(imm8, 7)) << (bit_width(type) - 1) | exponent << fraction_bits | u64(imm8 & 15) << (fraction_bits - 4);
}

namespace {

Val operand(Unit& u, unsigned n, Type type) { return u.scalar(n, lane_of(type), type); }

} // namespace

void fp_unary(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    u.set_scalar(f['d'], u.ir.op1(Op(f.arg()), operand(u, f['n'], type)));
}

void fp_move(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    u.set_scalar(f['d'], operand(u, f['n'], type));
}

void fp_binary(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    u.set_scalar(f['d'], u.ir.op2(Op(f.arg()), operand(u, f['n'], type), operand(u, f['m'], type)));
}

void fp_negated_multiply(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    Val product = u.ir.op2(Op::fmul, operand(u, f['n'], type), operand(u, f['m'], type));
    u.set_scalar(f['d'], u.ir.op1(Op::fneg, product));
}

void fp_multiply_add(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    Val n = operand(u, f['n'], type), m = operand(u, f['m'], type), a = operand(u, f['a'], type);
    if (f.arg() & fp_arg::negate_product) n = u.ir.op1(Op::fneg, n);
    if (f.arg() & fp_arg::negate_addend) a = u.ir.op1(Op::fneg, a);
    u.set_scalar(f['d'], u.ir.op3(Op::fma, n, m, a));
}

void fp_compare(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    Val m = f.arg() & fp_arg::with_zero ? u.ir.imm(type, 0) : operand(u, f['m'], type);
    u.set_nzcv(u.ir.fcmp(operand(u, f['n'], type), m, f.arg() & fp_arg::signaling));
}

void fp_conditional_compare(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    auto& ir = u.ir;
    // The comparison raises no flags where the condition fails: two equal zeros are compared instead.
    Val cond = u.test(f['c']), zero = ir.imm(type, 0);
    Val n = ir.select(cond, operand(u, f['n'], type), zero), m = ir.select(cond, operand(u, f['m'], type), zero);
    u.set_nzcv(ir.select(cond, ir.fcmp(n, m, f.arg() & fp_arg::signaling), ir.imm32(token_from_nzcv(f['k'] << 28))));
}

void fp_select(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    u.set_scalar(f['d'], u.ir.select(u.test(f['c']), operand(u, f['n'], type), operand(u, f['m'], type)));
}

void fp_move_immediate(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    u.set_v(f['d'], u.ir.vimm({fp_expand_imm(f['i'], type), 0}));
}

// --- between formats -----------------------------------------------------------------------------------------------------

void fp_convert(Unit& u, const Fields& f) {
    // Half precision is always there for conversions; a format to itself is not.
    static constexpr Type types[] = {Type::f32, Type::f64, Type::none, Type::f16};
    const Type from = types[f['t']], to = types[f['o']];
    if (from == Type::none || to == Type::none || from == to) return u.unallocated();
    u.set_scalar(f['d'], u.ir.emit(Op::fcvt, to, 0, operand(u, f['n'], from)));
}

void fp_to_bfloat(Unit& u, const Fields& f) {
    Val r = u.ir.v1(Op::vbfcvt, Lane::f32, u.ir.vzext(operand(u, f['n'], Type::f32)));
    u.set_v(f['d'], r);
}

void fp_round(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    const u16 aux = ir::fp_aux(ir::Rounding(f.arg() & 7), f.arg() >> 3 & 1);
    u.set_scalar(f['d'], u.ir.op1(Op::frint, operand(u, f['n'], type), aux));
}

void fp_round_sized(Unit& u, const Fields& f) {
    const Type type = f['t'] ? Type::f64 : Type::f32;
    const u16 aux = ir::fp_aux(ir::Rounding(f.arg() & 7), f.arg() >> 4);
    u.set_scalar(f['d'], u.ir.op1(Op::frintw, operand(u, f['n'], type), aux));
}

// --- integers and fixed point --------------------------------------------------------------------------------------------

namespace {

void to_integer(Unit& u, const Fields& f, ir::Rounding rounding, unsigned fraction_bits) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    const Op op = f.arg() & fp_arg::unsigned_int ? Op::f2u : Op::f2s;
    u.set_x(f['d'], u.ir.emit(op, u.int_type(f['z']), ir::fp_aux(rounding, fraction_bits), operand(u, f['n'], type)));
}

void from_integer(Unit& u, const Fields& f, unsigned fraction_bits) {
    Type type;
    if (!fp_type(u, f['t'], type)) return u.unallocated();
    const Op op = f.arg() & fp_arg::unsigned_int ? Op::u2f : Op::s2f;
    const u16 aux = ir::fp_aux(ir::Rounding::dynamic, fraction_bits);
    u.set_scalar(f['d'], u.ir.emit(op, type, aux, u.x(f['n'], u.int_type(f['z']))));
}

/// The scale field holds 64 - fraction bits; W registers have no more than 32.
bool fraction_bits_of(const Fields& f, unsigned& bits) {
    bits = 64 - f['s'];
    return f['z'] || bits <= 32;
}

} // namespace

void fp_to_int(Unit& u, const Fields& f) {
    to_integer(u, f, ir::Rounding(f.arg() >> 1), 0);
}

void fp_to_fixed(Unit& u, const Fields& f) {
    unsigned fraction_bits;
    if (!fraction_bits_of(f, fraction_bits)) return u.unallocated();
    to_integer(u, f, ir::Rounding::toward_zero, fraction_bits);
}

void fp_from_int(Unit& u, const Fields& f) { from_integer(u, f, 0); }

void fp_from_fixed(Unit& u, const Fields& f) {
    unsigned fraction_bits;
    if (!fraction_bits_of(f, fraction_bits)) return u.unallocated();
    from_integer(u, f, fraction_bits);
}

void fp_move_general(Unit& u, const Fields& f) {
    // arg: 0 from the V register, 1 to it. Width S with W, D with X, H with either.
    const u32 t = f['t'];
    Type type;
    if (!fp_type(u, t, type) || (type == Type::f32 && f['z']) || (type == Type::f64 && !f['z'])) return u.unallocated();
    const Lane lane = ir::int_lane(bit_width(type));
    if (!f.arg()) return u.set_x(f['d'], u.ir.vget(type == Type::f64 ? Type::i64 : Type::i32, lane, u.v(f['n']), 0));
    if (type == Type::f64) return u.set_v(f['d'], u.ir.vzext(u.x(f['n'])));
    Val bits = u.w(f['n']);
    u.set_v(f['d'], u.ir.vzext(type == Type::f16 ? u.ir.ubfx(bits, 0, 16) : bits));
}

void fp_move_top_half(Unit& u, const Fields& f) {
    if (f.arg()) u.set_v(f['d'], u.ir.vset(Lane::i64, u.v(f['d']), u.x(f['n']), 1));
    else u.set_x(f['d'], u.ir.vget(Type::i64, Lane::i64, u.v(f['n']), 1));
}

void fp_to_int_js(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val r = ir.emit(Op::fjcvt, Type::i64, 0, operand(u, f['n'], Type::f64));
    // Z = exact, N = C = V = 0: bit 32 moves to the token's Z.
    u.set_nzcv(ir.shl(ir.trunc(ir.shr(r, 32)), 14));
    u.set_x(f['d'], ir.trunc(r));
}

} // namespace emu::isa::a64
