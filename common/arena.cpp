// SPDX-License-Identifier: MIT
#include "common/arena.h"

#include <sys/mman.h>

namespace emu {

namespace {

// <linux/mman.h>; the C library of Debian 12 has them, older ones do not.
constexpr int populate_read = 22, populate_write = 23;
constexpr usize page = 4096;

} // namespace

void populate(void* memory, usize size, bool write) { (void)madvise(memory, size, write ? populate_write : populate_read); }

Pages::Pages(usize least) {
    const usize size = (least + page - 1) / page * page;
    void* memory = size < least ? MAP_FAILED : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    populate(memory, size);
    memory_ = {static_cast<u8*>(memory), size};
}

Pages::~Pages() {
    if (!memory_.empty()) munmap(memory_.data(), memory_.size());
}

void Arena::clear() {
    chunks_.clear();
    at_ = end_ = nullptr;
}

void Arena::grow(usize least) {
    const std::span<u8> fresh = chunks_.emplace_back(std::max(chunk_size, least)).bytes();
    at_ = fresh.data();
    end_ = at_ + fresh.size();
}

void* Arena::allocate(usize size, usize alignment) {
    u8* begin = at_ + (-u64(at_) & (alignment - 1));
    if (!at_ || begin > end_ || size > usize(end_ - begin)) {
        grow(size);
        begin = at_; // pages are aligned for everything
    }
    at_ = begin + size;
    return begin;
}

} // namespace emu
