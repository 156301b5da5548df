// SPDX-License-Identifier: MIT
#include "cpu/soft_mmu.h"

#include "cpu/vcpu.h"

#include <algorithm>
#include <cstring>

namespace emu::cpu {

namespace {
constexpr u64 page_size = u64(1) << ir::tlb_page_bits, page_mask = page_size - 1;
constexpr usize entries = usize(ir::tlb_views) << ir::tlb_bits;
} // namespace

SoftMmu::SoftMmu(Vcpu& cpu, PhysicalBus& bus) : cpu_(cpu), bus_(bus), tlb_(std::make_unique<ir::TlbEntry[]>(entries)) {
    cpu.state().tlb = tlb_.get();
    cpu.state().memory = this;
}

void SoftMmu::flush() { std::fill_n(tlb_.get(), entries, ir::TlbEntry{}); }

u8* SoftMmu::translate(u64 address, Access access, unsigned view, u64& physical) {
    ir::TlbEntry& entry = tlb_[(view << ir::tlb_bits) + (address >> ir::tlb_page_bits & ((1u << ir::tlb_bits) - 1))];
    const u64 page = address & ~page_mask;
    u64 ir::TlbEntry::*tag = access == access_read ? &ir::TlbEntry::read : access == access_write ? &ir::TlbEntry::write : &ir::TlbEntry::exec;
    if (entry.*tag == page) return reinterpret_cast<u8*>(address + entry.addend);

    u64 block_size = page_size;
    if (!cpu_.engine().isa().walk(cpu_.state(), address, access, view, physical, block_size))
        cpu_.raise(access == access_read ? isa::Trap::load_fault : access == access_write ? isa::Trap::store_fault : isa::Trap::fetch_fault, address);
    u8* host = bus_.ram(physical & ~page_mask);
    if (!host) return nullptr;
    const u64 addend = u64(host) - page;
    if (entry.addend != addend || (entry.read != page && entry.write != page && entry.exec != page)) entry = {};
    entry.addend = addend;
    entry.*tag = page;
    stats_.fills++;
    return host + (address & page_mask);
}

ir::V128 SoftMmu::load_bytes(u64 address, unsigned size, unsigned view) {
    ir::V128 value;
    u64 physical = 0;
    if (const u8* host = translate(address, access_read, view, physical)) {
        std::memcpy(&value, host, size);
        return value;
    }
    stats_.devices++;
    for (unsigned done = 0; done < size; done += 8) {
        u64 part = 0;
        if (!bus_.read(physical + done, std::min(size - done, 8u), part)) cpu_.raise(isa::Trap::load_fault, address);
        value.set_lane(done / 8, part);
    }
    return value;
}

void SoftMmu::store_bytes(u64 address, unsigned size, unsigned view, const ir::V128& value) {
    u64 physical = 0;
    if (u8* host = translate(address, access_write, view, physical)) {
        std::memcpy(host, &value, size);
        return;
    }
    stats_.devices++;
    for (unsigned done = 0; done < size; done += 8) {
        u64 part = value.lane<u64>(done / 8);
        if (!bus_.write(physical + done, std::min(size - done, 8u), part)) cpu_.raise(isa::Trap::store_fault, address);
    }
}

ir::V128 SoftMmu::load(u64 address, ir::MemFlags flags) {
    stats_.slow++;
    const unsigned size = flags.bytes(), first = unsigned(std::min<u64>(size, page_size - (address & page_mask)));
    if (flags.aligned && address & (size - 1)) cpu_.raise(isa::Trap::misaligned, address);
    if (first == size) {
        // One access each way, so that aligned ones stay single-copy atomic in RAM.
        u64 physical = 0;
        if (u8* host = translate(address, access_read, flags.mmu, physical)) return flat_.load(u64(host), flags);
        return load_bytes(address, size, flags.mmu);
    }
    ir::V128 low = load_bytes(address, first, flags.mmu), high = load_bytes(address + first, size - first, flags.mmu), value;
    std::memcpy(&value, &low, first);
    std::memcpy(reinterpret_cast<u8*>(&value) + first, &high, size - first);
    return value;
}

void SoftMmu::store(u64 address, ir::MemFlags flags, ir::V128 value) {
    stats_.slow++;
    const unsigned size = flags.bytes(), first = unsigned(std::min<u64>(size, page_size - (address & page_mask)));
    if (flags.aligned && address & (size - 1)) cpu_.raise(isa::Trap::misaligned, address);
    u64 physical = 0;
    if (first == size) {
        if (u8* host = translate(address, access_write, flags.mmu, physical)) return flat_.store(u64(host), flags, value);
        return store_bytes(address, size, flags.mmu, value);
    }
    // Both pages must be writable before either is written.
    translate(address + first, access_write, flags.mmu, physical);
    translate(address, access_write, flags.mmu, physical);
    ir::V128 high;
    std::memcpy(&high, reinterpret_cast<const u8*>(&value) + first, size - first);
    store_bytes(address, first, flags.mmu, value);
    store_bytes(address + first, size - first, flags.mmu, high);
}

u8* SoftMmu::atomic_target(u64 address, ir::MemFlags flags) {
    stats_.slow++;
    // What the guest's alignment rules let pass lies in one page: rules of every guest forbid more.
    if ((address & page_mask) + flags.bytes() > page_size) cpu_.raise(isa::Trap::load_fault, address);
    u64 physical = 0;
    translate(address, access_read, flags.mmu, physical);
    u8* host = translate(address, access_write, flags.mmu, physical);
    if (!host) cpu_.raise(isa::Trap::store_fault, address); // devices take no read-modify-write cycles
    return host;
}

u64 SoftMmu::rmw(u64 address, ir::MemFlags flags, ir::AtomicOp op, u64 operand) {
    return flat_.rmw(u64(atomic_target(address, flags)), flags, op, operand);
}

ir::V128 SoftMmu::cas(u64 address, ir::MemFlags flags, ir::V128 expected, ir::V128 desired) {
    return flat_.cas(u64(atomic_target(address, flags)), flags, expected, desired);
}

bool SoftMmu::fetch(u64 address, Bytes to) {
    while (!to.empty()) {
        const usize part = usize(std::min<u64>(to.size(), page_size - (address & page_mask)));
        u64 physical = 0, block_size = page_size;
        if (!cpu_.engine().isa().walk(cpu_.state(), address, access_fetch, 0, physical, block_size)) return false;
        const u8* host = bus_.ram(physical & ~page_mask);
        if (!host) return false;
        std::memcpy(to.data(), host + (physical & page_mask), part);
        to = to.subspan(part);
        address += part;
    }
    return true;
}

} // namespace emu::cpu
