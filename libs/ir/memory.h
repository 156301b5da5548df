// SPDX-License-Identifier: MIT
// Guest memory as the interpreter and the slow paths of translated code see it.
#pragma once
#include "ir/ir.h"

namespace emu::ir {

/// Accesses that cannot be done do not return: they raise the guest's exception through the vCPU (see cpu::Vcpu::raise).
/// Values are little-endian in V128::lo/hi, zero-extended from the access size; byte order and sign extension are the
/// caller's. `flags` are the node's; atomic accesses are single-copy atomic up to 16 bytes when aligned.
class Memory {
public:
    virtual ~Memory() = default;
    virtual V128 load(u64 address, MemFlags flags) = 0;
    virtual void store(u64 address, MemFlags flags, V128 value) = 0;
    /// Atomically replace; both return the old value.
    virtual u64 rmw(u64 address, MemFlags flags, AtomicOp op, u64 operand) = 0;
    virtual V128 cas(u64 address, MemFlags flags, V128 expected, V128 desired) = 0;
};

/// Memory at host address base + (address & mask); a fault is a host SIGSEGV that the vCPU's handler turns into the guest's.
class FlatMemory final : public Memory {
public:
    explicit FlatMemory(u64 base, u64 mask = ~u64(0)) : base_(base), mask_(mask) {}
    V128 load(u64 address, MemFlags flags) override;
    void store(u64 address, MemFlags flags, V128 value) override;
    u64 rmw(u64 address, MemFlags flags, AtomicOp op, u64 operand) override;
    V128 cas(u64 address, MemFlags flags, V128 expected, V128 desired) override;
    void set_mask(u64 mask) { mask_ = mask; }

private:
    u64 base_, mask_;
};

} // namespace emu::ir
