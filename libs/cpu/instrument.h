// SPDX-License-Identifier: MIT
// Somebody who wants to hear what the guest's code does (plugins).
#pragma once
#include "ir/ir.h"

namespace emu::cpu {

/// Called by any vCPU's thread, several at once.
class Instrument {
public:
    virtual ~Instrument() = default;
    /// Code was translated. The engine's lock is held.
    virtual void translated(const ir::Function& function) = 0;
    /// `instructions` in a row, from pc on, are done as soon as the last of them is.
    virtual void executed(u64 pc, u32 instructions) = 0;
    virtual bool wants_executed() const = 0;
    /// Before an access. Asking for this makes the guest be interpreted.
    virtual void accesses(u64 address, unsigned size, bool writes) = 0;
    virtual bool wants_accesses() const = 0;
};

} // namespace emu::cpu
