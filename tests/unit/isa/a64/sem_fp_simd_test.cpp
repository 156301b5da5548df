// SPDX-License-Identifier: MIT
// Floating point and Advanced SIMD, an example of each group; the lockstep test against another emulator has the breadth.
#include "run.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace emu;
using emu::test::A64;
using ir::V128;

namespace {

constexpr V128 junk{0x7ff0000000000001, 0xfff0dead7f800001}; // a signaling NaN wherever one looks

/// One instruction on v0, v1, v2; what is left in v0.
struct One {
    A64 cpu;
    One(V128 v1, V128 v2 = junk, V128 v0 = junk) { cpu->v[0] = v0, cpu->v[1] = v1, cpu->v[2] = v2; }
    V128 operator()(u32 word) {
        const ir::Exit exit = cpu.run({word});
        CHECK(exit.kind != ir::ExitKind::trap);
        CHECK(cpu.wrong() == "");
        return cpu->v[0];
    }
    u32 fpsr() { return isa::a64::read_fpsr(*cpu); }
};

bool unallocated(u32 word, std::string_view model = "max") {
    A64 cpu(model);
    const ir::Exit exit = cpu.run({word});
    return exit.kind == ir::ExitKind::trap && exit.code == u32(isa::Trap::undefined);
}

using namespace isa::a64::fpsr;
constexpr u64 one64 = 0x3ff0000000000000, two64 = 0x4000000000000000;
constexpr u32 one32 = 0x3f800000, two32 = 0x40000000, three32 = 0x40400000;

} // namespace

TEST_CASE("a64 fp: scalar results clear the rest of the register") {
    CHECK(One({one64, ~0ull}, {two64, ~0ull})(0x1e622820) == V128{0x4008000000000000, 0}); // fadd d0, d1, d2
    CHECK(One({})(0x1e7f1000) == V128{0xbff8000000000000, 0});                             // fmov d0, #-1.5
    CHECK(One({one64, ~0ull})(0x1e63c020) == V128{0x3c00, 0});                             // fcvt h0, d1
}

TEST_CASE("a64 fp: multiply-add has the addend last, and the negated forms flip its NaN too") {
    One fma({two32, 0}, {three32, 0});
    fma.cpu->v[3] = {one32, 0};
    CHECK(fma(0x1f020c20) == V128{0x40e00000, 0}); // fmadd s0, s1, s2, s3
    One negated({one64, 0}, {one64, 0});
    negated.cpu->v[3] = {0x7ff8000000000005, 0};
    CHECK(negated(0x1f628c20) == V128{0xfff8000000000005, 0}); // fnmsub d0, d1, d2, d3
}

TEST_CASE("a64 fp: compares set NZCV, and raise nothing where the condition fails") {
    One less({one64, 0}, {two64, 0});
    less(0x1e622020); // fcmp d1, d2
    CHECK(isa::a64::nzcv_from_token(less.cpu->nzcv) == 0x80000000);
    One unordered({0x7f800001, 0}, {one32, 0});
    unordered.cpu->nzcv = 0;
    unordered(0x1e220435); // fccmpe s1, s2, #5, eq
    CHECK(isa::a64::nzcv_from_token(unordered.cpu->nzcv) == 0x50000000);
    CHECK(unordered.fpsr() == 0);
    unordered.cpu->nzcv = ir::flag_z;
    unordered.cpu->pc = A64::origin;
    unordered(0x1e220435);
    CHECK(isa::a64::nzcv_from_token(unordered.cpu->nzcv) == 0x30000000);
    CHECK(unordered.fpsr() == ioc);
}

