// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A5.2.11 - A5.2.12, A5.5 - A5.7, A6.3.4: branches, status register access, coprocessor 15, and A32's encodings
// without a condition.
#include "isa/a32/sem_branch.h"
#include "isa/a32/sem_ldst.h"
#include "isa/table_check.h"

namespace emu::isa::a32 {

namespace {

// clang-format off
constexpr Line a32[] = {
    {"b",    "label",          ".... 1010 iiiiiiiiiiiiiiiiiiiiiiii", branch},
    {"bl",   "label",          ".... 1011 iiiiiiiiiiiiiiiiiiiiiiii", branch_link},
    {"bx",   "Rm",             ".... 00010010 111111111111 0001 mmmm", branch_exchange, 0, feature::thumb},
    {"bxj",  "Rm",             ".... 00010010 111111111111 0010 mmmm", branch_exchange, 0, feature::v5e},
    {"blx",  "Rm",             ".... 00010010 111111111111 0011 mmmm", branch_link_exchange_register, 0, feature::v5},
    {"bkpt", "#i",             ".... 00010010 iiiiiiiiiiii 0111 iiii", breakpoint, 0, feature::v5},
    {"udf",  "#i",             "1110 01111111 iiiiiiiiiiii 1111 iiii", undefined},
    {"svc",  "#i",             ".... 1111 iiiiiiiiiiiiiiiiiiiiiiii", supervisor_call},
    {"mrs",  "Rd, cpsr",       ".... 00010000 1111 dddd 0000 0000 0000", read_status},
    {"msr",  "cpsr, Rn",       ".... 00010010 kkkk 1111 0000 0000 nnnn", write_status_register},
    {"msr",  "cpsr, #i",       ".... 00110010 kkkk 1111 rrrr iiiiiiii", write_status_immediate},
    {"nop",  "",               ".... 00110010 0000 1111 0000 iiiiiiii", hint, 0, feature::v6k},
    {"mcr",  "p15, Rt",        ".... 1110 ooo 0 nnnn tttt 1111 ppp 1 mmmm", coprocessor_write},
    {"mrc",  "p15, Rt",        ".... 1110 ooo 1 nnnn tttt 1111 ppp 1 mmmm", coprocessor_read},
    {"mrrc", "p15, Rt, Ru",    ".... 11000101 uuuu tttt 1111 oooo mmmm", coprocessor_read_pair, 0, feature::v6},
};

constexpr Line unconditional[] = {
    {"blx",    "label",        "1111 101 H iiiiiiiiiiiiiiiiiiiiiiii", branch_link_exchange, 0, feature::v5},
    {"setend", "#E",           "1111 00010000 0001 000000 E 0 0000 0000", set_endianness, 0, feature::v6},
    {"cps",    "",             "1111 00010000 ...0 ........ ..0 .....", hint, 0, feature::v6},
    {"pld",    "[Rn, #i]",     "1111 0101 U . 01 nnnn 1111 iiiiiiiiiiii", preload, 0, feature::v5e},
    {"pld",    "[Rn, Rm]",     "1111 0111 U . 01 nnnn 1111 iiiii hh 0 mmmm", preload, 0, feature::v5e},
    {"pli",    "[Rn, #i]",     "1111 0100 U 101 nnnn 1111 iiiiiiiiiiii", preload, 0, feature::v7},
    {"pli",    "[Rn, Rm]",     "1111 0110 U 101 nnnn 1111 iiiii hh 0 mmmm", preload, 0, feature::v7},
    {"clrex",  "",             "1111 01010111 111111110000 0001 1111", clear_exclusive, 0, feature::v6k},
    {"dsb",    "",             "1111 01010111 111111110000 0100 ....", barrier, 0, feature::v7},
    {"dmb",    "",             "1111 01010111 111111110000 0101 ....", barrier, 0, feature::v7},
    {"isb",    "",             "1111 01010111 111111110000 0110 ....", instruction_barrier, 0, feature::v7},
    {"sb",     "",             "1111 01010111 111111110000 0111 ....", hint, 0, feature::sb},
};

constexpr Line t32[] = {
    {"b",    "label",          "11110 s cccc iiiiii 10 J 0 K jjjjjjjjjjj", branch_conditional_t32, 0, feature::v6t2},
    {"b",    "label",          "11110 s iiiiiiiiii 10 J 1 K jjjjjjjjjjj", branch_t32, 0, feature::v6t2},
    {"bl",   "label",          "11110 s iiiiiiiiii 11 J 1 K jjjjjjjjjjj", branch_link_t32, 0, feature::thumb},
    {"blx",  "label",          "11110 s iiiiiiiiii 11 J 0 K jjjjjjjjjjj", branch_link_exchange_t32, 0, feature::v5},
    {"bxj",  "Rm",             "111100111100 mmmm 1000 111100000000", branch_exchange, 0, feature::v6t2},
    {"tbb",  "[Rn, Rm]",       "111010001101 nnnn 1111 0000 000 H mmmm", table_branch, 0, feature::v6t2},
    {"msr",  "cpsr, Rn",       "111100111000 nnnn 1000 kkkk 00000000", write_status_register, 0, feature::v6t2},
    {"mrs",  "Rd, cpsr",       "111100111110 1111 1000 dddd 00000000", read_status, 0, feature::v6t2},
    {"nop",  "",               "111100111010 1111 1000 0 000 iiiiiiii", hint, 0, feature::v6t2},
    {"cps",  "",               "111100111010 1111 1000 0 ... iiiiiiii", hint, 0, feature::v6t2},
    {"clrex", "",              "111100111011 1111 1000 1111 0010 1111", clear_exclusive, 0, feature::v6t2},
    {"dsb",  "",               "111100111011 1111 1000 1111 0100 ....", barrier, 0, feature::v6t2},
    {"dmb",  "",               "111100111011 1111 1000 1111 0101 ....", barrier, 0, feature::v6t2},
    {"isb",  "",               "111100111011 1111 1000 1111 0110 ....", instruction_barrier, 0, feature::v6t2},
    {"sb",   "",               "111100111011 1111 1000 1111 0111 ....", hint, 0, feature::sb},
    {"udf",  "#i",             "111101111111 iiii 1010 iiiiiiiiiiii", undefined, 0, feature::v6t2},
};
// clang-format on
static_assert(unambiguous<Line>(a32));
static_assert(unambiguous<Line>(unconditional));
static_assert(unambiguous<Line>(t32));

} // namespace

const Table a32_branch_rows = table_of<a32>;
const Table a32_unconditional_rows = table_of<unconditional>;
const Table t32_branch_rows = table_of<t32>;

} // namespace emu::isa::a32
