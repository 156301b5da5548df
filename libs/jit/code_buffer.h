// SPDX-License-Identifier: MIT
// The memory that translated code lives in.
#pragma once
#include "common/arena.h"
#include "common/result.h"

#include <span>
#include <sys/mman.h>
#include <utility>

namespace emu::jit {

/// Two mappings of one memory: writable here and executable there, never both. Such memory stays shared after fork(), so the
/// child takes a copy, which the parent makes before (copy) and the child puts in place (adopt).
class CodeBuffer {
public:
    static Result<CodeBuffer> create(usize size);
    CodeBuffer(CodeBuffer&& other) noexcept { *this = std::move(other); }
    CodeBuffer& operator=(CodeBuffer&& other) noexcept {
        std::swap(write_, other.write_), std::swap(exec_, other.exec_), std::swap(size_, other.size_), std::swap(data_, other.data_);
        return *this;
    }
    ~CodeBuffer();

    u8* write() const { return write_; }
    const u8* exec() const { return exec_; }
    usize size() const { return size_; }
    /// Is `pc` an address that code here runs at?
    bool contains(u64 pc) const { return pc - u64(exec_) < size_; }

    /// A part of the buffer, in offsets.
    struct Range {
        usize begin = 0, end = 0;
    };
    /// From now on this part (whole pages) holds data that the code writes: in the executable mapping it is writable instead.
    Result<void> make_data(Range pages);

    /// This will be written and run next: both mappings have these pages ready.
    void prepare(Range pages) {
        populate(write_ + pages.begin, pages.end - pages.begin);
        populate(exec_ + pages.begin, pages.end - pages.begin, false);
    }
    /// Nothing is written here for now: the writable mapping need not hold these pages in memory beside the other.
    void settle(Range pages) { madvise(write_ + pages.begin, pages.end - pages.begin, MADV_DONTNEED); }

    /// What a child of fork() will run.
    class Copy {
    public:
        Copy(Copy&& other) noexcept : at_(std::exchange(other.at_, nullptr)), size_(other.size_) {}
        Copy& operator=(Copy&&) = delete;
        ~Copy();

    private:
        friend CodeBuffer;
        Copy(u8* at, usize size) : at_(at), size_(size) {}
        u8* at_;
        usize size_;
    };
    /// With the contents of these parts; nobody may write to them meanwhile.
    Result<Copy> copy(std::span<const Range> parts) const;
    /// In the child: the copy takes the place of the memory shared with the parent, at the same addresses.
    void adopt(Copy copy);

private:
    CodeBuffer() = default;
    Range data_;
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
