// SPDX-License-Identifier: MIT
// A64: rows of several operations, each of results of others, since translated code looks at the results of a row together.
#include "vectors.h"

#include "fp/fp.h"

#include <array>
#include <fmt/core.h>

namespace emu::fp_vectors {
namespace {

using fp::Env;
using fp::F32;
using fp::F64;

constexpr unsigned registers = 20; ///< v0 and up; they begin as the first three, in turn. More than the host has for them

template <class F> struct Operation {
    u32 scalar, vector;  ///< encodings for single precision, all registers 0
    bool sources[3];     ///< n, m, and a; a vector's a is d
    F (*make)(F n, F m, F a, Env& env);
};
template <class F> constexpr std::array<Operation<F>, 9> operations{{
    {0x1e200800, 0x6e20dc00, {true, true, false}, [](F n, F m, F, Env& e) { return fp::mul(n, m, e); }},
    {0x1e200800, 0x6e20dc00, {true, true, false}, [](F n, F m, F, Env& e) { return fp::mul(n, m, e); }},
    {0x1e202800, 0x4e20d400, {true, true, false}, [](F n, F m, F, Env& e) { return fp::add(n, m, e); }},
    {0x1e203800, 0x4ea0d400, {true, true, false}, [](F n, F m, F, Env& e) { return fp::sub(n, m, e); }},
    {0x1e201800, 0x6e20fc00, {true, true, false}, [](F n, F m, F, Env& e) { return fp::div(n, m, e); }},
    {0x1f000000, 0x4e20cc00, {true, true, true}, [](F n, F m, F a, Env& e) { return fp::fma(n, m, a, e); }},
    {0x1e21c000, 0x6ea1f800, {true, false, false}, [](F n, F, F, Env& e) { return fp::sqrt(n, e); }},
    {0x1e214000, 0x6ea0f800, {true, false, false}, [](F n, F, F, Env&) { return fp::neg(n); }},
    {0x1e20c000, 0x4ea0f800, {true, false, false}, [](F n, F, F, Env&) { return fp::abs(n); }},
}};

/// Besides those: FABS of half precision, to which results of others are no numbers.
template <class F> constexpr unsigned halves = operations<F>.size();

struct Step {
    unsigned operation, d, n, m, a;
};

/// What may come in between: integers, which let a row go on, and accesses, which end it.
constexpr u32 others[] = {
    0x91000484, // add x4, x4, #1
    0x8b040085, // add x5, x4, x4
    0xf9400006, // ldr x6, [x0]
    0x3d801400, // str q0, [x0, #80]
    0x3d801403, // str q3, [x0, #80]
};

template <class F> Row chain(Random& random, bool vector, unsigned number) {
    constexpr bool dbl = std::is_same_v<F, F64>;
    constexpr u32 type = dbl ? 1u << 22 : 0;
    std::vector<u32> words;
    std::vector<Step> steps;
    for (unsigned d = 0; d < registers; d++) {
        const u32 n = d % 3;
        words.push_back(vector ? 0x4ea01c00 | n << 16 | n << 5 | d : 0x1e204000 | type | n << 5 | d); // mov, fmov
    }
    for (unsigned left = unsigned(2 + random.below(60)); left; left--) {
        if (random.one_in(6)) words.push_back(others[random.below(std::size(others))]);
        Step s{unsigned(random.below(halves<F> + 1)), unsigned(random.below(registers)), unsigned(random.below(registers)), unsigned(random.below(registers)), 0};
        if (random.one_in(4)) s.m = s.n;
        s.a = vector ? s.d : unsigned(random.below(registers));
        steps.push_back(s);
        if (s.operation == halves<F>) {
            words.push_back((vector ? 0x4ef8f800 : 0x1ee0c000) | s.n << 5 | s.d);
            continue;
        }
        const auto& o = operations<F>[s.operation];
        u32 word = (vector ? o.vector : o.scalar) | type | s.n << 5 | s.d;
        if (o.sources[1]) word |= s.m << 16;
        if (o.sources[2] && !vector) word |= s.a << 10;
        words.push_back(word);
    }
    for (unsigned m = 1; m < registers; m++) words.push_back(0x6e201c00 | m << 16); // eor v0.16b, v0.16b, vm.16b
    Row row;
    row.name = fmt::format("{} of {}{}", vector ? "vector chain" : "chain", number, dbl ? ".d" : ".s");
    for (u32 word : words)
        for (unsigned i = 0; i < 4; i++) row.code.push_back(u8(word >> (8 * i)));
    row.kind = kind_of<F>();
    row.place = Place::vector;
    row.expect = [=](const Record& r, Env& env, Answer& a) {
        using Raw = typename fp::Format<F>::Raw;
        for (unsigned lane = 0; lane < 16 / sizeof(F); lane++) {
            if (lane && !vector) {
                a.size = 16;
                return;
            }
            F v[registers];
            for (unsigned k = 0; k < registers; k++) v[k] = operand<F>(r, k % 3, lane);
            for (const Step& s : steps) {
                if (s.operation != halves<F>) v[s.d] = operations<F>[s.operation].make(v[s.n], v[s.m], v[s.a], env);
                else v[s.d] = fp::from_raw<F>(Raw(fp::raw(v[s.n]) & Raw(vector ? 0x7fff7fff7fff7fff : 0x7fff)));
            }
            Raw all = 0;
            for (F x : v) all ^= fp::raw(x);
            answer(a, all);
        }
    };
    return row;
}

} // namespace

void add_a64_chains(std::vector<Row>& rows) {
    Random random(20);
    for (unsigned i = 0; i < 48; i++) {
        rows.push_back(chain<F64>(random, i % 2, i));
        rows.push_back(chain<F32>(random, i % 2, i));
    }
}

} // namespace emu::fp_vectors
