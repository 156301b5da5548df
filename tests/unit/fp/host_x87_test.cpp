// SPDX-License-Identifier: MIT
// f80 against the x87 unit of the machine the tests run on (results, exception flags, precision control, C1), and f128
// against the compiler's run-time library.
#if defined(__x86_64__)
#include "fp/fp.h"
#include "patterns.h"

#include <cstring>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace emu;
using namespace emu::fp;

namespace {

struct Mode {
    Round round;
    u16 field;
};
constexpr Mode modes[] = {{Round::nearest_even, 0}, {Round::down, 1}, {Round::up, 2}, {Round::toward_zero, 3}};

unsigned status_flags(const Env& env) {
    auto has = [&](unsigned f) { return unsigned((env.flags & f) != 0); };
    return has(invalid) | has(denormal_operand) << 1 | has(divide_by_zero) << 2 | has(overflow) << 3 | has(underflow) << 4 |
           has(inexact) << 5;
}

struct X87 {
    F80 value;
    u16 status;
};
struct Operand {
    u8 bytes[16];
};
Operand operand(F80 a) {
    Operand o{};
    std::memcpy(o.bytes, &a.fraction, 8);
    std::memcpy(o.bytes + 8, &a.sign_exponent, 2);
    return o;
}
F80 value(const Operand& o) {
    F80 a{};
    std::memcpy(&a.fraction, o.bytes, 8);
    std::memcpy(&a.sign_exponent, o.bytes + 8, 2);
    return a;
}

#define EMU_X87_2(name, insn)                                                                                        \
    X87 name(F80 fa, F80 fb, u16 control) {                                                                          \
        Operand a = operand(fa), b = operand(fb), r{};                                                               \
        u16 status = 0, old = 0x37f;                                                                                 \
        asm volatile("fninit\n\tfldcw %[cw]\n\tfldt %[b]\n\tfldt %[a]\n\t" insn                                      \
                     "\n\tfnstsw %[sw]\n\tfstpt %[r]\n\tfninit\n\tfldcw %[old]"                                      \
                     : [r] "=m"(r), [sw] "=m"(status) : [a] "m"(a), [b] "m"(b), [cw] "m"(control), [old] "m"(old));  \
        return {value(r), status};                                                                                   \
    }
EMU_X87_2(host_add, "fadd %%st(1), %%st")
EMU_X87_2(host_sub, "fsub %%st(1), %%st")
EMU_X87_2(host_mul, "fmul %%st(1), %%st")
EMU_X87_2(host_div, "fdiv %%st(1), %%st")
EMU_X87_2(host_sqrt, "fsqrt")
EMU_X87_2(host_round, "frndint")
EMU_X87_2(host_rem, "fprem1")

struct Op {
    const char* name;
    F80 (*soft)(F80, F80, Env&);
    X87 (*host)(F80, F80, u16);
    bool unary, exponents_close; ///< FPREM1 finishes in one step only then
};
constexpr Op ops[] = {
    {"add", add<F80>, host_add, false, false},
    {"sub", sub<F80>, host_sub, false, false},
    {"mul", mul<F80>, host_mul, false, false},
    {"div", div<F80>, host_div, false, false},
    {"sqrt", [](F80 a, F80, Env& e) { return fp::sqrt(a, e); }, host_sqrt, true, false},
    {"frndint", [](F80 a, F80, Env& e) { return round_to_int(a, e.round, true, e); }, host_round, true, false},
    {"fprem1", [](F80 a, F80 b, Env& e) { return rem(a, b, e); }, host_rem, false, true},
};

void check_op(const Op& op, u8 precision, u16 precision_field, const std::vector<F80>& values) {
    u64 wrong = 0, cases = 0;
    std::string first;
    for (const Mode& mode : modes) {
        for (usize i = 0; i < values.size(); i++) {
            for (usize j = i % 3; j < values.size(); j += 3) {
                F80 a = values[i], b = values[j];
                int distance = (a.sign_exponent & 0x7fff) - (b.sign_exponent & 0x7fff);
                if (op.exponents_close && (distance > 60 || is_denormal(b)) && (a.sign_exponent & 0x7fff) != 0x7fff) continue;
                if (op.unary && j > 3) break;
                Env env{&rules::x87, mode.round};
                env.f80_precision = precision;
                F80 got = op.soft(a, b, env);
                X87 expected = op.host(a, b, u16(0x7f | precision_field << 8 | mode.field << 10));
                cases++;
                if (got == expected.value && status_flags(env) == (expected.status & 0x3fu)) continue;
                if (!wrong++)
                    first = fmt::format("{} mode {} precision {}: {:04x}:{:016x} {:04x}:{:016x} got {:04x}:{:016x} {:02x} expected "
                                        "{:04x}:{:016x} {:02x}",
                                        op.name, mode.field, precision, a.sign_exponent, a.fraction, b.sign_exponent, b.fraction,
                                        got.sign_exponent, got.fraction, status_flags(env), expected.value.sign_exponent,
                                        expected.value.fraction, expected.status & 0x3f);
            }
        }
    }
    INFO(first, "; ", wrong, " of ", cases);
    CHECK(wrong == 0);
    CHECK(cases > 0);
}

std::vector<F80> with_oddities() {
    auto values = patterns<F80>(true);
    values.push_back({u64(1) << 63 | 5, 0});      // pseudo-denormal
    values.push_back({5, 0x3fff});                // unnormal
    values.push_back({0, 0x7fff});                // pseudo-infinity
    values.push_back({u64(1) << 62, 0xffff});     // pseudo-NaN
    return values;
}

} // namespace