TEST_CASE("a64 fp: integers and fixed point") {
    One fixed({0xc0180000, 0}); // -2.375
    fixed(0x1e18f020);          // fcvtzs w0, s1, #4
    CHECK(fixed.cpu->x[0] == 0xffffffda);
    One from({});
    from.cpu->x[1] = 0x180;
    CHECK(from(0x9e42e020) == V128{0x3ff8000000000000, 0}); // scvtf d0, x1, #8
    One away({0x4100, ~0ull});                              // 2.5
    away(0x9ee40020);                                       // fcvtas x0, h1
    CHECK(away.cpu->x[0] == 3);
    CHECK(away.fpsr() == ixc);
    One js({0x41f0000000000000, 0}); // 2^32
    js(0x1e7e0020);                  // fjcvtzs w0, d1
    CHECK(js.cpu->x[0] == 0);
    CHECK(isa::a64::nzcv_from_token(js.cpu->nzcv) == 0);
    CHECK(One({0x4f000000, 0})(0x1e284020) == V128{0xcf000000, 0}); // frint32z s0, s1
    CHECK(One({0x0000000000080004, 0})(0x2f1de420) == V128{0x000000003c003800, 0}); // ucvtf v0.4h, v1.4h, #3
}

TEST_CASE("a64 simd fp: lanes outside the shape raise nothing") {
    One divide({0x4040000040400000, 0}, {0x4000000040000000, 0});
    CHECK(divide(0x2e22fc20) == V128{0x3fc000003fc00000, 0}); // fdiv v0.2s, v1.2s, v2.2s: 0 / 0 above
    CHECK(divide.fpsr() == 0);
    One compare({one64, junk.hi}, {two64, junk.lo});
    CHECK(compare(0x7ee2e420) == V128{0, 0}); // fcmgt d0, d1, d2
    CHECK(compare.fpsr() == 0);
    One absolute({0x3c00bc003c00c000, junk.hi}, {0x40003c00bc003c00, junk.lo});
    CHECK(absolute(0x2e422c20) == V128{0x0000ffffffffffff, 0}); // facge v0.4h, v1.4h, v2.4h
    CHECK(absolute.fpsr() == 0);
}

