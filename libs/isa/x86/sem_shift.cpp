// SPDX-License-Identifier: MIT
// Shifts, rotates, bit tests and counts, BMI1, BMI2, ADX, MOVBE, CRC32.
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"

#include <array>

namespace emu::isa::x86 {

namespace {

enum Shift : u32 { s_rol, s_ror, s_rcl, s_rcr, s_shl, s_shr, s_sal, s_sar };

/// Flags change only where the count is not 0.
void set_flags_unless_zero(Unit& u, Val count, Val token) {
    Val zero = u.ir.eq(count, u.ir.imm(u.ir.type(count), 0));
    u.set_flags(u.ir.select(zero, u.flags(), token));
}

/// EFLAGS of a result whose CF and OF are these.
Val shifted_flags(Unit& u, Val result, Val carry, Val overflow, unsigned bits) {
    Val token = u.ir.eflags(Op::eflags_logic, Unit::log_of(bits), result);
    return u.with_flag(u.with_flag(token, ir::eflag_cf, carry), ir::eflag_of, overflow);
}

Val bit_of(Unit& u, Val value, Val index) {
    Val one = u.ir.imm(u.ir.type(value), 1);
    return u.ir.ne(u.ir.and_(u.ir.shr(value, index), one), u.ir.imm(u.ir.type(value), 0));
}

/// The count operand, masked to 5 or 6 bits, in the value's type.
Val shift_count(Unit& u, unsigned k, unsigned bits) {
    Val c = u.ir.and_(u.read(k), u.ir.imm32(bits == 64 ? 63 : 31));
    return bits == 64 ? u.ir.zext(c, Type::i64) : c;
}

Val count_minus(Unit& u, u64 from, Val count) { return u.ir.sub(u.ir.imm(u.ir.type(count), from), count); }

struct Shifted {
    Val value, carry, overflow;
};

/// `simple`: the back end knows the flags.
Shifted shift_value(Unit& u, Shift op, Val v, Val count, unsigned bits, bool simple) {
    ir::Builder& ir = u.ir;
    const Type type = ir.type(v);
    const Val one = ir.imm(type, 1);
    Shifted out;
    if (op == s_shl || op == s_sal) {
        out.value = ir.shl(v, count);
        if (simple) return out;
        out.carry = ir.ne(ir.ubfx(out.value, bits, 1), ir.imm32(0));
        out.overflow = ir.xor_(u.sign(out.value, bits), out.carry);
    } else if (op == s_shr) {
        out.value = ir.shr(v, count);
        if (simple) return out;
        out.carry = bit_of(u, v, ir.sub(count, one));
        out.overflow = u.sign(v, bits);
    } else {
        Val wide = u.extended(v, bits);
        out.value = ir.sar(wide, count);
        if (simple) return out;
        out.carry = ir.ne(ir.and_(ir.sar(wide, ir.sub(count, one)), one), ir.imm(type, 0));
        out.overflow = ir.imm1(false);
    }
    return out;
}

void finish(Unit& u, Val result, unsigned bits) {
    if (u.is_memory(0)) u.store(u.address(), result, bits);
}

void shift(Unit& u) {
    const Shift op = Shift(u.arg());
    const unsigned bits = u.bits(0);
    Val v = u.read(0), count = shift_count(u, 1, bits);
    u64 k;
    if (u.ir.is_const(count, k) && k == 0) return u.write(0, v); // a 32-bit register is still zero-extended
    const bool known = u.ir.is_const(count, k) && k < bits;
    const Shifted s = shift_value(u, op, v, count, bits, known || bits >= 32);
    finish(u, s.value, bits);
    if (s.carry) set_flags_unless_zero(u, count, shifted_flags(u, s.value, s.carry, s.overflow, bits));
    else set_flags_unless_zero(u, count, u.ir.eflags(op == s_shr ? Op::eflags_shr : op == s_sar ? Op::eflags_sar : Op::eflags_shl, Unit::log_of(bits), v, count));
    if (!u.is_memory(0)) u.write(0, s.value);
}

/// ROL and ROR touch only CF and OF.
void rotate(Unit& u) {
    const bool left = u.arg() == s_rol;
    const unsigned bits = u.bits(0);
    ir::Builder& ir = u.ir;
    Val v = u.read(0), count = shift_count(u, 1, bits), wide = v;
    u64 k;
    if (ir.is_const(count, k) && k == 0) return u.write(0, v);
    if (bits == 8) wide = ir.mul(v, ir.imm32(0x01010101));
    if (bits == 16) wide = ir.or_(v, ir.shl(v, 16u));
    Val result = u.low(ir.rotr(wide, left ? ir.neg(count) : count), bits);
    finish(u, result, bits);
    set_flags_unless_zero(u, count, ir.eflags(Op::eflags_rotate, Unit::log_of(bits) | (left ? 0u : 4u), result, u.flags()));
    if (!u.is_memory(0)) u.write(0, result);
}

/// RCL and RCR.
void rotate_carry(Unit& u) {
    const bool right = u.arg() == s_rcr;
    const unsigned bits = u.bits(0);
    ir::Builder& ir = u.ir;
    Val v = u.read(0), count = ir.and_(u.read(1), ir.imm32(bits == 64 ? 63 : 31));
    Val what = ir.zext(ir.or_(count, ir.imm32(bits << 8 | unsigned(right) << 16)), Type::i64), in = ir.zext(u.cf(), Type::i64);
    Val wide = ir.zext(v, Type::i64);
    Val result = ir.call(helper_rotate_carry, {wide, what, in}), out = ir.call(helper_rotate_carry_out, {wide, what, in});
    if (bits != 64) result = ir.trunc(result);
    finish(u, result, bits);
    Val carry = ir.ne(out, ir.imm64(0));
    // OF, defined for a count of 1: RCL top bit xor CF, RCR the two top bits.
    Val top = u.sign(result, bits);
    Val second = ir.ne(ir.and_(result, ir.imm(ir.type(result), u64(1) << (bits - 2))), ir.imm(ir.type(result), 0));
    Val overflow = right ? ir.xor_(top, second) : ir.xor_(top, carry);
    set_flags_unless_zero(u, count, u.with_flag(u.with_flag(u.flags(), ir::eflag_cf, carry), ir::eflag_of, overflow));
    if (!u.is_memory(0)) u.write(0, result);
}

/// SHLD (arg 0) and SHRD.
void shift_double(Unit& u) {
    const unsigned bits = u.bits(0);
    const bool right = u.arg();
    ir::Builder& ir = u.ir;
    Val v = u.read(0), fill = u.read(1), count = shift_count(u, 2, bits);
    u64 k;
    if (ir.is_const(count, k) && k == 0) return u.write(0, v);
    Val result, carry;
    if (bits == 16) { // counts above 16 are undefined: the 32-bit pair shifts on
        Val pair = right ? ir.or_(v, ir.shl(fill, 16u)) : ir.or_(ir.shl(v, 16u), fill);
        result = right ? ir.shr(pair, count) : ir.ubfx(ir.shl(pair, count), 16, 16);
        carry = right ? bit_of(u, pair, ir.sub(count, ir.imm32(1))) : bit_of(u, pair, count_minus(u, 32, count));
    } else {
        // A shift by the width leaves the operand as it is; the whole is guarded by count == 0 anyway.
        Val rest = count_minus(u, bits, count), one = ir.imm(ir.type(count), 1);
        Val moved = right ? ir.shr(v, count) : ir.shl(v, count);
        Val filled = right ? ir.shl(fill, rest) : ir.shr(fill, rest);
        result = ir.select(ir.eq(count, ir.imm(ir.type(count), 0)), v, ir.or_(moved, filled));
        carry = right ? bit_of(u, v, ir.sub(count, one)) : bit_of(u, v, rest);
    }
    finish(u, result, bits);
    Val overflow = ir.xor_(u.sign(result, bits), u.sign(v, bits));
    set_flags_unless_zero(u, count, shifted_flags(u, result, carry, overflow, bits));
    if (!u.is_memory(0)) u.write(0, result);
}

enum BitOp : u32 { bit_test, bit_set, bit_reset, bit_complement };

/// BT, BTS, BTR, BTC: a register index reaches beyond a memory operand.
void bit_test_op(Unit& u) {
    const BitOp op = BitOp(u.arg());
    const unsigned bits = u.bits(0);
    ir::Builder& ir = u.ir;
    const bool memory = u.is_memory(0), by_register = u.spec(1).kind == Kind::G;
    Val index = u.read(1);
    if (!by_register) index = ir.resize(index, Unit::type_of(bits));
    Val at, v;
    if (memory) {
        at = u.address();
        if (by_register) {
            Val offset = ir.sar(u.extended(index, bits), bits == 64 ? 6u : bits == 32 ? 5u : 4u);
            offset = ir.shl(ir.sext(offset, Type::i64), bits == 64 ? 3u : bits == 32 ? 2u : 1u);
            at = ir.add(at, offset);
            if (u.insn.addr_bits == 32) at = ir.zext(ir.trunc(at), Type::i64);
        }
    } else {
        v = u.read(0);
    }
    Val low = ir.and_(index, ir.imm(ir.type(index), bits - 1));
    Val mask = ir.shl(ir.imm(ir.type(index), 1), low);
    if (memory) {
        MemFlags flags = Unit::access(bits);
        if (u.insn.lock && op != bit_test) {
            flags.order = ir::Order::seq_cst;
            const ir::AtomicOp atomic = op == bit_set ? ir::AtomicOp::or_ : op == bit_reset ? ir::AtomicOp::andn : ir::AtomicOp::xor_;
            v = u.low(ir.atomic_rmw(atomic, at, mask, flags), bits);
        } else {
            v = u.load(at, bits);
        }
    }
    Val carry = bit_of(u, v, low);
    if (op != bit_test && !(memory && u.insn.lock)) {
        Val result = op == bit_set ? ir.or_(v, mask) : op == bit_reset ? ir.andn(v, mask) : ir.xor_(v, mask);
        if (memory) u.store(at, result, bits);
        else u.write(0, result);
    }
    u.set_flag(ir::eflag_cf, carry);
}

/// BSF (arg 0), BSR: the destination stays where the source is 0, as all processors do.
void bit_scan(Unit& u) {
    const unsigned bits = u.bits(0);
    ir::Builder& ir = u.ir;
    Val v = u.read(1), old = u.read(0), zero = u.is_zero(v, bits);
    Val found = u.arg() ? ir.sub(ir.imm(ir.type(v), bits == 64 ? 63 : 31), ir.op1(Op::clz, v)) : ir.op1(Op::ctz, v);
    // A 32-bit destination that "stays" keeps its upper half too.
    Val whole = ir.get(slot_gpr + u.insn.reg());
    u.write(0, ir.select(zero, old, found));
    if (bits == 32) ir.set(slot_gpr + u.insn.reg(), ir.select(zero, whole, ir.get(slot_gpr + u.insn.reg())));
    u.flags_logic(v, bits);
}

/// LZCNT (arg 1), TZCNT, POPCNT (2).
void count_bits(Unit& u) {
    const unsigned bits = u.bits(0);
    ir::Builder& ir = u.ir;
    Val v = u.read(1), result;
    if (u.arg() == 2) {
        result = ir.op1(Op::popcnt, v);
        u.write(0, result);
        return u.set_flags(u.with_flag(u.no_flags(), ir::eflag_zf, u.is_zero(v, bits)));
    }
    if (u.arg() == 1) result = bits == 16 ? ir.sub(ir.op1(Op::clz, v), ir.imm32(16)) : ir.op1(Op::clz, v);
    else result = ir.op1(Op::ctz, bits == 16 ? ir.or_(v, ir.imm32(0x10000)) : v);
    u.write(0, result);
    u.set_flags(u.with_flag(u.with_flag(u.no_flags(), ir::eflag_cf, u.is_zero(v, bits)), ir::eflag_zf, u.is_zero(result, bits)));
}

// --- BMI -------------------------------------------------------------------------------------------------------------------------

void flags_bmi(Unit& u, Val result, Val carry, unsigned bits) {
    u.set_flags(u.with_flag(u.ir.eflags(Op::eflags_logic, Unit::log_of(bits), result), ir::eflag_cf, carry));
}

void andn(Unit& u) {
    Val result = u.ir.andn(u.read(2), u.read(1));
    u.write(0, result);
    u.flags_logic(result, u.bits(0));
}

/// BLSR 1, BLSMSK 2, BLSI 3: the destination is vvvv.
void bls(Unit& u) {
    const unsigned bits = u.bits(0);
    ir::Builder& ir = u.ir;
    Val v = u.read(1), less = ir.sub(v, ir.imm(ir.type(v), 1)), zero = u.is_zero(v, bits);
    Val result = u.arg() == 1 ? ir.and_(v, less) : u.arg() == 2 ? ir.xor_(v, less) : ir.and_(v, ir.neg(v));
    u.write(0, result);
    flags_bmi(u, result, u.arg() == 3 ? ir.not_(zero) : zero, bits);
}

void bextr(Unit& u) {
    const unsigned bits = u.bits(0);
    ir::Builder& ir = u.ir;
    Val v = ir.zext(u.read(1), Type::i64), control = ir.zext(u.read(2), Type::i64);
    Val start = ir.ubfx(control, 0, 8), length = ir.ubfx(control, 8, 8);
    Val moved = ir.select(ir.ult(start, ir.imm64(64)), ir.shr(v, start), ir.imm64(0));
    Val mask = ir.sub(ir.shl(ir.imm64(1), length), ir.imm64(1));
    Val result = ir.select(ir.ult(length, ir.imm64(64)), ir.and_(moved, mask), moved);
    if (bits == 32) result = ir.trunc(result);
    u.write(0, result);
    flags_bmi(u, result, ir.imm1(false), bits);
}

void bzhi(Unit& u) {
    const unsigned bits = u.bits(0);
    ir::Builder& ir = u.ir;
    Val v = u.read(1), n = ir.ubfx(u.read(2), 0, 8);
    Val keeps = ir.ule(ir.imm(ir.type(n), bits), n);
    Val mask = ir.sub(ir.shl(ir.imm(ir.type(v), 1), n), ir.imm(ir.type(v), 1));
    Val result = ir.select(keeps, v, ir.and_(v, mask));
    u.write(0, result);
    flags_bmi(u, result, keeps, bits);
}

/// PDEP (arg 0) and PEXT.
void deposit_extract(Unit& u) {
    Val v = u.ir.call(u.arg() ? helper_pext : helper_pdep, {u.ir.zext(u.read(1), Type::i64), u.ir.zext(u.read(2), Type::i64)});
    u.write(0, u.bits(0) == 64 ? v : u.ir.trunc(v));
}

void mulx(Unit& u) {
    ir::Builder& ir = u.ir;
    Val a = u.reg(rdx, u.bits(0)), b = u.read(2), low, high;
    if (u.bits(0) == 64) {
        low = ir.mul(a, b), high = ir.op2(Op::mulhu, a, b);
    } else {
        Val product = ir.mul(ir.zext(a, Type::i64), ir.zext(b, Type::i64));
        low = ir.trunc(product), high = ir.trunc(ir.shr(product, 32u));
    }
    u.write(1, low); // the high half wins where both destinations are the same
    u.write(0, high);
}

void rorx(Unit& u) { u.write(0, u.ir.rotr(u.read(1), unsigned(u.insn.imm & (u.bits(0) - 1)))); }

/// SHLX, SHRX (1), SARX (2): no flags.
void shift_x(Unit& u) {
    Val v = u.read(1), count = u.read(2);
    u.write(0, u.arg() == 0 ? u.ir.shl(v, count) : u.arg() == 1 ? u.ir.shr(v, count) : u.ir.sar(v, count));
}

/// ADCX (arg 0: CF) and ADOX (OF).
void add_carry_x(Unit& u) {
    ir::Builder& ir = u.ir;
    Val a = u.read(0), b = u.read(1), carry = u.condition(u.arg() ? ir::cond_o : ir::cond_b);
    Val out = ir.test_eflags(ir::cond_b, ir.eflags(Op::eflags_adc, Unit::log_of(u.bits(0)), a, b, carry));
    u.write(0, ir.adc(a, b, carry));
    u.set_flag(u.arg() ? ir::eflag_of : ir::eflag_cf, out);
}

void movbe(Unit& u) {
    const unsigned bits = u.bits(0);
    Val v = u.read(1);
    u.write(0, bits == 16 ? u.ir.op1(Op::bswap16, v) : u.ir.op1(Op::bswap, v));
}

void crc32(Unit& u) {
    const unsigned bytes = u.bits(1) / 8;
    Val crc = u.reg(u.insn.reg(), 32), v = u.ir.zext(u.read(1), Type::i64);
    Val out = u.ir.emit(Op::crc32, Type::i32, u16(1 | bytes << 1), crc, v);
    u.set_reg(u.insn.reg(), 32, out);
}

constexpr auto make_shifts() {
    constexpr std::string_view names[] = {"rol", "ror", "rcl", "rcr", "shl", "shr", "shl", "sar"};
    struct Form {
        u8 opcode;
        std::string_view operands;
    };
    constexpr Form forms[] = {{0xc0, "Eb,Ib"}, {0xc1, "Ev,Ib"}, {0xd0, "Eb,1"}, {0xd1, "Ev,1"}, {0xd2, "Eb,CL"}, {0xd3, "Ev,CL"}};
    std::array<Row, 48> rows{};
    usize n = 0;
    for (u32 op = 0; op < 8; op++)
        for (const Form& f : forms)
            rows[n++] = {Map::one, f.opcode, Prefix::any, s16(op), ' ', names[op], f.operands, op < 2 ? rotate : op < 4 ? rotate_carry : shift, op, 0, 0};
    return rows;
}
constexpr auto shift_rows = make_shifts();

constexpr Row bit_rows[] = {
    {Map::two, 0xa4, Prefix::any, -1, ' ', "shld", "Ev,Gv,Ib", shift_double, 0},
    {Map::two, 0xa5, Prefix::any, -1, ' ', "shld", "Ev,Gv,CL", shift_double, 0},
    {Map::two, 0xac, Prefix::any, -1, ' ', "shrd", "Ev,Gv,Ib", shift_double, 1},
    {Map::two, 0xad, Prefix::any, -1, ' ', "shrd", "Ev,Gv,CL", shift_double, 1},
    {Map::two, 0xa3, Prefix::any, -1, ' ', "bt", "Ev,Gv", bit_test_op, bit_test},
    {Map::two, 0xab, Prefix::any, -1, ' ', "bts", "Ev,Gv", bit_test_op, bit_set, lockable},
    {Map::two, 0xb3, Prefix::any, -1, ' ', "btr", "Ev,Gv", bit_test_op, bit_reset, lockable},
    {Map::two, 0xbb, Prefix::any, -1, ' ', "btc", "Ev,Gv", bit_test_op, bit_complement, lockable},
    {Map::two, 0xba, Prefix::any, 4, ' ', "bt", "Ev,Ib", bit_test_op, bit_test},
    {Map::two, 0xba, Prefix::any, 5, ' ', "bts", "Ev,Ib", bit_test_op, bit_set, lockable},
    {Map::two, 0xba, Prefix::any, 6, ' ', "btr", "Ev,Ib", bit_test_op, bit_reset, lockable},
    {Map::two, 0xba, Prefix::any, 7, ' ', "btc", "Ev,Ib", bit_test_op, bit_complement, lockable},
    {Map::two, 0xbc, Prefix::any, -1, ' ', "bsf", "Gv,Ev", bit_scan, 0},
    {Map::two, 0xbd, Prefix::any, -1, ' ', "bsr", "Gv,Ev", bit_scan, 1},
    {Map::two, 0xbc, Prefix::f3, -1, ' ', "tzcnt", "Gv,Ev", count_bits, 0, 0, feature::bmi1},
    {Map::two, 0xbd, Prefix::f3, -1, ' ', "lzcnt", "Gv,Ev", count_bits, 1, 0, feature::lzcnt},
    {Map::two, 0xb8, Prefix::f3, -1, ' ', "popcnt", "Gv,Ev", count_bits, 2, 0, feature::popcnt},
    {Map::vex38, 0xf2, Prefix::none, -1, ' ', "andn", "Gy,By,Ey", andn, 0, vex_l0, feature::bmi1},
    {Map::vex38, 0xf3, Prefix::none, 1, ' ', "blsr", "By,Ey", bls, 1, vex_l0, feature::bmi1},
    {Map::vex38, 0xf3, Prefix::none, 2, ' ', "blsmsk", "By,Ey", bls, 2, vex_l0, feature::bmi1},
    {Map::vex38, 0xf3, Prefix::none, 3, ' ', "blsi", "By,Ey", bls, 3, vex_l0, feature::bmi1},
    {Map::vex38, 0xf7, Prefix::none, -1, ' ', "bextr", "Gy,Ey,By", bextr, 0, vex_l0, feature::bmi1},
    {Map::vex38, 0xf5, Prefix::none, -1, ' ', "bzhi", "Gy,Ey,By", bzhi, 0, vex_l0, feature::bmi2},
    {Map::vex38, 0xf5, Prefix::f2, -1, ' ', "pdep", "Gy,By,Ey", deposit_extract, 0, vex_l0, feature::bmi2},
    {Map::vex38, 0xf5, Prefix::f3, -1, ' ', "pext", "Gy,By,Ey", deposit_extract, 1, vex_l0, feature::bmi2},
    {Map::vex38, 0xf6, Prefix::f2, -1, ' ', "mulx", "Gy,By,Ey", mulx, 0, vex_l0, feature::bmi2},
    {Map::vex3a, 0xf0, Prefix::f2, -1, ' ', "rorx", "Gy,Ey,Ib", rorx, 0, vex_l0 | vex_unary, feature::bmi2},
    {Map::vex38, 0xf7, Prefix::p66, -1, ' ', "shlx", "Gy,Ey,By", shift_x, 0, vex_l0, feature::bmi2},
    {Map::vex38, 0xf7, Prefix::f2, -1, ' ', "shrx", "Gy,Ey,By", shift_x, 1, vex_l0, feature::bmi2},
    {Map::vex38, 0xf7, Prefix::f3, -1, ' ', "sarx", "Gy,Ey,By", shift_x, 2, vex_l0, feature::bmi2},
    {Map::three38, 0xf6, Prefix::p66, -1, ' ', "adcx", "Gy,Ey", add_carry_x, 0, 0, feature::adx},
    {Map::three38, 0xf6, Prefix::f3, -1, ' ', "adox", "Gy,Ey", add_carry_x, 1, 0, feature::adx},
    {Map::three38, 0xf0, Prefix::any, -1, 'm', "movbe", "Gv,Mv", movbe, 0, 0, feature::movbe},
    {Map::three38, 0xf1, Prefix::any, -1, 'm', "movbe", "Mv,Gv", movbe, 0, 0, feature::movbe},
    {Map::three38, 0xf0, Prefix::f2, -1, ' ', "crc32", "Gd,Eb", crc32, 0, 0, feature::sse42},
    {Map::three38, 0xf1, Prefix::f2, -1, ' ', "crc32", "Gd,Ev", crc32, 0, 0, feature::sse42},
};

constexpr auto all_rows = joined_rows(shift_rows, bit_rows);

} // namespace

const std::span<const Row> table_bits = all_rows;

} // namespace emu::isa::x86
