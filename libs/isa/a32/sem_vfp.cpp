// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A7.5, A8; DDI 0487 F6: scalar floating point. NaN choice, flushing and flags are the IR ops' business
// (fp::rules::arm and FPSCR's mode bits).
#include "isa/a32/sem_vfp.h"

#include "common/bits.h"
#include "isa/a32/helpers.h"

namespace emu::isa::a32 {

namespace {

Lane lane_of(Type t) { return t == Type::f16 ? Lane::f16 : t == Type::f32 ? Lane::f32 : Lane::f64; }

/// The type that the size field selects; false: not on this CPU.
bool fp_type(const Unit& u, const Fields& f, Type& type) {
    // Rows with one bit of it are for single and double only, those without for half.
    switch (!f.has('z') ? 1 : f.width('z') == 1 ? 2 | f['z'] : f['z']) {
    case 1: type = Type::f16; return u.has(feature::fp16);
    case 2: type = Type::f32; return true;
    case 3: type = Type::f64; return true;
    default: return false;
    }
}

unsigned number(const Fields& f, char high, char low, bool is_double) {
    return is_double ? f[high] << 4 | f[low] : f[low] << 1 | f[high];
}
/// Does a double register exist?
bool exists(const Unit& u, const Fields& f, std::initializer_list<char> high, Type type) {
    if (type != Type::f64 || u.has(feature::d32)) return true;
    for (char h : high)
        if (f.has(h) && f[h]) return false;
    return true;
}

Val read(Unit& u, unsigned n, Type type) {
    if (type == Type::f64) return u.scalar_d(n);
    if (type == Type::f32) return u.scalar_s(n);
    return u.ir.vget(Type::f16, Lane::f16, u.q(n >> 2), (n & 3) * 2);
}
void write(Unit& u, unsigned n, Val value) {
    switch (u.ir.type(value)) {
    case Type::f64: return u.set_scalar_d(n, value);
    case Type::f32: return u.set_scalar_s(n, value);
    default: return u.set_s_bits(n, u.ir.fbits(value)); // the upper half becomes zero
    }
}
void write_d(Unit& u, const Fields& f, Val value) { write(u, number(f, 'D', 'd', u.ir.type(value) == Type::f64), value); }

/// VFPExpandImm.
u64 expand_immediate(u32 imm8, Type type) {
    const unsigned exponent_bits = type == Type::f16 ? 5 : type == Type::f32 ? 8 : 11;
    const unsigned fraction_bits = bit_width(type) - 1 - exponent_bits;
    const u64 b = bit(imm8, 6);
    const u64 exponent = (b ^ 1) << (exponent_bits - 1) | (b ? ones(exponent_bits - 3) << 2 : 0) | bits(imm8, 4, 2);
    return u64(bit(imm8, 7)) << (bit_width(type) - 1) | exponent << fraction_bits | u64(imm8 & 15) << (fraction_bits - 4);
}

/// What every arithmetic instruction begins with: the type, and the condition out of the way (flags must not be raised without).
bool begin(Unit& u, const Fields& f, Type& type) {
    if (!fp_type(u, f, type) || !exists(u, f, {'D', 'N', 'M'}, type)) {
        u.unallocated();
        return false;
    }
    u.commit();
    return true;
}

} // namespace

Val vfp_register(Unit& u, const Fields& f, char high, char low, Type type) { return read(u, number(f, high, low, type == Type::f64), type); }

namespace {
Val operand_n(Unit& u, const Fields& f, Type type) { return vfp_register(u, f, 'N', 'n', type); }
Val operand_m(Unit& u, const Fields& f, Type type) { return vfp_register(u, f, 'M', 'm', type); }
Val operand_d(Unit& u, const Fields& f, Type type) { return vfp_register(u, f, 'D', 'd', type); }
} // namespace

void vfp_binary(Unit& u, const Fields& f) {
    Type type;
    if (!begin(u, f, type)) return;
    Val r = u.ir.op2(Op(f.arg() & 255), operand_n(u, f, type), operand_m(u, f, type));
    write_d(u, f, f.arg() & vfp_arg::negate_product ? u.ir.op1(Op::fneg, r) : r);
}

void vfp_multiply_add(Unit& u, const Fields& f) {
    Type type;
    if (!begin(u, f, type)) return;
    Val product = u.ir.op2(Op::fmul, operand_n(u, f, type), operand_m(u, f, type)), addend = operand_d(u, f, type);
    if (f.arg() & vfp_arg::negate_product) product = u.ir.op1(Op::fneg, product);
    if (f.arg() & vfp_arg::negate_addend) addend = u.ir.op1(Op::fneg, addend);
    write_d(u, f, u.ir.op2(Op::fadd, addend, product));
}

void vfp_fused(Unit& u, const Fields& f) {
    Type type;
    if (!begin(u, f, type)) return;
    Val n = operand_n(u, f, type), addend = operand_d(u, f, type);
    if (f.arg() & vfp_arg::negate_product) n = u.ir.op1(Op::fneg, n);
    if (f.arg() & vfp_arg::negate_addend) addend = u.ir.op1(Op::fneg, addend);
    write_d(u, f, u.ir.op3(Op::fma, n, operand_m(u, f, type), addend));
}

// Moves raise nothing: they may be predicated.
void vfp_move(Unit& u, const Fields& f) {
    Type type;
    if (f['z'] < 2 || !fp_type(u, f, type) || !exists(u, f, {'D', 'M'}, type)) return u.unallocated();
    write_d(u, f, operand_m(u, f, type));
}

void vfp_sign(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f, type) || !exists(u, f, {'D', 'M'}, type)) return u.unallocated();
    write_d(u, f, u.ir.op1(Op(f.arg()), operand_m(u, f, type)));
}

