// SPDX-License-Identifier: MIT
// Integer ops, flag tokens and selects.
#include "common/bits.h"
#include "ir/eval.h"

#include <bit>

namespace emu::ir {

namespace {

/// N, Z, C, V of the sum of three numbers of `width` bits.
u32 sum_flags(u64 a, u64 b, bool carry, unsigned width) {
    const u64 mask = ones(width), sign = u64(1) << (width - 1);
    a &= mask, b &= mask;
    u128 wide = u128(a) + b + carry;
    u64 sum = u64(wide) & mask;
    u32 flags = 0;
    if (sum & sign) flags |= flag_n;
    if (!sum) flags |= flag_z;
    if (u64(wide >> width)) flags |= flag_c;
    if (~(a ^ b) & (a ^ sum) & sign) flags |= flag_v;
    return flags;
}

/// SF, ZF and PF of a result of `width` bits.
u32 result_eflags(u64 result, unsigned width) {
    u32 token = eflag_fixed;
    if (bit(result, width - 1)) token |= eflag_sf;
    if (!(result & ones(width))) token |= eflag_zf;
    if (!(std::popcount(result & 0xff) & 1)) token |= eflag_pf;
    return token;
}

u32 sum_eflags(u64 a, u64 b, bool carry, unsigned width) {
    a &= ones(width), b &= ones(width);
    const u128 wide = u128(a) + b + carry;
    const u64 sum = u64(wide);
    u32 token = result_eflags(sum, width);
    if (u64(wide >> width)) token |= eflag_cf;
    if (bit(~(a ^ b) & (a ^ sum), width - 1)) token |= eflag_of;
    if (bit(a ^ b ^ sum, 4)) token |= eflag_af;
    return token;
}

/// The borrow is the opposite of the carry of a + ~b + 1, and so is that of the low digit.
u32 difference_eflags(u64 a, u64 b, bool borrow, unsigned width) { return sum_eflags(a, ~b, !borrow, width) ^ eflag_cf ^ eflag_af; }

u32 shift_eflags(Op op, u64 a, unsigned count, unsigned width) {
    a &= ones(width);
    const u64 extended = op == Op::eflags_sar ? u64(sign_extend(a, width)) : a;
    const u64 result = op == Op::eflags_shl ? a << count : op == Op::eflags_shr ? a >> count : u64(s64(extended) >> count);
    const bool carry = op == Op::eflags_shl ? bit(a, width - count) : bit(extended, count - 1);
    u32 token = result_eflags(result, width);
    if (carry) token |= eflag_cf;
    const bool overflow = op == Op::eflags_shl ? bit(result, width - 1) != carry : op == Op::eflags_shr && bit(a, width - 1);
    if (count == 1 && overflow) token |= eflag_of;
    return token;
}

u32 rotate_eflags(u64 result, u32 token, unsigned width, bool right) {
    const bool top = bit(result, width - 1), carry = right ? top : bit(result, 0), other = right ? bit(result, width - 2) : top;
    return (token & ~(eflag_cf | eflag_of)) | (carry ? eflag_cf : 0) | (carry != other ? eflag_of : 0);
}

u32 product_eflags(u64 a, u64 b, unsigned width) {
    const s128 product = s128(sign_extend(a & ones(width), width)) * sign_extend(b & ones(width), width);
    return product == s128(sign_extend(u64(product) & ones(width), width)) ? eflag_fixed : eflag_fixed | eflag_cf | eflag_of;
}

u32 eval_eflags(Op op, unsigned log, u64 a, u64 b, u64 c) {
    const unsigned width = 8u << (log & 3);
    const u32 old_carry = u32(b) & eflag_cf;
    switch (op) {
    case Op::eflags_add: return sum_eflags(a, b, false, width);
    case Op::eflags_sub: return difference_eflags(a, b, false, width);
    case Op::eflags_adc: return sum_eflags(a, b, c & 1, width);
    case Op::eflags_sbb: return difference_eflags(a, b, c & 1, width);
    case Op::eflags_logic: return result_eflags(a, width);
    case Op::eflags_inc: return (sum_eflags(a, 1, false, width) & ~eflag_cf) | old_carry;
    case Op::eflags_dec: return (difference_eflags(a, 1, false, width) & ~eflag_cf) | old_carry;
    case Op::eflags_imul: return product_eflags(a, b, width);
    case Op::eflags_rotate: return rotate_eflags(a, u32(b), width, log & 4);
    case Op::eflags_nonzero: return a & ones(width) ? eflag_fixed | eflag_cf | eflag_of : eflag_fixed;
    default: {
        const unsigned count = unsigned(b) & (width - 1);
        return count ? shift_eflags(op, a, count, width) : eflag_fixed; // a count of 0 is nobody's business
    }
    }
}

u64 reverse_bits(u64 value, unsigned width) {
    u64 result = 0;
    for (unsigned i = 0; i < width; i++) result |= u64(bit(value, i)) << (width - 1 - i);
    return result;
}

u64 reverse_bytes_in(u64 value, unsigned group, unsigned width) {
    u64 result = 0;
    for (unsigned byte = 0; byte < width / 8; byte++) {
        unsigned within = byte % group, to = byte - within + (group - 1 - within);
        result |= bits(value, byte * 8, 8) << (to * 8);
    }
    return result;
}

u64 divide(u64 a, u64 b, unsigned width, bool is_signed, bool remainder) {
    if (!is_signed) return !b ? (remainder ? a : 0) : remainder ? a % b : a / b;
    s64 x = sign_extend(a, width), y = sign_extend(b, width);
    if (!y) return remainder ? a : 0;
    if (y == -1) return remainder ? 0 : -a; // also MIN / -1
    return u64(remainder ? x % y : x / y);
}

/// Bitwise CRC-32 with the reflected polynomial (Arm CRC32B..X and CRC32CB..X; no pre- or post-inversion).
u32 crc32(u32 crc, u64 data, unsigned bytes, bool castagnoli) {
    const u32 polynomial = castagnoli ? 0x82f63b78 : 0xedb88320;
    for (unsigned i = 0; i < bytes; i++) {
        crc ^= u8(data >> (8 * i));
        for (unsigned j = 0; j < 8; j++) crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
    }
    return crc;
}

} // namespace

bool eval_integer(Op op, Type type, u16 aux, Type arg_type, const V128* args, V128& result) {
    if (op == Op::select) {
        result = args[0].lo & 1 ? args[1] : args[2];
        return true;
    }
    const u64 a = args[0].lo, b = args[1].lo, c = args[2].lo;
    const unsigned width = bit_width(type), arg_width = bit_width(arg_type);
    const unsigned count = unsigned(b) & (width - 1);
    const unsigned lsb = field_lsb(aux), field = field_width(aux);
    u64 r = 0;
    switch (op) {
    case Op::add: r = a + b; break;
    case Op::sub: r = a - b; break;
    case Op::mul: r = a * b; break;
    case Op::mulhs: r = u64(u128(s128(s64(a)) * s64(b)) >> 64); break;
    case Op::mulhu: r = u64(u128(a) * b >> 64); break;
    case Op::sdiv: r = divide(a, b, width, true, false); break;
    case Op::udiv: r = divide(a, b, width, false, false); break;
    case Op::srem: r = divide(a, b, width, true, true); break;
    case Op::urem: r = divide(a, b, width, false, true); break;
    case Op::adc: r = a + b + (c & 1); break;
    case Op::and_: r = a & b; break;
    case Op::or_: r = a | b; break;
    case Op::xor_: r = a ^ b; break;
    case Op::andn: r = a & ~b; break;
    case Op::not_: r = ~a; break;
    case Op::neg: r = -a; break;
    case Op::shl: r = a << count; break;
    case Op::shr: r = a >> count; break;
    case Op::sar: r = u64(sign_extend(a, width) >> count); break;
    case Op::rotr: r = rotate_right(a, count, width); break;
    case Op::extr: r = aux ? b >> aux | a << (width - aux) : b; break;
    case Op::ubfx: r = bits(a, lsb, field); break;
    case Op::sbfx: r = u64(sign_extend(bits(a, lsb, field), field)); break;
    case Op::bfi: {
        u64 mask = ones(field) << lsb;
        r = (a & ~mask) | (b << lsb & mask);
        break;
    }
    case Op::clz: r = u64(std::countl_zero(a)) - (64 - width); break;
    case Op::cls: r = u64(std::countl_zero(u64(sign_extend(a, width) ^ (sign_extend(a, width) >> 1)))) - (64 - width) - 1; break;
    case Op::ctz: r = std::min<u64>(u64(std::countr_zero(a)), width); break;
    case Op::popcnt: r = u64(std::popcount(a)); break;
    case Op::bitrev: r = reverse_bits(a, width); break;
    case Op::bswap: r = reverse_bytes_in(a, width / 8, width); break;
    case Op::bswap16: r = reverse_bytes_in(a, 2, width); break;
    case Op::bswap32: r = reverse_bytes_in(a, 4, width); break;
    case Op::zext: r = a; break;
    case Op::sext: r = u64(sign_extend(a, arg_width)); break;
    case Op::trunc: r = a; break;
    case Op::eq: r = a == b; break;
    case Op::ne: r = a != b; break;
    case Op::ult: r = a < b; break;
    case Op::ule: r = a <= b; break;
    case Op::slt: r = sign_extend(a, arg_width) < sign_extend(b, arg_width); break;
    case Op::sle: r = sign_extend(a, arg_width) <= sign_extend(b, arg_width); break;
    case Op::crc32: r = crc32(u32(a), b, aux >> 1, aux & 1); break;
    case Op::flags_add: r = sum_flags(a, b, false, arg_width); break;
    case Op::flags_sub: r = sum_flags(a, ~b, true, arg_width); break;
    case Op::flags_adc: r = sum_flags(a, b, c & 1, arg_width); break;
    case Op::flags_logic: r = (bit(a, arg_width - 1) ? flag_n : 0) | (a ? 0 : flag_z); break;
    case Op::test_cond: r = holds(Cond(aux), u32(a)); break;
    case Op::test_eflags: r = holds_eflags(aux, u32(a)); break;
    default:
        if (!is_eflags(op)) return false;
        r = eval_eflags(op, aux, a, b, c);
        break;
    }
    result = {width < 64 ? r & ones(width) : r, 0};
    return true;
}

} // namespace emu::ir
