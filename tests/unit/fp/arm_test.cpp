// SPDX-License-Identifier: MIT
// Arm's choices, from the Arm ARM's shared pseudocode: NaN selection, flush to zero, fused multiply-add corner cases,
// alternative half precision, the estimate and step instructions, FJCVTZS, FRINT32.
#include "fp/fp.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::fp;

namespace {

Env arm(Round round = Round::nearest_even) { return Env{&rules::arm, round}; }
constexpr u32 one = 0x3f800000, two = 0x40000000, inf = 0x7f800000, minus = 0x80000000, qnan1 = 0x7fc00001, qnan2 = 0xffc00002,
              snan1 = 0x7f800001, snan2 = 0xff800002, quiet = 0x00400000, dflt = 0x7fc00000, denormal = 0x00000123;

} // namespace

TEST_CASE("fp arm: the first signaling NaN wins, else the first quiet one") {
    Env e = arm();
    CHECK(add(F32{qnan1}, F32{qnan2}, e).bits == qnan1);
    CHECK(e.flags == 0);
    CHECK(add(F32{qnan1}, F32{snan2}, e).bits == (snan2 | quiet));
    CHECK(e.flags == invalid);
    CHECK(mul(F32{snan1}, F32{snan2}, e).bits == (snan1 | quiet));
    CHECK(sub(F32{one}, F32{qnan2}, e).bits == qnan2);
    e.default_nan = true;
    CHECK(div(F32{qnan2}, F32{one}, e).bits == dflt);
    CHECK(fp::sqrt(F32{one | minus}, e).bits == dflt);
}

TEST_CASE("fp arm: fma looks at the addend first") {
    Env e = arm();
    CHECK(fma(F32{qnan1}, F32{one}, F32{qnan2}, e).bits == qnan2);
    CHECK(fma(F32{snan1}, F32{one}, F32{qnan2}, e).bits == (snan1 | quiet));
    CHECK(fma(F32{snan1}, F32{snan1}, F32{snan2}, e).bits == (snan2 | quiet));
    e.flags = 0;
    CHECK(fma(F32{inf}, F32{0}, F32{qnan2}, e).bits == dflt);
    CHECK(e.flags == invalid);
    e.flags = 0;
    CHECK(fma(F32{inf}, F32{0}, F32{snan2}, e).bits == (snan2 | quiet));
    CHECK(e.flags == invalid);
    e.flags = 0;
    CHECK(fma(F32{inf}, F32{one}, F32{inf | minus}, e).bits == dflt);
    CHECK(e.flags == invalid);
    e.flags = 0;
    CHECK(fma(F32{one}, F32{one}, F32{one | minus}, e).bits == 0);
    Env down = arm(Round::down);
    CHECK(fma(F32{one}, F32{one}, F32{one | minus}, down).bits == minus);
    CHECK(fma(F32{0}, F32{one}, F32{minus}, down).bits == minus);
    // 1 + 2^-60 in one rounding: lost without fusing
    CHECK(fma(F32{0x3f800001}, F32{0x3f800001}, F32{0xbf800002}, e).bits == 0x28800000);
}

TEST_CASE("fp arm: flushed inputs raise IDC, flushed results UFC without IXC") {
    Env e = arm();
    e.flush_inputs = e.flush_outputs = true;
    CHECK(add(F32{denormal}, F32{one}, e).bits == one);
    CHECK(e.flags == input_denormal);
    e.flags = 0;
    CHECK(mul(F32{0x80800000}, F32{0x3f000000}, e).bits == minus);
    CHECK(e.flags == underflow);
    e.flags = 0;
    // rounds to the smallest normal number, but is tiny before rounding
    CHECK(mul(F32{0x00ffffff}, F32{0x3f000000}, e).bits == 0);
    CHECK(e.flags == underflow);
    e.flags = 0;
    CHECK(compare(F32{denormal}, F32{0}, false, e) == Order::equal);
    CHECK(e.flags == input_denormal);
    e.flags = 0;
    CHECK(convert<F64>(F32{denormal}, e).bits == 0);
    CHECK(e.flags == input_denormal);
    e.flags = 0;
    CHECK(max(F32{denormal}, F32{one | minus}, e).bits == 0);
    CHECK(round_to_int(F32{denormal | minus}, Round::down, true, e).bits == minus);
    CHECK(e.flags == input_denormal);
    // half precision has a control of its own, and conversions ignore both
    e.flags = 0;
    CHECK(add(F16{1}, F16{1}, e).bits == 2);
    CHECK(e.flags == 0);
    CHECK(convert<F16>(F32{0x33800000}, e).bits == 1);
    CHECK(convert<F32>(F16{1}, e).bits == 0x33800000);
    CHECK(e.flags == 0);
    e.flush_inputs_f16 = e.flush_outputs_f16 = true;
    CHECK(add(F16{1}, F16{1}, e).bits == 0);
    CHECK(e.flags == 0);
    CHECK(mul(F16{0x0400}, F16{0x3800}, e).bits == 0);
    CHECK(e.flags == underflow);
    CHECK(convert<F32>(F16{1}, e).bits == 0x33800000);
}

