// SPDX-License-Identifier: MIT
// The memory that translated code lives in.
#pragma once
#include "common/result.h"

namespace emu::jit {

/// Either one private mapping that is writable and executable, or (split) two mappings of one memory file, writable here and
/// executable there. A split buffer is shared with the child after fork(), which would see the parent patch its code: it is
/// for guests that do not fork, which is what whole machines are. A private one is copied on write like everything else.
class CodeBuffer {
public:
    static Result<CodeBuffer> create(usize size, bool split);
    CodeBuffer(CodeBuffer&& other) noexcept { *this = std::move(other); }
    CodeBuffer& operator=(CodeBuffer&& other) noexcept {
        std::swap(write_, other.write_), std::swap(exec_, other.exec_), std::swap(size_, other.size_);
        return *this;
    }
    ~CodeBuffer();

    u8* write() const { return write_; }
    const u8* exec() const { return exec_; }
    usize size() const { return size_; }
    /// Is `pc` an address that code here runs at?
    bool contains(u64 pc) const { return pc - u64(exec_) < size_; }

private:
    CodeBuffer() = default;
    u8* write_ = nullptr;
    u8* exec_ = nullptr;
    usize size_ = 0;
};

/// The stack of translated code: pairs (host return address, guest return address) that calls push and returns compare, and
/// nothing else. Guard pages stop it at both ends; the handler of the fault empties it (see Jit::repair_stack).
class ReturnStack {
public:
    static Result<ReturnStack> create();
    ReturnStack(ReturnStack&& other) noexcept { *this = std::move(other); }
    ReturnStack& operator=(ReturnStack&& other) noexcept {
        std::swap(base_, other.base_);
        return *this;
    }
    ~ReturnStack();

    /// Where the empty stack starts. The pair found there never matches: its host address is `mismatch`.
    void* top() const;
    void set_sentinel(const void* mismatch);
    /// Is the address in the guard below, where a push ends when the stack is full?
    bool in_guard(u64 address) const;

private:
    ReturnStack() = default;
    u8* base_ = nullptr;
};

} // namespace emu::jit
