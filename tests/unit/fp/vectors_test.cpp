// SPDX-License-Identifier: MIT
// Stored results for the two formats no host computes in hardware, RISC-V rules; fma adds 3 units of the last denormal place.
#include "fp/fp.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::fp;

namespace {

struct Half {
    char op;
    Round round;
    u16 a, b, result;
    u8 flags;
};
struct Quad {
    char op;
    Round round;
    F128 a, b, result;
    u8 flags;
};
template <class F> F compute(char op, F a, F b, F c, Env& env) {
    switch (op) {
    case '+': return add(a, b, env);
    case '*': return mul(a, b, env);
    case '/': return div(a, b, env);
    case 's': return fp::sqrt(a, env);
    default: return fma(a, b, c, env);
    }
}
constexpr u8 ieee_flags = invalid | divide_by_zero | overflow | underflow | inexact;

// clang-format off
constexpr Half halves[] = {
    {'+', Round::nearest_even, 0x0001, 0x03ff, 0x0400, 0x00},
    {'+', Round::toward_zero, 0x03ff, 0x3c00, 0x3c00, 0x10},
    {'+', Round::down, 0x0400, 0x8001, 0x03ff, 0x00},
    {'+', Round::up, 0x07ff, 0x3555, 0x3556, 0x10},
    {'+', Round::nearest_even, 0x3555, 0xb800, 0xb156, 0x00},
    {'+', Round::toward_zero, 0x3bff, 0x0400, 0x3bff, 0x10},
    {'+', Round::down, 0x3c00, 0x3c01, 0x4000, 0x10},
    {'+', Round::up, 0x3c01, 0x0001, 0x3c02, 0x10},
    {'+', Round::nearest_even, 0x7bff, 0x3bff, 0x7bff, 0x10},
    {'+', Round::toward_zero, 0xb800, 0xc248, 0xc348, 0x00},
    {'+', Round::down, 0xc248, 0x07ff, 0xc248, 0x10},
    {'+', Round::up, 0x8001, 0x7bff, 0x7bff, 0x10},
    {'*', Round::nearest_even, 0x0001, 0x3555, 0x0000, 0x18},
    {'*', Round::toward_zero, 0x03ff, 0xb800, 0x81ff, 0x18},
    {'*', Round::down, 0x0400, 0x0400, 0x0000, 0x18},
    {'*', Round::up, 0x07ff, 0x3c01, 0x0801, 0x10},
    {'*', Round::nearest_even, 0x3555, 0x0001, 0x0000, 0x18},
    {'*', Round::toward_zero, 0x3bff, 0x3bff, 0x3bfe, 0x10},
    {'*', Round::down, 0x3c00, 0xc248, 0xc248, 0x00},
    {'*', Round::up, 0x3c01, 0x07ff, 0x0801, 0x10},
    {'*', Round::nearest_even, 0x7bff, 0x7bff, 0x7c00, 0x14},
    {'*', Round::toward_zero, 0xb800, 0x03ff, 0x81ff, 0x18},
    {'*', Round::down, 0xc248, 0x3c00, 0xc248, 0x00},
    {'*', Round::up, 0x8001, 0x8001, 0x0001, 0x18},
    {'/', Round::nearest_even, 0x0001, 0x3c01, 0x0001, 0x18},
    {'/', Round::toward_zero, 0x03ff, 0x0001, 0x63fe, 0x00},
    {'/', Round::down, 0x0400, 0x3bff, 0x0400, 0x10},
    {'/', Round::up, 0x07ff, 0xc248, 0x828b, 0x18},
    {'/', Round::nearest_even, 0x3555, 0x07ff, 0x6956, 0x10},
    {'/', Round::toward_zero, 0x3bff, 0x7bff, 0x0100, 0x00},
    {'/', Round::down, 0x3c00, 0x03ff, 0x7401, 0x10},
    {'/', Round::up, 0x3c01, 0x3c00, 0x3c01, 0x00},
    {'/', Round::nearest_even, 0x7bff, 0x8001, 0xfc00, 0x14},
    {'/', Round::toward_zero, 0xb800, 0x3555, 0xbe00, 0x10},
    {'/', Round::down, 0xc248, 0xb800, 0x4648, 0x00},
    {'/', Round::up, 0x8001, 0x0400, 0x9400, 0x00},
    {'f', Round::nearest_even, 0x0001, 0xc248, 0x8000, 0x18},
    {'f', Round::toward_zero, 0x03ff, 0x07ff, 0x0003, 0x18},
    {'f', Round::down, 0x0400, 0x7bff, 0x43ff, 0x10},
    {'f', Round::up, 0x07ff, 0x03ff, 0x0004, 0x18},
    {'f', Round::nearest_even, 0x3555, 0x3c00, 0x3555, 0x10},
    {'f', Round::toward_zero, 0x3bff, 0x8001, 0x0002, 0x18},
    {'f', Round::down, 0x3c00, 0x3555, 0x3555, 0x10},
    {'f', Round::up, 0x3c01, 0xb800, 0xb800, 0x10},
    {'f', Round::nearest_even, 0x7bff, 0x0400, 0x43ff, 0x10},
    {'f', Round::toward_zero, 0xb800, 0x3c01, 0xb800, 0x10},
    {'f', Round::down, 0xc248, 0x0001, 0x8001, 0x18},
    {'f', Round::up, 0x8001, 0x3bff, 0x0003, 0x18},
};
constexpr Quad quads[] = {
    {'+', Round::nearest_even, {0x0000000000000001, 0x0000000000000000}, {0xffffffffffffffff, 0x0000ffffffffffff}, {0x0000000000000000, 0x0001000000000000}, 0x00},
    {'+', Round::toward_zero, {0xffffffffffffffff, 0x0000ffffffffffff}, {0xffffffffffffffff, 0x3ffeffffffffffff}, {0xffffffffffffffff, 0x3ffeffffffffffff}, 0x10},
    {'+', Round::down, {0x0000000000000000, 0x0001000000000000}, {0xffffffffffffffff, 0x7ffeffffffffffff}, {0xffffffffffffffff, 0x7ffeffffffffffff}, 0x10},
    {'+', Round::up, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, {0x8000000000000000, 0x406f000000000000}, {0x8000000000000001, 0x406f000000000000}, 0x10},
    {'+', Round::nearest_even, {0xffffffffffffffff, 0x3ffeffffffffffff}, {0x0000000000000000, 0x0001000000000000}, {0xffffffffffffffff, 0x3ffeffffffffffff}, 0x10},
    {'+', Round::toward_zero, {0x0000000000000000, 0x3fff000000000000}, {0x0000000000000000, 0x3fff000000000000}, {0x0000000000000000, 0x4000000000000000}, 0x00},
    {'+', Round::down, {0x0000000000000001, 0x3fff000000000000}, {0x0000000000000000, 0xbffe000000000000}, {0x0000000000000002, 0x3ffe000000000000}, 0x00},
    {'+', Round::up, {0xffffffffffffffff, 0x7ffeffffffffffff}, {0x0000000000000001, 0x0000000000000000}, {0x0000000000000000, 0x7fff000000000000}, 0x14},
    {'+', Round::nearest_even, {0x0000000000000000, 0xbffe000000000000}, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, {0x48d159e26af37bc0, 0x3ffc5556aaa848d0}, 0x00},
    {'+', Round::toward_zero, {0x23d70a3d70a3d70a, 0xc00091eb851eb851}, {0x0000000000000001, 0x3fff000000000000}, {0x23d70a3d70a3d709, 0xc00011eb851eb851}, 0x10},
    {'+', Round::down, {0x8000000000000000, 0x406f000000000000}, {0x23d70a3d70a3d70a, 0xc00091eb851eb851}, {0x7ffffffffffffffc, 0x406f000000000000}, 0x10},
    {'*', Round::up, {0x0000000000000001, 0x0000000000000000}, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, {0x0000000000000001, 0x0000000000000000}, 0x18},
    {'*', Round::nearest_even, {0xffffffffffffffff, 0x0000ffffffffffff}, {0x0000000000000001, 0x3fff000000000000}, {0x0000000000000000, 0x0001000000000000}, 0x10},
    {'*', Round::toward_zero, {0x0000000000000000, 0x0001000000000000}, {0x23d70a3d70a3d70a, 0xc00091eb851eb851}, {0x23d70a3d70a3d70a, 0x800291eb851eb851}, 0x00},
    {'*', Round::down, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, {0xffffffffffffffff, 0x0000ffffffffffff}, {0x091a2b3c4d5e6f77, 0x0000aaaad555091a}, 0x18},
    {'*', Round::up, {0xffffffffffffffff, 0x3ffeffffffffffff}, {0xffffffffffffffff, 0x3ffeffffffffffff}, {0xffffffffffffffff, 0x3ffeffffffffffff}, 0x10},
    {'*', Round::nearest_even, {0x0000000000000000, 0x3fff000000000000}, {0xffffffffffffffff, 0x7ffeffffffffffff}, {0xffffffffffffffff, 0x7ffeffffffffffff}, 0x00},
    {'*', Round::toward_zero, {0x0000000000000001, 0x3fff000000000000}, {0x8000000000000000, 0x406f000000000000}, {0x8000000000000001, 0x406f000000000000}, 0x10},
    {'*', Round::down, {0xffffffffffffffff, 0x7ffeffffffffffff}, {0x0000000000000000, 0x0001000000000000}, {0xffffffffffffffff, 0x4000ffffffffffff}, 0x00},
    {'*', Round::up, {0x0000000000000000, 0xbffe000000000000}, {0x0000000000000000, 0x3fff000000000000}, {0x0000000000000000, 0xbffe000000000000}, 0x00},
    {'*', Round::nearest_even, {0x23d70a3d70a3d70a, 0xc00091eb851eb851}, {0x0000000000000000, 0xbffe000000000000}, {0x23d70a3d70a3d70a, 0x3fff91eb851eb851}, 0x00},
    {'*', Round::toward_zero, {0x8000000000000000, 0x406f000000000000}, {0x0000000000000001, 0x0000000000000000}, {0x8000000000000000, 0x0001000000000000}, 0x00},
    {'/', Round::down, {0x0000000000000001, 0x0000000000000000}, {0x0000000000000000, 0x3fff000000000000}, {0x0000000000000001, 0x0000000000000000}, 0x00},
    {'/', Round::up, {0xffffffffffffffff, 0x0000ffffffffffff}, {0x0000000000000000, 0xbffe000000000000}, {0xfffffffffffffffe, 0x8001ffffffffffff}, 0x00},
    {'/', Round::nearest_even, {0x0000000000000000, 0x0001000000000000}, {0x0000000000000001, 0x0000000000000000}, {0x0000000000000000, 0x406f000000000000}, 0x00},
    {'/', Round::toward_zero, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, {0x0000000000000000, 0x3fff000000000000}, 0x00},
    {'/', Round::down, {0xffffffffffffffff, 0x3ffeffffffffffff}, {0x0000000000000001, 0x3fff000000000000}, {0xfffffffffffffffd, 0x3ffeffffffffffff}, 0x10},
    {'/', Round::up, {0x0000000000000000, 0x3fff000000000000}, {0x23d70a3d70a3d70a, 0xc00091eb851eb851}, {0x3666a1f4d87bb2ab, 0xbffd461d59ae78aa}, 0x10},
    {'/', Round::nearest_even, {0x0000000000000001, 0x3fff000000000000}, {0xffffffffffffffff, 0x0000ffffffffffff}, {0x0000000000000002, 0x7ffd000000000000}, 0x10},
    {'/', Round::toward_zero, {0xffffffffffffffff, 0x7ffeffffffffffff}, {0xffffffffffffffff, 0x3ffeffffffffffff}, {0xffffffffffffffff, 0x7ffeffffffffffff}, 0x14},
    {'/', Round::down, {0x0000000000000000, 0xbffe000000000000}, {0xffffffffffffffff, 0x7ffeffffffffffff}, {0x0000000000000001, 0x8000200000000000}, 0x18},
    {'/', Round::up, {0x23d70a3d70a3d70a, 0xc00091eb851eb851}, {0x8000000000000000, 0x406f000000000000}, {0x5ae147ae147ba999, 0xbf9091eb851eb850}, 0x10},
    {'/', Round::nearest_even, {0x8000000000000000, 0x406f000000000000}, {0x0000000000000000, 0x0001000000000000}, {0x0000000000000000, 0x7fff000000000000}, 0x14},
    {'f', Round::toward_zero, {0x0000000000000001, 0x0000000000000000}, {0xffffffffffffffff, 0x7ffeffffffffffff}, {0xffffffffffffffff, 0x3f90ffffffffffff}, 0x10},
    {'f', Round::down, {0xffffffffffffffff, 0x0000ffffffffffff}, {0x8000000000000000, 0x406f000000000000}, {0x7ffffffffffffffe, 0x0071000000000000}, 0x10},
    {'f', Round::up, {0x0000000000000000, 0x0001000000000000}, {0x0000000000000000, 0x0001000000000000}, {0x0000000000000004, 0x0000000000000000}, 0x18},
    {'f', Round::nearest_even, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, {0x0000000000000000, 0x3fff000000000000}, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, 0x10},
    {'f', Round::toward_zero, {0xffffffffffffffff, 0x3ffeffffffffffff}, {0x0000000000000000, 0xbffe000000000000}, {0xfffffffffffffffe, 0xbffdffffffffffff}, 0x10},
    {'f', Round::down, {0x0000000000000000, 0x3fff000000000000}, {0x0000000000000001, 0x0000000000000000}, {0x0000000000000004, 0x0000000000000000}, 0x00},
    {'f', Round::up, {0x0000000000000001, 0x3fff000000000000}, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, {0x123456789abcdef2, 0x3ffe5555aaaa1234}, 0x10},
    {'f', Round::nearest_even, {0xffffffffffffffff, 0x7ffeffffffffffff}, {0x0000000000000001, 0x3fff000000000000}, {0x0000000000000000, 0x7fff000000000000}, 0x14},
    {'f', Round::toward_zero, {0x0000000000000000, 0xbffe000000000000}, {0x23d70a3d70a3d70a, 0xc00091eb851eb851}, {0x23d70a3d70a3d70a, 0x3fff91eb851eb851}, 0x10},
    {'f', Round::down, {0x23d70a3d70a3d70a, 0xc00091eb851eb851}, {0xffffffffffffffff, 0x0000ffffffffffff}, {0x23d70a3d70a3d707, 0x800291eb851eb851}, 0x10},
    {'f', Round::up, {0x8000000000000000, 0x406f000000000000}, {0xffffffffffffffff, 0x3ffeffffffffffff}, {0x8000000000000000, 0x406f000000000000}, 0x10},
    {'s', Round::nearest_even, {0x0000000000000001, 0x0000000000000000}, {0x23d70a3d70a3d70a, 0xc00091eb851eb851}, {0x0000000000000000, 0x1fc8000000000000}, 0x00},
    {'s', Round::toward_zero, {0xffffffffffffffff, 0x0000ffffffffffff}, {0xffffffffffffffff, 0x0000ffffffffffff}, {0xfffffffffffffffe, 0x1fffffffffffffff}, 0x10},
    {'s', Round::down, {0x0000000000000000, 0x0001000000000000}, {0xffffffffffffffff, 0x3ffeffffffffffff}, {0x0000000000000000, 0x2000000000000000}, 0x00},
    {'s', Round::up, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, {0xffffffffffffffff, 0x7ffeffffffffffff}, {0xa9b6ada66a4ccc83, 0x3ffea20c0b41dd02}, 0x10},
    {'s', Round::nearest_even, {0xffffffffffffffff, 0x3ffeffffffffffff}, {0x8000000000000000, 0x406f000000000000}, {0xffffffffffffffff, 0x3ffeffffffffffff}, 0x10},
    {'s', Round::toward_zero, {0x0000000000000000, 0x3fff000000000000}, {0x0000000000000000, 0x0001000000000000}, {0x0000000000000000, 0x3fff000000000000}, 0x00},
    {'s', Round::down, {0x0000000000000001, 0x3fff000000000000}, {0x0000000000000000, 0x3fff000000000000}, {0x0000000000000000, 0x3fff000000000000}, 0x10},
    {'s', Round::up, {0xffffffffffffffff, 0x7ffeffffffffffff}, {0x0000000000000000, 0xbffe000000000000}, {0x0000000000000000, 0x5fff000000000000}, 0x10},
    {'s', Round::nearest_even, {0x0000000000000000, 0xbffe000000000000}, {0x0000000000000001, 0x0000000000000000}, {0x0000000000000000, 0x7fff800000000000}, 0x01},
    {'s', Round::toward_zero, {0x23d70a3d70a3d70a, 0xc00091eb851eb851}, {0x123456789abcdef0, 0x3ffe5555aaaa1234}, {0x0000000000000000, 0x7fff800000000000}, 0x01},
    {'s', Round::down, {0x8000000000000000, 0x406f000000000000}, {0x0000000000000001, 0x3fff000000000000}, {0x3ffffffffffff800, 0x4037000000000000}, 0x10},
};
// clang-format on

} // namespace

TEST_CASE("fp: f16 vectors") {
    for (const Half& v : halves) {
        CAPTURE(v.op);
        CAPTURE(v.a);
        CAPTURE(v.b);
        Env env{&rules::riscv, v.round};
        CHECK(compute(v.op, F16{v.a}, F16{v.b}, F16{3}, env).bits == v.result);
        CHECK((env.flags & ieee_flags) == v.flags);
    }
}

TEST_CASE("fp: f128 vectors") {
    for (const Quad& v : quads) {
        CAPTURE(v.op);
        CAPTURE(v.a.hi);
        CAPTURE(v.b.hi);
        Env env{&rules::riscv, v.round};
        CHECK(compute(v.op, v.a, v.b, F128{3, 0}, env) == v.result);
        CHECK((env.flags & ieee_flags) == v.flags);
    }
}
