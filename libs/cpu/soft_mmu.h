// SPDX-License-Identifier: MIT
// Guest memory behind an MMU: what a whole machine's vCPU sees. The TLB it fills (StateHeader::tlb) is the one that the probe
// in translated code looks up; everything the probe cannot do in line comes here.
//
// A TLB entry whose tag for an access kind equals the access's virtual page address means: RAM, allowed, host address =
// guest address + addend. Devices, refused accesses, pages with watched code (for writes) and accesses that cross a page
// never match: the tag is all ones.
#pragma once
#include "ir/memory.h"
#include "ir/state.h"
#include "isa/isa.h"

#include <memory>

namespace emu::cpu {

/// The physical side: RAM and device registers. Called by vCPU threads; devices guard themselves.
class PhysicalBus {
public:
    virtual ~PhysicalBus() = default;
    /// Host address of RAM at `physical`, good to the end of its 4 KiB page; null if there is none.
    virtual u8* ram(u64 physical) = 0;
    /// Device access of 1 to 8 bytes. False: nothing answers there.
    virtual bool read(u64 physical, unsigned size, u64& value) = 0;
    virtual bool write(u64 physical, unsigned size, u64 value) = 0;
};

class Vcpu;

class SoftMmu final : public ir::Memory {
public:
    SoftMmu(Vcpu& cpu, PhysicalBus& bus);

    ir::V128 load(u64 address, ir::MemFlags flags) override;
    void store(u64 address, ir::MemFlags flags, ir::V128 value) override;
    u64 rmw(u64 address, ir::MemFlags flags, ir::AtomicOp op, u64 operand) override;
    ir::V128 cas(u64 address, ir::MemFlags flags, ir::V128 expected, ir::V128 desired) override;

    /// Instruction bytes for the translator; false where the guest may not fetch.
    bool fetch(u64 address, Bytes to);

    /// Drop every entry (TLB maintenance, change of translation tables or privilege).
    void flush();

    struct Stats {
        u64 fills = 0, slow = 0, devices = 0;
    };
    const Stats& stats() const { return stats_; }

private:
    enum Access : unsigned { access_read, access_write, access_fetch };
    /// Host address for an access within one page, or null for a device (then `physical` is set). Raises the guest's fault.
    u8* translate(u64 address, Access access, unsigned view, u64& physical);
    ir::V128 load_bytes(u64 address, unsigned size, unsigned view);
    void store_bytes(u64 address, unsigned size, unsigned view, const ir::V128& value);
    u8* atomic_target(u64 address, ir::MemFlags flags);

    Vcpu& cpu_;
    PhysicalBus& bus_;
    std::unique_ptr<ir::TlbEntry[]> tlb_;
    ir::FlatMemory flat_{0};
    Stats stats_;
};

} // namespace emu::cpu
