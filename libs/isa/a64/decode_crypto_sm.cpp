// SPDX-License-Identifier: MIT
// Arm ARM C4.1, "Data Processing -- Scalar Floating-Point and Advanced SIMD": SM3 and SM4.
#include "isa/a64/sem_fp.h"
#include "isa/a64/simd.h"
#include "isa/table_check.h"

namespace emu::isa::a64 {

namespace {
using namespace simd;
constexpr u32 step(ir::HashStep s) { return u32(s); }

// clang-format off
constexpr Line rows[] = {
    // SM3, SM4
    {"sm3ss1",    "Vd.4s, Vn.4s, Vm.4s, Va.4s","11001110 010 mmmmm 0 aaaaa nnnnn ddddd", crypto_hash, step(ir::HashStep::sm3ss1), feature::sm3},
    {"sm3tt1a",   "Vd.4s, Vn.4s, Vm.s[i]",  "11001110 010 mmmmm 10 ii 00 nnnnn ddddd", crypto_hash_lane, step(ir::HashStep::sm3tt1a), feature::sm3},
    {"sm3tt1b",   "Vd.4s, Vn.4s, Vm.s[i]",  "11001110 010 mmmmm 10 ii 01 nnnnn ddddd", crypto_hash_lane, step(ir::HashStep::sm3tt1b), feature::sm3},
    {"sm3tt2a",   "Vd.4s, Vn.4s, Vm.s[i]",  "11001110 010 mmmmm 10 ii 10 nnnnn ddddd", crypto_hash_lane, step(ir::HashStep::sm3tt2a), feature::sm3},
    {"sm3tt2b",   "Vd.4s, Vn.4s, Vm.s[i]",  "11001110 010 mmmmm 10 ii 11 nnnnn ddddd", crypto_hash_lane, step(ir::HashStep::sm3tt2b), feature::sm3},
    {"sm3partw1", "Vd.4s, Vn.4s, Vm.4s",    "11001110 011 mmmmm 1 1 00 00 nnnnn ddddd", crypto_hash, step(ir::HashStep::sm3partw1), feature::sm3},
    {"sm3partw2", "Vd.4s, Vn.4s, Vm.4s",    "11001110 011 mmmmm 1 1 00 01 nnnnn ddddd", crypto_hash, step(ir::HashStep::sm3partw2), feature::sm3},
    {"sm4e",      "Vd.4s, Vn.4s",           "11001110 110 00000 1000 01 nnnnn ddddd", crypto_hash, step(ir::HashStep::sm4e), feature::sm4},
    {"sm4ekey",   "Vd.4s, Vn.4s, Vm.4s",    "11001110 011 mmmmm 1 1 00 10 nnnnn ddddd", crypto_hash, step(ir::HashStep::sm4ekey), feature::sm4},
};
// clang-format on
static_assert(unambiguous<Line>(rows));

} // namespace

const Table crypto_sm_rows = table_of<rows>;

} // namespace emu::isa::a64