void vfp_sqrt(Unit& u, const Fields& f) {
    Type type;
    if (!begin(u, f, type)) return;
    write_d(u, f, u.ir.op1(Op::fsqrt, operand_m(u, f, type)));
}

void vfp_move_immediate(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f, type) || !exists(u, f, {'D'}, type)) return u.unallocated();
    write_d(u, f, u.ir.imm(type, expand_immediate(f['i'], type)));
}

void vfp_compare(Unit& u, const Fields& f) {
    Type type;
    if (!begin(u, f, type)) return;
    Val m = f.arg() & vfp_arg::with_zero ? u.ir.imm(type, 0) : operand_m(u, f, type);
    u.set(slot_fp_nzcv, u.ir.fcmp(operand_d(u, f, type), m, f.arg() & vfp_arg::signaling));
}

/// arg: ir::Rounding, 8 = raise inexact.
void vfp_round(Unit& u, const Fields& f) {
    Type type;
    if (!begin(u, f, type)) return;
    write_d(u, f, u.ir.op1(Op::frint, operand_m(u, f, type), ir::fp_aux(ir::Rounding(f.arg() & 7), f.arg() >> 3 & 1)));
}

void vfp_round_fixed(Unit& u, const Fields& f) {
    Type type;
    if (!begin(u, f, type)) return;
    constexpr ir::Rounding modes[] = {ir::Rounding::nearest_away, ir::Rounding::nearest_even, ir::Rounding::up, ir::Rounding::down};
    write_d(u, f, u.ir.op1(Op::frint, operand_m(u, f, type), ir::fp_aux(modes[f['r']])));
}

void vfp_convert_precision(Unit& u, const Fields& f) {
    const bool from_double = f['z'] == 3;
    if (f['z'] < 2 || (!u.has(feature::d32) && f[from_double ? 'M' : 'D'])) return u.unallocated();
    u.commit();
    const Type from = from_double ? Type::f64 : Type::f32;
    write_d(u, f, u.ir.emit(Op::fcvt, from_double ? Type::f32 : Type::f64, 0, operand_m(u, f, from)));
}

/// VCVTB, VCVTT: half precision in the bottom or top half of an S register. Field o: 1 = to half; z: 2 single, 3 double.
void vfp_half(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    const bool to_half = f['o'], is_double = f['z'] == 3;
    if (f['z'] < 2 || (is_double && !u.has(feature::vfp_v8)) || (is_double && !u.has(feature::d32) && f[to_half ? 'M' : 'D'])) return u.unallocated();
    u.commit();
    const Type type = is_double ? Type::f64 : Type::f32;
    const unsigned top = f['T'];
    if (!to_half) {
        const unsigned m = number(f, 'M', 'm', false);
        Val half = ir.vget(Type::f16, Lane::f16, u.q(m >> 2), (m & 3) * 2 + top);
        return write_d(u, f, ir.emit(Op::fcvt, type, 0, half));
    }
    Val half = ir.fbits(ir.emit(Op::fcvt, Type::f16, 0, operand_m(u, f, type)));
    const unsigned d = number(f, 'D', 'd', false);
    u.set_qreg(d >> 2, ir.vset(Lane::i16, u.q(d >> 2), half, (d & 3) * 2 + top));
}

// --- integers and fixed point ------------------------------------------------------------------------------------------------------