TEST_CASE("fp: f80 equals the host's x87") {
    auto values = with_oddities();
    for (const Op& op : ops) check_op(op, 64, 3, values);
}

TEST_CASE("fp: f80 under precision control equals the host's x87") {
    auto values = patterns<F80>();
    for (const Op& op : ops) {
        check_op(op, 53, 2, values);
        check_op(op, 24, 0, values);
    }
}

namespace {

template <class Quad> u64 compare_quads(const std::vector<F128>& values, std::string& first) {
    auto to_quad = [](F128 a) {
        Quad q;
        std::memcpy(&q, &a, 16);
        return q;
    };
    u64 wrong = 0;
    auto check = [&](const char* what, F128 a, F128 b, F128 got, Quad quad) {
        F128 expected;
        std::memcpy(&expected, &quad, 16);
        if (got == expected || (is_nan(got) && is_nan(expected)) || wrong++) return;
        first = fmt::format("{} {:016x}{:016x} {:016x}{:016x} got {:016x}{:016x} expected {:016x}{:016x}", what, a.hi, a.lo, b.hi, b.lo,
                            got.hi, got.lo, expected.hi, expected.lo);
    };
    for (usize i = 0; i < values.size(); i++) {
        for (usize j = i % 3; j < values.size(); j += 3) {
            Env env{&rules::x86_sse};
            F128 a = values[i], b = values[j];
            volatile Quad x = to_quad(a), y = to_quad(b);
            check("add", a, b, add(a, b, env), x + y);
            check("sub", a, b, sub(a, b, env), x - y);
            check("mul", a, b, mul(a, b, env), x * y);
            check("div", a, b, div(a, b, env), x / y);
        }
    }
    return wrong;
}

} // namespace

TEST_CASE("fp: f128 equals the compiler's run-time library") {
    auto values = patterns<F128>(true);
    Random random(7);
    for (int i = 0; i < 200; i++) values.push_back({random.next(), random.next()});
    std::string first;
    __extension__ using Quad = __float128;
    u64 wrong = compare_quads<Quad>(values, first);
    INFO(first);
    CHECK(wrong == 0);
}

#endif
