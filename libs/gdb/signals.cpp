// SPDX-License-Identifier: MIT
#include "gdb/signals.h"

#include "common/types.h"

namespace emu::gdb {
namespace {

constexpr int unknown = 143;
/// By Linux's number, 0 to 31.
constexpr u8 table[] = {0,  1,  2,  3,  4,  5,  6,  10, 8,  9,  30, 11, 31, 13, 14, 15,
                        unknown, 20, 19, 17, 18, 21, 22, 16, 24, 25, 26, 27, 28, 23, 32, 12};
// Real-time signals: 32 and 64 came late, 33 to 63 are in a row.
constexpr int rt_32 = 77, rt_33 = 45, rt_64 = 78;

} // namespace

int signal_to_gdb(int signal) {
    if (signal >= 0 && signal < int(sizeof table)) return table[signal];
    if (signal == 32) return rt_32;
    if (signal == 64) return rt_64;
    return signal > 32 && signal < 64 ? rt_33 + signal - 33 : unknown;
}

int signal_from_gdb(int signal) {
    if (signal == unknown) return 0;
    for (int i = 0; i < int(sizeof table); i++)
        if (table[i] == signal) return i;
    if (signal == rt_32) return 32;
    if (signal == rt_64) return 64;
    return signal >= rt_33 && signal <= rt_33 + 30 ? signal - rt_33 + 33 : 0;
}

} // namespace emu::gdb
