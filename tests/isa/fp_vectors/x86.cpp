// SPDX-License-Identifier: MIT
// SSE, AVX's FMA and F16C, and the x87 (SDM volume 2). Operands are in xmm0, xmm1, xmm2, integers in rax too, and in st(0), st(1);
// results in xmm0, memory behind rsi, rax, st(0).
#include "vectors.h"

#include "isa/x86/x86.h"

namespace emu::fp_vectors {
namespace {

using fp::Env;
using fp::F16;
using fp::F32;
using fp::F64;
using fp::F80;
using fp::Order;
using fp::Round;
using isa::x86::State;
using Code = std::vector<u8>;

enum Set : unsigned { set_sse, set_x87 };

void append(Code& code, std::initializer_list<u8> bytes) { code.insert(code.end(), bytes); }

Code program(const Row& row) {
    const bool x87 = row.settings == set_x87;
    Code code;
    if (x87) append(code, {0xdb, 0xe3, 0xd9, 0x2f});     // fninit; fldcw [rdi]
    const s32 loop = s32(code.size());
    if (x87) {
        append(code, {0xdb, 0xe2});                      // fnclex
        append(code, {0xdb, 0x6e, 0x10, 0xdb, 0x2e});    // fld tbyte [rsi+16]; fld tbyte [rsi]
    } else {
        append(code, {0x0f, 0xae, 0x17});                // ldmxcsr [rdi]
        append(code, {0x0f, 0x10, 0x06});                // movups xmm0, [rsi]
        append(code, {0x0f, 0x10, 0x4e, 0x10});          // movups xmm1, [rsi+16]
        append(code, {0x0f, 0x10, 0x56, 0x20});          // movups xmm2, [rsi+32]
    }
    append(code, {0x48, 0x8b, 0x06});                    // mov rax, [rsi]
    code.insert(code.end(), row.code.begin(), row.code.end());
    if (x87) {
        append(code, {0xdd, 0x7e, 0x48});                // fnstsw [rsi+72]
        append(code, {0xdb, 0x7e, 0x50, 0xdd, 0xd8});    // fstp tbyte [rsi+80]; fstp st(0)
    } else {
        append(code, {0x0f, 0x11, 0x46, 0x30});          // movups [rsi+48], xmm0
        append(code, {0x0f, 0xae, 0x5e, 0x48});          // stmxcsr [rsi+72]
    }
    append(code, {0x48, 0x89, 0x46, 0x40});              // mov [rsi+64], rax
    append(code, {0x48, 0x83, 0xc6, 0x60});              // add rsi, 96
    append(code, {0x48, 0xff, 0xc9, 0x0f, 0x85});        // dec rcx; jnz loop
    const u32 back = u32(loop - s32(code.size() + 4));
    for (unsigned i = 0; i < 4; i++) code.push_back(u8(back >> (8 * i)));
    code.push_back(0xcc);                                // int3
    return code;
}

void start(cpu::Vcpu& cpu, u64 code, Record* records, u64 count, u32 control) {
    static u32 place;
    place = control;
    State& s = cpu.state_as<State>();
    s.pc = code;
    s.gpr[isa::x86::rsi] = u64(records), s.gpr[isa::x86::rcx] = count, s.gpr[isa::x86::rdi] = u64(&place);
}

constexpr u64 exceptions = 0x3f, c1 = 0x200, inexact = 0x20, conditions = 0x4500;
/// MXCSR and the x87's status word agree in these bits.
u64 status(u8 flags) {
    u64 v = 0;
    constexpr std::pair<fp::Flag, u32> bits[] = {{fp::invalid, 1}, {fp::denormal_operand, 2}, {fp::divide_by_zero, 4}, {fp::overflow, 8},
                                                 {fp::underflow, 16}, {fp::inexact, inexact}, {fp::rounded_up, c1}};
    for (auto [flag, bit] : bits)
        if (flags & flag) v |= bit;
    return v;
}
/// C1 says how an inexact result was rounded; elsewhere it means other things.
u64 compared(const Row& row, u64 expected) {
    if (row.settings == set_sse) return exceptions;
    return exceptions | (expected & inexact ? c1 : 0);
}

constexpr Round rounds[] = {Round::nearest_even, Round::down, Round::up, Round::toward_zero};
std::vector<Setting> sse_settings() {
    std::vector<Setting> all;
    for (unsigned mode = 0; mode < 16; mode++) {
        Env env{&fp::rules::x86_sse, rounds[mode & 3]};
        u32 control = 0x1f80 | (mode & 3) << 13;
        if (mode & 4) control |= 0x40, env.flush_inputs = true;
        if (mode & 8) control |= 0x8000, env.flush_outputs = true;
        all.push_back({control, env});
    }
    return all;
}
std::vector<Setting> x87_settings() {
    std::vector<Setting> all;
    for (unsigned mode = 0; mode < 12; mode++) {
        Env env{&fp::rules::x87, rounds[mode & 3]};
        constexpr std::pair<u32, u8> precisions[] = {{3, 64}, {2, 53}, {0, 24}};
        const auto [field, bits] = precisions[mode >> 2];
        env.f80_precision = bits;
        all.push_back({0x7f | (mode & 3) << 10 | field << 8, env});
    }
    return all;
}

struct Table {
    std::vector<Row> rows;
    template <class F> static constexpr bool dbl = sizeof(F) == 8;