TEST_CASE("fp arm: tiny before rounding raises underflow even if the result is normal") {
    Env e = arm();
    CHECK(mul(F32{0x00ffffff}, F32{0x3f000000}, e).bits == 0x00800000);
    CHECK(e.flags == (underflow | inexact | rounded_up));
    Env riscv{&rules::riscv};
    CHECK(mul(F32{0x00ffffff}, F32{0x3f000000}, riscv).bits == 0x00800000);
    CHECK(riscv.flags == (underflow | inexact | rounded_up)); // at full precision it would be exact below the smallest normal
    Env after{&rules::riscv};
    CHECK(fma(F32{0x00ffffff}, F32{0x3f7fffff}, F32{0}, after).bits == 0x00fffffe);
    CHECK(after.flags == (inexact));
}

TEST_CASE("fp arm: minimum and maximum") {
    Env e = arm();
    CHECK(min(F32{0}, F32{minus}, e).bits == minus);
    CHECK(max(F32{minus}, F32{0}, e).bits == 0);
    CHECK(max(F32{one}, F32{qnan1}, e).bits == qnan1);
    CHECK(max_num(F32{one}, F32{qnan1}, e).bits == one);
    CHECK(min_num(F32{qnan1}, F32{inf}, e).bits == inf);
    CHECK(e.flags == 0);
    CHECK(max_num(F32{one}, F32{snan1}, e).bits == (snan1 | quiet));
    CHECK(e.flags == invalid);
    Env r{&rules::riscv};
    CHECK(maximum_number(F32{one}, F32{snan1}, r).bits == one);
    CHECK(r.flags == invalid);
    CHECK(minimum_number(F32{snan1}, F32{qnan1}, r).bits == dflt);
}

TEST_CASE("fp arm: conversions to integers saturate and give 0 for a NaN") {
    Env e = arm();
    CHECK(to_int<s32>(F32{qnan1}, Round::toward_zero, 0, e) == 0);
    CHECK(e.flags == invalid);
}

TEST_CASE("fp arm: fixed point rounds once") {
    Env e = arm();
    CHECK(to_int<s32>(F64{0x3ff8000000000000}, Round::toward_zero, 1, e) == 3);
    CHECK(e.flags == 0);
    CHECK(to_int<s16>(F16{0x7bff}, Round::toward_zero, 0, e) == 32767);
    CHECK(e.flags == invalid);
    e.flags = 0;
    CHECK(from_int<F32>(s64(-3), 1, e).bits == 0xbfc00000);
    CHECK(from_int<F32>(u64(0x8000008000000001), 64, e).bits == 0x3f000001);
    CHECK(e.flags == (inexact | rounded_up));
    e.flags = 0;
    CHECK(from_int<F16>(s64(1) << 40, 0, e).bits == 0x7c00);
    CHECK(e.flags == (overflow | inexact | rounded_up));
}

TEST_CASE("fp arm: alternative half precision has no infinity and no NaN") {
    Env e = arm();
    e.alt_half = true;
    CHECK(convert<F32>(F16{0x7c00}, e).bits == 0x47800000); // 65536
    CHECK(convert<F16>(F32{0x47ffe000}, e).bits == 0x7fff); // 131008
    CHECK(e.flags == 0);
    CHECK(convert<F16>(F32{0x47fff000}, e).bits == 0x7fff);
    CHECK(e.flags == invalid);
    e.flags = 0;
    CHECK(convert<F16>(F32{inf | minus}, e).bits == 0xffff);
    CHECK(e.flags == invalid);
    e.flags = 0;
    CHECK(convert<F16>(F32{qnan2}, e).bits == 0x8000);
    CHECK(e.flags == invalid);
    e.flags = 0;
    CHECK(convert<F16>(F32{0x477ff000}, e).bits == 0x7c00); // 65520 rounds into the top binade
    CHECK(e.flags == (inexact | rounded_up));
}

