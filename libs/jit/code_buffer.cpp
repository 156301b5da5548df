// SPDX-License-Identifier: MIT
#include "jit/code_buffer.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace emu::jit {

namespace {

/// Memory that can be mapped more than once, mapped to be written.
Result<u8*> shared_memory(usize size, int protection, int& fd) {
    fd = memfd_create("emu-code", MFD_CLOEXEC);
    if (fd < 0) return fail_errno(errno, "memory for translated code");
    void* at = ftruncate(fd, off_t(size)) == 0 ? mmap(nullptr, size, protection, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (at != MAP_FAILED) return static_cast<u8*>(at);
    const int error = errno;
    close(fd);
    return fail_errno(error, "memory for translated code");
}

} // namespace

Result<CodeBuffer> CodeBuffer::create(usize size) {
    CodeBuffer buffer;
    int fd = -1;
    buffer.write_ = EMU_TRY(shared_memory(size, PROT_READ | PROT_WRITE, fd));
    buffer.size_ = size;
    void* exec = mmap(nullptr, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    const int error = errno;
    close(fd);
    if (exec == MAP_FAILED) return fail_errno(error, "memory for translated code");
    buffer.exec_ = static_cast<u8*>(exec);
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
    int fd = -1;
    u8* at = EMU_TRY(shared_memory(size_, PROT_READ | PROT_WRITE, fd));
    close(fd);
    for (auto [begin, end] : parts) std::memcpy(at + begin, write_ + begin, end - begin);
    return Copy(at, size_);
}

void CodeBuffer::adopt(Copy copy) {
    // Moving nothing of a shared mapping makes a second one of the same memory (mremap(2), old_size 0).
    void* exec = mremap(copy.at_, 0, size_, MREMAP_MAYMOVE | MREMAP_FIXED, exec_);
    EMU_ASSERT(exec == exec_ && mprotect(exec_, size_, PROT_READ | PROT_EXEC) == 0);
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
    const u64 none = ~u64(0);
    std::memcpy(top(), &mismatch, 8);
    std::memcpy(static_cast<u8*>(top()) + 8, &none, 8);
}

bool ReturnStack::in_guard(u64 address) const { return address - u64(base_) < guard; }

} // namespace emu::jit
