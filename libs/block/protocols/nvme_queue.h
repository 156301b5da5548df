// SPDX-License-Identifier: MIT
// A pair of NVMe queues with the memory that its commands move data through.
//
// Each command in flight has a slot: a buffer, and the list of that buffer's pages, written once. The device reaches nothing but
// this memory, so what a misbehaving one does later harms no caller. Any number of threads use the pair at once: of those that
// wait for completions one watches the device for all.
#pragma once
#include "block/protocols/nvme_device.h"
#include "block/protocols/nvme_identify.h"
#include "common/bytes.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace emu::block::nvme {

using Clock = std::chrono::steady_clock;

/// Whether the controller still deserves requests. The first failure stays: it is stopped, and everybody gets the same answer.
class Health {
public:
    explicit Health(Device& device) : device_(device) {}
    bool broken() const { return broken_.load(std::memory_order_acquire); }
    Error error() const;
    void breaks(Error why);
    /// Look at the status register, at most a few times a second.
    void look();
    void look_now();

private:
    Device& device_;
    std::atomic<bool> broken_{false};
    mutable std::mutex mutex_;
    Error why_;
    std::atomic<Clock::rep> looked_{0};
};

/// The 64 bytes of a command, by dwords (Base 3.3.3.1).
struct Command {
    std::array<u32, 16> dwords{};
    explicit Command(u8 opcode, u32 name_space = 0) {
        dwords[0] = opcode;
        dwords[1] = name_space;
    }
    Command& set(unsigned dword, u32 value) {
        dwords[dword] = value;
        return *this;
    }
    Command& set64(unsigned dword, u64 value) { return set(dword, u32(value)).set(dword + 1, u32(value >> 32)); }
};

class Queue {
public:
    struct Shape {
        u16 id = 0;
        u32 entries = 0;     ///< of each queue, at least slots + 1
        unsigned slots = 0;  ///< commands in flight, up to max_slots
        usize buffer = 4096; ///< bytes a slot, a multiple of the page
        u32 page = 4096;
        u32 doorbell_stride = 4;
        std::optional<unsigned> vector; ///< none: polled
        milliseconds patience{30000};
    };
    static constexpr unsigned max_slots = 64;
    static Result<std::unique_ptr<Queue>> make(Device& device, Health& health, const Shape& shape);

    const Shape& shape() const { return shape_; }
    u64 submission_address() const { return memory_.address; }
    u64 completion_address() const { return memory_.address + completion_at_; }

    /// A slot of one's own: waits until there is one. try_claim() leaves the last ones to those that wait.
    Result<unsigned> claim();
    std::optional<unsigned> try_claim();
    void release(unsigned slot);
    Bytes buffer(unsigned slot) { return {memory_.at + buffer_at(slot), shape_.buffer}; }

    /// Send a command that moves `length` bytes of the slot's buffer; identifier and addresses are put in here.
    Result<void> submit(unsigned slot, Command command, usize length);
    /// Until the slot's command is done: its status is judged by the caller. An error is the controller's end.
    Result<Completion> wait(unsigned slot);

private:
    Queue(Device& device, Health& health, const Shape& shape) : device_(device), health_(health), shape_(shape) {}
    struct Slot {
        enum class State : u8 { free, claimed, flying, done } state = State::free;
        bool waited = false; ///< a thread sleeps on `arrived`
        u16 uses = 0;        ///< makes identifiers differ from the last command's
        Completion completion;
        std::condition_variable arrived;
    };
    usize buffer_at(unsigned slot) const { return buffers_at_ + slot * shape_.buffer; }
    u16 id_of(unsigned slot) const { return u16(slots_[slot].uses * max_slots + slot); }
    u64 doorbell(bool completion) const;
    void collect(); ///< take what has been completed; mutex_ is held
    void accept(const Completion& completion);
    void watch(std::unique_lock<std::mutex>& lock, unsigned round);

    Device& device_;
    Health& health_;
    Shape shape_;
    DmaMemory memory_;
    usize completion_at_ = 0, lists_at_ = 0, buffers_at_ = 0;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::vector<Slot> slots_;
    unsigned wanting_ = 0; ///< threads in claim()
    u32 tail_ = 0, head_ = 0;
    bool phase_ = true, watched_ = false;
};

} // namespace emu::block::nvme
