// SPDX-License-Identifier: MIT
// A64 (Arm ARM C7): scalar and Advanced SIMD floating point. Operands are in v0, v1, v2, integers in x3 too; results in v0, x3.
#include "vectors.h"

#include "isa/a64/a64.h"

namespace emu::fp_vectors {
namespace {

using fp::Env;
using fp::F16;
using fp::F32;
using fp::F64;
using fp::Round;
using isa::a64::State;

std::vector<u8> bytes_of(std::initializer_list<u32> words) {
    std::vector<u8> bytes(words.size() * 4);
    std::memcpy(bytes.data(), words.begin(), bytes.size());
    return bytes;
}

std::vector<u8> program(const Row& row) {
    std::vector<u8> code = bytes_of({
        0xd51b4402, // msr fpcr, x2
        0xd51b443f, // loop: msr fpsr, xzr
        0x3dc00000, // ldr q0, [x0]
        0x3dc00401, // ldr q1, [x0, #16]
        0x3dc00802, // ldr q2, [x0, #32]
        0xf9400003, // ldr x3, [x0]
    });
    code.insert(code.end(), row.code.begin(), row.code.end());
    const std::vector<u8> rest = bytes_of({
        0x3d800c00, // str q0, [x0, #48]
        0xf9002003, // str x3, [x0, #64]
        0xd53b4424, // mrs x4, fpsr
        0xf9002404, // str x4, [x0, #72]
        0x91018000, // add x0, x0, #96
        0xf1000421, // subs x1, x1, #1
    });
    code.insert(code.end(), rest.begin(), rest.end());
    const s32 back = 1 - s32(code.size() / 4);
    for (u32 word : {0x54000001 | (u32(back) & 0x7ffff) << 5, 0xd4200000u}) // b.ne loop; brk #0
        for (unsigned i = 0; i < 4; i++) code.push_back(u8(word >> (8 * i)));
    return code;
}

void start(cpu::Vcpu& cpu, u64 code, Record* records, u64 count, u32 control) {
    State& s = cpu.state_as<State>();
    s.pc = code;
    s.x[0] = u64(records), s.x[1] = count, s.x[2] = control;
}

u64 status(u8 flags) {
    using namespace isa::a64::fpsr;
    u64 v = 0;
    for (auto [flag, bit] : {std::pair{fp::invalid, ioc}, {fp::divide_by_zero, dzc}, {fp::overflow, ofc}, {fp::underflow, ufc}, {fp::inexact, ixc}, {fp::input_denormal, idc}})
        if (flags & flag) v |= bit;
    return v;
}

/// All rounding modes with and without flushing and default NaNs; the second set has the bits that only half precision knows.
std::vector<Setting> settings(bool half) {
    using namespace isa::a64::fpcr;
    std::vector<Setting> all;
    constexpr Round rounds[] = {Round::nearest_even, Round::up, Round::down, Round::toward_zero};
    for (unsigned mode = 0; mode < (half ? 64 : 16); mode++) {
        Env env{&fp::rules::arm, rounds[mode & 3]};
        u32 control = (mode & 3) << 22;
        if (mode & 4) control |= fz, env.flush_inputs = env.flush_outputs = true;
        if (mode & 8) control |= dn, env.default_nan = true;
        if (mode & 16) control |= fz16, env.flush_inputs_f16 = env.flush_outputs_f16 = true;
        if (mode & 32) control |= ahp, env.alt_half = true;
        all.push_back({control, env});
    }
    return all;
}

struct Table {
    std::vector<Row> rows;
    template <class F> static constexpr unsigned half = std::is_same_v<F, F16>;
    template <class F> static constexpr std::string_view letter = half<F> ? "h" : std::is_same_v<F, F32> ? "s" : "d";
    template <class F> static constexpr u32 type = (half<F> ? 3u : std::is_same_v<F, F32> ? 0u : 1u) << 22;

    template <class F> void add(std::string name, u32 word, Place place, Expect expect, unsigned settings = half<F>) {
        rows.push_back({name + "." + std::string(letter<F>), bytes_of({word}), kind_of<F>(), place, std::move(expect), settings});
    }
    template <class F, class Op> void scalar(std::string name, u32 word, Op op) { add<F>(std::move(name), word | type<F>, Place::vector, lanes<F>(1, op)); }