/// arg: ir::Rounding; field u: 1 = signed. The integer is in an S register.
void vfp_to_int(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f, type) || !exists(u, f, {'M'}, type)) return u.unallocated();
    u.commit();
    Val r = u.ir.emit(f['u'] ? Op::f2s : Op::f2u, Type::i32, ir::fp_aux(ir::Rounding(f.arg())), operand_m(u, f, type));
    u.set_s_bits(number(f, 'D', 'd', false), r);
}

void vfp_to_int_fixed(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f, type) || !exists(u, f, {'M'}, type)) return u.unallocated();
    u.commit();
    constexpr ir::Rounding modes[] = {ir::Rounding::nearest_away, ir::Rounding::nearest_even, ir::Rounding::up, ir::Rounding::down};
    Val r = u.ir.emit(f['u'] ? Op::f2s : Op::f2u, Type::i32, ir::fp_aux(modes[f['r']]), operand_m(u, f, type));
    u.set_s_bits(number(f, 'D', 'd', false), r);
}

void vfp_from_int(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f, type) || !exists(u, f, {'D'}, type)) return u.unallocated();
    u.commit();
    Val m = u.s_bits(number(f, 'M', 'm', false));
    write_d(u, f, u.ir.emit(f['u'] ? Op::s2f : Op::u2f, type, ir::fp_aux(ir::Rounding::dynamic), m));
}

/// Fields: o: 1 = to fixed point, u: 1 = unsigned, x: 32 bits (else 16), i: size minus fraction bits. Conversions to floating point
/// are to nearest, to fixed point toward zero.
void vfp_fixed(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Type type;
    const unsigned size = f['x'] ? 32 : 16, scale = f['i'] << 1 | f['j'], fraction = size - scale;
    if (!fp_type(u, f, type) || !exists(u, f, {'D'}, type) || scale > size) return u.unallocated();
    u.commit();
    const unsigned d = number(f, 'D', 'd', type == Type::f64);
    if (!f['o']) {
        Val bits = type == Type::f64 ? ir.vget(Type::i32, Lane::i32, u.q(d >> 1), (d & 1) * 2) : u.s_bits(d);
        if (size == 16) bits = f['u'] ? ir.ubfx(bits, 0, 16) : ir.sbfx(bits, 0, 16);
        if (type == Type::f16) {
            Val half = ir.call(helper_half_from_fixed, {ir.zext(bits, Type::i64), ir.imm64(f['u']), ir.imm64(fraction)});
            return write(u, d, ir.bitsf(Type::f16, ir.trunc(half)));
        }
        // 32 bits in single precision or 16 in half are rounded: FPSCR's mode is not what counts.
        if (u.mode() & mode::rounding && type == Type::f32) {
            const u16 aux = u16(ir::vfp_aux(lane_of(type), ir::Rounding::dynamic, fraction) | ir::fp_standard);
            return write(u, d, ir.vget(type, Lane::f32, ir.emit(f['u'] ? Op::vu2f : Op::vs2f, Type::v128, aux, ir.vzext(bits)), 0));
        }
        return write(u, d, ir.emit(f['u'] ? Op::u2f : Op::s2f, type, ir::fp_aux(ir::Rounding::dynamic, fraction), bits));
    }
    Val value = read(u, d, type), r;
    const u16 aux = ir::fp_aux(ir::Rounding::toward_zero, fraction);
    r = size == 32 ? ir.emit(f['u'] ? Op::f2u : Op::f2s, Type::i32, aux, value)
                   : ir.trunc(ir.call(f['u'] ? helper_to_fixed_u16 : helper_to_fixed_s16, {ir.zext(ir.fbits(value), Type::i64), ir.imm64(bit_width(type)), ir.imm64(fraction)}));
    if (type != Type::f64) return u.set_s_bits(d, r);
    Val wide = f['u'] ? ir.zext(r, Type::i64) : ir.sext(r, Type::i64);
    u.set_qreg(d >> 1, ir.vset(Lane::i64, u.q(d >> 1), wide, d & 1));
}

void vfp_to_int_js(Unit& u, const Fields& f) {
    if (!exists(u, f, {'M'}, Type::f64)) return u.unallocated();
    u.commit();
    auto& ir = u.ir;
    Val r = ir.emit(Op::fjcvt, Type::i64, 0, operand_m(u, f, Type::f64));
    u.set(slot_fp_nzcv, ir.shl(ir.trunc(ir.shr(r, 32)), 14));
    u.set_s_bits(number(f, 'D', 'd', false), ir.trunc(r));
}

// --- Armv8 -------------------------------------------------------------------------------------------------------------------------

