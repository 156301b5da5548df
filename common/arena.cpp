// SPDX-License-Identifier: MIT
#include "common/arena.h"

#include "common/bits.h"
#include "common/checked.h"

#include <sys/mman.h>

namespace emu {

namespace {

// <linux/mman.h>; the C library of Debian 12 has them, older ones do not.
constexpr int populate_read = 22, populate_write = 23;
constexpr usize page = 4096, huge_page = usize(2) << 20;

} // namespace

void populate(void* memory, usize size, bool write) { (void)madvise(memory, size, write ? populate_write : populate_read); }

Pages::Pages(usize least) {
    const usize size = checked_align_up(least, page).value_or(0);
    const bool huge = size && size % huge_page == 0;
    const auto with_slack = checked_add(size, huge ? huge_page : 0); // to find an aligned place in
    void* memory = size && with_slack ? mmap(nullptr, *with_slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    if (memory == MAP_FAILED) throw std::bad_alloc();
    u8* begin = static_cast<u8*>(memory);
    if (huge) {
        const usize before = align_up(u64(memory), u64(huge_page)) - u64(memory), behind = huge_page - before;
        if (before) munmap(begin, before);
        begin += before;
        if (behind) munmap(begin + size, behind);
        (void)madvise(begin, size, MADV_HUGEPAGE);
    }
    populate(begin, size);
    memory_ = {begin, size};
}

Pages::~Pages() {
    if (!memory_.empty()) munmap(memory_.data(), memory_.size());
}

void Arena::clear() {
    chunks_.clear();
    at_ = end_ = nullptr;
}

void Arena::grow(usize least) {
    const usize usual = chunks_.size() < small_chunks ? small_chunk : huge_page;
    const std::span<u8> fresh = chunks_.emplace_back(std::max(usual, least)).bytes();
    at_ = fresh.data();
    end_ = at_ + fresh.size();
}

void* Arena::allocate(usize size, usize alignment) {
    u8* begin = reinterpret_cast<u8*>(align_up(u64(at_), u64(alignment)));
    if (!at_ || begin > end_ || size > usize(end_ - begin)) {
        grow(size);
        begin = at_; // pages are aligned for everything
    }
    at_ = begin + size;
    return begin;
}

} // namespace emu
