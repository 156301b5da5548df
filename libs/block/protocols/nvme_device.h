// SPDX-License-Identifier: MIT
// What driving an NVMe controller takes of the machine: a window of registers, memory that both sides see, interrupts. The device
// itself is one implementation (vfio.h), a model of a controller in the tests another.
#pragma once
#include "common/result.h"
#include "common/types.h"

#include <chrono>
#include <string>

namespace emu::block::nvme {

using std::chrono::milliseconds;

/// Memory that the device reaches: where we see it, and the address that it uses. One piece for both, zeroed, aligned as asked.
struct DmaMemory {
    u8* at = nullptr;
    u64 address = 0;
    usize size = 0;
};

class Device {
public:
    virtual ~Device() = default;
    /// For messages: the PCI address.
    virtual const std::string& name() const = 0;
    /// Bytes of the window; every access lies within, aligned to its width.
    virtual u64 window() const = 0;
    virtual u32 read32(u64 at) = 0;
    /// All that was written to DMA memory before is visible to the device when it sees this.
    virtual void write32(u64 at, u32 value) = 0;
    u64 read64(u64 at) { return read32(at) | u64(read32(at + 4)) << 32; }
    void write64(u64 at, u64 value) {
        write32(at, u32(value));
        write32(at + 4, u32(value >> 32));
    }
    /// Lives as long as the device. `alignment`: a power of two, of both addresses at least the host's page.
    virtual Result<DmaMemory> allocate(usize bytes, usize alignment) = 0;
    /// Interrupt vectors that wait() knows, from 0 on; none: the caller polls.
    virtual unsigned vectors() const = 0;
    /// Until that interrupt has come since the last call, or the time is over. One thread a vector.
    virtual void wait(unsigned vector, milliseconds most) = 0;
};

// Order towards a device. Arm: it is in the outer shareable domain, where C++'s fences do not reach. x86 keeps loads in order, and
// stores to uncached registers behind those to memory: only the compiler has to.

#if defined(__aarch64__)
#define EMU_DMA_BARRIER(kind) asm volatile("dmb " kind ::: "memory")
#elif defined(__x86_64__) || defined(__i386__)
#define EMU_DMA_BARRIER(kind) asm volatile("" ::: "memory")
#else
#define EMU_DMA_BARRIER(kind) __sync_synchronize()
#endif
/// Between reading that the device has finished something and reading what it is.
inline void dma_read_barrier() { EMU_DMA_BARRIER("oshld"); }
/// Between writing memory and telling the device by a register.
inline void dma_write_barrier() { EMU_DMA_BARRIER("oshst"); }
#undef EMU_DMA_BARRIER

} // namespace emu::block::nvme