TEST_CASE("fp arm: reciprocal and root estimates") {
    Env e = arm();
    CHECK(recip_estimate(F32{one}, e).bits == 0x3f7f8000);
    CHECK(recip_estimate(F32{two}, e).bits == 0x3eff8000);
    CHECK(rsqrt_estimate(F32{one}, e).bits == 0x3f7f8000);
    CHECK(rsqrt_estimate(F32{0x40800000}, e).bits == 0x3eff8000);
    CHECK(rsqrt_estimate(F32{two}, e).bits == 0x3f348000);
    CHECK(recip_estimate(F32{0x7f000000}, e).bits == 0x003fe000); // a denormal result
    CHECK(recip_estimate(F32{0x7e800001}, e).bits == 0x007fc000);
    CHECK(e.flags == 0);
    CHECK(recip_estimate(F32{minus}, e).bits == (inf | minus));
    CHECK(rsqrt_estimate(F32{minus}, e).bits == (inf | minus));
    CHECK(e.flags == divide_by_zero);
    e.flags = 0;
    CHECK(recip_estimate(F32{1}, e).bits == inf);
    CHECK((e.flags & ~rounded_up) == (overflow | inexact));
    Env zero_mode = arm(Round::toward_zero);
    CHECK(recip_estimate(F32{1}, zero_mode).bits == 0x7f7fffff);
    e.flags = 0;
    CHECK(rsqrt_estimate(F32{one | minus}, e).bits == dflt);
    CHECK(e.flags == invalid);
    Env flush = arm();
    flush.flush_inputs = flush.flush_outputs = true;
    CHECK(recip_estimate(F32{0x7f000000}, flush).bits == 0);
    CHECK(flush.flags == underflow);
    CHECK(recip_estimate_u32(0x80000000) == 0xff800000);
    CHECK(recip_estimate_u32(0x7fffffff) == 0xffffffff);
    CHECK(rsqrt_estimate_u32(0x40000000) == 0xff800000);
    CHECK(rsqrt_estimate_u32(0x3fffffff) == 0xffffffff);
    CHECK(recip_exponent(F32{two}, e).bits == 0x3f800000);
    CHECK(recip_exponent(F32{denormal}, e).bits == 0x7f000000);
    CHECK(recip_exponent(F32{inf | minus}, e).bits == minus);
}

TEST_CASE("fp arm: steps are fused, and infinity times zero is harmless") {
    Env e = arm();
    CHECK(recip_step(F32{inf}, F32{minus}, e).bits == two);
    CHECK(rsqrt_step(F32{0}, F32{inf}, e).bits == 0x3fc00000);
    CHECK(mulx(F32{inf}, F32{minus}, e).bits == (two | minus));
    CHECK(e.flags == 0);
    CHECK(recip_step(F32{one}, F32{two}, e).bits == 0);
    CHECK(rsqrt_step(F32{one}, F32{one}, e).bits == one);
    CHECK(recip_step(F32{qnan1}, F32{one}, e).bits == (qnan1 | minus)); // the first operand is negated before
    CHECK(recip_step(F32{inf}, F32{one}, e).bits == (inf | minus));
}

TEST_CASE("fp arm: FJCVTZS wraps modulo 2^32 and says whether it was exact") {
    Env e = arm();
    auto js = [&](u64 bits) { return to_int_js(F64{bits}, e); };
    CHECK((js(0x4008000000000000).value == 3 && js(0x4008000000000000).exact));
    CHECK((js(0xc008000000000000).value == 0xfffffffd && js(0xc008000000000000).exact));
    CHECK((js(0).exact && !js(0x8000000000000000).exact));
    CHECK((js(0xc1e0000000000000).value == 0x80000000 && js(0xc1e0000000000000).exact)); // -2^31
    CHECK(e.flags == 0);
    CHECK((js(0x41e0000000000000).value == 0x80000000 && !js(0x41e0000000000000).exact)); // 2^31
    CHECK(e.flags == invalid);
    e.flags = 0;
    CHECK((js(0x3fe0000000000000).value == 0 && !js(0x3fe0000000000000).exact)); // 0.5
    CHECK(e.flags == inexact);
    e.flags = 0;
    CHECK(js(0x4340000000000001).value == 2);          // 2^53 + 2
    CHECK(js(0xc3e0000000000001).value == u32(-2048)); // -(2^63 + 2048)
    CHECK(js(0x4530000000000000).value == 0);
    CHECK(js(0x7ff0000000000000).value == 0);
    CHECK(e.flags == invalid);
    e.flags = 0;
    CHECK(js(0xc1e0000000100000).value == 0x80000000); // -(2^31 + 0.5): truncates into range
    CHECK(e.flags == inexact);
}

TEST_CASE("fp arm: FRINT32 gives the most negative value out of range") {
    Env e = arm();
    CHECK(round_to_int_sized(F32{0x4f000000}, Round::toward_zero, 32, e).bits == 0xcf000000); // 2^31
    CHECK(e.flags == invalid);
    e.flags = 0;
    CHECK(round_to_int_sized(F32{0xcf000000}, Round::toward_zero, 32, e).bits == 0xcf000000);
    CHECK(e.flags == 0);
    CHECK(round_to_int_sized(F64{0x3ff8000000000000}, Round::nearest_even, 64, e).bits == 0x4000000000000000);
    CHECK(e.flags == inexact);
    CHECK(round_to_int_sized(F64{0x7ff0000000000000}, Round::nearest_even, 64, e).bits == 0xc3e0000000000000);
}