    template <class F> void two_sources();
    template <class F> void one_source();
    template <class F> void three_sources();
    template <class F> void compares();
    template <class F> void scalar_simd();
    template <class F> void vectors();
    template <class F, class Int> void to_integers();
    template <class F, class Int> void from_integers();
    template <class From, class To> void convert(u32 opcode);
    void long_and_narrow();
};

template <class F> void Table::two_sources() {
    auto row = [&](const char* name, u32 opcode, auto op) { scalar<F>(name, 0x1e210800 | opcode << 12, op); };
    row("fmul", 0, [](F a, F b, F, Env& e) { return fp::mul(a, b, e); });
    row("fdiv", 1, [](F a, F b, F, Env& e) { return fp::div(a, b, e); });
    row("fadd", 2, [](F a, F b, F, Env& e) { return fp::add(a, b, e); });
    row("fsub", 3, [](F a, F b, F, Env& e) { return fp::sub(a, b, e); });
    row("fmax", 4, [](F a, F b, F, Env& e) { return fp::max(a, b, e); });
    row("fmin", 5, [](F a, F b, F, Env& e) { return fp::min(a, b, e); });
    row("fmaxnm", 6, [](F a, F b, F, Env& e) { return fp::max_num(a, b, e); });
    row("fminnm", 7, [](F a, F b, F, Env& e) { return fp::min_num(a, b, e); });
    row("fnmul", 8, [](F a, F b, F, Env& e) { return fp::neg(fp::mul(a, b, e)); });
}

template <class F> void Table::one_source() {
    auto row = [&](const char* name, u32 opcode, auto op) { scalar<F>(name, 0x1e204000 | opcode << 15, op); };
    row("fsqrt", 3, [](F a, F, F, Env& e) { return fp::sqrt(a, e); });
    row("frintn", 8, [](F a, F, F, Env& e) { return fp::round_to_int(a, Round::nearest_even, false, e); });
    row("frintp", 9, [](F a, F, F, Env& e) { return fp::round_to_int(a, Round::up, false, e); });
    row("frintm", 10, [](F a, F, F, Env& e) { return fp::round_to_int(a, Round::down, false, e); });
    row("frintz", 11, [](F a, F, F, Env& e) { return fp::round_to_int(a, Round::toward_zero, false, e); });
    row("frinta", 12, [](F a, F, F, Env& e) { return fp::round_to_int(a, Round::nearest_away, false, e); });
    row("frintx", 14, [](F a, F, F, Env& e) { return fp::round_to_int(a, e.round, true, e); });
    row("frinti", 15, [](F a, F, F, Env& e) { return fp::round_to_int(a, e.round, false, e); });
    if constexpr (!half<F>) {
        row("frint32z", 16, [](F a, F, F, Env& e) { return fp::round_to_int_sized(a, Round::toward_zero, 32, e); });
        row("frint32x", 17, [](F a, F, F, Env& e) { return fp::round_to_int_sized(a, e.round, 32, e); });
        row("frint64z", 18, [](F a, F, F, Env& e) { return fp::round_to_int_sized(a, Round::toward_zero, 64, e); });
        row("frint64x", 19, [](F a, F, F, Env& e) { return fp::round_to_int_sized(a, e.round, 64, e); });
    }
}

template <class F> void Table::three_sources() { // v0 = v0 * v1 and v2
    constexpr u32 base = 0x1f010800, negate = 1u << 21, subtract = 1u << 15;
    scalar<F>("fmadd", base, [](F a, F b, F c, Env& e) { return fp::fma(a, b, c, e); });
    scalar<F>("fmsub", base | subtract, [](F a, F b, F c, Env& e) { return fp::fma(fp::neg(a), b, c, e); });
    scalar<F>("fnmadd", base | negate, [](F a, F b, F c, Env& e) { return fp::fma(fp::neg(a), b, fp::neg(c), e); });
    scalar<F>("fnmsub", base | negate | subtract, [](F a, F b, F c, Env& e) { return fp::fma(a, b, fp::neg(c), e); });
}

template <class F> void Table::compares() {
    constexpr u64 nzcv[] = {8, 6, 2, 3};
    constexpr u32 mrs_x3_nzcv = 0xd53b4203;
    for (bool signaling : {false, true})
        for (bool with_zero : {false, true}) {
            const u32 word = 0x1e202000 | type<F> | (with_zero ? 8u : 1u << 16) | (signaling ? 16u : 0u);
            Expect expect = [=](const Record& r, Env& e, Answer& a) {
                const F other = with_zero ? fp::zero<F>(false) : operand<F>(r, 1);
                answer(a, nzcv[unsigned(fp::compare(operand<F>(r, 0), other, signaling, e))] << 28);
            };
            add<F>(std::string(signaling ? "fcmpe" : "fcmp") + (with_zero ? "0" : ""), word, Place::integer, std::move(expect));
            rows.back().code = bytes_of({word, mrs_x3_nzcv});
        }
}

template <class F, class Int> void Table::to_integers() {
    using Signed = std::make_signed_t<Int>;
    struct Direction {
        const char* letter;
        u32 rmode, opcode;
        Round round;
    };
    constexpr Direction directions[] = {{"n", 0, 0, Round::nearest_even}, {"p", 1, 0, Round::up}, {"m", 2, 0, Round::down},
                                        {"z", 3, 0, Round::toward_zero}, {"a", 0, 4, Round::nearest_away}};
    const u32 base = 0x1e200003 | type<F> | (sizeof(Int) == 8 ? 1u << 31 : 0);
    const std::string width = sizeof(Int) == 8 ? "x" : "w";
    for (const Direction& d : directions) {
        const u32 word = base | d.rmode << 19 | d.opcode << 16;
        const Round round = d.round;
        add<F>("fcvt" + std::string(d.letter) + "s." + width, word, Place::integer,
               [=](const Record& r, Env& e, Answer& a) { answer(a, u64(Int(fp::to_int<Signed>(operand<F>(r, 0), round, 0, e)))); });
        add<F>("fcvt" + std::string(d.letter) + "u." + width, word | 1u << 16, Place::integer,
               [=](const Record& r, Env& e, Answer& a) { answer(a, u64(fp::to_int<Int>(operand<F>(r, 0), round, 0, e))); });
    }
    for (unsigned bits : {1u, 17u, 32u}) {
        const u32 word = (base & ~(1u << 21)) | 3u << 19 | (64 - bits) << 10;
        const std::string tail = "." + width + "#" + std::to_string(bits);
        add<F>("fcvtzs" + tail, word, Place::integer,
               [=](const Record& r, Env& e, Answer& a) { answer(a, u64(Int(fp::to_int<Signed>(operand<F>(r, 0), Round::toward_zero, bits, e)))); });
        add<F>("fcvtzu" + tail, word | 1u << 16, Place::integer,
               [=](const Record& r, Env& e, Answer& a) { answer(a, u64(fp::to_int<Int>(operand<F>(r, 0), Round::toward_zero, bits, e))); });
    }
}

template <class F, class Int> void Table::from_integers() {
    using Signed = std::make_signed_t<Int>;
    const u32 base = 0x1e220060 | type<F> | (sizeof(Int) == 8 ? 1u << 31 : 0);
    for (unsigned bits : {0u, 1u, 17u, 32u}) {
        const u32 word = bits ? (base & ~(1u << 21)) | (64 - bits) << 10 : base;
        const std::string tail = std::string(sizeof(Int) == 8 ? ".x#" : ".w#") + std::to_string(bits);
        add<F>("scvtf" + tail, word, Place::vector,
               [=](const Record& r, Env& e, Answer& a) { answer(a, fp::from_int<F>(operand<Signed>(r, 0), bits, e)); });
        rows.back().kind = kind_of<Int>();
        add<F>("ucvtf" + tail, word | 1u << 16, Place::vector,
               [=](const Record& r, Env& e, Answer& a) { answer(a, fp::from_int<F>(operand<Int>(r, 0), bits, e)); });
        rows.back().kind = kind_of<Int>();
    }
}

template <class From, class To> void Table::convert(u32 opcode) {
    add<From>("fcvt." + std::string(letter<To>), 0x1e204000 | type<From> | opcode << 15, Place::vector,
              [](const Record& r, Env& e, Answer& a) { answer(a, fp::convert<To>(operand<From>(r, 0), e)); }, half<From> || half<To>);
}

/// Base words of an Advanced SIMD instruction for single precision (double: bit 22 more) and for half.
struct Words {
    u32 single, half;
};
template <class F> constexpr u32 word_of(Words w) { return Table::half<F> ? w.half : w.single | (sizeof(F) == 8 ? 1u << 22 : 0); }

template <class F> void Table::scalar_simd() {
    auto row = [&](const char* name, Words words, auto op) { add<F>(name, word_of<F>(words), Place::vector, lanes<F>(1, op)); };
    auto mask = [](bool yes) {
        F all;
        std::memset(&all, yes ? 0xff : 0, sizeof all);
        return all;
    };
    row("fmulx", {0x5e21dc00, 0x5e411c00}, [](F a, F b, F, Env& e) { return fp::mulx(a, b, e); });
    row("frecps", {0x5e21fc00, 0x5e413c00}, [](F a, F b, F, Env& e) { return fp::recip_step(a, b, e); });
    row("frsqrts", {0x5ea1fc00, 0x5ec13c00}, [](F a, F b, F, Env& e) { return fp::rsqrt_step(a, b, e); });
    row("fabd", {0x7ea1d400, 0x7ec11400}, [](F a, F b, F, Env& e) { return fp::abs(fp::sub(a, b, e)); });
    row("frecpe", {0x5ea1d800, 0x5ef9d800}, [](F a, F, F, Env& e) { return fp::recip_estimate(a, e); });
    row("frsqrte", {0x7ea1d800, 0x7ef9d800}, [](F a, F, F, Env& e) { return fp::rsqrt_estimate(a, e); });
    row("frecpx", {0x5ea1f800, 0x5ef9f800}, [](F a, F, F, Env& e) { return fp::recip_exponent(a, e); });
    row("fcmeq", {0x5e21e400, 0x5e412400}, [=](F a, F b, F, Env& e) { return mask(fp::compare(a, b, false, e) == fp::Order::equal); });
    auto at_least = [](fp::Order o) { return o == fp::Order::equal || o == fp::Order::greater; };
    row("fcmge", {0x7e21e400, 0x7e412400}, [=](F a, F b, F, Env& e) { return mask(at_least(fp::compare(a, b, true, e))); });
    row("fcmgt", {0x7ea1e400, 0x7ec12400}, [=](F a, F b, F, Env& e) { return mask(fp::compare(a, b, true, e) == fp::Order::greater); });
    row("facge", {0x7e21ec00, 0x7e412c00}, [=](F a, F b, F, Env& e) { return mask(at_least(fp::compare(fp::abs(a), fp::abs(b), true, e))); });
    row("facgt", {0x7ea1ec00, 0x7ec12c00}, [=](F a, F b, F, Env& e) { return mask(fp::compare(fp::abs(a), fp::abs(b), true, e) == fp::Order::greater); });
}

template <class F> void Table::vectors() {
    auto row = [&](const char* name, Words words, auto op) {
        add<F>(name + std::string(" v"), word_of<F>(words), Place::vector, lanes<F>(16 / sizeof(F), op));
    };
    row("fadd", {0x4e21d400, 0x4e411400}, [](F a, F b, F, Env& e) { return fp::add(a, b, e); });
    row("fsub", {0x4ea1d400, 0x4ec11400}, [](F a, F b, F, Env& e) { return fp::sub(a, b, e); });
    row("fmul", {0x6e21dc00, 0x6e411c00}, [](F a, F b, F, Env& e) { return fp::mul(a, b, e); });
    row("fmulx", {0x4e21dc00, 0x4e411c00}, [](F a, F b, F, Env& e) { return fp::mulx(a, b, e); });
    row("fdiv", {0x6e21fc00, 0x6e413c00}, [](F a, F b, F, Env& e) { return fp::div(a, b, e); });
    row("fmax", {0x4e21f400, 0x4e413400}, [](F a, F b, F, Env& e) { return fp::max(a, b, e); });
    row("fmin", {0x4ea1f400, 0x4ec13400}, [](F a, F b, F, Env& e) { return fp::min(a, b, e); });
    row("fmaxnm", {0x4e21c400, 0x4e410400}, [](F a, F b, F, Env& e) { return fp::max_num(a, b, e); });
    row("fminnm", {0x4ea1c400, 0x4ec10400}, [](F a, F b, F, Env& e) { return fp::min_num(a, b, e); });
    row("fsqrt", {0x6ea1f800, 0x6ef9f800}, [](F a, F, F, Env& e) { return fp::sqrt(a, e); });
    // v0 += v1 * v2
    row("fmla", {0x4e22cc20, 0x4e420c20}, [](F a, F b, F c, Env& e) { return fp::fma(b, c, a, e); });
    row("fmls", {0x4ea2cc20, 0x4ec20c20}, [](F a, F b, F c, Env& e) { return fp::fma(fp::neg(b), c, a, e); });
    row("frintx", {0x6e219800, 0x6e799800}, [](F a, F, F, Env& e) { return fp::round_to_int(a, e.round, true, e); });
    row("frintm", {0x4e219800, 0x4e799800}, [](F a, F, F, Env& e) { return fp::round_to_int(a, Round::down, false, e); });
    row("frinta", {0x6e218800, 0x6e798800}, [](F a, F, F, Env& e) { return fp::round_to_int(a, Round::nearest_away, false, e); });
    using Int = std::conditional_t<sizeof(F) == 2, s16, std::conditional_t<sizeof(F) == 4, s32, s64>>;
    auto bits = [](auto value) {
        F f;
        static_assert(sizeof f == sizeof value);
        std::memcpy(&f, &value, sizeof f);
        return f;
    };
    row("fcvtzs", {0x4ea1b800, 0x4ef9b800}, [=](F a, F, F, Env& e) { return bits(fp::to_int<Int>(a, Round::toward_zero, 0, e)); });
    row("fcvtzu", {0x6ea1b800, 0x6ef9b800}, [=](F a, F, F, Env& e) { return bits(fp::to_int<std::make_unsigned_t<Int>>(a, Round::toward_zero, 0, e)); });
    row("fcvtns", {0x4e21a800, 0x4e79a800}, [=](F a, F, F, Env& e) { return bits(fp::to_int<Int>(a, Round::nearest_even, 0, e)); });
    row("fcvtas", {0x4e21c800, 0x4e79c800}, [=](F a, F, F, Env& e) { return bits(fp::to_int<Int>(a, Round::nearest_away, 0, e)); });
    if constexpr (!half<F>) {
        auto from = [&](const char* name, u32 word, auto integer) {
            using I = decltype(integer);
            add<F>(name + std::string(" v"), word | (sizeof(F) == 8 ? 1u << 22 : 0), Place::vector, [](const Record& r, Env& e, Answer& a) {
                for (unsigned i = 0; i < 16 / sizeof(F); i++) answer(a, fp::from_int<F>(operand<I>(r, 0, i), 0, e));
            });
            rows.back().kind = kind_of<I>();
        };
        from("scvtf", 0x4e21d800, Int());
        from("ucvtf", 0x6e21d800, std::make_unsigned_t<Int>());
    }
}

void Table::long_and_narrow() {
    auto row = [&]<class From, class To>(const char* name, u32 word, unsigned count, From, To, bool to_odd = false) {
        add<From>(name, word, Place::vector, [=](const Record& r, Env& e, Answer& a) {
            if (to_odd) e.round = Round::to_odd;
            for (unsigned i = 0; i < count; i++) answer(a, fp::convert<To>(operand<From>(r, 0, i), e));
        }, half<From> || half<To>);
    };
    row("fcvtl", 0x0e217800, 4, F16{}, F32{});
    row("fcvtl", 0x0e617800, 2, F32{}, F64{});
    row("fcvtn", 0x0e216800, 4, F32{}, F16{});
    row("fcvtn", 0x0e616800, 2, F64{}, F32{});
    row("fcvtxn", 0x7e616800, 1, F64{}, F32{}, true);
    row("fcvtxn v", 0x2e616800, 2, F64{}, F32{}, true);
}

} // namespace

Guest a64_guest() {
    Table t;
    auto each = [&]<class F>(F) {
        t.two_sources<F>();
        t.one_source<F>();
        t.three_sources<F>();
        t.compares<F>();
        t.to_integers<F, u32>();
        t.to_integers<F, u64>();
        t.from_integers<F, u32>();
        t.from_integers<F, u64>();
        t.scalar_simd<F>();
        t.vectors<F>();
    };
    each(F16{}), each(F32{}), each(F64{});
    t.convert<F16, F32>(4), t.convert<F16, F64>(5);
    t.convert<F32, F16>(7), t.convert<F32, F64>(5);
    t.convert<F64, F16>(7), t.convert<F64, F32>(4);
    t.long_and_narrow();
    add_a64_chains(t.rows);
    return {"a64", &isa::a64::a64_isa, isa::a64::a64_isa.find_model("max"), std::move(t.rows), {settings(false), settings(true)}, program, start, status,
            [](const Row&, u64) { return status(0xff); }};
}

} // namespace emu::fp_vectors
