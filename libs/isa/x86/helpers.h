// SPDX-License-Identifier: MIT
// C++ functions that translated code calls: what IR has no words for.
#pragma once
#include "ir/ir.h"
#include "isa/x86/state.h"

namespace emu::isa::x86 {

using ir::Helper;

// Integers (helpers.cpp)
extern const Helper helper_divide_u64, helper_divide_s64;     ///< (high, low, divisor) -> quotient; raises #DE
extern const Helper helper_rotate_carry, helper_rotate_carry_out; ///< (value, count | bits << 8 | right << 16, cf) -> value; -> CF
extern const Helper helper_bcd;                               ///< (ax | flags << 16, row argument, immediate) -> ax | flags << 16
extern const Helper helper_pdep, helper_pext;
extern const Helper helper_read_flags, helper_write_flags;
extern const Helper helper_cpuid, helper_timestamp, helper_random, helper_load_segment;
extern const Helper helper_simd_begin, helper_simd_check;     ///< around an instruction: -> did it raise what is unmasked?
extern const Helper helper_write_mxcsr, helper_read_mxcsr;
extern const Helper helper_fxsave, helper_fxrstor;            ///< (address, form): 1 = 64-bit form, 2 = XSAVE with the mask in edx:eax
extern const Helper helper_cas16;                             ///< (address): compare rdx:rax with 16 bytes, replace by rcx:rbx; result ZF

// Strings (helpers_string.cpp): whole REP runs. (kind | bits << 8 | rep << 16 | addr_bits << 24, source segment base)
extern const Helper helper_string;

// x87 (x87_helpers.cpp)
extern const Helper helper_x87;                               ///< (row argument and more, FCMOV's condition, pc) -> AX or flags
extern const Helper helper_x87_memory;                        ///< (row argument and more, address, pc)
extern const Helper helper_x87_enter;                         ///< the guest's registers go into the host's
/// Instructions of the host's (ir/host_x87.h): (opcode, ModRM << 8, row argument and more << 16; address or condition).
extern const Helper native_x87, native_x87_memory, native_x87_move_if, native_x87_compare, native_x87_status;
extern const Helper helper_enter_mmx, helper_leave_mmx, helper_emms;

// Vectors (helpers_vector.cpp), see vector_helper.h
extern const Helper helper_vector;                            ///< (VectorOp | imm << 8): slot_vector -> slot_vector
extern const Helper helper_string_compare;                    ///< (form | imm << 8 | ..., first register)
extern const Helper helper_masked_move, helper_gather;        ///< (registers and sizes, address)

} // namespace emu::isa::x86
