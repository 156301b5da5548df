// SPDX-License-Identifier: MIT
// The list of all decode tables: one row for each decode_*.cpp.
#include "isa/a64/sem_branch_sys.h"
#include "isa/a64/sem_dp_imm.h"
#include "isa/a64/sem_dp_reg.h"
#include "isa/a64/sem_fp.h"
#include "isa/a64/sem_ldst.h"
#include "isa/a64/sem_simd_move.h"
#include "isa/a64/sem_simd_shift.h"
#include "isa/a64/simd.h"
#include "isa/decoder.h"

namespace emu::isa::a64 {

std::span<const Table> decode_tables() {
    static const Table tables[] = {
        dp_imm_rows,
        branch_sys_rows,
        ldst_rows,
        ldst_atomic_rows,
        dp_reg_rows,
        simd_move_rows,
        simd_structure_rows,
        crypto_rows,
        simd_shift_rows,
        simd_misc_rows,
        fp_rows,
        simd_three_rows,
        simd_fp_two_rows,
        simd_element_rows,
        crypto_sm_rows,
    };
    return tables;
}

Found<Insn> decode(u32 word, u64 features) {
    static const Decoder<Insn> decoder(decode_tables());
    return decoder.find(word, features);
}

} // namespace emu::isa::a64