    void add(std::string name, Code code, Kind kind, Place place, Expect expect) {
        rows.push_back({std::move(name), std::move(code), kind, place, std::move(expect), set_sse});
    }
    /// A 0F opcode on xmm0 and xmm1 in its scalar and its packed form.
    template <class F, class Op> void both(std::string name, u8 opcode, Op op) {
        add(name + (dbl<F> ? "sd" : "ss"), {u8(dbl<F> ? 0xf2 : 0xf3), 0x0f, opcode, 0xc1}, kind_of<F>(), Place::vector, lanes<F>(1, op));
        Code packed = {0x0f, opcode, 0xc1};
        if (dbl<F>) packed.insert(packed.begin(), 0x66);
        add(name + (dbl<F> ? "pd" : "ps"), packed, kind_of<F>(), Place::vector, lanes<F>(16 / sizeof(F), op));
    }
    template <class F> void arithmetic();
    template <class F> void compares();
    template <class F> void rounding();
    template <class F> void multiply_add();
    template <class F, class Int> void integers();
    void packed_conversions();
    void half_precision();
};

template <class F> void Table::arithmetic() {
    both<F>("add", 0x58, [](F a, F b, F, Env& e) { return fp::add(a, b, e); });
    both<F>("mul", 0x59, [](F a, F b, F, Env& e) { return fp::mul(a, b, e); });
    both<F>("sub", 0x5c, [](F a, F b, F, Env& e) { return fp::sub(a, b, e); });
    both<F>("div", 0x5e, [](F a, F b, F, Env& e) { return fp::div(a, b, e); });
    both<F>("sqrt", 0x51, [](F, F b, F, Env& e) { return fp::sqrt(b, e); });
    // The second operand unless the first is really smaller or larger. A flushed operand comes out as zero.
    auto flushed = [](F v, Env& e) { return e.flush_inputs && fp::is_denormal(v) ? fp::zero<F>(fp::is_negative(v)) : v; };
    both<F>("min", 0x5d, [=](F a, F b, F, Env& e) { return flushed(fp::compare(a, b, true, e) == Order::less ? a : b, e); });
    both<F>("max", 0x5f, [=](F a, F b, F, Env& e) { return flushed(fp::compare(a, b, true, e) == Order::greater ? a : b, e); });
}

template <class F> void Table::compares() {
    constexpr u8 flags[] = {0x01, 0x40, 0, 0x45};        // CF, ZF, nothing, all with PF
    for (bool signaling : {false, true}) {
        Code code = {0x0f, u8(signaling ? 0x2f : 0x2e), 0xc1, 0x9f, 0x0f, 0xb6, 0xc4};     // and lahf; movzx eax, ah
        if (dbl<F>) code.insert(code.begin(), 0x66);
        add(std::string(signaling ? "comis" : "ucomis") + (dbl<F> ? "d" : "s"), code, kind_of<F>(), Place::integer, [=](const Record& r, Env& e, Answer& a) {
            answer(a, u64(flags[unsigned(fp::compare(operand<F>(r, 0), operand<F>(r, 1), signaling, e))] | 2));
        });
    }
    // eq, lt, le, unord, neq, nlt, nle, ord: which orders they hold for, bit 0 less, 1 equal, 2 greater, 3 unordered
    constexpr u8 holds[] = {2, 1, 3, 8, 13, 14, 12, 7};
    for (u8 predicate = 0; predicate < 8; predicate++) {
        const bool signaling = predicate == 1 || predicate == 2 || predicate == 5 || predicate == 6;
        add("cmps" + std::string(dbl<F> ? "d" : "s") + std::to_string(predicate), {u8(dbl<F> ? 0xf2 : 0xf3), 0x0f, 0xc2, 0xc1, predicate}, kind_of<F>(), Place::vector,
            lanes<F>(1, [=](F a, F b, F, Env& e) {
                F all;
                std::memset(&all, holds[predicate] >> unsigned(fp::compare(a, b, signaling, e)) & 1 ? 0xff : 0, sizeof all);
                return all;
            }));
    }
}

template <class F> void Table::rounding() { // the fourth bit keeps inexact from being raised
    for (u8 how = 0; how < 13; how = how == 4 ? 8 : u8(how + 1))
        add("rounds" + std::string(dbl<F> ? "d" : "s") + std::to_string(how), {0x66, 0x0f, 0x3a, u8(dbl<F> ? 0x0b : 0x0a), 0xc1, how}, kind_of<F>(), Place::vector,
            lanes<F>(1, [=](F, F b, F, Env& e) { return fp::round_to_int(b, how & 4 ? e.round : rounds[how & 3], !(how & 8), e); }));
}

template <class F> void Table::multiply_add() {
    struct Form {
        const char* name;
        u8 opcode;
        bool negate, subtract;
    };
    constexpr Form forms[] = {{"vfmadd", 0x9, false, false}, {"vfmsub", 0xb, false, true}, {"vfnmadd", 0xd, true, false}, {"vfnmsub", 0xf, true, true}};
    constexpr const char* orders[] = {"132", "213", "231"};
    for (const Form& f : forms)
        for (unsigned order = 0; order < 3; order++)
            for (bool packed : {false, true}) {
                // The sign of a NaN is no sign: it is not changed.
                auto sign = [](F v, bool change) { return change && !fp::is_nan(v) ? fp::neg(v) : v; };
                auto op = [=, form = f](F x0, F x1, F x2, Env& e) {
                    const F first = order == 2 ? x1 : order == 1 ? x1 : x0, second = order == 1 ? x0 : x2, third = order == 0 ? x1 : order == 1 ? x2 : x0;
                    return fp::fma(sign(first, form.negate), second, sign(third, form.subtract), e);
                };
                add(std::string(f.name) + orders[order] + (packed ? "p" : "s") + (dbl<F> ? "d" : "s"),
                    {0xc4, 0xe2, u8(dbl<F> ? 0xf1 : 0x71), u8((0x9 + order) << 4 | (f.opcode - packed)), 0xc2}, kind_of<F>(), Place::vector,
                    lanes<F>(packed ? 16 / sizeof(F) : 1, op));
            }
}

template <class F, class Int> void Table::integers() {
    constexpr bool wide = sizeof(Int) == 8;
    auto code = [](u8 opcode) {
        Code c = {u8(dbl<F> ? 0xf2 : 0xf3)};
        if (wide) c.push_back(0x48);
        append(c, {0x0f, opcode, 0xc0});
        return c;
    };
    const std::string tail = std::string(dbl<F> ? "sd" : "ss") + (wide ? " rax" : " eax");
    using Unsigned = std::make_unsigned_t<Int>;
    add("cvtt" + tail, code(0x2c), kind_of<F>(), Place::integer,
        [](const Record& r, Env& e, Answer& a) { answer(a, u64(Unsigned(fp::to_int<Int>(operand<F>(r, 0), Round::toward_zero, 0, e)))); });
    add("cvt" + tail, code(0x2d), kind_of<F>(), Place::integer,
        [](const Record& r, Env& e, Answer& a) { answer(a, u64(Unsigned(fp::to_int<Int>(operand<F>(r, 0), e.round, 0, e)))); });
    add("cvtsi2" + tail, code(0x2a), kind_of<Int>(), Place::vector,
        [](const Record& r, Env& e, Answer& a) { answer(a, fp::from_int<F>(operand<Int>(r, 0), 0, e)); });
    // Integers do not raise the flag of denormals.
    rows[rows.size() - 2].ignored = rows[rows.size() - 3].ignored = fp::denormal_operand;
}

void Table::packed_conversions() {
    auto row = [&]<class From, class To>(const char* name, Code code, unsigned count, From, To) {
        add(name, std::move(code), kind_of<From>(), Place::vector, [=](const Record& r, Env& e, Answer& a) {
            for (unsigned i = 0; i < count; i++) answer(a, fp::convert<To>(operand<From>(r, 1, i), e));
        });
    };
    row("cvtss2sd", {0xf3, 0x0f, 0x5a, 0xc1}, 1, F32{}, F64{});
    row("cvtsd2ss", {0xf2, 0x0f, 0x5a, 0xc1}, 1, F64{}, F32{});
    row("cvtps2pd", {0x0f, 0x5a, 0xc1}, 2, F32{}, F64{});
    row("cvtpd2ps", {0x66, 0x0f, 0x5a, 0xc1}, 2, F64{}, F32{});
    auto to_integer = [&]<class From>(const char* name, Code code, unsigned count, bool truncate, From) {
        add(name, std::move(code), kind_of<From>(), Place::vector, [=](const Record& r, Env& e, Answer& a) {
            for (unsigned i = 0; i < count; i++) answer(a, fp::to_int<s32>(operand<From>(r, 1, i), truncate ? Round::toward_zero : e.round, 0, e));
        });
        rows.back().ignored = fp::denormal_operand;
    };
    to_integer("cvtps2dq", {0x66, 0x0f, 0x5b, 0xc1}, 4, false, F32{});
    to_integer("cvttps2dq", {0xf3, 0x0f, 0x5b, 0xc1}, 4, true, F32{});
    to_integer("cvtpd2dq", {0xf2, 0x0f, 0xe6, 0xc1}, 2, false, F64{});
    to_integer("cvttpd2dq", {0x66, 0x0f, 0xe6, 0xc1}, 2, true, F64{});
    auto from_integer = [&]<class To>(const char* name, Code code, unsigned count, To) {
        add(name, std::move(code), Kind::i32, Place::vector, [=](const Record& r, Env& e, Answer& a) {
            for (unsigned i = 0; i < count; i++) answer(a, fp::from_int<To>(operand<s32>(r, 1, i), 0, e));
        });
    };
    from_integer("cvtdq2ps", {0x0f, 0x5b, 0xc1}, 4, F32{});
    from_integer("cvtdq2pd", {0xf3, 0x0f, 0xe6, 0xc1}, 2, F64{});
}

/// MXCSR's flushing says nothing about halves (SDM volume 1, 14.4.1).
void Table::half_precision() {
    add("vcvtph2ps", {0xc4, 0xe2, 0x79, 0x13, 0xc1}, Kind::f16, Place::vector, [](const Record& r, Env& e, Answer& a) {
        e.flush_inputs = e.flush_outputs = false;
        for (unsigned i = 0; i < 4; i++) answer(a, fp::convert<F32>(operand<F16>(r, 1, i), e));
    });
    rows.back().ignored = fp::denormal_operand;
    for (u8 how = 0; how < 5; how++)
        add("vcvtps2ph" + std::to_string(how), {0xc4, 0xe3, 0x79, 0x1d, 0xc8, how}, Kind::f32, Place::vector, [=](const Record& r, Env& e, Answer& a) { // to xmm0
            e.flush_outputs = false;
            if (how < 4) e.round = rounds[how];
            for (unsigned i = 0; i < 4; i++) answer(a, fp::convert<F16>(operand<F32>(r, 1, i), e));
        });
}

// --- x87 ---------------------------------------------------------------------------------------------------------------------

struct X87Table {
    std::vector<Row>& rows;

