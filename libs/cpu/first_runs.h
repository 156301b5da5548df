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

namespace emu::cpu {

class FirstRuns {
public:
    using Function = std::shared_ptr<const ir::Function>;

    /// Was the guest there? Wrongly yes now and then.
    bool seen(u64 pc, u32 mode) const { return seen_.has(pc, mode); }
    /// `function` is interpreted; its code is being watched. What is returned takes no more memory than it needs.
    Function keep(const ir::Function& function) {
        seen_.add(function.pc, function.mode);
        return kept(function.pc, function.mode) = std::make_shared<const ir::Function>(function);
    }
    /// What was kept for this place; null if it is not there any more.
    Function take(u64 pc, u32 mode) {
        Function& function = kept(pc, mode);
        return function && function->pc == pc && function->mode == mode ? std::exchange(function, nullptr) : nullptr;
    }
    /// Code in [first, last) changed.
    void invalidate(u64 first, u64 last) {
        const auto touched = [&](auto range) { return range.first < last && first < range.second; };
        for (Function& function : kept_)
            if (function && std::any_of(function->ranges.begin(), function->ranges.end(), touched)) function = nullptr;
    }

private:
    Function& kept(u64 pc, u32 mode) { return kept_[hash_of(pc, mode) % kept_.size()]; }

    PlaceFilter<18> seen_;
    std::array<Function, 128> kept_; ///< what is newer takes the place of what was there
};

} // namespace emu::cpu
