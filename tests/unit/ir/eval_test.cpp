// SPDX-License-Identifier: MIT
// Values from the manuals (FIPS 197, FIPS 180-4, Arm ARM) and from plain C++ arithmetic.
#include "ir/eval.h"

#include "fp/rules.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::ir;

namespace {
fp::Env env{&fp::rules::arm};

u64 ev(Op op, Type type, u64 a, u64 b = 0, u64 c = 0, u16 aux = 0) {
    V128 args[3] = {{a, 0}, {b, 0}, {c, 0}};
    return eval(op, type, aux, type, args, env).lo;
}
u64 flags_of(Op op, Type type, u64 a, u64 b = 0, u64 c = 0) {
    V128 args[3] = {{a, 0}, {b, 0}, {c, 0}};
    return eval(op, Type::i32, 0, type, args, env).lo;
}
V128 vec(Op op, Lane lane, V128 a, V128 b = {}, V128 c = {}, unsigned imm = 0) {
    V128 args[3] = {a, b, c};
    return eval(op, Type::v128, lane_aux(lane, imm), Type::v128, args, env);
}
} // namespace

TEST_CASE("eval: 32-bit results are zero-extended") {
    CHECK(ev(Op::add, Type::i32, 0xffffffff, 2) == 1);
    CHECK(ev(Op::neg, Type::i32, 1) == 0xffffffff);
    CHECK(ev(Op::sar, Type::i32, 0x80000000, 31) == 0xffffffff);
    CHECK(ev(Op::sbfx, Type::i32, 0xf0, 0, 0, field_aux(4, 4)) == 0xffffffff);
}
TEST_CASE("eval: division is total") {
    CHECK(ev(Op::sdiv, Type::i64, 5, 0) == 0);
    CHECK(ev(Op::sdiv, Type::i32, 0x80000000, 0xffffffff) == 0x80000000);
    CHECK(ev(Op::srem, Type::i64, u64(1) << 63, ~u64(0)) == 0);
    CHECK(ev(Op::urem, Type::i32, 7, 0) == 7);
    CHECK(ev(Op::sdiv, Type::i32, u32(-7), 2) == u32(-3));
}
TEST_CASE("eval: bit counting and reversal at both widths") {
    CHECK(ev(Op::clz, Type::i32, 0) == 32);
    CHECK(ev(Op::clz, Type::i32, 1) == 31);
    CHECK(ev(Op::cls, Type::i32, 0xffffffff) == 31);
    CHECK(ev(Op::cls, Type::i64, 0) == 63);
    CHECK(ev(Op::ctz, Type::i32, 0) == 32);
    CHECK(ev(Op::bitrev, Type::i32, 1) == 0x80000000);
    CHECK(ev(Op::bswap16, Type::i32, 0x11223344) == 0x22114433);
    CHECK(ev(Op::bswap32, Type::i64, 0x1122334455667788) == 0x4433221188776655);
}
TEST_CASE("eval: flags of sums and differences") {
    CHECK(flags_of(Op::flags_sub, Type::i64, 1, 1) == (flag_z | flag_c));
    CHECK(flags_of(Op::flags_sub, Type::i64, 0, 1) == flag_n);
    CHECK(flags_of(Op::flags_add, Type::i32, 0x7fffffff, 1) == (flag_n | flag_v));
    CHECK(flags_of(Op::flags_adc, Type::i32, 0xffffffff, 0, 1) == (flag_z | flag_c));
    CHECK(flags_of(Op::flags_sub, Type::i32, 0x80000000, 1) == (flag_c | flag_v));
}
TEST_CASE("eval: EFLAGS at the operation's width") {
    auto token = [](Op op, unsigned log, u64 a, u64 b = 0, u64 c = 0) { return u32(ev(op, Type::i32, a, b, c, u16(log))) & ~eflag_fixed; };
    CHECK(token(Op::eflags_sub, 0, 0x100, 0x101) == (eflag_cf | eflag_pf | eflag_af | eflag_sf));
    CHECK(token(Op::eflags_add, 0, 0x7f, 1) == (eflag_of | eflag_sf | eflag_af));
    CHECK(token(Op::eflags_add, 1, 0xffff, 1) == (eflag_cf | eflag_zf | eflag_pf | eflag_af));
    CHECK(token(Op::eflags_adc, 2, 0xffffffff, 0, 1) == (eflag_cf | eflag_zf | eflag_pf | eflag_af));
    CHECK(token(Op::eflags_sbb, 2, 0, 0, 1) == (eflag_cf | eflag_sf | eflag_pf | eflag_af));
    CHECK(token(Op::eflags_inc, 2, 0x7fffffff, eflag_cf) == (eflag_cf | eflag_of | eflag_sf | eflag_pf | eflag_af));
    CHECK(token(Op::eflags_shl, 2, 0x40000000, 1) == (eflag_of | eflag_sf | eflag_pf));
    CHECK(token(Op::eflags_shr, 0, 0x101, 1) == (eflag_cf | eflag_zf | eflag_pf));
    CHECK(token(Op::eflags_sar, 1, 0x8002, 2) == (eflag_cf | eflag_sf | eflag_pf));
    CHECK(token(Op::eflags_imul, 2, 0x10000, 0x10000) == (eflag_cf | eflag_of));
    CHECK(token(Op::eflags_rotate, 0, 0x81, eflag_zf) == (eflag_zf | eflag_cf));
    CHECK(holds_eflags(cond_le, eflag_of));
    CHECK(!holds_eflags(cond_be | 1, eflag_cf));
}
TEST_CASE("eval: CRC of \"123456789\" by both polynomials") {
    u64 a = 0xffffffff, c = 0xffffffff;
    for (char byte : std::string_view("123456789")) {
        a = ev(Op::crc32, Type::i32, a, u8(byte), 0, 1 << 1);
        c = ev(Op::crc32, Type::i32, c, u8(byte), 0, 1 << 1 | 1);
    }
    CHECK(u32(~a) == 0xcbf43926);
    CHECK(u32(~c) == 0xe3069283);
}
TEST_CASE("eval: saturating and rounding lanes") {
    CHECK(vec(Op::vqadds, Lane::i8, {0x7f, 0}, {0x01, 0}).lo == 0x7f);
    CHECK(vec(Op::vqsubu, Lane::i8, {0x01, 0}, {0x02, 0}).lo == 0);
    CHECK(vec(Op::vrhaddu, Lane::i8, {0xff, 0}, {0xfe, 0}).lo == 0xff);
    CHECK(vec(Op::vqrdmulh, Lane::i16, {0x8000, 0}, {0x8000, 0}).lo == 0x7fff);
    CHECK(vec(Op::vqshlvu, Lane::i64, {1, 0}, {64, 0}).lo == ~u64(0));
    CHECK(vec(Op::vqshlvs, Lane::i64, {~u64(0), 0}, {127, 0}).lo == u64(1) << 63);
    CHECK(vec(Op::vqshlvs, Lane::i64, {1, 0}, {62, 0}).lo == u64(1) << 62);
    CHECK(vec(Op::vshlvs, Lane::i64, {1, 0}, {64, 0}).lo == 0);
    CHECK(vec(Op::vrshlvu, Lane::i64, {~u64(0), 0}, {u8(-64), 0}).lo == 1);
    CHECK(vec(Op::vrshru, Lane::i64, {~u64(0), 0}, {}, {}, 64).lo == 1);
    CHECK(vec(Op::vqnarrowsu, Lane::i8, {0xffff0123, 0}, {}).lo == 0x00ff);
}
TEST_CASE("eval: lane movement") {
    V128 a{0x0706050403020100, 0x0f0e0d0c0b0a0908}, b{0x1716151413121110, 0x1f1e1d1c1b1a1918};
    CHECK(vec(Op::vzip1, Lane::i8, a, b).lo == 0x1303120211011000);
    CHECK(vec(Op::vuzp2, Lane::i16, a, b).lo == 0x0f0e0b0a07060302);
    CHECK(vec(Op::vext, Lane::i8, a, b, {}, 3).lo == 0x0a09080706050403);
    CHECK(vec(Op::vrev, Lane::i8, a, {}, {}, 4).lo == 0x0405060700010203);
    CHECK(vec(Op::vtbl, Lane::i8, a, {0xff10'0f00, 0}).lo == 0x0000'0f00);
    CHECK(vec(Op::vmulls, Lane::i8, {0xff, 0}, {0x02, 0}).lo == 0xfffe);
    CHECK(vec(Op::vpmull, Lane::i64, {3, 0}, {3, 0}).lo == 5);
}
TEST_CASE("eval: the AES round of FIPS 197 appendix B") {
    // State after the first AddRoundKey, then after SubBytes and ShiftRows, then after MixColumns.
    V128 start{0x2b9a'e83d'aabe'f419ull, 0}; // built below byte by byte
    const u8 in[16] = {0x19, 0x3d, 0xe3, 0xbe, 0xa0, 0xf4, 0xe2, 0x2b, 0x9a, 0xc6, 0x8d, 0x2a, 0xe9, 0xf8, 0x48, 0x08};
    const u8 shifted[16] = {0xd4, 0xbf, 0x5d, 0x30, 0xe0, 0xb4, 0x52, 0xae, 0xb8, 0x41, 0x11, 0xf1, 0x1e, 0x27, 0x98, 0xe5};
    const u8 mixed[16] = {0x04, 0x66, 0x81, 0xe5, 0xe0, 0xcb, 0x19, 0x9a, 0x48, 0xf8, 0xd3, 0x7a, 0x28, 0x06, 0x26, 0x4c};
    V128 after_shift, after_mix;
    std::memcpy(&start, in, 16);
    std::memcpy(&after_shift, shifted, 16);
    std::memcpy(&after_mix, mixed, 16);
    CHECK(vec(Op::vaesenc, Lane::i8, start) == after_shift);
    CHECK(vec(Op::vaesmc, Lane::i8, after_shift) == after_mix);
    CHECK(vec(Op::vaesdec, Lane::i8, after_shift) == start);
    CHECK(vec(Op::vaesimc, Lane::i8, after_mix) == after_shift);
}
TEST_CASE("eval: SM3 rounds equal GB/T 32905's example") {
    // Appendix A.1, message "abc": round 0 from the initial value, W0 = W'0 = 61626380, T0 = 79cc4519. Lane 3 is A (E).
    auto step = [](HashStep s, V128 a, V128 b, V128 c) { return vec(Op::vhash, Lane::i32, a, b, c, unsigned(s)); };
    const V128 abcd{0x172442d7da8a0600, 0x7380166f4914b2b9}, efgh{0xe38dee4db0fb0e4e, 0xa96f30bc163138aa};
    const V128 ss1 = step(HashStep::sm3ss1, abcd, efgh, {0, u64(0x79cc4519) << 32});
    const V128 w{0x61626380, 0};
    CHECK(step(HashStep::sm3tt1a, abcd, ss1, w) == V128{0x29657292172442d7, 0xb9edc12b7380166f});
    CHECK(step(HashStep::sm3tt2a, efgh, ss1, w) == V128{0xc550b189e38dee4d, 0xb2ad29f4a96f30bc});
}
TEST_CASE("eval: saturating shifts and SQRDMLAH say with imm 1 where they saturate") {
    CHECK(vec(Op::vqshlvs, Lane::i8, {0x017f, 0}, {0x0101, 0}, {}, 1) == V128{0x00ff, 0});
    CHECK(vec(Op::vqshlvu, Lane::i16, {0x8000, 0}, {0x0001, 0}, {}, 1) == V128{0xffff, 0});
    CHECK(vec(Op::vqrshlvs, Lane::i8, {0x7f, 0}, {0xff, 0}, {}, 1) == V128{});
    CHECK(vec(Op::vqrdmlah, Lane::i16, {0x8000, 0}, {0x8000, 0}, {0x0001, 0}, 1) == V128{0xffff, 0});
    CHECK(vec(Op::vqrdmlsh, Lane::i16, {0x8000, 0}, {0x8000, 0}, {0x0000, 0}, 1) == V128{});
}
TEST_CASE("eval: byte matrices, bfloat and half products") {
    CHECK(vec(Op::vidot, Lane::i8, {0xff, 0}, {0xff, 0}, {1, 0}, 0) == V128{u32(1 - 255), 0});
    CHECK(vec(Op::vidot, Lane::i8, {1, 2}, {3, 4}, {}, 2) == V128{u64(4) << 32 | 3, u64(8) << 32 | 6});
    const V128 bf{0x3f803f803f803f80, 0};                                                       // 1.0 four times
    CHECK(vec(Op::vbfdot, Lane::f32, bf, bf, {0x3f800000, 0}, 0) == V128{0x4000000040400000, 0}); // 1 + 2, 0 + 2
    CHECK(vec(Op::vbfdot, Lane::f32, {0x7f7f, 0}, {0x4000, 0}, {}, 0) == V128{0x7f800000, 0});
    CHECK(vec(Op::vbfcvt, Lane::f32, {0x3f808000'3f818000, 0}) == V128{0x3f803f82, 0});
    CHECK(vec(Op::vfmlal, Lane::f16, {0, 0x3c00}, {0, 0x4000}, {0x3f800000, 0}, 1) == V128{0x40400000, 0});
}
