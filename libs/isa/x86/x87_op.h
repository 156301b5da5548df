// SPDX-License-Identifier: MIT
// Row arguments of the x87 instructions: what is done, where the operand comes from, what is popped after.
#pragma once
#include "common/types.h"

namespace emu::isa::x86 {

enum class X87Op : u8 {
    // Arithmetic in the order of ModRM.reg in D8, DA, DC and DE; the "r" forms take the other order.
    add, mul, com, comp, sub, subr, div, divr,
    ucom, comi, ucomi, tst, xam,
    load, store, store_trunc, exchange, free, cmov,
    chs, abs, sqrt, round, scale, prem, prem1, extract,
    f2xm1, yl2x, yl2xp1, tan, atan, sin, cos, sincos,
    constant,                         ///< FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ by ModRM & 7
    dec_top, inc_top, nop, wait,
    load_control, store_control, store_status, store_status_ax, clear, init, load_env, store_env, save, restore,
};
enum class X87Format : u8 { st, f32, f64, f80, i16, i32, i64, bcd };

namespace x87_arg {
inline constexpr u32 format_shift = 8, pop = 1u << 12, pop2 = 2u << 12, to_sti = 1u << 14, no_wait = 1u << 15;
inline constexpr u32 unchecked = 1u << 21;  ///< FSTP's alias D9 /3: an empty register is no fault
/// Added while translating: st(i) and the operand size 16 forms.
inline constexpr u32 index_shift = 16, op16 = 1u << 20;
constexpr u32 make(X87Op op, X87Format format = X87Format::st, u32 rest = 0) { return u32(op) | u32(format) << format_shift | rest; }
constexpr X87Op op(u64 arg) { return X87Op(arg & 0xff); }
constexpr X87Format format(u64 arg) { return X87Format(arg >> format_shift & 15); }
constexpr unsigned pops(u64 arg) { return unsigned(arg >> 12 & 3); }
constexpr unsigned index(u64 arg) { return unsigned(arg >> index_shift & 7); }
} // namespace x87_arg

/// Bits of the status word (SDM volume 1, 8.1.3). The low six are the exceptions, masked by the same bits of the control word.
namespace x87_status {
inline constexpr u16 invalid = 1, denormal = 2, zero_divide = 4, overflow = 8, underflow = 16, precision = 32, exceptions = 63;
inline constexpr u16 stack_fault = 64, summary = 128, c0 = 0x100, c1 = 0x200, c2 = 0x400, c3 = 0x4000, busy = 0x8000;
inline constexpr u16 codes = c0 | c1 | c2 | c3;
} // namespace x87_status

} // namespace emu::isa::x86
