// SPDX-License-Identifier: MIT
// Wireless MMX (Intel, Wireless MMX Technology Developer's Guide, chapter 4) and the 40-bit accumulator of XScale: the data
// processing instructions as functions, which translated code calls.
#pragma once
#include "isa/a32/state.h"

namespace emu::isa::a32 {

/// Control registers by their numbers.
enum : unsigned { wcid = 0, wcon = 1, wcssf = 2, wcasf = 3, wcgr0 = 8 };
inline constexpr u32 wcid_value = 0x69051000 | 'Q';

/// Does the instruction word of a row for data processing have a meaning?
bool wmmx_exists(u32 word);
/// wR registers and flags after it; the word must have a meaning.
void wmmx_execute(State& state, u32 word);

extern const ir::Helper helper_wmmx;         ///< (word)
extern const ir::Helper helper_wmmx_get;     ///< (register) -> its 64 bits
extern const ir::Helper helper_wmmx_set;     ///< (register, value)
extern const ir::Helper helper_wmmx_control; ///< (register) -> control register
extern const ir::Helper helper_wmmx_set_control;
extern const ir::Helper helper_wmmx_extract; ///< (word) -> what TEXTRM gives
extern const ir::Helper helper_wmmx_insert;  ///< (word, value): TINSR, TBCST
extern const ir::Helper helper_wmmx_mask;    ///< (word) -> what TMOVMSK gives
extern const ir::Helper helper_wmmx_flags;   ///< (word) -> NZCV, in bits 31 to 28, of TANDC, TORC and TEXTRC
extern const ir::Helper helper_wmmx_multiply; ///< (word, Rm, Rs): TMIA, MIA and their like

} // namespace emu::isa::a32