    void add(std::string name, Code code, Kind kind, Place place, Expect expect, u8 ignored = 0) {
        rows.push_back({std::move(name), std::move(code), kind, place, std::move(expect), set_x87, ignored});
    }
    template <class Op> void registers(const char* name, u8 escape, u8 modrm, Op op) {
        add(name, {escape, modrm}, Kind::f80, Place::extended, lanes<F80>(1, op));
    }
    void arithmetic();
    void compares();
    template <class F> void memory(u8 load_escape, u8 arithmetic_escape);
    template <class Int> void integers(std::string_view letter, u8 escape, u8 truncating, Code load, u8 store);
};

/// C1 of a rounding to an integer, which libs/fp does not tell.
void note_direction(F80 value, F80 result, Env& env) {
    Env none{&fp::rules::x87};
    const bool up = (env.flags & fp::inexact) && fp::compare(fp::abs(value), fp::abs(result), false, none) == Order::less;
    env.flags = u8((env.flags & ~fp::rounded_up) | (up ? fp::rounded_up : 0));
}

void X87Table::arithmetic() {
    registers("fadd", 0xd8, 0xc1, [](F80 a, F80 b, F80, Env& e) { return fp::add(a, b, e); });
    registers("fmul", 0xd8, 0xc9, [](F80 a, F80 b, F80, Env& e) { return fp::mul(a, b, e); });
    registers("fsub", 0xd8, 0xe1, [](F80 a, F80 b, F80, Env& e) { return fp::sub(a, b, e); });
    registers("fsubr", 0xd8, 0xe9, [](F80 a, F80 b, F80, Env& e) { return fp::sub(b, a, e); });
    registers("fdiv", 0xd8, 0xf1, [](F80 a, F80 b, F80, Env& e) { return fp::div(a, b, e); });
    registers("fdivr", 0xd8, 0xf9, [](F80 a, F80 b, F80, Env& e) { return fp::div(b, a, e); });
    registers("fsqrt", 0xd9, 0xfa, [](F80 a, F80, F80, Env& e) { return fp::sqrt(a, e); });
    registers("frndint", 0xd9, 0xfc, [](F80 a, F80, F80, Env& e) {
        const F80 result = fp::round_to_int(a, e.round, true, e);
        note_direction(a, result, e);
        return result;
    });
}

void X87Table::compares() {
    constexpr u64 words[] = {0x100, 0x4000, 0, 0x4500};
    constexpr u8 flags[] = {0x01, 0x40, 0, 0x45};
    auto status_word = [&](const char* name, u8 escape, u8 modrm, bool signaling, bool with_zero) {
        // fnstsw ax; and eax, 0x4500
        add(name, {escape, modrm, 0xdf, 0xe0, 0x25, 0x00, 0x45, 0x00, 0x00}, Kind::f80, Place::integer, [=](const Record& r, Env& e, Answer& a) {
            const F80 other = with_zero ? fp::zero<F80>(false) : operand<F80>(r, 1);
            answer(a, words[unsigned(fp::compare(operand<F80>(r, 0), other, signaling, e))]);
        });
    };
    status_word("fcom", 0xd8, 0xd1, true, false);
    status_word("fucom", 0xdd, 0xe1, false, false);
    status_word("ftst", 0xd9, 0xe4, true, true);
    auto eflags = [&](const char* name, u8 modrm, bool signaling) {
        add(name, {0xdb, modrm, 0x9f, 0x0f, 0xb6, 0xc4}, Kind::f80, Place::integer, [=](const Record& r, Env& e, Answer& a) {
            answer(a, u64(flags[unsigned(fp::compare(operand<F80>(r, 0), operand<F80>(r, 1), signaling, e))] | 2));
        });
    };
    eflags("fcomi", 0xf1, true);
    eflags("fucomi", 0xe9, false);
}

/// The same value; of a NaN, all bits as they are.
template <class F> F80 widened(F v) {
    using T = fp::Format<F>;
    Env none{&fp::rules::x87};
    if (!fp::is_nan(v)) return fp::convert<F80>(v, none);
    return {u64(1) << 63 | fp::split(v).fraction << (63 - T::fraction_bits), u16(fp::is_negative(v) ? 0xffff : 0x7fff)};
}

/// Operands of 32 and 64 bits in memory. The row's own load takes the place of the loop's.
template <class F> void X87Table::memory(u8 load_escape, u8 arithmetic_escape) {
    const std::string bits = std::to_string(sizeof(F) * 8);
    add("fld m" + bits, {0xdd, 0xd8, 0xdb, 0xe2, load_escape, 0x06}, kind_of<F>(), Place::extended,
        [](const Record& r, Env& e, Answer& a) { answer(a, fp::convert<F80>(operand<F>(r, 0), e)); });
    add("fst m" + bits, {load_escape, 0x56, 0x30}, Kind::f80, Place::vector,
        [](const Record& r, Env& e, Answer& a) { answer(a, fp::convert<F>(operand<F80>(r, 0), e)); }, fp::denormal_operand);
    auto with_memory = [&](const char* name, u8 reg, auto op) { // fld of the first, then the operation with the second
        add(name + std::string(" m") + bits, {0xdd, 0xd8, 0xdb, 0xe2, load_escape, 0x06, arithmetic_escape, u8(0x46 | reg << 3), 0x10}, kind_of<F>(), Place::extended,
            [=](const Record& r, Env& e, Answer& a) {
                const F in_memory = operand<F>(r, 1);
                const F80 first = fp::convert<F80>(operand<F>(r, 0), e);
                // A denormal in memory raises what one in a register would, though its value is a normal one here.
                if (fp::is_denormal(in_memory)) {
                    Env other = e;
                    other.flags = 0;
                    op(first, F80{1, 0}, other);
                    e.flags |= other.flags & fp::denormal_operand;
                }
                answer(a, op(first, widened(in_memory), e));
            });
    };
    with_memory("fadd", 0, [](F80 a, F80 b, Env& e) { return fp::add(a, b, e); });
    with_memory("fmul", 1, [](F80 a, F80 b, Env& e) { return fp::mul(a, b, e); });
    with_memory("fsub", 4, [](F80 a, F80 b, Env& e) { return fp::sub(a, b, e); });
    with_memory("fsubr", 5, [](F80 a, F80 b, Env& e) { return fp::sub(b, a, e); });
    with_memory("fdiv", 6, [](F80 a, F80 b, Env& e) { return fp::div(a, b, e); });
    with_memory("fdivr", 7, [](F80 a, F80 b, Env& e) { return fp::div(b, a, e); });
}

template <class Int> void X87Table::integers(std::string_view letter, u8 escape, u8 truncating, Code load, u8 store) {
    const std::string tail = std::string(letter);
    Code code = {0xdd, 0xd8};
    code.insert(code.end(), load.begin(), load.end());
    add("fild" + tail, code, Kind::i64, Place::extended,
        [](const Record& r, Env& e, Answer& a) { answer(a, fp::from_int<F80>(operand<Int>(r, 0), 0, e)); });
    add("fistp" + tail, {escape, store, 0x30}, Kind::f80, Place::vector,
        [](const Record& r, Env& e, Answer& a) {
            const Int result = fp::to_int<Int>(operand<F80>(r, 0), e.round, 0, e);
            Env none{&fp::rules::x87};
            note_direction(operand<F80>(r, 0), fp::from_int<F80>(result, 0, none), e);
            answer(a, result);
        },
        fp::denormal_operand);
    add("fisttp" + tail, {truncating, 0x4e, 0x30}, Kind::f80, Place::vector,
        [](const Record& r, Env& e, Answer& a) { answer(a, fp::to_int<Int>(operand<F80>(r, 0), Round::toward_zero, 0, e)); }, fp::denormal_operand);
}

} // namespace

Guest x86_guest() {
    Table t;
    auto each = [&]<class F>(F) {
        t.arithmetic<F>();
        t.compares<F>();
        t.rounding<F>();
        t.multiply_add<F>();
        t.integers<F, s32>();
        t.integers<F, s64>();
    };
    each(F32{}), each(F64{});
    t.packed_conversions();
    t.half_precision();
    X87Table x{t.rows};
    x.arithmetic();
    x.compares();
    x.memory<F32>(0xd9, 0xd8);
    x.memory<F64>(0xdd, 0xdc);
    x.integers<s16>(" m16", 0xdf, 0xdf, {0xdf, 0x06}, 0x5e);
    x.integers<s32>(" m32", 0xdb, 0xdb, {0xdb, 0x06}, 0x5e);
    x.integers<s64>(" m64", 0xdf, 0xdd, {0xdf, 0x2e}, 0x7e);
    return {"x86", &isa::x86::x86_64_isa, isa::x86::x86_64_isa.find_model("max"), std::move(t.rows), {sse_settings(), x87_settings()},
            program, start, status, compared};
}

} // namespace emu::fp_vectors