TEST_CASE("a64 simd fp: between lanes") {
    CHECK(One({0x400000003f800000, junk.hi}, {0x4040000040400000, junk.lo})(0x2e22d420) == V128{0x40c0000040400000, 0}); // faddp v0.2s
    CHECK(One({0xbf8000003f800000, 0x7f80000040000000})(0x6e30f820) == V128{0x7f800000, 0});                              // fmaxv s0
    One by_element({two64, one64}, {junk.lo, two64}, {one64, one64});
    CHECK(by_element(0x4fc21820) == V128{0x4014000000000000, 0x4008000000000000}); // fmla v0.2d, v1.2d, v2.d[1]
    One complex({0x40000000'3f800000, 0}, {0, 0x40400000'3f800000}, {0, 0});
    CHECK(complex(0x6f823820) == V128{0x40000000'c0c00000, 0}); // fcmla v0.4s, v1.4s, v2.s[1], #90: i2 * (1 + 3i)
    One half({0x40003c00'7e017e01, junk.hi}, {0x40003c00'7e017e01, junk.lo}, {0x3f8000003f800000, 0});
    CHECK(half(0x2e22cc20) == V128{0x40a00000'40000000, 0}); // fmlal2 v0.2s, v1.2h, v2.2h
    CHECK(One({0x3ff0000000000001, 0x7fefffffffffffff})(0x2e616820) == V128{0x7f7fffff'3f800001, 0}); // fcvtxn v0.2s, v1.2d
}

TEST_CASE("a64 simd: saturation is remembered for the lanes of the shape only") {
    One high({0x8000000080000001, 0x8000800080008000}, {0x8000000080007fff, 0x8000800080008000});
    CHECK(high(0x0e62b420) == V128{0x7fff00007fff0000, 0}); // sqdmulh v0.4h, v1.4h, v2.4h
    CHECK(high.fpsr() == qc);
    One fine({0x4000, 0x8000800080008000}, {0x4000, 0x8000800080008000});
    CHECK(fine(0x0e62b420) == V128{0x2000, 0});
    CHECK(fine.fpsr() == 0);
    One product({0x7fff8000, 0}, {0x8000000000000000, 0});
    CHECK(product(0x5f72b020) == V128{0x7fffffff, 0}); // sqdmull s0, h1, v2.h[3]
    CHECK(product.fpsr() == qc);
    One rounding({0x80000000, 0}, {0x80000000, 0}, {0xffffffff, 0});
    CHECK(rounding(0x6e828420) == V128{0x7fffffff, 0}); // sqrdmlah v0.4s, v1.4s, v2.4s
    CHECK(rounding.fpsr() == 0);
    One shifted({0x01fd, 0}, {0xff07, 0});
    CHECK(shifted(0x5e224c20) == V128{0x80, 0}); // sqshl b0, b1, b2: -3 << 7 looks like -128
    CHECK(shifted.fpsr() == qc);
    One sum({0xff, ~0ull}, {0x01, ~0ull});
    CHECK(sum(0x2e220c20) == V128{0xff, 0}); // uqadd v0.8b, v1.8b, v2.8b
    CHECK(sum.fpsr() == qc);
}

TEST_CASE("a64 simd: operands of different widths") {
    CHECK(One({0x00ff00ff00ff00ff, 0x1234}, {0x0001000100010001, 0x00ff}, {1, 2})(0x4e224020) == V128{1, 0x0000001301010101}); // addhn2
    CHECK(One({0x80, 0}, {0x7f, 0}, {1, 0})(0x0e225020) == V128{0x100, 0});                 // sabal v0.8h, v1.8b, v2.8b
    CHECK(One({0x01010101'02020202, 0}, {0xff010101'00000000, 0}, {5, 7})(0x0fa2e020) == V128{0x00000002'00000009, 0}); // sdot by element
    CHECK(One({0x0807060504030201, junk.hi}, {0x0101010101010101, junk.lo})(0x0e22bc20) == V128{0x020202020f0b0703, 0}); // addp v0.8b
    CHECK(One({0x0003, 0}, {0, 0x0002000000000000}, {0x000a, 0})(0x6f724820) == V128{4, 0}); // mls v0.8h, v1.8h, v2.h[7]
    CHECK(One({6, ~0ull}, {8, ~0ull})(0x5ee28c20) == V128{0, 0});                           // cmtst d0, d1, d2
    CHECK(One({0xf0f0, ~0ull}, {0xff00, ~0ull}, {0x1234, ~0ull})(0x2ea21c20) == V128{0xf034, 0}); // bit v0.8b, v1.8b, v2.8b
}

TEST_CASE("a64 simd: SM4 encrypts the standard's example") {
    // GB/T 32907 appendix A.1: words X0..X3 of the plaintext, round keys rk0..rk3, and X4..X7.
    One sm4({0x41662b61f12186f9, 0x7ba920775a6ab19a}, junk, {0x89abcdef01234567, 0x76543210fedcba98});
    CHECK(sm4(0xcec08420) == V128{0xa18b4cb227fad345, 0xcc13e2ee11c1e22a}); // sm4e v0.4s, v1.4s
}

TEST_CASE("a64 fp: what does not exist raises") {
    constexpr u32 words[] = {
        0x1ea22820, // fadd of type 2
        0x1e587c20, // fcvtzs w0, d1, #33
        0x1e224020, // fcvt from single to single
        0x9e260020, // fmov x0, s1
        0x2e62fc20, // fdiv v0.1d
        0x0ee28420, // add v0.1d
        0x6ee29420, // mls of 64-bit lanes
        0x0e22b420, // sqdmulh of bytes
        0x5f32b020, // sqdmull of a byte by element
        0x4fe21820, // fmla v0.2d by element with L set
        0x6fa23820, // fcmla v0.4s by element with L set
        0x5e70d820, // faddp of halves with sz set
    };
    for (u32 word : words) CHECK_MESSAGE(unallocated(word), fmt::format("{:08x}", word));
    CHECK(unallocated(0x1ee22820, "cortex-a57")); // fadd h0, h1, h2
    CHECK_FALSE(unallocated(0x1ee22820));
    CHECK_FALSE(unallocated(0x1ee24020, "cortex-a57")); // fcvt s0, h1 is always there
}
