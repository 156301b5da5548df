// SPDX-License-Identifier: MIT
// Arm ARM C4.1, "Branches, Exception Generating and System instructions", and UDF from "Reserved".
#include "isa/a64/pauth.h"
#include "isa/a64/sem_branch_sys.h"
#include "isa/table_check.h"

namespace emu::isa::a64 {

namespace {
using feature::pauth;

// clang-format off
constexpr Line rows[] = {
    {"udf", "#i",                "0000000000000000 iiiiiiiiiiiiiiii", undefined},

    // Branches
    {"b.",    "c label",         "0101010 0 iiiiiiiiiiiiiiiiiii 0 cccc", branch_conditional},
    {"b",     "label",           "0 00101 iiiiiiiiiiiiiiiiiiiiiiiiii", branch},
    {"bl",    "label",           "1 00101 iiiiiiiiiiiiiiiiiiiiiiiiii", branch_link},
    {"cbz",   "Rt, label",       "z 011010 0 iiiiiiiiiiiiiiiiiii ttttt", compare_branch, 0},
    {"cbnz",  "Rt, label",       "z 011010 1 iiiiiiiiiiiiiiiiiii ttttt", compare_branch, 1},
    {"tbz",   "Rt, #b, label",   "b 011011 0 bbbbb iiiiiiiiiiiiii ttttt", test_branch, 0},
    {"tbnz",  "Rt, #b, label",   "b 011011 1 bbbbb iiiiiiiiiiiiii ttttt", test_branch, 1},
    {"br",    "Xn",              "1101011 0000 11111 000000 nnnnn 00000", branch_register},
    {"blr",   "Xn",              "1101011 0001 11111 000000 nnnnn 00000", branch_link_register},
    {"ret",   "Xn",              "1101011 0010 11111 000000 nnnnn 00000", return_register},
    {"eret",  "",                "1101011 0100 11111 000000 11111 00000", exception_return},
    {"braaz",  "Xn",             "1101011 0000 11111 000010 nnnnn 11111", branch_authenticated, pac_ia | pac_zero, pauth},
    {"brabz",  "Xn",             "1101011 0000 11111 000011 nnnnn 11111", branch_authenticated, pac_ib | pac_zero, pauth},
    {"blraaz", "Xn",             "1101011 0001 11111 000010 nnnnn 11111", branch_link_authenticated, pac_ia | pac_zero, pauth},
    {"blrabz", "Xn",             "1101011 0001 11111 000011 nnnnn 11111", branch_link_authenticated, pac_ib | pac_zero, pauth},
    {"retaa",  "",               "1101011 0010 11111 000010 11111 11111", return_authenticated, pac_ia, pauth},
    {"retab",  "",               "1101011 0010 11111 000011 11111 11111", return_authenticated, pac_ib, pauth},
    {"braa",   "Xn, Xm|SP",      "1101011 1000 11111 000010 nnnnn mmmmm", branch_authenticated, pac_ia, pauth},
    {"brab",   "Xn, Xm|SP",      "1101011 1000 11111 000011 nnnnn mmmmm", branch_authenticated, pac_ib, pauth},
    {"blraa",  "Xn, Xm|SP",      "1101011 1001 11111 000010 nnnnn mmmmm", branch_link_authenticated, pac_ia, pauth},
    {"blrab",  "Xn, Xm|SP",      "1101011 1001 11111 000011 nnnnn mmmmm", branch_link_authenticated, pac_ib, pauth},

    // Exceptions
    {"svc",   "#i",              "11010100 000 iiiiiiiiiiiiiiii 000 01", supervisor_call},
    {"hvc",   "#i",              "11010100 000 iiiiiiiiiiiiiiii 000 10", hypervisor_call},
    {"smc",   "#i",              "11010100 000 iiiiiiiiiiiiiiii 000 11", secure_monitor_call},
    {"brk",   "#i",              "11010100 001 iiiiiiiiiiiiiiii 000 00", breakpoint},
    {"hlt",   "#i",              "11010100 010 iiiiiiiiiiiiiiii 000 00", halting_breakpoint},

    // Hints: those that this CPU does not know are NOPs
    {"hint",  "#i",              "1101010100 0 00 011 0010 iiii iii 11111", hint},
    {"wfe",   "",                "1101010100 0 00 011 0010 0000 010 11111", hint},
    {"wfi",   "",                "1101010100 0 00 011 0010 0000 011 11111", wait_for_interrupt},
    {"xpaclri",   "",            "1101010100 0 00 011 0010 0000 111 11111", hint_pac, pac_ga | pac_x30_zero, pauth},
    {"pacia1716", "",            "1101010100 0 00 011 0010 0001 000 11111", hint_pac, pac_ia | pac_x17_x16, pauth},
    {"pacib1716", "",            "1101010100 0 00 011 0010 0001 010 11111", hint_pac, pac_ib | pac_x17_x16, pauth},
    {"autia1716", "",            "1101010100 0 00 011 0010 0001 100 11111", hint_pac, pac_ia | pac_x17_x16 | pac_authenticate, pauth},
    {"autib1716", "",            "1101010100 0 00 011 0010 0001 110 11111", hint_pac, pac_ib | pac_x17_x16 | pac_authenticate, pauth},
    {"paciaz",    "",            "1101010100 0 00 011 0010 0011 000 11111", hint_pac, pac_ia | pac_x30_zero, pauth},
    {"paciasp",   "",            "1101010100 0 00 011 0010 0011 001 11111", hint_pac, pac_ia | pac_x30_sp, pauth},
    {"pacibz",    "",            "1101010100 0 00 011 0010 0011 010 11111", hint_pac, pac_ib | pac_x30_zero, pauth},
    {"pacibsp",   "",            "1101010100 0 00 011 0010 0011 011 11111", hint_pac, pac_ib | pac_x30_sp, pauth},
    {"autiaz",    "",            "1101010100 0 00 011 0010 0011 100 11111", hint_pac, pac_ia | pac_x30_zero | pac_authenticate, pauth},
    {"autiasp",   "",            "1101010100 0 00 011 0010 0011 101 11111", hint_pac, pac_ia | pac_x30_sp | pac_authenticate, pauth},
    {"autibz",    "",            "1101010100 0 00 011 0010 0011 110 11111", hint_pac, pac_ib | pac_x30_zero | pac_authenticate, pauth},
    {"autibsp",   "",            "1101010100 0 00 011 0010 0011 111 11111", hint_pac, pac_ib | pac_x30_sp | pac_authenticate, pauth},

    // Barriers
    {"clrex", "#i",              "1101010100 0 00 011 0011 iiii 010 11111", clear_exclusive},
    {"dsb",   "#i",              "1101010100 0 00 011 0011 iiii 100 11111", data_barrier, 1},
    {"dmb",   "#i",              "1101010100 0 00 011 0011 iiii 101 11111", data_barrier, 0},
    {"isb",   "#i",              "1101010100 0 00 011 0011 iiii 110 11111", instruction_barrier},
    {"sb",    "",                "1101010100 0 00 011 0011 0000 111 11111", speculation_barrier, 0, feature::sb},

    // PSTATE
    {"cfinv",  "",               "1101010100 0 00 000 0100 0000 000 11111", invert_carry, 0, feature::flagm},
    {"xaflag", "",               "1101010100 0 00 000 0100 0000 001 11111", flags_from_external, 0, feature::flagm2},
    {"axflag", "",               "1101010100 0 00 000 0100 0000 010 11111", flags_to_external, 0, feature::flagm2},
    {"msr",    "pstate, #i",     "1101010100 0 00 ooo 0100 iiii ppp 11111", write_pstate},

    // System registers and instructions
    {"sys",   "#o, #n, #m, #p, Xt", "1101010100 0 01 ooo nnnn mmmm ppp ttttt", system_instruction},
    {"sysl",  "Xt, #o, #n, #m, #p", "1101010100 1 01 ooo nnnn mmmm ppp ttttt", system_instruction_result},
    {"msr",   "sysreg, Xt",         "1101010100 0 1q ooo nnnn mmmm ppp ttttt", write_system},
    {"mrs",   "Xt, sysreg",         "1101010100 1 1q ooo nnnn mmmm ppp ttttt", read_system},
};
// clang-format on
static_assert(unambiguous<Line>(rows));

} // namespace

const Table branch_sys_rows = table_of<rows>;

} // namespace emu::isa::a64
