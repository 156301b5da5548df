// SPDX-License-Identifier: MIT
// The host CPU as an oracle: code runs on it with all registers given, and what it left (or the signal it raised) is kept.
#pragma once
#include "common/types.h"

namespace emu::lockstep_x86 {

/// Registers in the order of their numbers, and an XSAVE area of x87, SSE and AVX in the standard format.
struct alignas(64) Registers {
    u8 area[1024] = {};
    u64 gpr[16] = {};
    u64 flags = 2;
    int signal = 0;       ///< that ended the run, 0: it came to its end
    u64 pc = 0;           ///< of the culprit
};

/// Where generated code jumps at its end (through memory, so that no register is used).
u64 native_end();
/// The selector and the code that 32-bit code leaves through: ljmp to it. Below 4 GiB, made by native_prepare().
u64 native_end_32();
bool native_has_32();
/// Install the signal handlers; once.
void native_prepare();
/// Run code at `entry`, below 2 GiB, with `registers`; they are what it left afterwards.
void native_run(u64 entry, Registers& registers, bool wide = true);

} // namespace emu::lockstep_x86