void vfp_select(Unit& u, const Fields& f) {
    Type type;
    if (!begin(u, f, type)) return;
    constexpr Cond conditions[] = {Cond::eq, Cond::vs, Cond::ge, Cond::gt};
    write_d(u, f, u.ir.select(u.ir.test(conditions[f['c']], u.nzcv()), operand_n(u, f, type), operand_m(u, f, type)));
}

void vfp_min_max(Unit& u, const Fields& f) {
    Type type;
    if (!begin(u, f, type)) return;
    write_d(u, f, u.ir.op2(Op(f.arg()), operand_n(u, f, type), operand_m(u, f, type)));
}

void vfp_insert_half(Unit& u, const Fields& f) {
    const unsigned d = number(f, 'D', 'd', false), m = number(f, 'M', 'm', false);
    u.set_s_bits(d, u.ir.bfi(u.s_bits(d), u.s_bits(m), 16, 16));
}
void vfp_move_top_half(Unit& u, const Fields& f) { u.set_s_bits(number(f, 'D', 'd', false), u.ir.shr(u.s_bits(number(f, 'M', 'm', false)), 16u)); }

// --- general registers ---------------------------------------------------------------------------------------------------------------

/// Field L: 1 = to the general register.
void vfp_core_single(Unit& u, const Fields& f) {
    const unsigned n = number(f, 'N', 'n', false);
    if (f['t'] == 15) return u.unallocated();
    if (f['L']) u.set_r(f['t'], u.s_bits(n));
    else u.set_s_bits(n, u.r(f['t']));
}

void vfp_core_half(Unit& u, const Fields& f) {
    const unsigned n = number(f, 'N', 'n', false);
    if (f['t'] == 15) return u.unallocated();
    if (f['L']) u.set_r(f['t'], u.ir.ubfx(u.s_bits(n), 0, 16));
    else u.set_s_bits(n, u.ir.ubfx(u.r(f['t']), 0, 16));
}

void vfp_core_pair(Unit& u, const Fields& f) {
    const unsigned m = number(f, 'M', 'm', false);
    if (m == 31 || f['t'] == 15 || f['u'] == 15) return u.unallocated();
    if (f['L']) {
        u.set_r(f['t'], u.s_bits(m));
        u.set_r(f['u'], u.s_bits(m + 1));
    } else {
        Val low = u.r(f['t']), high = u.r(f['u']);
        u.set_s_bits(m, low);
        u.set_s_bits(m + 1, high);
    }
}

void vfp_core_double(Unit& u, const Fields& f) {
    if (!exists(u, f, {'M'}, Type::f64) || f['t'] == 15 || f['u'] == 15) return u.unallocated();
    auto& ir = u.ir;
    const unsigned m = number(f, 'M', 'm', true);
    if (f['L']) {
        Val bits = ir.vget(Type::i64, Lane::i64, u.q(m >> 1), m & 1);
        u.set_r(f['t'], ir.trunc(bits));
        u.set_r(f['u'], ir.trunc(ir.shr(bits, 32)));
    } else {
        Val bits = ir.or_(u.r64(f['t']), ir.shl(u.r64(f['u']), 32));
        u.set_qreg(m >> 1, ir.vset(Lane::i64, u.q(m >> 1), bits, m & 1));
    }
}

namespace {
/// opc1:opc2 of the scalar forms: lane size and index.
struct Scalar {
    unsigned size, index;
};
bool scalar_of(const Unit& u, u32 o, Scalar& s) {
    if (o & 8) s = {0, o & 7};
    else if (o & 1) s = {1, o >> 1 & 3};
    else if (!(o & 2)) s = {2, o >> 2 & 1};
    else return false;
    return s.size == 2 || u.has(feature::neon);
}
} // namespace

void vfp_core_to_scalar(Unit& u, const Fields& f) {
    Scalar s;
    if (!scalar_of(u, f['o'], s) || f['t'] == 15 || !exists(u, f, {'D'}, Type::f64)) return u.unallocated();
    const unsigned d = number(f, 'D', 'd', true), lanes = 8 >> s.size;
    u.set_qreg(d >> 1, u.ir.vset(ir::int_lane(8u << s.size), u.q(d >> 1), u.r(f['t']), (d & 1) * lanes + s.index));
}

void vfp_scalar_to_core(Unit& u, const Fields& f) {
    Scalar s;
    if (!scalar_of(u, f['o'], s) || (s.size == 2 && f['U']) || f['t'] == 15 || !exists(u, f, {'N'}, Type::f64)) return u.unallocated();
    const unsigned n = number(f, 'N', 'n', true), lanes = 8 >> s.size;
    Val r = u.ir.vget(Type::i32, ir::int_lane(8u << s.size), u.q(n >> 1), (n & 1) * lanes + s.index);
    u.set_r(f['t'], f['U'] || s.size == 2 ? r : u.ir.sbfx(r, 0, 8u << s.size));
}

