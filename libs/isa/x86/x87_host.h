// SPDX-License-Identifier: MIT
// Single x87 operations on the host's own x87, under the guest's control word with every exception masked. Each returns the
// host's status word with what the operation raised; the host's register stack is empty before and after.
#pragma once
#include "fp/fp.h"

#if !defined(__x86_64__)
#error "the x86 guests borrow the host's x87: build them on x86-64"
#endif

namespace emu::isa::x86::host {

using fp::F80;

/// The in-memory form of an F80, ten bytes and padding.
struct alignas(16) Tbyte {
    u64 fraction = 0;
    u64 sign_exponent = 0;
    Tbyte() = default;
    Tbyte(F80 v) : fraction(v.fraction), sign_exponent(v.sign_exponent) {}
    operator F80() const { return {fraction, u16(sign_exponent)}; }
};

inline void set_control(u16 control) {
    control |= 0x3f;
    asm volatile("fldcw %0" : : "m"(control));
}
inline void clear_exceptions() { asm volatile("fnclex"); }

// Two operands: a is st(1), b st(0); the result replaces both.
#define EMU_X87_BINARY(name, bytes)                                                                                                  \
    inline F80 name(F80 left, F80 right, u16& status) {                                                                              \
        Tbyte a = left, b = right, r;                                                                                                \
        asm volatile("fldt %2\n fldt %3\n .byte " bytes "\n fnstsw %1\n fstpt %0" : "=m"(r), "=a"(status) : "m"(a), "m"(b));       \
        return r;                                                                                                                    \
    }
EMU_X87_BINARY(add, "0xde,0xc1")
EMU_X87_BINARY(mul, "0xde,0xc9")
EMU_X87_BINARY(sub, "0xde,0xe9") // st(1) - st(0)
EMU_X87_BINARY(div, "0xde,0xf9")
EMU_X87_BINARY(yl2x, "0xd9,0xf1")
EMU_X87_BINARY(yl2xp1, "0xd9,0xf9")
EMU_X87_BINARY(atan, "0xd9,0xf3")
#undef EMU_X87_BINARY

// Two operands of which the upper stays: b is st(1), a st(0) becomes the result.
#define EMU_X87_BESIDE(name, bytes)                                                                                                  \
    inline F80 name(F80 top, F80 below, u16& status) {                                                                               \
        Tbyte a = top, b = below, r;                                                                                                 \
        asm volatile("fldt %3\n fldt %2\n .byte " bytes "\n fnstsw %1\n fstpt %0\n fstp %%st(0)"                                     \
                     : "=m"(r), "=a"(status)                                                                                         \
                     : "m"(a), "m"(b));                                                                                              \
        return r;                                                                                                                    \
    }
EMU_X87_BESIDE(scale, "0xd9,0xfd")
EMU_X87_BESIDE(prem, "0xd9,0xf8")
EMU_X87_BESIDE(prem1, "0xd9,0xf5")
#undef EMU_X87_BESIDE

#define EMU_X87_UNARY(name, bytes)                                                                                                   \
    inline F80 name(F80 top, u16& status) {                                                                                          \
        Tbyte a = top, r;                                                                                                            \
        asm volatile("fldt %2\n .byte " bytes "\n fnstsw %1\n fstpt %0" : "=m"(r), "=a"(status) : "m"(a));                         \
        return r;                                                                                                                    \
    }
EMU_X87_UNARY(sqrt, "0xd9,0xfa")
EMU_X87_UNARY(round, "0xd9,0xfc")
EMU_X87_UNARY(f2xm1, "0xd9,0xf0")
EMU_X87_UNARY(sin, "0xd9,0xfe")
EMU_X87_UNARY(cos, "0xd9,0xff")
#undef EMU_X87_UNARY

/// One operand, two results: `lower` replaces st(0), the returned one is pushed on it.
#define EMU_X87_PUSHING(name, bytes)                                                                                                 \
    inline F80 name(F80 top, F80& lower, u16& status) {                                                                              \
        Tbyte a = top, r, under;                                                                                                     \
        asm volatile("fldt %3\n .byte " bytes "\n fnstsw %2\n fstpt %0\n fstpt %1" : "=m"(r), "=m"(under), "=a"(status) : "m"(a)); \
        lower = under;                                                                                                               \
        return r;                                                                                                                    \
    }
EMU_X87_PUSHING(extract, "0xd9,0xf4")
EMU_X87_PUSHING(tan, "0xd9,0xf2")
EMU_X87_PUSHING(sincos, "0xd9,0xfb")
#undef EMU_X87_PUSHING

/// FCOM (quiet: FUCOM) of top with other: the condition codes are in the status word.
inline void compare(F80 top, F80 other, bool quiet, u16& status) {
    Tbyte a = top, b = other;
    if (quiet) asm volatile("fldt %2\n fldt %1\n .byte 0xda,0xe9\n fnstsw %0" : "=a"(status) : "m"(a), "m"(b));
    else asm volatile("fldt %2\n fldt %1\n .byte 0xde,0xd9\n fnstsw %0" : "=a"(status) : "m"(a), "m"(b));
}

// With a memory operand of 32 or 64 bits, which the host converts as part of the operation.
#define EMU_X87_MEMORY(name, type, mnemonic)                                                                                         \
    inline F80 name(F80 top, type value, u16& status) {                                                                              \
        Tbyte a = top, r;                                                                                                            \
        asm volatile("fldt %2\n " mnemonic " %3\n fnstsw %1\n fstpt %0" : "=m"(r), "=a"(status) : "m"(a), "m"(value));             \
        return r;                                                                                                                    \
    }
EMU_X87_MEMORY(add_f32, u32, "fadds")
EMU_X87_MEMORY(mul_f32, u32, "fmuls")
EMU_X87_MEMORY(com_f32, u32, "fcoms")
EMU_X87_MEMORY(sub_f32, u32, "fsubs")
EMU_X87_MEMORY(subr_f32, u32, "fsubrs")
EMU_X87_MEMORY(div_f32, u32, "fdivs")
EMU_X87_MEMORY(divr_f32, u32, "fdivrs")
EMU_X87_MEMORY(add_f64, u64, "faddl")
EMU_X87_MEMORY(mul_f64, u64, "fmull")
EMU_X87_MEMORY(com_f64, u64, "fcoml")
EMU_X87_MEMORY(sub_f64, u64, "fsubl")
EMU_X87_MEMORY(subr_f64, u64, "fsubrl")
EMU_X87_MEMORY(div_f64, u64, "fdivl")
EMU_X87_MEMORY(divr_f64, u64, "fdivrl")
#undef EMU_X87_MEMORY

// Conversions from and to memory formats.
#define EMU_X87_LOAD(name, type, mnemonic)                                                                                           \
    inline F80 name(type value, u16& status) {                                                                                       \
        Tbyte r;                                                                                                                     \
        asm volatile(mnemonic " %2\n fnstsw %1\n fstpt %0" : "=m"(r), "=a"(status) : "m"(value));                                  \
        return r;                                                                                                                    \
    }
EMU_X87_LOAD(load_f32, u32, "flds")
EMU_X87_LOAD(load_f64, u64, "fldl")
EMU_X87_LOAD(load_i16, s16, "filds")
EMU_X87_LOAD(load_i32, s32, "fildl")
EMU_X87_LOAD(load_i64, s64, "fildll")
EMU_X87_LOAD(load_bcd, Tbyte, "fbld")
#undef EMU_X87_LOAD

#define EMU_X87_STORE(name, type, mnemonic)                                                                                          \
    inline type name(F80 top, u16& status) {                                                                                         \
        Tbyte a = top;                                                                                                               \
        type r{};                                                                                                                    \
        asm volatile("fldt %2\n " mnemonic " %0\n fnstsw %1" : "=m"(r), "=a"(status) : "m"(a));                                    \
        return r;                                                                                                                    \
    }
EMU_X87_STORE(store_f32, u32, "fstps")
EMU_X87_STORE(store_f64, u64, "fstpl")
EMU_X87_STORE(store_i16, u16, "fistps")
EMU_X87_STORE(store_i32, u32, "fistpl")
EMU_X87_STORE(store_i64, u64, "fistpll")
EMU_X87_STORE(store_bcd, Tbyte, "fbstp")
EMU_X87_STORE(trunc_i16, u16, "fisttps")
EMU_X87_STORE(trunc_i32, u32, "fisttpl")
EMU_X87_STORE(trunc_i64, u64, "fisttpll")
#undef EMU_X87_STORE

/// FLD1 and its six sisters, by the low bits of their ModRM; they round as the control word says.
inline F80 constant(unsigned which) {
    Tbyte r;
    switch (which) {
    case 0: asm volatile("fld1\n fstpt %0" : "=m"(r)); break;
    case 1: asm volatile("fldl2t\n fstpt %0" : "=m"(r)); break;
    case 2: asm volatile("fldl2e\n fstpt %0" : "=m"(r)); break;
    case 3: asm volatile("fldpi\n fstpt %0" : "=m"(r)); break;
    case 4: asm volatile("fldlg2\n fstpt %0" : "=m"(r)); break;
    case 5: asm volatile("fldln2\n fstpt %0" : "=m"(r)); break;
    default: asm volatile("fldz\n fstpt %0" : "=m"(r)); break;
    }
    return r;
}

} // namespace emu::isa::x86::host
