// SPDX-License-Identifier: MIT
#include "block/protocols/nvme_queue.h"

#include "block/protocols/nvme_registers.h"
#include "common/bits.h"
#include "common/trace.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <thread>

namespace emu::block::nvme {
namespace {

constexpr milliseconds slice{200}; ///< no sleep is longer, so that the status register and other threads' news are seen
constexpr auto shortest_poll = std::chrono::microseconds(20), longest_poll = std::chrono::microseconds(1000);

} // namespace

Error Health::error() const {
    std::lock_guard lock(mutex_);
    return why_;
}

void Health::breaks(Error why) {
    std::lock_guard lock(mutex_);
    if (broken()) return;
    why_ = std::move(why).in("NVMe controller " + device_.name());
    device_.write32(reg_cc, 0); // no more access to memory
    broken_.store(true, std::memory_order_release);
}

void Health::look_now() {
    const u32 status = device_.read32(reg_csts);
    if (status == status_register::all_ones)
        breaks({ENODEV, "the device does not answer any more", {}});
    else if (status & status_register::fatal)
        breaks({EIO, "the controller reports a fatal error", {}});
    else if (!(status & status_register::ready))
        breaks({EIO, "the controller has been reset by somebody else", {}});
}

void Health::look() {
    const Clock::rep now = Clock::now().time_since_epoch().count();
    Clock::rep last = looked_.load(std::memory_order_relaxed);
    if (now - last < Clock::duration(slice).count() || !looked_.compare_exchange_strong(last, now, std::memory_order_relaxed))
        return;
    look_now();
}

Result<std::unique_ptr<Queue>> Queue::make(Device& device, Health& health, const Shape& shape) {
    EMU_ASSERT(shape.slots && shape.slots <= max_slots && shape.entries > shape.slots && shape.buffer % shape.page == 0);
    auto out = std::unique_ptr<Queue>(new Queue(device, health, shape));
    if (out->doorbell(true) + 4 > device.window())
        return fail(EINVAL, fmt::format("the doorbells of queue {} lie outside the register window", shape.id));
    const usize page = shape.page;
    // A list never crosses a page: lists are powers of two of 8 bytes an entry (Base 4.1.1).
    const usize list = std::bit_ceil(shape.buffer / page * 8);
    if (list > page) return fail(EINVAL, "a buffer is too large for one list of pages");
    out->completion_at_ = align_up<usize>(usize(shape.entries) * submission_bytes, page);
    out->lists_at_ = out->completion_at_ + align_up<usize>(usize(shape.entries) * completion_bytes, page);
    out->buffers_at_ = out->lists_at_ + align_up<usize>(list * shape.slots, page);
    out->memory_ = EMU_TRY(device.allocate(out->buffers_at_ + shape.slots * shape.buffer, page));
    out->slots_ = std::vector<Slot>(shape.slots);
    for (unsigned slot = 0; slot < shape.slots; slot++) {
        const Bytes entries(out->memory_.at + out->lists_at_ + slot * list, list);
        for (usize i = 1; i < shape.buffer / page; i++) // the command itself has the first page
            put_le64(entries, (i - 1) * 8, out->memory_.address + out->buffer_at(slot) + i * page);
    }
    return out;
}

u64 Queue::doorbell(bool completion) const {
    return reg_doorbells + u64(2 * shape_.id + (completion ? 1 : 0)) * shape_.doorbell_stride;
}

Result<unsigned> Queue::claim() {
    std::unique_lock lock(mutex_);
    wanting_++;
    for (;;) {
        if (health_.broken()) {
            wanting_--;
            return fail(health_.error());
        }
        for (unsigned slot = 0; slot < slots_.size(); slot++) {
            if (slots_[slot].state != Slot::State::free) continue;
            slots_[slot].state = Slot::State::claimed;
            wanting_--;
            return slot;
        }
        freed_.wait_for(lock, slice);
    }
}

std::optional<unsigned> Queue::try_claim() {
    std::lock_guard lock(mutex_);
    if (wanting_ || health_.broken()) return std::nullopt;
    for (unsigned slot = 0; slot < slots_.size(); slot++) {
        if (slots_[slot].state != Slot::State::free) continue;
        slots_[slot].state = Slot::State::claimed;
        return slot;
    }
    return std::nullopt;
}

void Queue::release(unsigned slot) {
    std::lock_guard lock(mutex_);
    // A command that a broken controller may still carry out keeps its buffer.
    if (slots_[slot].state == Slot::State::flying) return;
    slots_[slot].state = Slot::State::free;
    if (wanting_) freed_.notify_one();
}

Result<void> Queue::submit(unsigned slot, Command command, usize length) {
    EMU_ASSERT(length <= shape_.buffer);
    const u64 address = memory_.address + buffer_at(slot);
    const u64 list = std::bit_ceil(shape_.buffer / shape_.page * 8);
    std::lock_guard lock(mutex_);
    if (health_.broken()) return fail(health_.error());
    Slot& s = slots_[slot];
    EMU_ASSERT(s.state == Slot::State::claimed || s.state == Slot::State::done);
    s.uses = u16((s.uses + 1) % (0xffff / max_slots)); // FFFFh is no identifier of a command
    s.state = Slot::State::flying;
    command.dwords[0] |= u32(id_of(slot)) << 16;
    if (length) command.set64(6, address);
    if (length > usize(shape_.page) * 2)
        command.set64(8, memory_.address + lists_at_ + slot * list);
    else if (length > shape_.page)
        command.set64(8, address + shape_.page);
    // Never full: more commands than slots are not in flight, and the queue has one entry more.
    const Bytes entry(memory_.at + usize(tail_) * submission_bytes, submission_bytes);
    for (usize i = 0; i < command.dwords.size(); i++) put_le32(entry, i * 4, command.dwords[i]);
    tail_ = (tail_ + 1) % shape_.entries;
    EMU_TRACE(nvme_submit, "{} queue={} id={} opcode={:#x} bytes={}", device_.name(), shape_.id, id_of(slot),
              command.dwords[0] & 0xff, length);
    device_.write32(doorbell(false), tail_);
    return {};
}

void Queue::accept(const Completion& c) {
    EMU_TRACE(nvme_complete, "{} queue={} id={} status={:#x}", device_.name(), c.queue, c.id, c.status);
    const unsigned slot = c.id % max_slots;
    if (c.queue != shape_.id || c.head >= shape_.entries)
        return health_.breaks(
            {EPROTO, fmt::format("a completion in queue {} names queue {}, entry {}", shape_.id, c.queue, c.head), {}});
    if (slot >= slots_.size() || slots_[slot].state != Slot::State::flying || id_of(slot) != c.id)
        return health_.breaks(
            {EPROTO, fmt::format("command {} of queue {} is completed, which was not sent", c.id, shape_.id), {}});
    slots_[slot].completion = c;
    slots_[slot].state = Slot::State::done;
    if (slots_[slot].waited) slots_[slot].arrived.notify_one();
}

void Queue::collect() {
    bool any = false;
    // Each entry ends a command of ours, or the loop.
    while (!health_.broken()) {
        const u8* at = memory_.at + completion_at_ + usize(head_) * completion_bytes;
        // The word with the phase first: with it there, the others are there too.
        u32 last = __atomic_load_n(reinterpret_cast<const u32*>(at + 12), __ATOMIC_ACQUIRE);
        std::array<u8, completion_bytes> entry;
        store_bytes(entry.data() + 12, last, Endian::native);
        if (decode_completion(entry).phase != phase_) break;
        dma_read_barrier();
        std::memcpy(entry.data(), at, 12);
        if (++head_ == shape_.entries) {
            head_ = 0;
            phase_ = !phase_;
        }
        any = true;
        accept(decode_completion(entry));
    }
    if (any && !health_.broken()) device_.write32(doorbell(true), head_);
}

void Queue::watch(std::unique_lock<std::mutex>& lock, unsigned round) {
    watched_ = true;
    lock.unlock();
    if (shape_.vector)
        device_.wait(*shape_.vector, slice);
    else
        std::this_thread::sleep_for(
            std::min<std::chrono::microseconds>(longest_poll, shortest_poll * (1u << std::min(round, 10u))));
    health_.look();
    lock.lock();
    watched_ = false;
}

Result<Completion> Queue::wait(unsigned slot) {
    const Clock::time_point end = Clock::now() + shape_.patience;
    std::unique_lock lock(mutex_);
    Slot& s = slots_[slot];
    EMU_ASSERT(s.state == Slot::State::flying || s.state == Slot::State::done);
    for (unsigned round = 0; s.state == Slot::State::flying; round++) {
        collect();
        if (s.state != Slot::State::flying || health_.broken()) break;
        if (Clock::now() >= end) {
            health_.look_now();
            if (!health_.broken())
                health_.breaks({ETIMEDOUT, fmt::format("no answer to a command within {} ms", shape_.patience.count()), {}});
            break;
        }
        if (watched_) {
            s.waited = true;
            s.arrived.wait_for(lock, slice);
            s.waited = false;
        } else {
            watch(lock, round);
        }
    }
    // Somebody has to watch for those who still wait.
    if (!watched_) {
        for (Slot& other : slots_) {
            if (!other.waited || other.state != Slot::State::flying) continue;
            other.arrived.notify_one();
            break;
        }
    }
    if (s.state == Slot::State::flying) return fail(health_.error());
    return s.completion;
}

} // namespace emu::block::nvme