void vfp_dup_core(Unit& u, const Fields& f) {
    const unsigned d = number(f, 'D', 'd', true), size = f['b'] ? 0 : f['e'] ? 1 : 2;
    if ((f['b'] && f['e']) || (f['Q'] && d & 1) || f['t'] == 15) return u.unallocated();
    Val v = u.ir.vdup(ir::int_lane(8u << size), u.r(f['t']));
    if (f['Q']) u.set_qreg(d >> 1, v);
    else u.set_d(d, v);
}

// --- system registers ------------------------------------------------------------------------------------------------------------------

namespace {
constexpr u32 reg_fpscr = 1;
}

void vfp_system_read(Unit& u, const Fields& f) {
    if (f['n'] != reg_fpscr) return u.unallocated();
    if (f['t'] == 15) return u.set_nzcv(u.ir.get(slot_fp_nzcv));
    u.commit();
    u.set_r(f['t'], u.ir.trunc(u.ir.call(helper_read_fpscr)));
}

void vfp_system_write(Unit& u, const Fields& f) {
    if (f['n'] != reg_fpscr || f['t'] == 15) return u.unallocated();
    u.commit();
    u.ir.call(helper_write_fpscr, {u.r64(f['t'])});
    u.sync();
}

// --- memory ----------------------------------------------------------------------------------------------------------------------------

void vfp_load_store(Unit& u, const Fields& f) {
    Type type;
    if (!fp_type(u, f, type) || !exists(u, f, {'D'}, type)) return u.unallocated();
    u.commit();
    const unsigned size = type == Type::f64 ? 3 : type == Type::f32 ? 2 : 1;
    const s32 offset = s32(f['i'] << (type == Type::f16 ? 1 : 2));
    Val base = f['n'] == 15 ? u.ir.imm32(u.pc_value() & ~u32(3)) : u.r(f['n']);
    Val at = u.address(base, f['U'] ? offset : -offset);
    const unsigned d = number(f, 'D', 'd', type == Type::f64);
    u.check_alignment(at, type == Type::f16 ? 2 : 4);
    if (type == Type::f16) {
        if (f['L']) u.set_s_bits(d, u.load(at, u.access(1)));
        else u.store(at, u.s_bits(d), u.access(1));
        return;
    }
    if (f['L']) write(u, d, u.ir.load(type, at, u.access(size)));
    else u.ir.store(at, read(u, d, type), u.access(size));
}

/// VLDM, VSTM; a list of doubles of an odd number of words is the old FLDMX, which moves one word more than the registers.
void vfp_multiple(Unit& u, const Fields& f) {
    const bool is_double = f['z'] == 3, up = f.arg(), write_back = !f.has('W') || f['W'];
    const unsigned first = number(f, 'D', 'd', is_double), count = is_double ? f['i'] / 2 : f['i'], last = u.has(feature::d32) || !is_double ? 32 : 16;
    if (!count || first + count > last || count > (is_double ? 16 : 32) || f['z'] < 2 || (f['n'] == 15 && (write_back || !f['L']))) return u.unallocated();
    u.commit();
    const Type type = is_double ? Type::f64 : Type::f32;
    const unsigned bytes = is_double ? 8 : 4;
    const s32 total = s32(4 * f['i']);
    Val base = f['n'] == 15 ? u.ir.imm32(u.pc_value() & ~u32(3)) : u.r(f['n']);
    const MemFlags flags = u.access(is_double ? 3 : 2);
    const MemFlags both = {.size_log2 = 4};
    u.check_alignment(u.address(base, up ? 0 : -total), 4);
    for (unsigned i = 0; i < count; i++) {
        const unsigned r = first + i;
        Val at = u.address(base, (up ? 0 : -total) + s32(i * bytes));
        if (is_double && !(r & 1) && i + 1 < count && !u.big_endian()) { // two at once
            if (f['L']) u.set_qreg(r >> 1, u.ir.load(Type::v128, at, both));
            else u.ir.store(at, u.q(r >> 1), both);
            i++;
            continue;
        }
        if (f['L']) write(u, r, u.ir.load(type, at, flags));
        else u.ir.store(at, read(u, r, type), flags);
    }
    if (write_back) u.set_r(f['n'], u.ir.add(base, u.ir.imm32(u32(up ? total : -total))));
}

} // namespace emu::isa::a32
