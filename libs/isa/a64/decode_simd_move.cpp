// SPDX-License-Identifier: MIT
// Arm ARM C4.1: Advanced SIMD copy, modified immediate, permute, extract, table lookup; structure loads and stores; cryptography.
#include "isa/a64/sem_simd_move.h"
#include "isa/table_check.h"

namespace emu::isa::a64 {

namespace {
using namespace structure;
constexpr u32 op(Op o) { return u32(o); }

// clang-format off
constexpr Line move_rows[] = {
    {"dup",  "Vd.T, Vn.Ts[i]",       "0 q 0 01110000 iiiii 0 0000 1 nnnnn ddddd", simd_dup_element},
    {"dup",  "Vd, Vn.T[i]",          "01 0 11110000 iiiii 0 0000 1 nnnnn ddddd",  simd_dup_scalar},
    {"dup",  "Vd.T, Rn",             "0 q 0 01110000 iiiii 0 0001 1 nnnnn ddddd", simd_dup_general},
    {"ins",  "Vd.Ts[i], Rn",         "0 1 0 01110000 iiiii 0 0011 1 nnnnn ddddd", simd_insert_general},
    {"ins",  "Vd.Ts[i], Vn.Ts[j]",   "0 1 1 01110000 iiiii 0 jjjj 1 nnnnn ddddd", simd_insert_element},
    {"smov", "Rd, Vn.Ts[i]",         "0 q 0 01110000 iiiii 0 0101 1 nnnnn ddddd", simd_move_signed},
    {"umov", "Rd, Vn.Ts[i]",         "0 q 0 01110000 iiiii 0 0111 1 nnnnn ddddd", simd_move_unsigned},

    {"movi", "Vd.T, #imm",           "0 q p 0111100000 iii cccc h 1 iiiii ddddd", simd_modified_immediate, 0, 0,
     // the shifts by immediate, whose immh is not 0
     "sshr ssra srshr srsra ushr usra urshr ursra sri shl sli sqshlu sqshl uqshl shrn rshrn sqshrn sqrshrn sqshrun sqrshrun"
     " uqshrn uqrshrn sshll ushll scvtf ucvtf fcvtzs fcvtzu"},

    {"uzp1", "Vd.T, Vn.T, Vm.T",     "0 q 001110 ss 0 mmmmm 0 001 10 nnnnn ddddd", simd_permute, op(Op::vuzp1)},
    {"trn1", "Vd.T, Vn.T, Vm.T",     "0 q 001110 ss 0 mmmmm 0 010 10 nnnnn ddddd", simd_permute, op(Op::vtrn1)},
    {"zip1", "Vd.T, Vn.T, Vm.T",     "0 q 001110 ss 0 mmmmm 0 011 10 nnnnn ddddd", simd_permute, op(Op::vzip1)},
    {"uzp2", "Vd.T, Vn.T, Vm.T",     "0 q 001110 ss 0 mmmmm 0 101 10 nnnnn ddddd", simd_permute, op(Op::vuzp2)},
    {"trn2", "Vd.T, Vn.T, Vm.T",     "0 q 001110 ss 0 mmmmm 0 110 10 nnnnn ddddd", simd_permute, op(Op::vtrn2)},
    {"zip2", "Vd.T, Vn.T, Vm.T",     "0 q 001110 ss 0 mmmmm 0 111 10 nnnnn ddddd", simd_permute, op(Op::vzip2)},
    {"ext",  "Vd.T, Vn.T, Vm.T, #i", "0 q 101110 00 0 mmmmm 0 iiii 0 nnnnn ddddd", simd_extract},
    {"tbl",  "Vd.T, {Vn..}, Vm.T",   "0 q 001110 00 0 mmmmm 0 ll 0 00 nnnnn ddddd", simd_table, 0},
    {"tbx",  "Vd.T, {Vn..}, Vm.T",   "0 q 001110 00 0 mmmmm 0 ll 1 00 nnnnn ddddd", simd_table, 1},
};

constexpr Line structure_rows[] = {
    {"stN",  "{Vt..}, [Xn|SP]",            "0 q 0011000 0 000000 oooo ss nnnnn ttttt", simd_structures, 0},
    {"ldN",  "{Vt..}, [Xn|SP]",            "0 q 0011000 1 000000 oooo ss nnnnn ttttt", simd_structures, load},
    {"stN",  "{Vt..}, [Xn|SP], Xm",        "0 q 0011001 0 0 mmmmm oooo ss nnnnn ttttt", simd_structures, post},
    {"ldN",  "{Vt..}, [Xn|SP], Xm",        "0 q 0011001 1 0 mmmmm oooo ss nnnnn ttttt", simd_structures, load | post},
    {"stN",  "{Vt..}[i], [Xn|SP]",         "0 q 0011010 0 r 00000 ooo S ss nnnnn ttttt", simd_single_structure, 0},
    {"ldN",  "{Vt..}[i], [Xn|SP]",         "0 q 0011010 1 r 00000 ooo S ss nnnnn ttttt", simd_single_structure, load},
    {"stN",  "{Vt..}[i], [Xn|SP], Xm",     "0 q 0011011 0 r mmmmm ooo S ss nnnnn ttttt", simd_single_structure, post},
    {"ldN",  "{Vt..}[i], [Xn|SP], Xm",     "0 q 0011011 1 r mmmmm ooo S ss nnnnn ttttt", simd_single_structure, load | post},
    {"ldNr", "{Vt..}, [Xn|SP]",            "0 q 0011010 1 r 00000 11o 0 ss nnnnn ttttt", simd_replicate, load},
    {"ldNr", "{Vt..}, [Xn|SP], Xm",        "0 q 0011011 1 r mmmmm 11o 0 ss nnnnn ttttt", simd_replicate, load | post},
};

constexpr Line crypto_table[] = {
    {"aese",      "Vd, Vn", "0100 1110 00 10100 00100 10 nnnnn ddddd", crypto_aes_round, op(Op::vaesenc), feature::aes},
    {"aesd",      "Vd, Vn", "0100 1110 00 10100 00101 10 nnnnn ddddd", crypto_aes_round, op(Op::vaesdec), feature::aes},
    {"aesmc",     "Vd, Vn", "0100 1110 00 10100 00110 10 nnnnn ddddd", crypto_unary, op(Op::vaesmc), feature::aes},
    {"aesimc",    "Vd, Vn", "0100 1110 00 10100 00111 10 nnnnn ddddd", crypto_unary, op(Op::vaesimc), feature::aes},
    {"sha1c",     "Qd, Sn, Vm", "0101 1110 000 mmmmm 0 000 00 nnnnn ddddd", crypto_ternary, op(Op::vsha1c), feature::sha1},
    {"sha1p",     "Qd, Sn, Vm", "0101 1110 000 mmmmm 0 001 00 nnnnn ddddd", crypto_ternary, op(Op::vsha1p), feature::sha1},
    {"sha1m",     "Qd, Sn, Vm", "0101 1110 000 mmmmm 0 010 00 nnnnn ddddd", crypto_ternary, op(Op::vsha1m), feature::sha1},
    {"sha1su0",   "Vd, Vn, Vm", "0101 1110 000 mmmmm 0 011 00 nnnnn ddddd", crypto_ternary, op(Op::vsha1su0), feature::sha1},
    {"sha256h",   "Qd, Qn, Vm", "0101 1110 000 mmmmm 0 100 00 nnnnn ddddd", crypto_ternary, op(Op::vsha256h), feature::sha256},
    {"sha256h2",  "Qd, Qn, Vm", "0101 1110 000 mmmmm 0 101 00 nnnnn ddddd", crypto_ternary, op(Op::vsha256h2), feature::sha256},
    {"sha256su1", "Vd, Vn, Vm", "0101 1110 000 mmmmm 0 110 00 nnnnn ddddd", crypto_ternary, op(Op::vsha256su1), feature::sha256},
    {"sha1h",     "Sd, Sn", "0101 1110 00 10100 00000 10 nnnnn ddddd", crypto_unary, op(Op::vsha1h), feature::sha1},
    {"sha1su1",   "Vd, Vn", "0101 1110 00 10100 00001 10 nnnnn ddddd", crypto_binary, op(Op::vsha1su1), feature::sha1},
    {"sha256su0", "Vd, Vn", "0101 1110 00 10100 00010 10 nnnnn ddddd", crypto_binary, op(Op::vsha256su0), feature::sha256},
    {"sha512h",   "Qd, Qn, Vm", "1100 1110 011 mmmmm 1 0 00 00 nnnnn ddddd", sha512_h, 0, feature::sha512},
    {"sha512h2",  "Qd, Qn, Vm", "1100 1110 011 mmmmm 1 0 00 01 nnnnn ddddd", sha512_h2, 0, feature::sha512},
    {"sha512su1", "Vd, Vn, Vm", "1100 1110 011 mmmmm 1 0 00 10 nnnnn ddddd", sha512_su1, 0, feature::sha512},
    {"sha512su0", "Vd, Vn",     "1100 1110 110 00000 1 0 00 00 nnnnn ddddd", sha512_su0, 0, feature::sha512},
    {"rax1",      "Vd, Vn, Vm", "1100 1110 011 mmmmm 1 0 00 11 nnnnn ddddd", sha3_rax1, 0, feature::sha3},
    {"eor3",      "Vd, Vn, Vm, Va", "1100 1110 000 mmmmm 0 aaaaa nnnnn ddddd", sha3_eor3, 0, feature::sha3},
    {"bcax",      "Vd, Vn, Vm, Va", "1100 1110 001 mmmmm 0 aaaaa nnnnn ddddd", sha3_bcax, 0, feature::sha3},
    {"xar",       "Vd, Vn, Vm, #i", "1100 1110 100 mmmmm iiiiii nnnnn ddddd", sha3_xar, 0, feature::sha3},
};
// clang-format on
static_assert(unambiguous<Line>(move_rows));
static_assert(unambiguous<Line>(structure_rows));
static_assert(unambiguous<Line>(crypto_table));

} // namespace

const Table simd_move_rows = table_of<move_rows>;
const Table simd_structure_rows = table_of<structure_rows>;
const Table crypto_rows = table_of<crypto_table>;

} // namespace emu::isa::a64
