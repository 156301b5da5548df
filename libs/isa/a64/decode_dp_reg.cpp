// SPDX-License-Identifier: MIT
// Arm ARM C4.1, "Data Processing -- Register".
#include "isa/a64/pauth.h"
#include "isa/a64/sem_dp_imm.h"
#include "isa/a64/sem_dp_reg.h"
#include "isa/table_check.h"

namespace emu::isa::a64 {

namespace {
using namespace alu;
constexpr u32 op(Op o) { return u32(o); }

// clang-format off
constexpr Line rows[] = {
    // Two sources
    {"udiv",  "Rd, Rn, Rm",         "z 0 0 11010110 mmmmm 000010 nnnnn ddddd", divide, op(Op::udiv)},
    {"sdiv",  "Rd, Rn, Rm",         "z 0 0 11010110 mmmmm 000011 nnnnn ddddd", divide, op(Op::sdiv)},
    {"lslv",  "Rd, Rn, Rm",         "z 0 0 11010110 mmmmm 001000 nnnnn ddddd", shift_variable, op(Op::shl)},
    {"lsrv",  "Rd, Rn, Rm",         "z 0 0 11010110 mmmmm 001001 nnnnn ddddd", shift_variable, op(Op::shr)},
    {"asrv",  "Rd, Rn, Rm",         "z 0 0 11010110 mmmmm 001010 nnnnn ddddd", shift_variable, op(Op::sar)},
    {"rorv",  "Rd, Rn, Rm",         "z 0 0 11010110 mmmmm 001011 nnnnn ddddd", shift_variable, op(Op::rotr)},
    {"crc32b",  "Wd, Wn, Wm",       "0 0 0 11010110 mmmmm 010000 nnnnn ddddd", crc, 1 << 1, feature::crc32},
    {"crc32h",  "Wd, Wn, Wm",       "0 0 0 11010110 mmmmm 010001 nnnnn ddddd", crc, 2 << 1, feature::crc32},
    {"crc32w",  "Wd, Wn, Wm",       "0 0 0 11010110 mmmmm 010010 nnnnn ddddd", crc, 4 << 1, feature::crc32},
    {"crc32x",  "Wd, Wn, Xm",       "1 0 0 11010110 mmmmm 010011 nnnnn ddddd", crc, 8 << 1, feature::crc32},
    {"crc32cb", "Wd, Wn, Wm",       "0 0 0 11010110 mmmmm 010100 nnnnn ddddd", crc, 1 << 1 | 1, feature::crc32},
    {"crc32ch", "Wd, Wn, Wm",       "0 0 0 11010110 mmmmm 010101 nnnnn ddddd", crc, 2 << 1 | 1, feature::crc32},
    {"crc32cw", "Wd, Wn, Wm",       "0 0 0 11010110 mmmmm 010110 nnnnn ddddd", crc, 4 << 1 | 1, feature::crc32},
    {"crc32cx", "Wd, Wn, Xm",       "1 0 0 11010110 mmmmm 010111 nnnnn ddddd", crc, 8 << 1 | 1, feature::crc32},
    {"pacga", "Xd, Xn, Xm|SP",      "1 0 0 11010110 mmmmm 001100 nnnnn ddddd", pac_generic, 0, feature::pauth},

    // One source
    {"rbit",  "Rd, Rn",             "z 1 0 11010110 00000 000000 nnnnn ddddd", one_source, op(Op::bitrev)},
    {"rev16", "Rd, Rn",             "z 1 0 11010110 00000 000001 nnnnn ddddd", one_source, op(Op::bswap16)},
    {"rev",   "Wd, Wn",             "0 1 0 11010110 00000 000010 nnnnn ddddd", one_source, op(Op::bswap)},
    {"rev32", "Xd, Xn",             "1 1 0 11010110 00000 000010 nnnnn ddddd", one_source, op(Op::bswap32)},
    {"rev",   "Xd, Xn",             "1 1 0 11010110 00000 000011 nnnnn ddddd", one_source, op(Op::bswap)},
    {"clz",   "Rd, Rn",             "z 1 0 11010110 00000 000100 nnnnn ddddd", one_source, op(Op::clz)},
    {"cls",   "Rd, Rn",             "z 1 0 11010110 00000 000101 nnnnn ddddd", one_source, op(Op::cls)},
    {"pacia", "Xd, Xn|SP",          "1 1 0 11010110 00001 000000 nnnnn ddddd", pac_register, pac_ia, feature::pauth},
    {"pacib", "Xd, Xn|SP",          "1 1 0 11010110 00001 000001 nnnnn ddddd", pac_register, pac_ib, feature::pauth},
    {"pacda", "Xd, Xn|SP",          "1 1 0 11010110 00001 000010 nnnnn ddddd", pac_register, pac_da, feature::pauth},
    {"pacdb", "Xd, Xn|SP",          "1 1 0 11010110 00001 000011 nnnnn ddddd", pac_register, pac_db, feature::pauth},
    {"autia", "Xd, Xn|SP",          "1 1 0 11010110 00001 000100 nnnnn ddddd", pac_register, pac_ia | pac_authenticate, feature::pauth},
    {"autib", "Xd, Xn|SP",          "1 1 0 11010110 00001 000101 nnnnn ddddd", pac_register, pac_ib | pac_authenticate, feature::pauth},
    {"autda", "Xd, Xn|SP",          "1 1 0 11010110 00001 000110 nnnnn ddddd", pac_register, pac_da | pac_authenticate, feature::pauth},
    {"autdb", "Xd, Xn|SP",          "1 1 0 11010110 00001 000111 nnnnn ddddd", pac_register, pac_db | pac_authenticate, feature::pauth},
    {"paciza", "Xd",                "1 1 0 11010110 00001 001000 11111 ddddd", pac_register, pac_ia | pac_zero, feature::pauth},
    {"pacizb", "Xd",                "1 1 0 11010110 00001 001001 11111 ddddd", pac_register, pac_ib | pac_zero, feature::pauth},
    {"pacdza", "Xd",                "1 1 0 11010110 00001 001010 11111 ddddd", pac_register, pac_da | pac_zero, feature::pauth},
    {"pacdzb", "Xd",                "1 1 0 11010110 00001 001011 11111 ddddd", pac_register, pac_db | pac_zero, feature::pauth},
    {"autiza", "Xd",                "1 1 0 11010110 00001 001100 11111 ddddd", pac_register, pac_ia | pac_zero | pac_authenticate, feature::pauth},
    {"autizb", "Xd",                "1 1 0 11010110 00001 001101 11111 ddddd", pac_register, pac_ib | pac_zero | pac_authenticate, feature::pauth},
    {"autdza", "Xd",                "1 1 0 11010110 00001 001110 11111 ddddd", pac_register, pac_da | pac_zero | pac_authenticate, feature::pauth},
    {"autdzb", "Xd",                "1 1 0 11010110 00001 001111 11111 ddddd", pac_register, pac_db | pac_zero | pac_authenticate, feature::pauth},
    {"xpaci", "Xd",                 "1 1 0 11010110 00001 010000 11111 ddddd", pac_strip, 0, feature::pauth},
    {"xpacd", "Xd",                 "1 1 0 11010110 00001 010001 11111 ddddd", pac_strip, 0, feature::pauth},

    // Logical, shifted register
    {"and",  "Rd, Rn, Rm, h #i",    "z 00 01010 hh 0 mmmmm iiiiii nnnnn ddddd", logical_shifted, and_},
    {"bic",  "Rd, Rn, Rm, h #i",    "z 00 01010 hh 1 mmmmm iiiiii nnnnn ddddd", logical_shifted, bic},
    {"orr",  "Rd, Rn, Rm, h #i",    "z 01 01010 hh 0 mmmmm iiiiii nnnnn ddddd", logical_shifted, orr},
    {"orn",  "Rd, Rn, Rm, h #i",    "z 01 01010 hh 1 mmmmm iiiiii nnnnn ddddd", logical_shifted, orn},
    {"eor",  "Rd, Rn, Rm, h #i",    "z 10 01010 hh 0 mmmmm iiiiii nnnnn ddddd", logical_shifted, eor},
    {"eon",  "Rd, Rn, Rm, h #i",    "z 10 01010 hh 1 mmmmm iiiiii nnnnn ddddd", logical_shifted, eon},
    {"ands", "Rd, Rn, Rm, h #i",    "z 11 01010 hh 0 mmmmm iiiiii nnnnn ddddd", logical_shifted, and_ | set_flags},
    {"bics", "Rd, Rn, Rm, h #i",    "z 11 01010 hh 1 mmmmm iiiiii nnnnn ddddd", logical_shifted, bic | set_flags},

    // Add and subtract, shifted and extended register, with carry
    {"add",  "Rd, Rn, Rm, h #i",    "z 00 01011 hh 0 mmmmm iiiiii nnnnn ddddd", add_sub_shifted, add},
    {"adds", "Rd, Rn, Rm, h #i",    "z 01 01011 hh 0 mmmmm iiiiii nnnnn ddddd", add_sub_shifted, add | set_flags},
    {"sub",  "Rd, Rn, Rm, h #i",    "z 10 01011 hh 0 mmmmm iiiiii nnnnn ddddd", add_sub_shifted, sub},
    {"subs", "Rd, Rn, Rm, h #i",    "z 11 01011 hh 0 mmmmm iiiiii nnnnn ddddd", add_sub_shifted, sub | set_flags},
    {"add",  "Rd|SP, Rn|SP, Rm, o #i", "z 00 01011 00 1 mmmmm ooo iii nnnnn ddddd", add_sub_extended, add},
    {"adds", "Rd, Rn|SP, Rm, o #i",    "z 01 01011 00 1 mmmmm ooo iii nnnnn ddddd", add_sub_extended, add | set_flags},
    {"sub",  "Rd|SP, Rn|SP, Rm, o #i", "z 10 01011 00 1 mmmmm ooo iii nnnnn ddddd", add_sub_extended, sub},
    {"subs", "Rd, Rn|SP, Rm, o #i",    "z 11 01011 00 1 mmmmm ooo iii nnnnn ddddd", add_sub_extended, sub | set_flags},
    {"adc",  "Rd, Rn, Rm",          "z 00 11010000 mmmmm 000000 nnnnn ddddd", add_sub_carry, add},
    {"adcs", "Rd, Rn, Rm",          "z 01 11010000 mmmmm 000000 nnnnn ddddd", add_sub_carry, add | set_flags},
    {"sbc",  "Rd, Rn, Rm",          "z 10 11010000 mmmmm 000000 nnnnn ddddd", add_sub_carry, sub},
    {"sbcs", "Rd, Rn, Rm",          "z 11 11010000 mmmmm 000000 nnnnn ddddd", add_sub_carry, sub | set_flags},

    // Flags
    {"rmif",   "Xn, #i, #k",        "1 01 11010000 iiiiii 00001 nnnnn 0 kkkk", rotate_into_flags, 0, feature::flagm},
    {"setf8",  "Wn",                "0 01 11010000 000000 0 0010 nnnnn 0 1101", set_flags_8_16, 8, feature::flagm},
    {"setf16", "Wn",                "0 01 11010000 000000 1 0010 nnnnn 0 1101", set_flags_8_16, 16, feature::flagm},
    {"ccmn", "Rn, Rm, #k, c",       "z 0 1 11010010 mmmmm cccc 00 nnnnn 0 kkkk", conditional_compare_register, add},
    {"ccmn", "Rn, #i, #k, c",       "z 0 1 11010010 iiiii cccc 10 nnnnn 0 kkkk", conditional_compare_immediate, add},
    {"ccmp", "Rn, Rm, #k, c",       "z 1 1 11010010 mmmmm cccc 00 nnnnn 0 kkkk", conditional_compare_register, sub},
    {"ccmp", "Rn, #i, #k, c",       "z 1 1 11010010 iiiii cccc 10 nnnnn 0 kkkk", conditional_compare_immediate, sub},
    {"csel",  "Rd, Rn, Rm, c",      "z 00 11010100 mmmmm cccc 00 nnnnn ddddd", conditional_select, 0},
    {"csinc", "Rd, Rn, Rm, c",      "z 00 11010100 mmmmm cccc 01 nnnnn ddddd", conditional_select, 1},
    {"csinv", "Rd, Rn, Rm, c",      "z 10 11010100 mmmmm cccc 00 nnnnn ddddd", conditional_select, 2},
    {"csneg", "Rd, Rn, Rm, c",      "z 10 11010100 mmmmm cccc 01 nnnnn ddddd", conditional_select, 3},

    // Three sources
    {"madd",   "Rd, Rn, Rm, Ra",    "z 00 11011 000 mmmmm 0 aaaaa nnnnn ddddd", multiply_add, add},
    {"msub",   "Rd, Rn, Rm, Ra",    "z 00 11011 000 mmmmm 1 aaaaa nnnnn ddddd", multiply_add, sub},
    {"smaddl", "Xd, Wn, Wm, Xa",    "1 00 11011 001 mmmmm 0 aaaaa nnnnn ddddd", multiply_add_long, add | 16},
    {"smsubl", "Xd, Wn, Wm, Xa",    "1 00 11011 001 mmmmm 1 aaaaa nnnnn ddddd", multiply_add_long, sub | 16},
    {"umaddl", "Xd, Wn, Wm, Xa",    "1 00 11011 101 mmmmm 0 aaaaa nnnnn ddddd", multiply_add_long, add},
    {"umsubl", "Xd, Wn, Wm, Xa",    "1 00 11011 101 mmmmm 1 aaaaa nnnnn ddddd", multiply_add_long, sub},
    {"smulh",  "Xd, Xn, Xm",        "1 00 11011 010 mmmmm 0 ..... nnnnn ddddd", multiply_high, op(Op::mulhs)},
    {"umulh",  "Xd, Xn, Xm",        "1 00 11011 110 mmmmm 0 ..... nnnnn ddddd", multiply_high, op(Op::mulhu)},
};
// clang-format on
static_assert(unambiguous<Line>(rows));

} // namespace

const Table dp_reg_rows = table_of<rows>;

} // namespace emu::isa::a64
