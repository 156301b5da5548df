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
    default: return false;
    }
    result = {width < 64 ? r & ones(width) : r, 0};
    return true;
}

} // namespace emu::ir
