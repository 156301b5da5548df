// SPDX-License-Identifier: MIT
// Vectors: integer lanes.
#include "jit/compiler.h"

#include "common/bits.h"

#include <algorithm>
#include <bit>

namespace emu::jit {

using ir::Lane;
using ir::Op;
using ir::Type;
using ir::V128;
using Src = Assembler::Src;

namespace {

V128 splat(u64 lane, unsigned bits) {
    lane &= ones(bits);
    for (unsigned w = bits; w < 64; w *= 2) lane |= lane << w;
    return {lane, lane};
}

/// Ops that are one instruction, by lane width.
struct SimpleRow {
    Op op;
    VecOp lanes[4];
    bool commutes;
};
constexpr SimpleRow simple_rows[] = {
    {Op::vadd, {op::paddb, op::paddw, op::paddd, op::paddq}, true},
    {Op::vsub, {op::psubb, op::psubw, op::psubd, op::psubq}, false},
    {Op::vmul, {op::none, op::pmullw, op::pmulld, op::none}, true},
    {Op::vqadds, {op::paddsb, op::paddsw, op::none, op::none}, true},
    {Op::vqaddu, {op::paddusb, op::paddusw, op::none, op::none}, true},
    {Op::vqsubs, {op::psubsb, op::psubsw, op::none, op::none}, false},
    {Op::vqsubu, {op::psubusb, op::psubusw, op::none, op::none}, false},
    {Op::vrhaddu, {op::pavgb, op::pavgw, op::none, op::none}, true},
    {Op::vmins, {op::pminsb, op::pminsw, op::pminsd, op::none}, true},
    {Op::vmaxs, {op::pmaxsb, op::pmaxsw, op::pmaxsd, op::none}, true},
    {Op::vminu, {op::pminub, op::pminuw, op::pminud, op::none}, true},
    {Op::vmaxu, {op::pmaxub, op::pmaxuw, op::pmaxud, op::none}, true},
    {Op::veq, {op::pcmpeqb, op::pcmpeqw, op::pcmpeqd, op::pcmpeqq}, true},
    {Op::vgts, {op::pcmpgtb, op::pcmpgtw, op::pcmpgtd, op::pcmpgtq}, false},
    {Op::vqnarrows, {op::packsswb, op::packssdw, op::none, op::none}, false},
    {Op::vqnarrowsu, {op::packuswb, op::packusdw, op::none, op::none}, false},
};

constexpr VecOp add_ops[] = {op::paddb, op::paddw, op::paddd, op::paddq}, sub_ops[] = {op::psubb, op::psubw, op::psubd, op::psubq};
constexpr VecOp eq_ops[] = {op::pcmpeqb, op::pcmpeqw, op::pcmpeqd, op::pcmpeqq};
constexpr VecOp max_s[] = {op::pmaxsb, op::pmaxsw, op::pmaxsd}, min_s[] = {op::pminsb, op::pminsw, op::pminsd};
constexpr VecOp max_u[] = {op::pmaxub, op::pmaxuw, op::pmaxud}, min_u[] = {op::pminub, op::pminuw, op::pminud};
constexpr VecOp widen_s[] = {op::pmovsxbw, op::pmovsxwd, op::pmovsxdq}, widen_u[] = {op::pmovzxbw, op::pmovzxwd, op::pmovzxdq};

} // namespace

bool Compiler::vec_lanes(Id id) {
    for (const SimpleRow& row : simple_rows)
        if (row.op == node(id).op) {
            const VecOp o = row.lanes[lane_log(id)];
            if (o) return vec_simple(id, o, row.commutes);
            return row.op == Op::vmul && lane_log(id) == 0 ? vec_mul_bytes(id) : vec_wide(id);
        }
    return false;
}

/// 64-bit lanes where only AVX-512 has an instruction.
bool Compiler::vec_wide(Id id) {
    if (!host().avx512vl || lane_log(id) != 3) return false;
    const Op o = node(id).op;
    if (o != Op::vmul && o != Op::vmins && o != Op::vmaxs && o != Op::vminu && o != Op::vmaxu) return false;
    const Reg left = use(node(id).a), right = use(node(id).b), to = def(id);
    const auto d = a.v(to), l = a.v(left), r = a.v(right);
    switch (o) {
    case Op::vmul: a.vpmullq(d, l, r); break;
    case Op::vmins: a.vpminsq(d, l, r); break;
    case Op::vmaxs: a.vpmaxsq(d, l, r); break;
    case Op::vminu: a.vpminuq(d, l, r); break;
    default: a.vpmaxuq(d, l, r); break;
    }
    return true;
}

/// Odd bytes as words, shifted down and up again; even ones are the low bytes of word products.
bool Compiler::vec_mul_bytes(Id id) {
    const Reg left = use(node(id).a), right = use(node(id).b);
    const Reg t = temp(true), to = def_apart(id);
    vec_shift(ShiftKind::right_logical, 16, t, left, 8);
    vec_shift(ShiftKind::right_logical, 16, to, right, 8);
    vec(op::pmullw, t, t, to);
    vec_shift(ShiftKind::left, 16, t, t, 8);
    vec(op::pmullw, to, left, right);
    vec(op::pand, to, to, pool(splat(0xff, 16)));
    vec(op::por, to, to, t);
    return true;
}

/// SQRDMULH of words is the host's PMULHRSW but for -1 * -1, which overflows to 0x8000: flip that to 0x7fff.
bool Compiler::vec_mul_high(Id id) {
    if (lane_log(id) != 1 || ir::aux_imm(node(id).aux)) return false;
    const Reg left = use(node(id).a), right = use(node(id).b);
    const Reg t = temp(true), to = def_apart(id);
    vec(op::pmulhrsw, to, left, right);
    vec(op::pcmpeqw, t, to, pool(splat(0x8000, 16)));
    vec(op::pxor, to, to, t);
    return true;
}

bool Compiler::vec_negate(Id id) {
    const unsigned log = lane_log(id);
    const Reg from = use(node(id).a);
    if (node(id).op == Op::vabs && log < 3) {
        static constexpr VecOp rows[] = {op::pabsb, op::pabsw, op::pabsd};
        vec1(rows[log], def(id), from);
        return true;
    }
    if (node(id).op == Op::vabs) { // (x ^ s) - s, s = all ones if negative
        const Reg t = temp(true), to = def_apart(id);
        vec_zero(t);
        vec(op::pcmpgtq, t, t, from);
        vec(op::pxor, to, from, t);
        vec(op::psubq, to, to, t);
        return true;
    }
    const Reg to = def_apart(id);
    vec_zero(to);
    vec(sub_ops[log], to, to, from);
    return true;
}

bool Compiler::vec_compare(Id id) {
    const Op o = node(id).op;
    const unsigned log = lane_log(id);
    const Reg left = use(node(id).a), right = use(node(id).b);
    if (log == 3) {
        // x >= y is not (y > x); unsigned like signed with the top bits flipped.
        const bool is_signed = o == Op::vges, negate = o == Op::vges || o == Op::vgeu;
        const Reg t = temp(true), to = def_apart(id);
        const Src flip = is_signed ? Src(Reg(xmm0)) : pool(splat(u64(1) << 63, 64));
        Reg big = negate ? right : left, small = negate ? left : right;
        if (!is_signed) {
            vec(op::pxor, to, big, flip);
            vec(op::pxor, t, small, flip);
            vec(op::pcmpgtq, to, to, t);
        } else {
            vec(op::pcmpgtq, to, big, small);
        }
        if (negate) {
            vec_ones(t);
            vec(op::pxor, to, to, t);
        }
        return true;
    }
    // x >= y where max(x, y) == x; x > y where not max(y, x) == y.
    const Reg t = temp(true), to = def_apart(id);
    const VecOp max = o == Op::vges ? max_s[log] : max_u[log];
    const bool greater = o == Op::vgtu;
    vec(max, to, left, right);
    vec(eq_ops[log], to, to, greater ? right : left);
    if (greater) {
        vec_ones(t);
        vec(op::pxor, to, to, t);
    }
    return true;
}

bool Compiler::vec_difference(Id id) {
    const unsigned log = lane_log(id);
    const bool is_signed = node(id).op == Op::vabds;
    if (log == 3) return false;
    const Reg left = use(node(id).a), right = use(node(id).b);
    const Reg t = temp(true), to = def_apart(id);
    if (!is_signed && log < 2) { // one of the two saturates to zero
        const VecOp sub = log ? op::psubusw : op::psubusb;
        vec(sub, to, left, right);
        vec(sub, t, right, left);
        vec(op::por, to, to, t);
        return true;
    }
    vec(is_signed ? max_s[log] : max_u[log], to, left, right);
    vec(is_signed ? min_s[log] : min_u[log], t, left, right);
    vec(sub_ops[log], to, to, t);
    return true;
}

/// (a + b) >> 1, rounded or not.
bool Compiler::vec_halving_add(Id id) {
    const Op o = node(id).op;
    const unsigned log = lane_log(id), bits = 8u << log;
    const bool is_signed = o == Op::vhadds || o == Op::vrhadds, rounds = o == Op::vrhadds || o == Op::vrhaddu;
    if (log == 3) return false;
    const Reg left = use(node(id).a), right = use(node(id).b);
    const Reg t = temp(true), to = def_apart(id);
    if (log == 2) { // (a & b) + ((a ^ b) >> 1), or (a | b) - ((a ^ b) >> 1)
        vec(op::pxor, t, left, right);
        vec_shift(is_signed ? ShiftKind::right_arithmetic : ShiftKind::right_logical, 32, t, t, 1);
        vec(rounds ? op::por : op::pand, to, left, right);
        vec(rounds ? op::psubd : op::paddd, to, to, t);
        return true;
    }
    // The host's average rounds up and is unsigned.
    const VecOp average = log ? op::pavgw : op::pavgb;
    const Src flip = pool(splat(u64(1) << (bits - 1), bits));
    Reg x = left, y = right;
    const Reg u = is_signed || !rounds ? temp(true) : Reg(no_reg);
    if (is_signed) {
        vec(op::pxor, to, left, flip);
        vec(op::pxor, u, right, flip);
        x = to, y = u;
    }
    vec(average, to, x, y);
    if (!rounds) {
        vec(op::pxor, t, left, right);
        vec(op::pand, t, t, pool(splat(1, bits)));
        vec(sub_ops[log], to, to, t);
    }
    if (is_signed) vec(op::pxor, to, to, flip);
    return true;
}

// --- shifts --------------------------------------------------------------------------------------------------------------------

/// to = from shifted by a constant in any lane width; `t` is scratch for those that the host has no instruction for. `to` may be
/// `from`.
void Compiler::shift_lanes(ShiftKind kind, unsigned bits, Reg to, Reg from, unsigned count, Reg t) {
    if (kind == ShiftKind::right_arithmetic) count = std::min(count, bits - 1);
    if (count >= bits) return vec_zero(to);
    if (count == 0) return move(to, from);
    if (kind == ShiftKind::right_arithmetic && count == bits - 1 && (bits == 8 || (bits == 64 && !host().avx512vl))) { // the sign everywhere
        vec_zero(t);
        if (avx()) return vec(bits == 8 ? op::pcmpgtb : op::pcmpgtq, to, t, from);
        vec(bits == 8 ? op::pcmpgtb : op::pcmpgtq, t, t, from);
        return move(to, t);
    }
    if (bits == 8) {
        if (kind == ShiftKind::left) {
            vec_shift(kind, 16, to, from, count);
            vec(op::pand, to, to, pool(splat(u64(0xff) << count, 8)));
            return;
        }
        vec_shift(ShiftKind::right_logical, 16, to, from, count);
        vec(op::pand, to, to, pool(splat(0xff >> count, 8)));
        if (kind == ShiftKind::right_arithmetic) { // extend the sign, now at 0x80 >> count
            const Src sign = pool(splat(0x80 >> count, 8));
            vec(op::pxor, to, to, sign);
            vec(op::psubb, to, to, sign);
        }
        return;
    }
    if (bits == 64 && kind == ShiftKind::right_arithmetic) {
        if (host().avx512vl) {
            a.vpsraq(a.v(to), a.v(from), u8(count));
            return;
        }
        // (x >> n) | (sign << (64 - n))
        vec_zero(t);
        vec(op::pcmpgtq, t, t, from);
        vec_shift(ShiftKind::left, 64, t, t, 64 - count);
        vec_shift(ShiftKind::right_logical, 64, to, from, count);
        vec(op::por, to, to, t);
        return;
    }
    vec_shift(kind, bits, to, from, count);
}

bool Compiler::vec_shift_imm(Id id) {
    const Op o = node(id).op;
    const unsigned bits = 8u << lane_log(id), count = ir::aux_imm(node(id).aux);
    const Reg from = use(node(id).a);
    const bool is_signed = o == Op::vshrs || o == Op::vrshrs;
    const ShiftKind right = is_signed ? ShiftKind::right_arithmetic : ShiftKind::right_logical;
    if (o == Op::vrshru || o == Op::vrshrs) {
        if (count == 0) return false;
        // (x >> n) + the last bit that fell out
        const Reg t = temp(true), u = temp(true), to = def_apart(id);
        shift_lanes(ShiftKind::right_logical, bits, u, from, count - 1, t);
        vec(op::pand, u, u, pool(splat(1, bits)));
        // A signed shift by the whole width leaves the sign, an unsigned one nothing.
        shift_lanes(right, bits, to, from, count, t);
        vec(add_ops[lane_log(id)], to, to, u);
        return true;
    }
    const Reg t = temp(true), to = def_apart(id);
    shift_lanes(o == Op::vshl ? ShiftKind::left : right, bits, to, from, count, t);
    return true;
}

/// Shifts by a vector of signed counts.
bool Compiler::vec_shift_by(Id id) {
    const unsigned log = lane_log(id), bits = 8u << log;
    const bool is_signed = node(id).op == Op::vshlvs, wide_only = log == 1 || log == 3;
    if (!host().avx2 || log == 0 || (wide_only && !host().avx512vl)) return false;
    const Reg from = use(node(id).a), by = use(node(id).b);
    const Reg c = temp(true), n = temp(true), to = def_apart(id);
    // Counts that are out of range, as the opposite direction's are, shift everything out.
    shift_lanes(ShiftKind::left, bits, c, by, bits - 8, n);
    shift_lanes(ShiftKind::right_arithmetic, bits, c, c, bits - 8, n);
    vec_zero(n);
    vec(sub_ops[log], n, n, c);
    const auto x = a.v(from), right = a.v(n);
    if (log == 1) a.vpsllvw(a.v(to), x, a.v(c)), is_signed ? a.vpsravw(right, x, right) : a.vpsrlvw(right, x, right);
    else if (log == 2) a.vpsllvd(a.v(to), x, a.v(c)), is_signed ? a.vpsravd(right, x, right) : a.vpsrlvd(right, x, right);
    else a.vpsllvq(a.v(to), x, a.v(c)), is_signed ? a.vpsravq(right, x, right) : a.vpsrlvq(right, x, right);
    if (!is_signed) {
        vec(op::por, to, to, n);
        return true;
    }
    // A right shift by a huge count gives the sign: negative counts take it, others do not.
    shift_lanes(ShiftKind::right_arithmetic, bits, c, c, bits - 1, n);
    a.vpblendvb(a.v(to), a.v(to), right, a.v(c));
    return true;
}

// --- between widths --------------------------------------------------------------------------------------------------------------

/// to = low or high half of from, extended.
void Compiler::widen_half(Reg to, Reg from, unsigned log, bool is_signed, bool high) {
    if (!high) return vec1(is_signed ? widen_s[log] : widen_u[log], to, from);
    vec1_imm(op::pshufd, to, from, 0xee);
    vec1(is_signed ? widen_s[log] : widen_u[log], to, to);
}

bool Compiler::vec_widen(Id id) {
    const unsigned log = lane_log(id);
    if (log == 3) return false;
    const bool is_signed = node(id).op == Op::vwidens;
    if (joined()) {
        const Reg from = use_whole(node(id).a), to = def(id);
        vec1(is_signed ? widen_s[log] : widen_u[log], to, from);
        return true;
    }
    const Reg from = use(node(id).a), to = def(id);
    widen_half(to, from, log, is_signed, ir::aux_imm(node(id).aux) & 1);
    return true;
}

bool Compiler::vec_mul_long(Id id) {
    const unsigned log = lane_log(id);
    const bool is_signed = node(id).op == Op::vmulls, high = ir::aux_imm(node(id).aux) & 1;
    if (log == 3) return false;
    const Reg left = use(node(id).a), right = use(node(id).b);
    const Reg t = temp(true), to = def_apart(id);
    if (log == 2) { // even lanes are multiplied
        vec1_imm(op::pshufd, to, left, high ? 0xfa : 0x50);
        vec1_imm(op::pshufd, t, right, high ? 0xfa : 0x50);
        vec(is_signed ? op::pmuldq : op::pmuludq, to, to, t);
        return true;
    }
    widen_half(to, left, log, is_signed, high);
    widen_half(t, right, log, is_signed, high);
    vec(log ? op::pmulld : op::pmullw, to, to, t);
    return true;
}

bool Compiler::vec_narrow(Id id) {
    const unsigned log = lane_log(id); // of the result
    const bool saturates = node(id).op == Op::vqnarrowu;
    if (log == 3 || (log == 2 && saturates)) return false;
    const Reg left = use(node(id).a), right = use(node(id).b);
    if (log == 2) {
        const Reg to = def_apart(id);
        vec_imm(op::shufps, to, left, right, 0x88);
        return true;
    }
    const Reg t = temp(true), to = def_apart(id);
    const Src limit = pool(splat(ones(8u << log), 16u << log));
    const VecOp clip = !saturates ? op::pand : log ? op::pminud : op::pminuw;
    vec(clip, to, left, limit);
    vec(clip, t, right, limit);
    vec(log ? op::packusdw : op::packuswb, to, to, t);
    return true;
}

bool Compiler::vec_pair_add(Id id) {
    const unsigned log = lane_log(id); // of the source
    const bool is_signed = node(id).op == Op::vpaddls;
    if (log == 3) return false;
    const Reg from = use(node(id).a);
    const Reg t = temp(true), to = def_apart(id);
    if (log == 0) { // unsigned bytes of the first operand times signed ones of the second
        if (is_signed) {
            vec1({0, 1, 0x28}, to, pool(splat(1, 8)));
            vec(op::pmaddubsw, to, to, from);
        } else {
            vec(op::pmaddubsw, to, from, pool(splat(1, 8)));
        }
    } else if (log == 1 && is_signed) {
        vec(op::pmaddwd, to, from, pool(splat(1, 16)));
    } else {
        const unsigned bits = 8u << log;
        if (is_signed) { // 32-bit lanes: sign-extended in place
            if (!host().avx512vl) {
                vec1_imm(op::pshufd, t, from, 0xf5);
                vec1_imm(op::pshufd, to, from, 0x08);
                vec1(op::pmovsxdq, to, to);
                vec1_imm(op::pshufd, t, t, 0x08);
                vec1(op::pmovsxdq, t, t);
                vec(op::paddq, to, to, t);
                return true;
            }
            a.vpsraq(a.v(t), a.v(from), 32);
            vec_shift(ShiftKind::left, 64, to, from, 32);
            a.vpsraq(a.v(to), a.v(to), 32);
            vec(op::paddq, to, to, t);
            return true;
        }
        vec_shift(ShiftKind::right_logical, 2 * bits, t, from, bits);
        vec(op::pand, to, from, pool(splat(ones(bits), 2 * bits)));
        vec(add_ops[log + 1], to, to, t);
    }
    return true;
}

bool Compiler::vec_dot(Id id) {
    const bool is_signed = node(id).op == Op::vsdot;
    const Reg left = use(node(id).a), right = use(node(id).b), sum = use(node(id).c);
    const Reg t = temp(true), u = temp(true), to = def_apart(id);
    widen_half(to, left, 0, is_signed, false);
    widen_half(t, right, 0, is_signed, false);
    vec(op::pmaddwd, to, to, t);
    widen_half(u, left, 0, is_signed, true);
    widen_half(t, right, 0, is_signed, true);
    vec(op::pmaddwd, u, u, t);
    vec(op::phaddd, to, to, u);
    vec(op::paddd, to, to, sum);
    return true;
}

// --- bits of bytes -----------------------------------------------------------------------------------------------------------------

/// Look both nibbles of each byte up and combine.
bool Compiler::vec_nibbles(Id id) {
    V128 low_table, high_table;
    const bool reverses = node(id).op == Op::vrbit;
    if (!reverses && lane_log(id) != 0) return false;
    for (unsigned i = 0; i < 16; i++) {
        const u8 reversed = u8((i & 1) << 3 | (i & 2) << 1 | (i & 4) >> 1 | (i & 8) >> 3);
        low_table.set_lane(i, reverses ? u8(reversed << 4) : u8(std::popcount(i)));
        high_table.set_lane(i, reverses ? reversed : u8(std::popcount(i)));
    }
    const Reg from = use(node(id).a);
    const Reg t = temp(true), u = temp(true), to = def_apart(id);
    const Src nibble = pool(splat(0x0f, 8));
    vec_shift(ShiftKind::right_logical, 16, u, from, 4);
    vec(op::pand, u, u, nibble);
    vec(op::pand, t, from, nibble);
    vec1({0, 1, 0x28}, to, pool(low_table));
    vec(op::pshufb, to, to, t);
    vec1({0, 1, 0x28}, t, pool(high_table));
    vec(op::pshufb, t, t, u);
    vec(reverses ? op::por : op::paddb, to, to, t);
    return true;
}

bool Compiler::vec_count_leading(Id id) {
    if (!host().avx512vl || lane_log(id) < 2) return false;
    const Reg from = use(node(id).a);
    const unsigned bits = 8u << lane_log(id);
    const Reg t = temp(true), to = def_apart(id);
    Reg source = from;
    if (node(id).op == Op::vcls) {
        shift_lanes(ShiftKind::right_arithmetic, bits, t, from, 1, to);
        vec(op::pxor, t, t, from);
        source = t;
    }
    bits == 32 ? a.vplzcntd(a.x(to), a.x(source)) : a.vplzcntq(a.x(to), a.x(source));
    if (node(id).op == Op::vcls) {
        vec_ones(t);
        vec(add_ops[lane_log(id)], to, to, t);
    }
    return true;
}

} // namespace emu::jit
