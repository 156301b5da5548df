// SPDX-License-Identifier: MIT
// f32 and f64 with x86 rules against the SSE unit of the machine the tests run on: results, NaN payloads, all six
// exception flags, four rounding modes, with and without FTZ and DAZ.
#if defined(__x86_64__)
#include "fp/fp.h"
#include "patterns.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <cstring>

using namespace emu;
using namespace emu::fp;

namespace {

constexpr u32 mxcsr_masked = 0x1f80, mxcsr_ftz = 0x8000, mxcsr_daz = 0x40;

struct Mode {
    Round round;
    u32 field;
};
constexpr Mode modes[] = {{Round::nearest_even, 0}, {Round::down, 1}, {Round::up, 2}, {Round::toward_zero, 3}};

/// MXCSR's exception bits: IE DE ZE OE UE PE.
unsigned mxcsr_flags(const Env& env) {
    auto has = [&](unsigned f) { return unsigned((env.flags & f) != 0); };
    return has(invalid) | has(denormal_operand) << 1 | has(divide_by_zero) << 2 | has(overflow) << 3 | has(underflow) << 4 |
           has(inexact) << 5;
}

struct Wrong {
    const char* what;
    u64 a, b, c, got, expected;
    unsigned mode, got_flags, expected_flags;
};
struct Tally {
    u64 cases = 0, wrong = 0;
    Wrong first{};
    void add(const Wrong& w) {
        cases++;
        if (w.got == w.expected && w.got_flags == w.expected_flags) return;
        if (!wrong++) first = w;
    }
    void check() const {
        INFO(fmt::format("{} mode {} operands {:x} {:x} {:x} got {:x} flags {:02x} expected {:x} flags {:02x}; {} of {}", first.what,
                         first.mode, first.a, first.b, first.c, first.got, first.got_flags, first.expected, first.expected_flags,
                         wrong, cases));
        CHECK(wrong == 0);
        CHECK(cases > 0);
    }
};

// One instruction between two loads of MXCSR; `csr` comes back with the exception bits.
#define EMU_HOST_1(name, type, out_type, out_c, insn)                                                         \
    out_type name(type a, u32& csr) {                                                                          \
        out_type r{};                                                                                          \
        u32 old = 0x1f80, set = csr;                                                                           \
        asm volatile("ldmxcsr %[set]\n\t" insn " %[a], %[r]\n\tstmxcsr %[csr]\n\tldmxcsr %[old]"               \
                     : [r] "=&" out_c(r), [csr] "=m"(csr) : [a] "x"(a), [set] "m"(set), [old] "m"(old));       \
        return r;                                                                                              \
    }
#define EMU_HOST_2(name, type, insn)                                                                          \
    type name(type a, type b, u32& csr) {                                                                      \
        u32 old = 0x1f80, set = csr;                                                                           \
        asm volatile("ldmxcsr %[set]\n\t" insn " %[b], %[a]\n\tstmxcsr %[csr]\n\tldmxcsr %[old]"               \
                     : [a] "+x"(a), [csr] "=m"(csr) : [b] "x"(b), [set] "m"(set), [old] "m"(old));             \
        return a;                                                                                              \
    }
#define EMU_HOST_3(name, type, insn)                                                                          \
    type name(type a, type b, type c, u32& csr) {                                                              \
        u32 old = 0x1f80, set = csr;                                                                           \
        asm volatile("ldmxcsr %[set]\n\t" insn " %[c], %[b], %[a]\n\tstmxcsr %[csr]\n\tldmxcsr %[old]"         \
                     : [a] "+x"(a), [csr] "=m"(csr) : [b] "x"(b), [c] "x"(c), [set] "m"(set), [old] "m"(old)); \
        return a;                                                                                              \
    }
struct Host32 {
    using Soft = F32;
    using Hard = float;
    static inline EMU_HOST_2(add, float, "addss") static inline EMU_HOST_2(sub, float, "subss")
    static inline EMU_HOST_2(mul, float, "mulss") static inline EMU_HOST_2(div, float, "divss")
    static inline EMU_HOST_1(sqrt, float, float, "x", "sqrtss") static inline EMU_HOST_1(other, float, double, "x", "cvtss2sd")
    static inline EMU_HOST_1(to_s32, float, s32, "r", "cvtss2sil") static inline EMU_HOST_1(to_s64, float, s64, "r", "cvtss2siq")
    static inline EMU_HOST_1(round, float, float, "x", "roundss $4,") static inline EMU_HOST_3(fma, float, "vfmadd213ss")
    using Other = F64;
};
struct Host64 {
    using Soft = F64;
    using Hard = double;
    static inline EMU_HOST_2(add, double, "addsd") static inline EMU_HOST_2(sub, double, "subsd")
    static inline EMU_HOST_2(mul, double, "mulsd") static inline EMU_HOST_2(div, double, "divsd")
    static inline EMU_HOST_1(sqrt, double, double, "x", "sqrtsd") static inline EMU_HOST_1(other, double, float, "x", "cvtsd2ss")
    static inline EMU_HOST_1(to_s32, double, s32, "r", "cvtsd2sil") static inline EMU_HOST_1(to_s64, double, s64, "r", "cvtsd2siq")
    static inline EMU_HOST_1(round, double, double, "x", "roundsd $4,") static inline EMU_HOST_3(fma, double, "vfmadd213sd")
    using Other = F32;
};

template <class To, class From> To reinterpret(From a) {
    To r;
    static_assert(sizeof r == sizeof a);
    std::memcpy(&r, &a, sizeof r);
    return r;
}
template <class T> u64 word(T a) {
    u64 r = 0;
    std::memcpy(&r, &a, sizeof a);
    return r;
}

template <class H> struct Comparison {
    using F = typename H::Soft;
    using Hard = typename H::Hard;
    Tally tally;
    Mode mode;
    u32 control;

    Env env() const {
        Env e{&rules::x86_sse, mode.round};
        e.flush_inputs = control & mxcsr_daz;
        e.flush_outputs = control & mxcsr_ftz;
        return e;
    }
    template <class Soft, class Hardware> void run(const char* what, F a, F b, F c, Soft soft, Hardware hardware) {
        Env e = env();
        auto got = soft(a, b, c, e);
        u32 csr = control | mode.field << 13;
        auto expected = hardware(reinterpret<Hard>(a), reinterpret<Hard>(b), reinterpret<Hard>(c), csr);
        tally.add({what, a.bits, b.bits, c.bits, word(got), word(expected), mode.field, mxcsr_flags(e), csr & 0x3f});
    }
    void pair(F a, F b) {
        run("add", a, b, a, [](F x, F y, F, Env& e) { return add(x, y, e); }, [](Hard x, Hard y, Hard, u32& s) { return H::add(x, y, s); });
        run("sub", a, b, a, [](F x, F y, F, Env& e) { return sub(x, y, e); }, [](Hard x, Hard y, Hard, u32& s) { return H::sub(x, y, s); });
        run("mul", a, b, a, [](F x, F y, F, Env& e) { return mul(x, y, e); }, [](Hard x, Hard y, Hard, u32& s) { return H::mul(x, y, s); });
        run("div", a, b, a, [](F x, F y, F, Env& e) { return div(x, y, e); }, [](Hard x, Hard y, Hard, u32& s) { return H::div(x, y, s); });
    }
    void single(F a) {
        Round r = mode.round;
        run("sqrt", a, a, a, [](F x, F, F, Env& e) { return fp::sqrt(x, e); }, [](Hard x, Hard, Hard, u32& s) { return H::sqrt(x, s); });
        run("convert", a, a, a, [](F x, F, F, Env& e) { return convert<typename H::Other>(x, e); },
            [](Hard x, Hard, Hard, u32& s) { return H::other(x, s); });
        run("to s32", a, a, a, [r](F x, F, F, Env& e) { return to_int<s32>(x, r, 0, e); }, [](Hard x, Hard, Hard, u32& s) { return H::to_s32(x, s); });
        run("to s64", a, a, a, [r](F x, F, F, Env& e) { return to_int<s64>(x, r, 0, e); }, [](Hard x, Hard, Hard, u32& s) { return H::to_s64(x, s); });
        if (__builtin_cpu_supports("sse4.1"))
            run("round", a, a, a, [r](F x, F, F, Env& e) { return round_to_int(x, r, true, e); },
                [](Hard x, Hard, Hard, u32& s) { return H::round(x, s); });
    }
    void triple(F a, F b, F c) {
        // vfmadd213 a, b, c is b*a + c: operand order of the instruction, not of the formula
        run("fma", a, b, c, [](F x, F y, F z, Env& e) { return fma(y, x, z, e); }, [](Hard x, Hard y, Hard z, u32& s) { return H::fma(x, y, z, s); });
    }
};

template <class H> void compare_with_host(u32 control) {
    using F = typename H::Soft;
    auto values = patterns<F>(true);
    Random random(1);
    for (const Mode& mode : modes) {
        Comparison<H> c{{}, mode, control};
        for (F a : values) c.single(a);
        for (usize i = 0; i < values.size(); i++)
            for (usize j = i % 4; j < values.size(); j += 4) c.pair(values[i], values[j]);
        for (int i = 0; i < 20000; i++)
            c.pair(F{decltype(F::bits)(random.next())}, F{decltype(F::bits)(random.next())});
        if (__builtin_cpu_supports("fma")) {
            for (int i = 0; i < 30000; i++)
                c.triple(values[random.next() % values.size()], values[random.next() % values.size()], values[random.next() % values.size()]);
        }
        c.tally.check();
    }
}

} // namespace

TEST_CASE("fp: f32 equals the host's SSE unit") { compare_with_host<Host32>(mxcsr_masked); }
TEST_CASE("fp: f64 equals the host's SSE unit") { compare_with_host<Host64>(mxcsr_masked); }
TEST_CASE("fp: f32 equals the host's SSE unit with flush to zero") { compare_with_host<Host32>(mxcsr_masked | mxcsr_ftz); }
TEST_CASE("fp: f64 equals the host's SSE unit with flush to zero and denormals as zeros") {
    compare_with_host<Host64>(mxcsr_masked | mxcsr_ftz | mxcsr_daz);
}

#endif
