// SPDX-License-Identifier: MIT
// The units by place and mode. Looked into whenever translated code is left, which at the start of a program means another miss
// of the host's caches for every step; so the entries lie flat, and a lookup mostly touches one line of them.
#pragma once
#include "common/arena.h"
#include "jit/unit.h"

#include <atomic>
#include <span>
#include <utility>
#include <vector>

namespace emu::cpu {

inline usize hash_of(u64 pc, u32 mode) { return usize((pc ^ u64(mode) << 40) * 0x9e37'79b9'7f4a'7c15 >> 16); }

/// Places that were added, and some that were not, in 2^bits bits. Asked from any thread, whatever the owner does.
template <unsigned bits> class PlaceFilter {
public:
    bool has(u64 pc, u32 mode) const {
        const usize bit = bit_of(pc, mode);
        return words_[bit / 64].load(std::memory_order_relaxed) >> bit % 64 & 1;
    }
    /// By one thread at a time.
    void add(u64 pc, u32 mode) {
        const usize bit = bit_of(pc, mode);
        std::atomic<u64>& word = words_[bit / 64];
        word.store(word.load(std::memory_order_relaxed) | u64(1) << bit % 64, std::memory_order_relaxed);
    }
    void clear() {
        for (std::atomic<u64>& word : words_) word.store(0, std::memory_order_relaxed);
    }

private:
    static usize bit_of(u64 pc, u32 mode) { return hash_of(pc, mode) & ((usize(1) << bits) - 1); }
    std::vector<std::atomic<u64>> words_ = std::vector<std::atomic<u64>>((usize(1) << bits) / 64);
};

class UnitMap {
public:
    /// Translation asks of every instruction whether a unit begins there, and the answer is mostly no: the filter says so from
    /// memory that stays in the host's caches. Its bits outlive what is erased.
    bool has(u64 pc, u32 mode) const { return find_rare(pc, mode); }
    jit::Unit* find_rare(u64 pc, u32 mode) const { return maybe_has(pc, mode) ? find(pc, mode) : nullptr; }
    /// What the filter says: perhaps there is one, or was. From any thread.
    bool maybe_has(u64 pc, u32 mode) const { return filter_.has(pc, mode); }
    /// Null: there is none.
    jit::Unit* find(u64 pc, u32 mode) const {
        for (usize at = home(pc, mode);; at = next(at)) {
            const Entry& entry = entries_[at];
            if (!entry.unit || (entry.pc == pc && entry.unit->mode == mode)) return entry.unit;
        }
    }
    /// Takes the place of another one with its pc and mode. The map does not own it.
    void insert(jit::Unit& unit) {
        if (++size_ * 2 > entries_.size()) grow();
        if (!put(unit)) size_--;
        filter_.add(unit.pc, unit.mode);
    }
    void erase(u64 pc, u32 mode) {
        usize hole = home(pc, mode);
        while (entries_[hole].unit && !(entries_[hole].pc == pc && entries_[hole].unit->mode == mode)) hole = next(hole);
        if (!entries_[hole].unit) return;
        size_--;
        // Entries behind move up, as far as that brings them no further forward than their home.
        for (usize at = next(hole); entries_[at].unit; at = next(at)) {
            const usize wanted = home(entries_[at].pc, entries_[at].unit->mode);
            if (((at - wanted) & mask()) < ((at - hole) & mask())) continue;
            entries_[hole] = entries_[at];
            hole = at;
        }
        entries_[hole] = {};
    }
    void clear() {
        resize(least);
        filter_.clear();
        size_ = 0;
    }
    usize size() const { return size_; }

private:
    struct Entry {
        u64 pc = 0;
        jit::Unit* unit = nullptr;
    };
    static constexpr usize least = 1024; // a power of two, as all sizes

    usize mask() const { return entries_.size() - 1; }
    usize next(usize at) const { return (at + 1) & mask(); }
    usize home(u64 pc, u32 mode) const { return hash_of(pc, mode) & mask(); }
    /// False: it took the place of another.
    bool put(jit::Unit& unit) {
        usize at = home(unit.pc, unit.mode);
        while (entries_[at].unit && !(entries_[at].pc == unit.pc && entries_[at].unit->mode == unit.mode)) at = next(at);
        const bool fresh = !entries_[at].unit;
        entries_[at] = {unit.pc, &unit};
        return fresh;
    }
    void grow() {
        const std::span<Entry> old = entries_;
        const Pages kept = resize(old.size() * 2);
        for (const Entry& entry : old)
            if (entry.unit) put(*entry.unit);
    }
    /// Empty entries, which are all zeros; the old ones stay as long as what is returned.
    Pages resize(usize size) {
        Pages old = std::exchange(pages_, Pages(size * sizeof(Entry)));
        entries_ = {reinterpret_cast<Entry*>(pages_.bytes().data()), size};
        return old;
    }

    Pages pages_{least * sizeof(Entry)};
    std::span<Entry> entries_{reinterpret_cast<Entry*>(pages_.bytes().data()), least};
    PlaceFilter<19> filter_;
    usize size_ = 0;
};

} // namespace emu::cpu
