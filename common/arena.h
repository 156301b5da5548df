// SPDX-License-Identifier: MIT
// Memory for many small objects that all go at once. It comes in chunks whose pages are there from the start: to fault them in
// one by one costs more than everything else about a small object.
#pragma once
#include "common/types.h"

#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace emu {

/// Have the pages of this memory ready for writing (or only reading), in one system call (madvise(2), MADV_POPULATE_*, Linux 5.14).
/// Where the kernel does not know it, they come one by one as ever. Begins at a page.
void populate(void* memory, usize size, bool write = true);

/// Memory from mmap(2) in whole pages, zeroed and ready for writing, in huge pages if it is made of such (and the kernel likes to);
/// empty after a move. Throws std::bad_alloc, as new does.
class Pages {
public:
    Pages() = default;
    explicit Pages(usize least);
    Pages(Pages&& other) noexcept : memory_(std::exchange(other.memory_, {})) {}
    Pages& operator=(Pages&& other) noexcept {
        std::swap(memory_, other.memory_);
        return *this;
    }
    ~Pages();
    std::span<u8> bytes() const { return memory_; }

private:
    std::span<u8> memory_;
};

class Arena {
public:
    Arena() = default;
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    /// Zeroed. Throws std::bad_alloc, as new does.
    void* allocate(usize size, usize alignment);

    template <class T> T* make() {
        static_assert(std::is_trivially_destructible_v<T>);
        return new (allocate(sizeof(T), alignof(T))) T{};
    }
    template <class T> std::span<T> array(usize count) {
        static_assert(std::is_trivially_destructible_v<T>);
        if (count == 0) return {};
        if (count > ~usize(0) / sizeof(T)) throw std::bad_alloc();
        T* at = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
        std::uninitialized_value_construct_n(at, count);
        return {at, count};
    }
    template <class T> std::span<T> copy(const std::vector<T>& from) {
        static_assert(std::is_trivially_destructible_v<T>);
        if (from.empty()) return {};
        T* at = static_cast<T*>(allocate(from.size() * sizeof(T), alignof(T)));
        std::uninitialized_copy(from.begin(), from.end(), at);
        return {at, from.size()};
    }

    /// Everything is gone.
    void clear();

private:
    /// Small chunks first, as the rest of the last one is paid for too; then huge pages.
    static constexpr usize small_chunk = usize(256) << 10, small_chunks = 32;
    void grow(usize least);

    std::vector<Pages> chunks_;
    u8* at_ = nullptr;
    u8* end_ = nullptr;
};

} // namespace emu
