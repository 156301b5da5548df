// SPDX-License-Identifier: MIT
// Code that the guest comes to for the first time is interpreted: two fifths of what a program starts with never run again, and
// translating an instruction takes the host thousands. Two thirds of that come after the IR is built, so the IR is kept for a
// while; the next time the guest comes there it is compiled.
#pragma once
#include "cpu/unit_map.h"
#include "ir/ir.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

namespace emu::cpu {

/// Is any of it made of code in [first, last)?
template <class Translation> bool touches(const Translation& translation, u64 first, u64 last) {
    return std::any_of(translation.ranges.begin(), translation.ranges.end(), [&](auto range) { return range.first < last && first < range.second; });
}

class FirstRuns {
public:
    using Function = std::shared_ptr<ir::Function>;

    /// Was the guest there? Wrongly yes now and then.
    bool seen(u64 pc, u32 mode) const { return seen_.has(pc, mode); }
    /// `function`, whose code is being watched, in no more memory than it needs, or not much more. Nobody has it but the caller.
    Function copy(const ir::Function& function) {
        seen_.add(function.pc, function.mode);
        Function copied = spare_.empty() ? std::make_shared<ir::Function>() : std::move(spare_.back());
        if (!spare_.empty()) spare_.pop_back();
        *copied = function;
        return copied;
    }
    /// For take(). What was in its place is recycled if `nobody_else` may have it.
    void keep(const Function& function, bool nobody_else) {
        recycle(std::exchange(kept(function->pc, function->mode), function), nobody_else);
    }
    /// What was kept for this place; null if it is not there any more.
    Function take(u64 pc, u32 mode) {
        Function& function = kept(pc, mode);
        return function && function->pc == pc && function->mode == mode ? std::exchange(function, nullptr) : nullptr;
    }
    /// It is not needed any more, but for its memory, if only the caller (and this thread) has it.
    void recycle(const Function& function, bool nobody_else) {
        if (function && nobody_else && function.use_count() == 1 && spare_.size() < most_spare) spare_.push_back(function);
    }
    /// Code in [first, last) changed.
    void invalidate(u64 first, u64 last) {
        for (Function& function : kept_)
            if (function && touches(*function, first, last)) function = nullptr;
    }

private:
    Function& kept(u64 pc, u32 mode) { return kept_[hash_of(pc, mode) % kept_.size()]; }

    static constexpr usize most_spare = 64;

    PlaceFilter<18> seen_;
    std::vector<Function> spare_;
    std::array<Function, 2048> kept_; ///< what is newer takes the place of what was there
};

} // namespace emu::cpu
