// SPDX-License-Identifier: MIT
// Vector ops on bits and integer lanes, written lane by lane in 128-bit arithmetic so that saturation is plain comparison.
#include "common/bits.h"
#include "fp/fp.h"
#include "ir/eval.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace emu::ir {

namespace {

template <class To> To saturate(s128 value) {
    constexpr s128 low = std::numeric_limits<To>::min(), high = std::numeric_limits<To>::max();
    return To(value < low ? low : value > high ? high : value);
}

/// Shift by a signed count (left if positive) as the Arm register shifts do; see SSHL, SRSHL, SQSHL, SQRSHL. Counts beyond
/// the lane width give a number so large that it saturates, with zeros in the lane's bits.
template <class T> s128 shift_by(T value, s8 count, bool round) {
    constexpr int width = sizeof(T) * 8;
    if (count >= width) return value ? (value > 0 ? s128(1) << 100 : -(s128(1) << 100)) : 0;
    if (count >= 0) return s128(u128(s128(value)) << count);
    int right = std::min(-int(count), width + 1);
    return (s128(value) + (round ? s128(1) << (right - 1) : 0)) >> right;
}

u128 carryless_product(u64 a, u64 b) {
    u128 r = 0;
    for (unsigned i = 0; i < 64; i++)
        if (bit(b, i)) r ^= u128(a) << i;
    return r;
}

/// Ops whose lanes are independent; U and S are the unsigned and signed lane types.
template <class U> bool lane_op(Op op, unsigned imm, u64 ua, u64 ub, u64 uc, u64& out) {
    using S = std::make_signed_t<U>;
    constexpr unsigned width = sizeof(U) * 8;
    const U a = U(ua), b = U(ub);
    const S sa = S(a), sb = S(b), sc = S(uc);
    const s8 count = s8(ub);
    s128 r = 0;
    switch (op) {
    case Op::vadd: r = U(a + b); break;
    case Op::vsub: r = U(a - b); break;
    case Op::vmul: r = U(u64(a) * u64(b)); break;
    case Op::vneg: r = U(0 - a); break;
    case Op::vabs: r = sa < 0 ? U(0 - a) : a; break;
    case Op::vqadds: r = saturate<S>(s128(sa) + sb); break;
    case Op::vqaddu: r = saturate<U>(s128(a) + b); break;
    case Op::vqsubs: r = saturate<S>(s128(sa) - sb); break;
    case Op::vqsubu: r = saturate<U>(s128(a) - b); break;
    case Op::vqaddsu: r = saturate<S>(s128(sa) + b); break;
    case Op::vqaddus: r = saturate<U>(s128(a) + sb); break;
    case Op::vhadds: r = (s128(sa) + sb) >> 1; break;
    case Op::vhaddu: r = (s128(a) + b) >> 1; break;
    case Op::vrhadds: r = (s128(sa) + sb + 1) >> 1; break;
    case Op::vrhaddu: r = (s128(a) + b + 1) >> 1; break;
    case Op::vhsubs: r = (s128(sa) - sb) >> 1; break;
    case Op::vhsubu: r = (s128(a) - b) >> 1; break;
    case Op::vmins: r = std::min(sa, sb); break;
    case Op::vmaxs: r = std::max(sa, sb); break;
    case Op::vminu: r = std::min(a, b); break;
    case Op::vmaxu: r = std::max(a, b); break;
    case Op::vabds: r = sa > sb ? s128(sa) - sb : s128(sb) - sa; break;
    case Op::vabdu: r = a > b ? a - b : b - a; break;
    case Op::veq: r = a == b ? -1 : 0; break;
    case Op::vgts: r = sa > sb ? -1 : 0; break;
    case Op::vges: r = sa >= sb ? -1 : 0; break;
    case Op::vgtu: r = a > b ? -1 : 0; break;
    case Op::vgeu: r = a >= b ? -1 : 0; break;
    case Op::vshl: r = U(u64(a) << imm); break;
    case Op::vshru: r = imm >= width ? 0 : a >> imm; break;
    case Op::vshrs: r = s128(sa) >> imm; break;
    case Op::vrshru: r = imm ? (s128(a) + (s128(1) << (imm - 1))) >> imm : s128(a); break;
    case Op::vrshrs: r = imm ? (s128(sa) + (s128(1) << (imm - 1))) >> imm : s128(sa); break;
    case Op::vshlvs: r = shift_by(sa, count, false); break;
    case Op::vshlvu: r = shift_by(a, count, false); break;
    case Op::vrshlvs: r = shift_by(sa, count, true); break;
    case Op::vrshlvu: r = shift_by(a, count, true); break;
    case Op::vqshlvs: r = saturate<S>(shift_by(sa, count, false)); break;
    case Op::vqshlvu: r = saturate<U>(shift_by(a, count, false)); break;
    case Op::vqrshlvs: r = saturate<S>(shift_by(sa, count, true)); break;
    case Op::vqrshlvu: r = saturate<U>(shift_by(a, count, true)); break;
    case Op::vqshlsu: r = saturate<U>(shift_by(sa, count, false)); break;
    case Op::vqdmulh: r = saturate<S>(s128(sa) * sb * 2 >> width); break;
    case Op::vqrdmulh: r = saturate<S>((s128(sa) * sb * 2 + (s128(1) << (width - 1))) >> width); break;
    case Op::vqrdmlah: r = saturate<S>(((s128(sc) << width) + s128(sa) * sb * 2 + (s128(1) << (width - 1))) >> width); break;
    case Op::vqrdmlsh: r = saturate<S>(((s128(sc) << width) - s128(sa) * sb * 2 + (s128(1) << (width - 1))) >> width); break;
    case Op::vcnt: r = std::popcount(a); break;
    case Op::vclz: r = std::countl_zero(a); break;
    case Op::vcls: r = std::countl_zero(U(sa ^ (sa >> 1))) - 1; break;
    default: return false;
    }
    out = u64(U(r));
    return true;
}

/// The same ops with imm 1: all ones where the result saturates.
template <class U> bool saturates(Op op, u64 ua, u64 ub, u64 uc, bool& out) {
    using S = std::make_signed_t<U>;
    constexpr unsigned width = sizeof(U) * 8;
    const s128 a = S(ua), b = S(ub), c = s128(S(uc)) << width, half = s128(1) << (width - 1);
    auto beyond = []<class T>(s128 value, T) { return value != s128(saturate<T>(value)); };
    switch (op) {
    case Op::vqshlvs: case Op::vqrshlvs: out = beyond(shift_by(S(ua), s8(ub), op == Op::vqrshlvs), S()); return true;
    case Op::vqshlvu: case Op::vqrshlvu: out = beyond(shift_by(U(ua), s8(ub), op == Op::vqrshlvu), U()); return true;
    case Op::vqrdmlah: out = beyond((c + a * b * 2 + half) >> width, S()); return true;
    case Op::vqrdmlsh: out = beyond((c - a * b * 2 + half) >> width, S()); return true;
    default: return false;
    }
}

/// Ops between lanes, or between lane widths.
template <class U> bool shape_op(Op op, unsigned imm, const V128* args, V128& result) {
    using S = std::make_signed_t<U>;
    constexpr unsigned count = 16 / sizeof(U);
    const V128 &a = args[0], &b = args[1];
    auto in_a = [&](unsigned i) { return a.lane<U>(i); };
    auto in_b = [&](unsigned i) { return b.lane<U>(i); };
    for (unsigned i = 0; i < count; i++) {
        U r;
        switch (op) {
        case Op::vzip1: r = i & 1 ? in_b(i / 2) : in_a(i / 2); break;
        case Op::vzip2: r = i & 1 ? in_b(count / 2 + i / 2) : in_a(count / 2 + i / 2); break;
        case Op::vuzp1: r = i < count / 2 ? in_a(2 * i) : in_b(2 * i - count); break;
        case Op::vuzp2: r = i < count / 2 ? in_a(2 * i + 1) : in_b(2 * i + 1 - count); break;
        case Op::vtrn1: r = i & 1 ? in_b(i - 1) : in_a(i); break;
        case Op::vtrn2: r = i & 1 ? in_b(i) : in_a(i + 1); break;
        case Op::vrev: r = in_a(i - i % imm + (imm - 1 - i % imm)); break;
        default:
            if constexpr (sizeof(U) < 8) {
                using WideU = std::conditional_t<sizeof(U) == 1, u16, std::conditional_t<sizeof(U) == 2, u32, u64>>;
                using WideS = std::make_signed_t<WideU>;
                // Here U is the narrow lane: source of the widening ops, result of the narrowing ones.
                const unsigned half = imm & 1 ? count / 2 : 0;
                switch (op) {
                case Op::vmulls: case Op::vmullu: case Op::vwidens: case Op::vwidenu: case Op::vpaddls: case Op::vpaddlu: {
                    if (i >= count / 2) continue;
                    WideU w;
                    if (op == Op::vmulls) w = WideU(WideS(S(in_a(half + i))) * WideS(S(in_b(half + i))));
                    else if (op == Op::vmullu) w = WideU(WideU(in_a(half + i)) * u64(in_b(half + i)));
                    else if (op == Op::vwidens) w = WideU(WideS(S(in_a(half + i))));
                    else if (op == Op::vwidenu) w = in_a(half + i);
                    else if (op == Op::vpaddls) w = WideU(WideS(S(in_a(2 * i))) + WideS(S(in_a(2 * i + 1))));
                    else w = WideU(WideU(in_a(2 * i)) + WideU(in_a(2 * i + 1)));
                    result.set_lane(i, w);
                    continue;
                }
                case Op::vnarrow: case Op::vqnarrows: case Op::vqnarrowu: case Op::vqnarrowsu: {
                    WideU w = i < count / 2 ? a.lane<WideU>(i) : b.lane<WideU>(i - count / 2);
                    if (op == Op::vnarrow) r = U(w);
                    else if (op == Op::vqnarrows) r = U(saturate<S>(WideS(w)));
                    else if (op == Op::vqnarrowu) r = saturate<U>(s128(w));
                    else r = saturate<U>(WideS(w));
                    break;
                }
                default: return false;
                }
            } else {
                return false;
            }
        }
        result.set_lane(i, r);
    }
    return true;
}

template <class U> bool eval_lanes(Op op, unsigned imm, const V128* args, V128& result) {
    u64 r;
    bool over;
    if (imm && saturates<U>(op, 0, 0, 0, over)) {
        for (unsigned i = 0; i < 16 / sizeof(U); i++) {
            saturates<U>(op, args[0].lane<U>(i), args[1].lane<U>(i), args[2].lane<U>(i), over);
            result.set_lane(i, over ? U(~U(0)) : U(0));
        }
        return true;
    }
    if (!lane_op<U>(op, imm, 0, 0, 0, r)) return shape_op<U>(op, imm, args, result);
    for (unsigned i = 0; i < 16 / sizeof(U); i++) {
        lane_op<U>(op, imm, args[0].lane<U>(i), args[1].lane<U>(i), args[2].lane<U>(i), r);
        result.set_lane(i, U(r));
    }
    return true;
}

/// Lane access with the lane width known only at run time.
u64 get_lane(const V128& v, unsigned width, unsigned index) {
    switch (width) {
    case 8: return v.lane<u8>(index & 15);
    case 16: return v.lane<u16>(index & 7);
    case 32: return v.lane<u32>(index & 3);
    default: return v.lane<u64>(index & 1);
    }
}
void put_lane(V128& v, unsigned width, unsigned index, u64 x) {
    switch (width) {
    case 8: v.set_lane(index & 15, u8(x)); break;
    case 16: v.set_lane(index & 7, u16(x)); break;
    case 32: v.set_lane(index & 3, u32(x)); break;
    default: v.set_lane(index & 1, x); break;
    }
}

template <class Byte> V128 dot_product(const V128* args) {
    V128 r;
    for (unsigned i = 0; i < 4; i++) {
        u32 sum = args[2].lane<u32>(i);
        for (unsigned j = 0; j < 4; j++) sum += u32(s32(args[0].lane<Byte>(4 * i + j)) * s32(args[1].lane<Byte>(4 * i + j)));
        r.set_lane(i, sum);
    }
    return r;
}

/// vidot: dot products of unsigned by signed bytes, or 2x8 by 8x2 matrix products.
V128 byte_products(unsigned kind, const V128* args) {
    const bool a_signed = kind == 1, b_signed = kind != 2;
    auto product = [&](unsigned i, unsigned j) {
        s32 x = a_signed ? args[0].lane<s8>(i) : args[0].lane<u8>(i), y = b_signed ? args[1].lane<s8>(j) : args[1].lane<u8>(j);
        return u32(x * y);
    };
    V128 r;
    for (unsigned i = 0; i < 4; i++) {
        u32 sum = args[2].lane<u32>(i);
        if (kind == 0)
            for (unsigned k = 0; k < 4; k++) sum += product(4 * i + k, 4 * i + k);
        else
            for (unsigned k = 0; k < 8; k++) sum += product(8 * (i / 2) + k, 8 * (i % 2) + k);
        r.set_lane(i, sum);
    }
    return r;
}

V128 polynomial(Op op, Lane lane, unsigned half, const V128& a, const V128& b) {
    V128 r;
    if (op == Op::vpmul) {
        for (unsigned i = 0; i < 16; i++) r.set_lane(i, u8(carryless_product(a.lane<u8>(i), b.lane<u8>(i))));
    } else if (lane == Lane::i8) {
        for (unsigned i = 0; i < 8; i++)
            r.set_lane(i, u16(carryless_product(a.lane<u8>(8 * half + i), b.lane<u8>(8 * half + i))));
    } else {
        u128 product = carryless_product(a.lane<u64>(half), b.lane<u64>(half));
        r = {u64(product), u64(product >> 64)};
    }
    return r;
}

/// Ops on 128 bits as a whole, moves, and those with a lane type of their own.
bool whole_op(Op op, u16 aux, Type type, Type arg_type, const V128* args, V128& r) {
    const V128 &a = args[0], &b = args[1], &c = args[2];
    const unsigned imm = aux_imm(aux), width = lane_bits(aux_lane(aux));
    switch (op) {
    case Op::vget: {
        u64 x = get_lane(a, width, imm);
        r = {bit_width(type) < 64 ? x & ones(bit_width(type)) : x, 0};
        return true;
    }
    case Op::vmask:
        for (unsigned i = 0; i < 128 / width; i++) r.lo |= (get_lane(a, width, i) >> (width - 1)) << i;
        return true;
    case Op::vmasks:
        for (unsigned i = 0, count = 128 / width; i < 2 * count; i++) r.lo |= (get_lane(i < count ? a : b, width, i % count) >> (width - 1)) << i;
        return true;
    case Op::vset: r = a, put_lane(r, width, imm, b.lo); return true;
    case Op::vdup:
        for (unsigned i = 0; i < 128 / width; i++) put_lane(r, width, i, a.lo);
        return true;
    case Op::vzext: r = {bit_width(arg_type) < 64 ? a.lo & ones(bit_width(arg_type)) : a.lo, 0}; return true;
    case Op::vlow: r = {a.lo, 0}; return true;
    case Op::vcat: r = {a.lo, b.lo}; return true;
    case Op::vext:
        for (unsigned i = 0; i < 16; i++) r.set_lane(i, i + imm < 16 ? a.lane<u8>(i + imm) : b.lane<u8>(i + imm - 16));
        return true;
    case Op::vtbl:
        for (unsigned i = 0; i < 16; i++) r.set_lane(i, b.lane<u8>(i) < 16 ? a.lane<u8>(b.lane<u8>(i)) : u8(0));
        return true;
    case Op::vand: r = {a.lo & b.lo, a.hi & b.hi}; return true;
    case Op::vor: r = {a.lo | b.lo, a.hi | b.hi}; return true;
    case Op::vxor: r = {a.lo ^ b.lo, a.hi ^ b.hi}; return true;
    case Op::vandn: r = {a.lo & ~b.lo, a.hi & ~b.hi}; return true;
    case Op::vnot: r = {~a.lo, ~a.hi}; return true;
    case Op::vsel: r = {(a.lo & b.lo) | (~a.lo & c.lo), (a.hi & b.hi) | (~a.hi & c.hi)}; return true;
    case Op::vpmul: case Op::vpmull: r = polynomial(op, aux_lane(aux), imm & 1, a, b); return true;
    case Op::vsdot: r = dot_product<s8>(args); return true;
    case Op::vudot: r = dot_product<u8>(args); return true;
    case Op::vidot: r = byte_products(imm, args); return true;
    case Op::vrbit:
        for (unsigned i = 0; i < 16; i++) {
            u8 x = a.lane<u8>(i), y = 0;
            for (unsigned j = 0; j < 8; j++) y = u8(y | ((x >> j & 1) << (7 - j)));
            r.set_lane(i, y);
        }
        return true;
    case Op::vurecpe: case Op::vursqrte:
        for (unsigned i = 0; i < 4; i++)
            r.set_lane(i, op == Op::vurecpe ? fp::recip_estimate_u32(a.lane<u32>(i)) : fp::rsqrt_estimate_u32(a.lane<u32>(i)));
        return true;
    default: return false;
    }
}

} // namespace

bool eval_vector(Op op, u16 aux, Type type, Type arg_type, const V128* args, V128& result) {
    if (whole_op(op, aux, type, arg_type, args, result)) return true;
    switch (lane_bits(aux_lane(aux))) {
    case 8: return eval_lanes<u8>(op, aux_imm(aux), args, result);
    case 16: return eval_lanes<u16>(op, aux_imm(aux), args, result);
    case 32: return eval_lanes<u32>(op, aux_imm(aux), args, result);
    default: return eval_lanes<u64>(op, aux_imm(aux), args, result);
    }
}

} // namespace emu::ir
