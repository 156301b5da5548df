// SPDX-License-Identifier: MIT
// Arm ARM C4.1, "Data Processing -- Immediate".
#include "isa/a64/sem_dp_imm.h"
#include "isa/table_check.h"

namespace emu::isa::a64 {

namespace {
using namespace alu;

// clang-format off
constexpr Line rows[] = {
    {"adr",  "Xd, label",            "0 ll 10000 iiiiiiiiiiiiiiiiiii ddddd", pc_relative, 0},
    {"adrp", "Xd, label",            "1 ll 10000 iiiiiiiiiiiiiiiiiii ddddd", pc_relative, 1},

    {"add",  "Rd|SP, Rn|SP, #i, h",  "z 00 100010 h iiiiiiiiiiii nnnnn ddddd", add_sub_immediate, add},
    {"adds", "Rd, Rn|SP, #i, h",     "z 01 100010 h iiiiiiiiiiii nnnnn ddddd", add_sub_immediate, add | set_flags},
    {"sub",  "Rd|SP, Rn|SP, #i, h",  "z 10 100010 h iiiiiiiiiiii nnnnn ddddd", add_sub_immediate, sub},
    {"subs", "Rd, Rn|SP, #i, h",     "z 11 100010 h iiiiiiiiiiii nnnnn ddddd", add_sub_immediate, sub | set_flags},

    {"and",  "Rd|SP, Rn, #mask",     "z 00 100100 N rrrrrr ssssss nnnnn ddddd", logical_immediate, and_},
    {"orr",  "Rd|SP, Rn, #mask",     "z 01 100100 N rrrrrr ssssss nnnnn ddddd", logical_immediate, orr},
    {"eor",  "Rd|SP, Rn, #mask",     "z 10 100100 N rrrrrr ssssss nnnnn ddddd", logical_immediate, eor},
    {"ands", "Rd, Rn, #mask",        "z 11 100100 N rrrrrr ssssss nnnnn ddddd", logical_immediate, and_ | set_flags},

    {"movn", "Rd, #i, lsl h",        "z 00 100101 hh iiiiiiiiiiiiiiii ddddd", move_wide_not},
    {"movz", "Rd, #i, lsl h",        "z 10 100101 hh iiiiiiiiiiiiiiii ddddd", move_wide_zero},
    {"movk", "Rd, #i, lsl h",        "z 11 100101 hh iiiiiiiiiiiiiiii ddddd", move_wide_keep},

    {"sbfm", "Rd, Rn, #r, #s",       "z 00 100110 N rrrrrr ssssss nnnnn ddddd", bitfield_signed},
    {"bfm",  "Rd, Rn, #r, #s",       "z 01 100110 N rrrrrr ssssss nnnnn ddddd", bitfield_insert},
    {"ubfm", "Rd, Rn, #r, #s",       "z 10 100110 N rrrrrr ssssss nnnnn ddddd", bitfield_unsigned},

    {"extr", "Rd, Rn, Rm, #s",       "z 00 100111 N 0 mmmmm ssssss nnnnn ddddd", extract},
};
// clang-format on
static_assert(unambiguous<Line>(rows));

} // namespace

const Table dp_imm_rows = table_of<rows>;

} // namespace emu::isa::a64
