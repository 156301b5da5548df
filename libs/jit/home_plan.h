// SPDX-License-Identifier: MIT
// Which guest slots live in which host registers in the loops of a region. All blocks of a loop begin with the same slots in
// the same registers, so that going around it moves nothing; ways between loops move what differs.
// Where calls inside the region return to, the slots are where the region has them outside of its loops.
#pragma once
#include "ir/region.h"
#include "jit/backend.h"

namespace emu::jit {

class HomePlan {
public:
    HomePlan(const ir::Region& region, const Backend& backend);

    /// Homes where block `index` begins.
    const Homes& of(u32 index) const {
        const ir::RegionBlock& block = *region_.blocks[index];
        return block.outer ? canonical_ : loops_[block.landing ? 0 : block.loop];
    }
    /// Do any sit in the high halves of vector registers?
    bool has_high_halves() const { return has_high_halves_; }
    /// Frame entries that hold slots of the region.
    u64 reserved_spills() const;

private:
    void plan_loop(u32 loop);
    bool is_within(u32 block, u32 loop) const;
    /// Does a block of the loop, or of one inside it, come back from a call to other code (`outer`), or to the region itself (`landing`)?
    bool has_returns(u32 loop, bool ir::RegionBlock::*kind) const;

    const ir::Region& region_;
    const Backend& backend_;
    Homes canonical_;
    std::vector<Homes> loops_;
    bool has_high_halves_ = false;
};

} // namespace emu::jit
