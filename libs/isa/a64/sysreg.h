// SPDX-License-Identifier: MIT
// System registers and system instructions as table rows (Arm ARM C5.2 - C5.5, D13).
#pragma once
#include "isa/a64/translate.h"

namespace emu::isa::a64 {

/// op0:op1:CRn:CRm:op2 in the order of the encoding.
constexpr u16 sysreg_key(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2) {
    return u16(op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2);
}

/// A register (MRS, MSR) or an instruction (SYS: only `write`, with Xt as the value). Absent accesses are undefined. The functions
/// emit IR; `arg` is theirs.
struct SysReg {
    std::string_view name;
    u16 key;
    u8 el;                                          ///< lowest exception level that may touch it
    Val (*read)(Unit& u, u32 arg) = nullptr;
    void (*write)(Unit& u, Val value, u32 arg) = nullptr;
    u32 arg = 0;
    u64 features = 0;
};

extern const std::span<const SysReg> user_registers;     ///< usable at EL0
extern const std::span<const SysReg> system_registers;   ///< EL1 (sys_regs.cpp)

/// The row for a key that exists on this CPU and may be touched where the unit runs, or null.
const SysReg* find_sysreg(const Unit& u, u16 key);

// Accesses that need nothing but a slot.
Val read_slot(Unit& u, u32 slot);
void write_slot(Unit& u, Val value, u32 slot);

} // namespace emu::isa::a64
