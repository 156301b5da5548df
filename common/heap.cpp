// SPDX-License-Identifier: MIT
#include "common/heap.h"

#include "common/arena.h"
#include "common/bits.h"

#include <atomic>
#include <cstdlib>
#include <malloc.h>
#include <unistd.h>

namespace emu {

#ifdef __GLIBC__
namespace {

constexpr usize step = usize(512) << 10, first_step = usize(1) << 20, thread_step = usize(2) << 20, page = 4096;
std::atomic<u64> ready = 0; ///< the heap's pages are there up to here; 0: start_heap was not called

/// Larger blocks are mapped one by one and given back at once; of the others, so much is kept when they are free.
constexpr int largest_block = 4 << 20, most_unused = 32 << 20;

void* volatile escape; // a block that nobody uses is not allocated at all

void grow_by(usize size, usize used_soon) {
    escape = std::malloc(size);
    if (void* memory = escape) populate(reinterpret_cast<void*>(align_up(u64(memory), u64(page))), used_soon);
    std::free(escape);
}

} // namespace

void start_heap() {
    const u64 begin = align_up(u64(sbrk(0)), u64(page));
    mallopt(M_MMAP_THRESHOLD, largest_block);
    mallopt(M_TRIM_THRESHOLD, most_unused);
    mallopt(M_TOP_PAD, int(step));
    grow_by(first_step - step, 0);
    ready = begin;
    populate_heap();
}

void populate_heap() {
    const u64 from = ready.load(std::memory_order_relaxed), to = u64(sbrk(0));
    if (to <= from || from == 0) return;
    ready.store(to, std::memory_order_relaxed);
    populate(reinterpret_cast<void*>(from), to - from);
}

/// Such memory grows by mprotect(), a page or two at a time, which stops the other threads each time.
void start_thread_heap() {
    if (ready != 0) grow_by(thread_step, thread_step / 2);
}
#else
void start_heap() {}
void populate_heap() {}
void start_thread_heap() {}
#endif

} // namespace emu
