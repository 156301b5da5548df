// SPDX-License-Identifier: MIT
#include "jit/code_buffer.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace emu::jit {

Result<CodeBuffer> CodeBuffer::create(usize size, bool split) {
    CodeBuffer buffer;
    if (!split) {
        void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) return fail_errno(errno, "memory for translated code");
        buffer.write_ = buffer.exec_ = static_cast<u8*>(p);
        buffer.size_ = size;
        return buffer;
    }
    int fd = memfd_create("emu-code", MFD_CLOEXEC);
    if (fd < 0) return fail_errno(errno, "memory for translated code");
    void *rw = MAP_FAILED, *rx = MAP_FAILED;
    if (ftruncate(fd, off_t(size)) == 0) {
        rw = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        rx = mmap(nullptr, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    }
    int error = errno;
    close(fd);
    if (rw == MAP_FAILED || rx == MAP_FAILED) {
        if (rw != MAP_FAILED) munmap(rw, size);
        if (rx != MAP_FAILED) munmap(rx, size);
        return fail_errno(error, "memory for translated code");
    }
    buffer.write_ = static_cast<u8*>(rw);
    buffer.exec_ = static_cast<u8*>(rx);
    buffer.size_ = size;
    return buffer;
}

CodeBuffer::~CodeBuffer() {
    if (!write_) return;
    munmap(write_, size_);
    if (exec_ != write_) munmap(exec_, size_);
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
