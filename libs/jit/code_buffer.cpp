// SPDX-License-Identifier: MIT
#include "jit/code_buffer.h"

#include "common/bits.h"
#include "jit/backend.h"

#include <cerrno>
#include <cstring>

namespace emu::jit {

namespace {

Result<u8*> shared_memory(usize size) {
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return fail_errno(errno, "memory for translated code");
    return static_cast<u8*>(at);
}

/// Moving nothing of a shared mapping makes a second one of the same memory (mremap(2), old_size 0).
u8* map_again(u8* memory, usize size, u8* at) {
    void* second = mremap(memory, 0, size, at ? MREMAP_MAYMOVE | MREMAP_FIXED : MREMAP_MAYMOVE, at);
    return second == MAP_FAILED ? nullptr : static_cast<u8*>(second);
}

} // namespace

Result<CodeBuffer> CodeBuffer::create(usize size) {
    CodeBuffer buffer;
    buffer.write_ = EMU_TRY(shared_memory(size));
    buffer.size_ = size;
    buffer.exec_ = map_again(buffer.write_, size, nullptr);
    if (!buffer.exec_ || mprotect(buffer.exec_, size, PROT_READ | PROT_EXEC)) return fail_errno(errno, "memory for translated code");
    return buffer;
}

CodeBuffer::~CodeBuffer() {
    if (write_) munmap(write_, size_);
    if (exec_) munmap(exec_, size_);
}

Result<void> CodeBuffer::make_data(Range pages) {
    if (mprotect(exec_ + pages.begin, pages.end - pages.begin, PROT_READ | PROT_WRITE)) return fail_errno(errno, "memory for counters");
    data_ = pages;
    return {};
}

Result<CodeBuffer::Copy> CodeBuffer::copy(std::span<const Range> parts) const {
    u8* at = EMU_TRY(shared_memory(size_));
    for (auto [begin, end] : parts) {
        const usize page = align_down(begin, usize(4096));
        populate(at + page, end - page);
        std::memcpy(at + begin, write_ + begin, end - begin);
    }
    return Copy(at, size_);
}

void CodeBuffer::adopt(Copy copy) {
    EMU_ASSERT(map_again(copy.at_, size_, exec_) == exec_ && mprotect(exec_, size_, PROT_READ | PROT_EXEC) == 0);
    if (data_.begin != data_.end) EMU_ASSERT(make_data(data_).has_value());
    void* write = mremap(copy.at_, size_, size_, MREMAP_MAYMOVE | MREMAP_FIXED, write_);
    EMU_ASSERT(write == write_);
    copy.at_ = nullptr;
}

CodeBuffer::Copy::~Copy() {
    if (at_) munmap(at_, size_);
}

namespace {
constexpr usize guard = 64 << 10, usable = 256 << 10, whole = guard + usable + guard;
}

Result<ReturnStack> ReturnStack::create() {
    ReturnStack stack;
    void* p = mmap(nullptr, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return fail_errno(errno, "return stack");
    stack.base_ = static_cast<u8*>(p);
    if (mprotect(stack.base_ + guard, usable, PROT_READ | PROT_WRITE)) return fail_errno(errno, "return stack");
    return stack;
}

ReturnStack::~ReturnStack() {
    if (base_) munmap(base_, whole);
}

void* ReturnStack::top() const { return base_ + guard + usable - 64; }

void ReturnStack::set_sentinel(const void* mismatch) {
    std::memcpy(top(), &mismatch, 8);
    std::memcpy(static_cast<u8*>(top()) + 8, &empty_stack_key, 8);
}

bool ReturnStack::in_guard(u64 address) const { return address - u64(base_) < guard; }

} // namespace emu::jit
