// SPDX-License-Identifier: MIT
// Pointer authentication (Arm ARM D5.1.5, FEAT_PAuth) with an algorithm of our own, as the architecture allows (API/GPI = 1).
#pragma once
#include "isa/a64/translate.h"

namespace emu::isa::a64 {

/// Which key, and flags for rows that share a function.
enum PacArg : u32 {
    pac_ia, pac_ib, pac_da, pac_db, pac_ga,
    pac_key = 7,
    pac_authenticate = 16,
    pac_zero = 32,           ///< the modifier is zero instead of a register
    pac_x17_x16 = 64,        ///< pointer and modifier of a hint
    pac_x30_sp = 128,
    pac_x30_zero = 256,
};

/// AddPAC, Auth (a wrong code leaves an address that faults when used) and Strip.
Val pac_sign(Unit& u, Val pointer, Val modifier, u32 key);
Val pac_auth(Unit& u, Val pointer, Val modifier, u32 key);
Val pac_strip_code(Unit& u, Val pointer);

} // namespace emu::isa::a64
