// SPDX-License-Identifier: MIT
// Semantic functions that move vector data: copies, permutations, tables, modified immediates, structure loads and stores; and
// the cryptographic extension.
#pragma once
#include "isa/a64/translate.h"

namespace emu::isa::a64 {

Semantic simd_dup_element, simd_dup_scalar, simd_dup_general, simd_insert_general, simd_insert_element, simd_move_unsigned, simd_move_signed;
Semantic simd_modified_immediate;
Semantic simd_permute;                    // arg: ir::Op
Semantic simd_extract, simd_table;        // arg of simd_table: 1 = TBX

/// Row parameters of structure loads and stores.
namespace structure {
enum : u32 { load = 1, post = 2 };
}
Semantic simd_structures, simd_single_structure, simd_replicate;

Semantic crypto_aes_round, crypto_unary, crypto_binary, crypto_ternary;   // arg: ir::Op
Semantic sha3_eor3, sha3_bcax, sha3_rax1, sha3_xar;
Semantic sha512_h, sha512_h2, sha512_su0, sha512_su1;

extern const Table simd_move_rows, simd_structure_rows, crypto_rows;

} // namespace emu::isa::a64
