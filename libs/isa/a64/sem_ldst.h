// SPDX-License-Identifier: MIT
// Semantic functions of loads and stores. The row's arg says what is moved (Access); the function knows the addressing mode.
#pragma once
#include "isa/a64/translate.h"

namespace emu::isa::a64 {

/// Row parameter: log2 of the bytes in bits 2..0, then flags.
namespace access {
enum : u32 {
    b = 0, h = 1, w = 2, x = 3, q = 4,
    size = 7,
    store = 8,
    sign = 16,       ///< sign-extending load
    wide = 32,       ///< into an X register (else W)
    simd = 64,       ///< from or to a V register
    acquire = 128,
    release = 256,
};
}

Semantic load_store_unsigned, load_store_unscaled, load_store_unprivileged, load_store_pre, load_store_post, load_store_register;
Semantic load_literal, load_pac;                              // arg of load_pac: Access and PacArg << 16
Semantic pair_offset, pair_pre, pair_post;
Semantic ordered_plain, ordered_unscaled;                     // LDAR, STLR, LDAPR ...; LDAPUR, STLUR
Semantic load_exclusive, store_exclusive, load_exclusive_pair, store_exclusive_pair;
Semantic compare_swap, compare_swap_pair, atomic_operation;   // arg of the last: ir::AtomicOp, atomic_flag
Semantic prefetch;

/// What exclusive, atomic and ordered accesses ask of their address: aligned, or with FEAT_LSE2 within 16 bytes (Arm ARM B2.5.2;
/// AArch64.UnalignedAccessFaults).
void check_alignment(Unit& u, Val address, unsigned size_log2);

/// Atomic rows: the operand is negated or inverted first by no row but LDCLR, which AtomicOp::andn is for.
extern const Table ldst_rows, ldst_atomic_rows;

} // namespace emu::isa::a64
